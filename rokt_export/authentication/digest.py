"""Digest authentication (RFC 7616); `delivery/digest.py` answers a partner's challenge."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

from rokt_export.authentication.base import (
    FRESH,
    REALM,
    Authentication,
    BodyFinder,
    Checked,
    DigestLogin,
    Fill,
    Public,
    ReceivedRequest,
    Refusal,
    Secret,
    Use,
    same,
)
from rokt_export.spec_language.fields import ValueTemplate

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256"}
_NEEDED = ("username", "nonce", "uri", "response", "nc", "cnonce", "qop")


class Digest(Authentication):
    """`type: digest`: RFC 7616; the first answer's challenge is met once.

    Attributes:
        type: which kind of authentication this is.
        username: template of the name.
        password: template of the password.
    """

    type: Literal["digest"]
    username: Public[ValueTemplate]
    password: Secret[ValueTemplate]

    def credential(self, fill: Fill) -> DigestLogin:
        """Return name and password, which `delivery/digest.py` answers a challenge with."""
        return DigestLogin(fill(self.username), fill(self.password))

    def verification(self, fill: Fill, body_finder: BodyFinder) -> Checked:  # noqa: ARG002
        """Return the check, which begins with a challenge."""
        return Checked(_Challenger(fill(self.username), fill(self.password)).verify)

    def uses(self) -> Iterable[Use]:
        """Return the header."""
        return (Use(self, "header Authorization"),)


class _Challenger:
    """Sends a challenge and checks the client's response to it.

    A nonce is its own time, signed, so that none needs to be stored; an old one is answered `stale=true`.
    """

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self._key = secrets.token_bytes(32)

    def verify(self, received: ReceivedRequest) -> Refusal | None:
        header = received.headers.get("Authorization")
        if header is None:
            return Refusal("no Digest credentials yet", self._challenge(), first_round=True)
        if not header.lower().startswith("digest "):
            return Refusal("Authorization holds no Digest credentials", self._challenge())
        fields = {name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(header[7:])}
        missing = [name for name in _NEEDED if not fields.get(name)]
        if missing:
            return Refusal(f"the Digest credentials lack {', '.join(missing)}", self._challenge())
        if not self._is_ours(fields["nonce"]):
            return Refusal("the Digest nonce is not one of ours", self._challenge())
        problem = self._problem(fields, received)
        if problem is not None:
            return Refusal(problem, self._challenge())
        if not self._is_fresh(fields["nonce"]):
            return Refusal("the Digest nonce is old", self._challenge(stale=True), first_round=True)
        return None

    def _problem(self, fields: dict[str, str], received: ReceivedRequest) -> str | None:
        algorithm = _ALGORITHMS.get(fields.get("algorithm", "MD5").upper())
        if algorithm is None or fields["qop"] != "auth":
            return "the Digest algorithm is neither MD5 nor SHA-256, or its qop is not `auth`"
        if _target(fields["uri"]) != received.target:
            return "the Digest credentials are for another URI"

        def hashed(*parts: str) -> str:
            return hashlib.new(algorithm, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

        user = hashed(self._username, REALM, self._password)
        request = hashed(received.method, fields["uri"])
        wanted = hashed(user, fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], request)
        right = same(fields["username"], self._username) and same(fields["response"].lower(), wanted)
        return None if right else "the user name or password is wrong"

    def _challenge(self, *, stale: bool = False) -> str:
        moment = f"{time.time():.3f}"
        nonce = f"{moment}-{self._sign(moment)}"
        return f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}"' + (", stale=true" if stale else "")

    def _sign(self, moment: str) -> str:
        return hmac.new(self._key, moment.encode(), "sha256").hexdigest()[:32]

    def _is_ours(self, nonce: str) -> bool:
        moment, _, signature = nonce.partition("-")
        return same(signature, self._sign(moment))

    def _is_fresh(self, nonce: str) -> bool:
        return time.time() - float(nonce.partition("-")[0]) <= FRESH


def _target(uri: str) -> str:
    """Return the request target of a `uri`, which some clients send as a whole URL."""
    parts = urlsplit(uri)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
