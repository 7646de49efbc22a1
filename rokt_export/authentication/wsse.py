"""WS-Security UsernameToken Profile 1.0 in the header `X-WSSE`. Emarsys writes nonce and digest in hex."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from rokt_export.authentication.base import (
    FRESH,
    Authentication,
    BodyFinder,
    Checked,
    ComputedPlace,
    CredentialUse,
    FillText,
    Public,
    ReceivedRequest,
    Refusal,
    Secret,
    Signature,
    Verify,
    same,
)
from rokt_export.spec_language.fields import ValueTemplate

if TYPE_CHECKING:
    from requests.models import PreparedRequest

    from rokt_export.authentication.base import Sign

_TOKEN_PART = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
_NONCES = 100_000
"""Maximum number of nonces that a sandbox remembers, to refuse their reuse."""


class Wsse(Authentication):
    """`type: wsse`: a UsernameToken digest in the header `X-WSSE`.

    The digest is the SHA-1 of nonce, creation time and password. A nonce in base64 is decoded first; a nonce in hex is
    used as text. The digest is written in base64, or as base64 of its hex text (which Emarsys expects with
    `nonce_encoding: hex`).

    Attributes:
        type: which kind of authentication this is.
        username: template of the name.
        password: template of the secret.
        nonce_encoding: how the nonce is written.
        digest_encoding: how the digest is written.
    """

    type: Literal["wsse"]
    username: Public[ValueTemplate]
    password: Secret[ValueTemplate]
    nonce_encoding: Literal["base64", "hex"] = "base64"
    digest_encoding: Literal["base64", "hex_base64"] = "base64"

    def credential(self, fill: FillText) -> Signature:
        """Return the signer."""
        places = (ComputedPlace("header", "X-WSSE", "UsernameToken "),)
        return Signature(_signer(self, fill(self.username), fill(self.password)), places)

    def verification(self, fill: FillText, body_finder: BodyFinder) -> Checked:  # noqa: ARG002
        """Return the check, which recomputes the digest and refuses a nonce that was used before."""
        return Checked(_check(self, fill(self.username), fill(self.password)))

    def uses(self) -> Iterable[CredentialUse]:
        """Return the header."""
        return (CredentialUse(self, "header X-WSSE"),)


def wsse_digest(settings: Wsse, nonce: bytes, created: str, password: str) -> str:
    """Return the password digest as it is sent.

    Args:
        settings: the authentication of the spec.
        nonce: decoded from base64; for hex, the text (as Emarsys does).
        created: the creation time, as sent.
        password: the password.
    """
    hashed = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False)
    raw = hashed.hexdigest().encode() if settings.digest_encoding == "hex_base64" else hashed.digest()
    return base64.b64encode(raw).decode()


def _signer(settings: Wsse, username: str, password: str) -> Sign:
    hexadecimal = settings.nonce_encoding == "hex"

    def sign(request: PreparedRequest) -> PreparedRequest:
        nonce = secrets.token_bytes(16)
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        shown = nonce.hex() if hexadecimal else base64.b64encode(nonce).decode()
        digest = wsse_digest(settings, shown.encode() if hexadecimal else nonce, created, password)
        token = {"Username": username, "PasswordDigest": digest, "Nonce": shown, "Created": created}
        request.headers["X-WSSE"] = "UsernameToken " + ", ".join(f'{name}="{value}"' for name, value in token.items())
        return request

    return sign


def _check(settings: Wsse, username: str, password: str) -> Verify:
    used: OrderedDict[str, None] = OrderedDict()
    challenge = 'WSSE realm="sandbox", profile="UsernameToken"'

    def verify(received: ReceivedRequest) -> Refusal | None:
        header = received.headers.get("X-WSSE") or ""
        token = dict(_TOKEN_PART.findall(header)) if header.startswith("UsernameToken") else {}
        missing = [name for name in ("Username", "PasswordDigest", "Nonce", "Created") if name not in token]
        if missing:
            return Refusal(f"X-WSSE is missing or lacks {', '.join(missing)}", challenge)
        problem = _token_problem(settings, token, username, password)
        if problem is None and token["Nonce"] in used:
            problem = "its nonce was used before"
        if problem is not None:
            return Refusal(f"X-WSSE: {problem}", challenge)
        used[token["Nonce"]] = None
        if len(used) > _NONCES:
            used.popitem(last=False)
        return None

    return verify


def _token_problem(settings: Wsse, token: dict[str, str], username: str, password: str) -> str | None:
    nonce = _nonce_bytes(settings, token["Nonce"])
    if nonce is None:
        return f"its nonce is not {settings.nonce_encoding}"
    if not _is_recent(token["Created"]):
        return f"it was not created within {FRESH:g} s of now"
    wanted = wsse_digest(settings, nonce, token["Created"], password)
    right = same(token["Username"], username) and same(token["PasswordDigest"], wanted)
    return None if right else "the user name or the digest is wrong"


def _nonce_bytes(settings: Wsse, nonce: str) -> bytes | None:
    if settings.nonce_encoding == "hex":
        return nonce.encode() if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", nonce) else None
    try:
        return base64.b64decode(nonce, validate=True)
    except ValueError:  # also of a letter outside ASCII
        return None


def _is_recent(created: str) -> bool:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return False
    return abs((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - time.time()) <= FRESH
