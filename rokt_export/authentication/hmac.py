"""Signatures over the request: a keyed hash in a header (RFC 2104), or Sailthru's in a parameter."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, assert_never
from urllib.parse import parse_qsl, quote_plus, urlsplit

from rokt_export.authentication.base import (
    FRESH,
    Authentication,
    BodyFinder,
    Checked,
    ComputedPlace,
    Fill,
    NotChecked,
    Public,
    ReceivedRequest,
    Refusal,
    Secret,
    Signature,
    Use,
    Verify,
    same,
)
from rokt_export.spec_language.fields import HeaderName, Text, ValueTemplate

if TYPE_CHECKING:
    from requests.models import PreparedRequest

    from rokt_export.authentication.base import Sign

_PART = re.compile(r"\{(method|path|query|body|timestamp)\}")


class Hmac(Authentication):
    """`type: hmac`: a signature over the request.

    `style: sailthru` signs as Sailthru does (md5 of the secret and the sorted values, before URL encoding, in the
    parameter `sig`); `style: header` signs `message` (of
    `{method}`, `{path}`, `{query}`, `{body}`, `{timestamp}`) into a header.

    Attributes:
        type: which kind of authentication this is.
        style: `header` or `sailthru`.
        secret: template of the shared secret.
        algorithm: the hash of the signature.
        message: what is signed, of `{method}`, `{path}`, `{query}`, `{body}` and `{timestamp}`.
        header: which carries the signature.
        prefix: text before the signature.
        digest: how the signature is written.
        timestamp_header: which carries the moment of signing, where the partner wants it.
        timestamp_unit: unit of that moment, since 1970.
        parameter: which carries the signature in the style of Sailthru.
    """

    type: Literal["hmac"]
    style: Literal["header", "sailthru"] = "header"
    secret: Secret[ValueTemplate]
    algorithm: Literal["sha256", "sha1", "sha512", "md5"] = "sha256"
    message: Public[Text] = "{timestamp}{body}"
    header: Public[HeaderName] = "X-Signature"
    prefix: Public[Text] = ""
    digest: Literal["hex", "base64"] = "hex"
    timestamp_header: Public[HeaderName | None] = None
    timestamp_unit: Literal["s", "ms"] = "s"
    parameter: Public[Text] = "sig"

    def credential(self, fill: Fill) -> Signature:
        """Return what signs a request."""
        match self.style:
            case "sailthru":
                return Signature(
                    _sailthru_signer(self, fill(self.secret)), (ComputedPlace("parameter", self.parameter),)
                )
            case "header":
                stamp = (ComputedPlace("header", self.timestamp_header),) if self.timestamp_header else ()
                places = (*stamp, ComputedPlace("header", self.header, self.prefix))
                return Signature(_header_signer(self, fill(self.secret)), places)
            case _:
                assert_never(self.style)

    def verification(self, fill: Fill, body_finder: BodyFinder) -> Checked | NotChecked:  # noqa: ARG002
        """Return the check, which computes the signature again."""
        match self.style:
            case "sailthru":
                return Checked(_sailthru_check(self, fill(self.secret)))
            case "header" if self.timestamp_header is None and "{timestamp}" in self.message:
                note = f"`{self.header}` is accepted unchecked: it covers a timestamp that is not sent"
                return NotChecked("a moment that is not sent cannot be hashed again", note)
            case "header":
                return Checked(_header_check(self, fill(self.secret)))
            case _:
                assert_never(self.style)

    def uses(self) -> Iterable[Use]:
        """Return the header or the parameter."""
        return (Use(self, f"signature in {self.header if self.style == 'header' else self.parameter}"),)


def signed_message(form: str, *, method: str, path: str, query: str, body: bytes, timestamp: str) -> bytes:
    """Return the bytes that a signature covers: the form with its parts filled in once.

    Args:
        form: the spec's `message`; `\\n` in it is a line break.
        method: of the request.
        path: of the URL, percent-encoded.
        query: of the URL, percent-encoded, without `?`.
        body: as sent.
        timestamp: as the partner reads it.
    """
    parts = {
        "method": method.encode(),
        "path": path.encode(),
        "query": query.encode(),
        "body": body,
        "timestamp": timestamp.encode(),
    }
    pieces = _PART.split(form.replace("\\n", "\n"))
    return b"".join(parts[piece] if index % 2 else piece.encode() for index, piece in enumerate(pieces))


def _keyed_hash(settings: Hmac, secret: str, message: bytes) -> str:
    digest = hmac.new(secret.encode(), message, settings.algorithm)
    return digest.hexdigest() if settings.digest == "hex" else base64.b64encode(digest.digest()).decode()


def _header_signer(settings: Hmac, secret: str) -> Sign:
    def sign(request: PreparedRequest) -> PreparedRequest:
        now = time.time()
        stamp = str(int(now * 1000) if settings.timestamp_unit == "ms" else int(now))
        url = urlsplit(str(request.url))
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        message = signed_message(
            settings.message, method=str(request.method), path=url.path, query=url.query, body=body, timestamp=stamp
        )
        if settings.timestamp_header:
            request.headers[settings.timestamp_header] = stamp
        request.headers[settings.header] = settings.prefix + _keyed_hash(settings, secret, message)
        return request

    return sign


def _header_check(settings: Hmac, secret: str) -> Verify:
    def verify(received: ReceivedRequest) -> Refusal | None:
        given = received.headers.get(settings.header)
        if given is None:
            return Refusal(f"signature `{settings.header}` is missing")
        stamp = received.headers.get(settings.timestamp_header) if settings.timestamp_header else ""
        if stamp is None:
            return Refusal(f"timestamp `{settings.timestamp_header}` is missing")
        if settings.timestamp_header and not _is_now(stamp, settings.timestamp_unit):
            return Refusal(f"timestamp `{settings.timestamp_header}` is not within {FRESH:g} s of now")
        message = signed_message(
            settings.message, method=received.method, path=received.path, query=received.query, body=received.body,
            timestamp=stamp,
        )  # fmt: skip
        wanted = settings.prefix + _keyed_hash(settings, secret, message)
        hexadecimal = settings.digest == "hex"
        right = same(given.lower(), wanted.lower()) if hexadecimal else same(given, wanted)
        return None if right else Refusal(f"signature `{settings.header}` is wrong")

    return verify


def _is_now(stamp: str, unit: str) -> bool:
    if not re.fullmatch(r"\d{1,20}", stamp):
        return False
    return abs(int(stamp) / (1000 if unit == "ms" else 1) - time.time()) <= FRESH


def _sailthru_hash(secret: str, values: Iterable[str]) -> str:
    """md5 of the secret followed by the sorted values, before URL encoding (Sailthru's API documentation)."""
    return hashlib.md5((secret + "".join(sorted(values))).encode(), usedforsecurity=False).hexdigest()


def _sailthru_signer(settings: Hmac, secret: str) -> Sign:
    """Sign the values of the form body, or of the query where there is no body."""

    def sign(request: PreparedRequest) -> PreparedRequest:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        url = str(request.url)
        encoded = urlsplit(url).query if body is None else body
        pairs = parse_qsl(encoded, keep_blank_values=True)
        signature = _sailthru_hash(secret, (value for name, value in pairs if name != settings.parameter))
        added = f"{quote_plus(settings.parameter)}={signature}"
        if body is None:
            request.url = f"{url}{'&' if encoded else '?'}{added}"
        else:
            request.body = f"{body}&{added}".encode() if body else added.encode()
        return request

    return sign


def _sailthru_check(settings: Hmac, secret: str) -> Verify:
    def verify(received: ReceivedRequest) -> Refusal | None:
        sent = received.data if received.body and isinstance(received.data, dict) else received.queried
        given = sent.get(settings.parameter)
        if not given:
            return Refusal(f"signature `{settings.parameter}` is missing")
        others = (value for name, values in sent.items() if name != settings.parameter for value in values)
        right = same(str(given[0]).lower(), _sailthru_hash(secret, others))
        return None if right else Refusal(f"signature `{settings.parameter}` is wrong")

    return verify
