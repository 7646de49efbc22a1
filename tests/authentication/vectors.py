"""Published exchanges of the authentication types: what a client sends, as others wrote it.

A vector has no code: `test_registry.py` sends its request as the engine does, through the type's `credential`, with the
clock and the random numbers that the publication has. Signer and sandbox could share a mistake otherwise.
"""

from __future__ import annotations

import json
from typing import NamedTuple

Sent = dict[str, str]
"""Header to value; `body` is the body. A header's parameters may be in another order than published."""


class Vector(NamedTuple):
    """A published exchange.

    Attributes:
        source: who published it.
        spec: the keys of a spec that it takes: the authentication, the method and the body.
        sent: what each request has, in order: first the one for a token, or without credentials.
        url: where the request goes.
        now: the seconds since 1970 at which it is signed.
        random: the text of its nonce, client nonce or id.
        answers: status, headers and body of each response but the last.
    """

    source: str
    spec: str
    sent: list[Sent]
    url: str = "https://api.example.com/leads"
    now: float = 0.0
    random: str = ""
    answers: tuple[tuple[int, dict[str, str], bytes], ...] = ()


def _rfc_7616(algorithm: str, response: str) -> Vector:
    shared = (
        f'realm="http-auth@example.org", algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUo5tdS"'
    )
    client_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    return Vector(
        f"RFC 7616, 3.9.1, {algorithm}",
        "method: GET\nencoding: none\nauthentication: {type: digest, username: Mufasa, password: Circle of Life}",
        [
            {},
            {
                "Authorization": f'Digest username="Mufasa", {shared}, uri="/dir/index.html", nc=00000001, qop=auth, '
                f'cnonce="{client_nonce}", response="{response}"'
            },
        ],
        url="http://www.example.org/dir/index.html",
        random=client_nonce,
        answers=((401, {"WWW-Authenticate": f'Digest {shared}, qop="auth, auth-int"'}, b""),),
    )


VECTORS: dict[str, list[Vector]] = {
    "basic": [
        Vector(
            "RFC 7617, 2",
            "method: GET\nencoding: none\nauthentication: {type: basic, username: Aladdin, password: open sesame}",
            [{"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}],
        ),
    ],
    "digest": [
        _rfc_7616("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        _rfc_7616("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
    "api_key": [
        Vector(
            "Swagger, API Keys",
            "method: GET\nencoding: none\nauthentication: {type: api_key, name: X-API-Key, value: abcdef12345}",
            [{"X-API-Key": "abcdef12345"}],
        ),
    ],
    "bearer": [
        Vector(
            "RFC 6750, 2.1",
            "method: GET\nencoding: none\nauthentication: {type: bearer, token: mF_9.B5f-4.1JqM}",
            [{"Authorization": "Bearer mF_9.B5f-4.1JqM"}],
        ),
    ],
    "oauth2": [
        Vector(
            "RFC 6749, 4.4.2 and 4.4.3",
            "method: GET\nencoding: none\nauthentication: {type: oauth2, "
            "token_url: 'https://server.example.com/token', client_id: s6BhdRkqt3, client_secret: gX1fBat3bV}",
            [
                {
                    "Authorization": "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW",
                    "Content-Type": "application/x-www-form-urlencoded",
                    "body": "grant_type=client_credentials",
                },
                {"Authorization": "Bearer 2YotnFZFEjr1zCsicMWpAA"},
            ],
            answers=(
                (
                    200,
                    {"Content-Type": "application/json;charset=UTF-8"},
                    json.dumps({"access_token": "2YotnFZFEjr1zCsicMWpAA", "expires_in": 3600}).encode(),
                ),
            ),
        ),
    ],
    "hmac": [
        Vector(
            "GitHub, Validating webhook deliveries",
            "encoding: text\nbody: Hello, World!\nauthentication: {type: hmac, message: '{body}', "
            'secret: "It\'s a Secret to Everybody", header: X-Hub-Signature-256, prefix: sha256=}',
            [{"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}],
        ),
        Vector(
            "Svix, Verifying webhooks manually",
            "encoding: text\nbody: '{\"test\": 2432232314}'\nauthentication: {type: hmac, secret_encoding: base64, "
            "secret: MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, message: '{id}.{timestamp}.{body}', digest: base64, "
            "prefix: 'v1,', header: svix-signature, id_header: svix-id, timestamp_header: svix-timestamp}",
            [
                {
                    "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                    "svix-timestamp": "1614265330",
                    "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                }
            ],
            now=1614265330.0,
            random="msg_p5jXN8AQM9LWM0D4loKWxJek",
        ),
        Vector(
            "Sailthru, its Perl client, t/sig.t",
            "encoding: form\nauthentication: {type: hmac, style: sailthru, "
            "secret: '00001111222233334444555566667777'}\n"
            "parameters: [{name: email, value: test@example.com}, {name: format, value: xml}, "
            "{name: 'vars[myvar]', value: TestValue}, {name: optout, value: '0'}, "
            "{name: api_key, value: abcdef1234567890abcdef1234567890}]",
            [
                {
                    "body": "email=test%40example.com&format=xml&vars%5Bmyvar%5D=TestValue&optout=0"
                    "&api_key=abcdef1234567890abcdef1234567890&sig=b0c1ba5e661d155a940da08ed240cfb9"
                }
            ],
        ),
    ],
    "wsse": [
        Vector(
            "Mark Pilgrim, Atom Authentication, XML.com, 2003",
            "method: GET\nencoding: none\n"
            "authentication: {type: wsse, username: bob, password: taadtaadpstcsm, nonce_encoding: hex}",
            [
                {
                    "X-WSSE": 'UsernameToken Username="bob", PasswordDigest="quR/EWLAV4xLf9Zqyw4pDmfV9OY=", '
                    'Nonce="d36e316282959a9ed4c89851497a717f", Created="2003-12-15T14:43:07Z"'
                }
            ],
            now=1071499387.0,
            random="d36e316282959a9ed4c89851497a717f",
        ),
    ],
}
"""By the type's name; `test_hmac.py` has more of `hmac`."""

WITHOUT_VECTOR = {
    "none": "it puts nothing on a request",
    "mutual_tls": "TLS itself uses the certificate",
    "custom": "a class from outside computes it",
}
"""The types that put nothing of their own on a request, and why."""

UNPUBLISHED = {
    "hmac": dict.fromkeys(("path", "query"), "the spec's own `message` says what of them is signed"),
}
"""By type: the parts of a request that its signature covers and that no published exchange has, and why."""
