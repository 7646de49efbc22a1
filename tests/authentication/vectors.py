"""Known answers of the authentication types that compute what they send, as others published them.

Without one, signer and sandbox could share a mistake: both call the same function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rokt_export.authentication.base import Authentication, Signature, StaticHeader
from rokt_export.authentication.basic import Basic
from rokt_export.authentication.digest import digest_of
from rokt_export.authentication.hmac import Hmac
from rokt_export.authentication.wsse import Wsse, wsse_digest
from rokt_export.exchange.model import Request
from rokt_export.request.signing import signed


class Vector(NamedTuple):
    """A published answer, and what computes it here."""

    source: str
    answer: str
    computed: Callable[[], str | None]


def _header(name: str, authentication: Authentication, body: bytes = b"") -> str | None:
    """The value of a header that an authentication puts on a POST of a body."""
    made = authentication.credential(str)
    if isinstance(made, StaticHeader):
        return made.value if made.name == name else None
    assert isinstance(made, Signature)
    return signed(Request("POST", "https://api.example.com/", (), body), (made.sign,)).header(name)


def _rfc_7616(algorithm: str) -> str:
    sent = {
        "algorithm": algorithm, "realm": "http-auth@example.org", "uri": "/dir/index.html", "qop": "auth",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    }  # fmt: skip
    return digest_of(sent, "Mufasa", "Circle of Life", "GET", None)


BASIC = Basic(type="basic", username="Aladdin", password="open sesame")
GITHUB = Hmac(
    type="hmac",
    secret="It's a Secret to Everybody",
    message="{body}",
    header="X-Hub-Signature-256",
    prefix="sha256=",
)
EMARSYS = Wsse(type="wsse", username="bob", password="-", nonce_encoding="hex")
VECTORS: dict[str, list[Vector]] = {
    "basic": [
        Vector("RFC 7617, 2", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", lambda: _header("Authorization", BASIC)),
    ],
    "digest": [
        Vector("RFC 7616, 3.9.1, MD5", "8ca523f5e9506fed4657c9700eebdbec", lambda: _rfc_7616("MD5")),
        Vector(
            "RFC 7616, 3.9.1, SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            lambda: _rfc_7616("SHA-256"),
        ),
    ],
    "hmac": [
        Vector(
            "GitHub, Validating webhook deliveries",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            lambda: _header("X-Hub-Signature-256", GITHUB, b"Hello, World!"),
        ),
    ],
    "wsse": [
        Vector(
            "Mark Pilgrim, Atom Authentication, XML.com, 2003",
            "quR/EWLAV4xLf9Zqyw4pDmfV9OY=",
            lambda: wsse_digest(EMARSYS, b"d36e316282959a9ed4c89851497a717f", "2003-12-15T14:43:07Z", "taadtaadpstcsm"),
        ),
    ],
}
"""By the type's name; each calls what signer and sandbox share. `test_signing.py` has more of `hmac`."""

WITHOUT_VECTOR = {
    "none": "it puts nothing on a request",
    "api_key": "the key is put on as it is",
    "bearer": "the token is put on as it is",
    "oauth2": "the token that a server issued is put on as it is",
    "mutual_tls": "TLS itself uses the certificate",
    "custom": "a class from outside computes it",
}
"""The types that have no known answer, and why."""
