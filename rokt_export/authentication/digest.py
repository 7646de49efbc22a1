"""Digest authentication (RFC 7616): challenges, credentials and their check; `delivery/digest.py` sends them."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from rokt_export.authentication.base import (
    FRESH,
    REALM,
    Authentication,
    BodyFinder,
    Checked,
    CredentialUse,
    DigestLogin,
    FillText,
    Public,
    ReceivedRequest,
    Refusal,
    Secret,
    same,
)
from rokt_export.spec_language.fields import ValueTemplate

ALGORITHMS: Mapping[str, str] = {
    "MD5": "md5",
    "SHA": "sha1",
    "SHA-256": "sha256",
    "SHA-512-256": "sha512_256",
    "SHA-512": "sha512",
}
"""Algorithm of RFC 7616 (MD5, SHA-256, SHA-512-256, each also with `-sess`) to hashlib's name."""
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SCHEME = re.compile(rf"({_TOKEN})(?=[\s,]|$)")
_NEEDED = ("nonce", "uri", "response", "nc", "cnonce", "qop")


class Digest(Authentication):
    """`type: digest`: RFC 7616; the first request gets a challenge.

    Attributes:
        type: which kind of authentication this is.
        username: template of the name.
        password: template of the password.
    """

    type: Literal["digest"]
    username: Public[ValueTemplate]
    password: Secret[ValueTemplate]

    def credential(self, fill: FillText) -> DigestLogin:
        """Return name and password for `delivery/digest.py`."""
        return DigestLogin(fill(self.username), fill(self.password))

    def verification(self, fill: FillText, body_finder: BodyFinder) -> Checked:  # noqa: ARG002
        """Return the check, which starts with a challenge."""
        return Checked(_Challenger(fill(self.username), fill(self.password)).verify)

    def uses(self) -> Iterable[CredentialUse]:
        """Return the header."""
        return (CredentialUse(self, "header Authorization"),)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1).

    Attributes:
        scheme: lower case.
        parameters: names in lower case to values without quotes.
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def challenges(values: Iterable[str]) -> list[Challenge]:
    """Return the challenges of all `WWW-Authenticate` headers, in order; one header may contain several."""
    found: list[Challenge] = []
    text, at = ", ".join(values), 0
    while at < len(text):
        if (parameter := _PARAMETER.match(text, at)) is not None:
            name, quoted, plain = parameter.groups()
            if found:
                value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                found[-1].parameters.setdefault(name.lower(), value)
            at = parameter.end()
        elif (scheme := _SCHEME.match(text, at)) is not None:
            found.append(Challenge(scheme[1].lower()))
            at = scheme.end()
        else:
            at += 1
    return found


def hash_of(parameters: Mapping[str, str]) -> str | None:
    """Return hashlib's name of a challenge's algorithm, None where it is unknown."""
    name = ALGORITHMS.get(parameters.get("algorithm", "MD5").upper().removesuffix("-SESS"))
    return name if name in hashlib.algorithms_available else None


def protection(parameters: Mapping[str, str]) -> str | None:
    """Return the `qop` to use: `auth` or `auth-int`; empty if none is offered; None if all offered ones are unknown."""
    offered = {each.strip().lower() for each in parameters.get("qop", "").split(",")} - {""}
    if not offered:  # also `qop=""`, by which servers mean none (RFC 2069)
        return ""
    return next((each for each in ("auth", "auth-int") if each in offered), None)


def digest_of(parameters: Mapping[str, str], username: str, password: str, method: str, body: bytes | None) -> str:
    """Return the `response` of Digest credentials.

    Args:
        parameters: of the credentials: realm, nonce, uri, and, if used, algorithm, qop, nc and cnonce.
        username: the user's name.
        password: the user's password.
        method: the request's method.
        body: the request's body, which `auth-int` covers.
    """
    algorithm = hash_of(parameters)
    if algorithm is None:
        raise ValueError("the algorithm is unknown")

    def hashed(*parts: str | bytes) -> str:
        data = b":".join(part if isinstance(part, bytes) else part.encode() for part in parts)
        return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()

    qop, nonce, cnonce = parameters.get("qop", ""), parameters["nonce"], parameters.get("cnonce", "")
    user = hashed(username, parameters["realm"], password)
    if parameters.get("algorithm", "").upper().endswith("-SESS"):
        user = hashed(user, nonce, cnonce)
    covered: Sequence[str] = (hashlib.new(algorithm, body or b"").hexdigest(),) if qop == "auth-int" else ()
    request = hashed(method, parameters["uri"], *covered)
    return hashed(user, nonce, *((parameters["nc"], cnonce, qop) if qop else ()), request)


def quoted(text: str) -> str:
    """Return a text as a quoted string for a header (RFC 9110, 5.6.4)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def credentials_header(
    challenge: Mapping[str, str], login: DigestLogin, method: str, url: str, body: bytes | None, count: int
) -> str:
    """Return the `Authorization` header for a challenge.

    Args:
        challenge: its parameters, with a known algorithm and `qop`.
        login: name and password.
        method: the request's method.
        url: the request's URL.
        body: the request's body.
        count: number of requests with this nonce, starting at 1.
    """
    sent = {"realm": challenge["realm"], "nonce": challenge["nonce"], "uri": _target(url)}
    sent |= {name: challenge[name] for name in ("algorithm", "opaque") if name in challenge}
    if qop := protection(challenge):
        sent |= {"qop": qop, "nc": f"{count:08x}", "cnonce": secrets.token_hex(8)}
    elif sent.get("algorithm", "").upper().endswith("-SESS"):
        sent["cnonce"] = secrets.token_hex(8)
    sent["response"] = digest_of(sent, login.username, login.password, method, body)
    name = f"username={quoted(login.username)}"
    if not login.username.isascii():
        name = f"username*=UTF-8''{quote(login.username, safe='')}"
    bare = ("algorithm", "qop", "nc")
    return f"Digest {name}, " + ", ".join(
        f"{key}={value if key in bare else quoted(value)}" for key, value in sent.items()
    )


class _Challenger:
    """Sends a challenge and checks the client's response to it.

    A nonce is a signed timestamp, so nonces are not stored. The response to an old nonce is `stale=true`.
    """

    def __init__(self, username: str, password: str) -> None:
        self._username = username
        self._password = password
        self._key = secrets.token_bytes(32)

    def verify(self, received: ReceivedRequest) -> Refusal | None:
        header = received.headers.get("Authorization")
        if header is None:
            return Refusal("no Digest credentials yet", self._challenge(), first_round=True)
        given = challenges([header])
        if not given or given[0].scheme != "digest":
            return Refusal("Authorization contains no Digest credentials", self._challenge())
        fields = given[0].parameters
        if name := fields.get("username*"):
            fields["username"] = unquote(name.rpartition("'")[2])
        missing = [name for name in ("username", *_NEEDED) if not fields.get(name)]
        if missing:
            return Refusal(f"the Digest credentials lack {', '.join(missing)}", self._challenge())
        moment, _, signature = fields["nonce"].partition("-")
        if not same(signature, self._sign(moment)):
            return Refusal("the Digest nonce is not one of ours", self._challenge())
        problem = self._problem(fields, received)
        if problem is not None:
            return Refusal(problem, self._challenge())
        if time.time() - float(moment) > FRESH:
            return Refusal("the Digest nonce is old", self._challenge(stale=True), first_round=True)
        return None

    def _problem(self, fields: Mapping[str, str], received: ReceivedRequest) -> str | None:
        if hash_of(fields) is None or fields["qop"] not in ("auth", "auth-int"):
            return "the Digest algorithm or its qop is unknown"
        if _target(fields["uri"]) != received.target:
            return "the Digest credentials are for another URI"
        if fields.get("realm") != REALM:
            return "the Digest credentials are for another realm"
        wanted = digest_of(fields, self._username, self._password, received.method, received.body)
        right = same(fields["username"], self._username) and same(fields["response"].lower(), wanted)
        return None if right else "the user name or password is wrong"

    def _challenge(self, *, stale: bool = False) -> str:
        moment = f"{time.time():.3f}"
        nonce = f"{moment}-{self._sign(moment)}"
        return f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}"' + (", stale=true" if stale else "")

    def _sign(self, moment: str) -> str:
        return hmac.new(self._key, moment.encode(), "sha256").hexdigest()[:32]


def _target(uri: str) -> str:
    """Return the path and query of a URL, or of a `uri`, which some clients send as a whole URL."""
    parts = urlsplit(uri)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
