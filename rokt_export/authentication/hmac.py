"""Signatures of requests: an HMAC (RFC 2104) in a header, or Sailthru's hash in a parameter."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, assert_never
from urllib.parse import parse_qsl, quote_plus, urlsplit

from pydantic import model_validator

from rokt_export.authentication.base import (
    FRESH,
    Authentication,
    BodyFinder,
    Checked,
    ComputedPlace,
    CredentialUse,
    FillText,
    NotChecked,
    Public,
    ReceivedRequest,
    Refusal,
    Secret,
    Signature,
    Verify,
    same,
)
from rokt_export.errors import ConfigurationError
from rokt_export.spec_language.fields import HeaderName, Text, ValueTemplate, problem

if TYPE_CHECKING:
    from requests.models import PreparedRequest

    from rokt_export.authentication.base import Sign

_PART = re.compile(r"\{(method|path|query|body|timestamp|id|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+)\}")
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][\w.:-]*\}")


class Hmac(Authentication):
    """`type: hmac`: a signature over the request.

    `style: sailthru` signs as Sailthru does (md5 of the secret and the sorted values, before URL encoding, in the
    parameter `sig`); `style: header` signs `message` into a header.

    Attributes:
        type: which kind of authentication this is.
        style: `header` or `sailthru`.
        secret: template of the shared secret.
        secret_encoding: how the secret is written: as text, or as bytes in base64 or hex.
        algorithm: the hash of the signature.
        message: what is signed, with `{method}`, `{path}`, `{query}`, `{body}`, `{timestamp}`, `{id}`, `{header:NAME}`.
        header: the header of the signature.
        prefix: text before the signature.
        digest: how the signature is written.
        timestamp_header: the header of the moment of signing, if the partner expects it.
        timestamp_unit: unit of that moment, since 1970.
        id_header: the header of the message's id; the request's value there, else a new one for each attempt.
        parameter: the parameter of the signature, for the style of Sailthru.
    """

    type: Literal["hmac"]
    style: Literal["header", "sailthru"] = "header"
    secret: Secret[ValueTemplate]
    secret_encoding: Literal["text", "base64", "hex"] = "text"
    algorithm: Literal["sha256", "sha1", "sha512", "md5"] = "sha256"
    message: Public[Text] = "{timestamp}{body}"
    header: Public[HeaderName] = "X-Signature"
    prefix: Public[Text] = ""
    digest: Literal["hex", "base64"] = "hex"
    timestamp_header: Public[HeaderName | None] = None
    timestamp_unit: Literal["s", "ms"] = "s"
    id_header: Public[HeaderName | None] = None
    parameter: Public[Text] = "sig"

    @model_validator(mode="after")
    def _has_id_header(self) -> Hmac:
        if "{id}" in self.message and self.id_header is None and self.style == "header":
            raise problem("RX014", "`{id}` is signed, and no header sends it", "Add `id_header: webhook-id`.")
        return self

    @property
    def unknown_placeholders(self) -> list[str]:
        """Texts in `message` that look like a placeholder but are not; they are signed literally."""
        return _PLACEHOLDER.findall(_PART.sub("", self.message)) if self.style == "header" else []

    def credential(self, fill: FillText) -> Signature:
        """Return the signer."""
        match self.style:
            case "sailthru":
                return Signature(
                    _sailthru_signer(self, fill(self.secret)), (ComputedPlace("parameter", self.parameter),)
                )
            case "header":
                beside = [name for name in (self.id_header, self.timestamp_header) if name is not None]
                signature = ComputedPlace("header", self.header, self.prefix)
                places = (*(ComputedPlace("header", name) for name in beside), signature)
                return Signature(_header_signer(self, fill(self.secret)), places)
            case _:
                assert_never(self.style)

    def verification(self, fill: FillText, body_finder: BodyFinder) -> Checked | NotChecked:  # noqa: ARG002
        """Return the check, which recomputes the signature."""
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

    def placeholder(self, field: str, value: str) -> str:  # noqa: ARG002
        """Return the stand-in in the encoding of the secret."""
        match self.secret_encoding:
            case "base64":
                return base64.b64encode(value.encode()).decode()
            case "hex":
                return value.encode().hex()
            case "text":
                return value
            case _:
                assert_never(self.secret_encoding)

    def uses(self) -> Iterable[CredentialUse]:
        """Return the header or the parameter."""
        return (CredentialUse(self, f"signature in {self.header if self.style == 'header' else self.parameter}"),)


def signed_message(
    settings: Hmac, *, method: str, path: str, query: str, body: bytes, timestamp: str, header: Callable[[str], str]
) -> bytes:
    """Return the bytes that a signature covers: `message` with its placeholders replaced once.

    Args:
        settings: the authentication of the spec; `\\n` in its `message` is a line break.
        method: the request's method.
        path: the URL's path, percent-encoded.
        query: the URL's query, percent-encoded, without `?`.
        body: the body as sent.
        timestamp: the timestamp as sent.
        header: returns the value of a header by name; empty if there is none.
    """
    parts = {
        "method": method.encode(),
        "path": path.encode(),
        "query": query.encode(),
        "body": body,
        "timestamp": timestamp.encode(),
        "id": header(settings.id_header or "").encode(),
    }

    def part(name: str) -> bytes:
        return header(name.removeprefix("header:")).encode() if name.startswith("header:") else parts[name]

    pieces = _PART.split(settings.message.replace("\\n", "\n"))
    return b"".join(part(piece) if index % 2 else piece.encode() for index, piece in enumerate(pieces))


def _secret_bytes(settings: Hmac, secret: str) -> bytes:
    """Return the key of the HMAC.

    Raises:
        ConfigurationError: the secret is not valid in its encoding.
    """
    try:
        match settings.secret_encoding:
            case "text":
                return secret.encode()
            case "base64":
                text = secret.strip().replace("-", "+").replace("_", "/").rstrip("=")
                return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
            case "hex":
                return bytes.fromhex(secret)
            case _:
                assert_never(settings.secret_encoding)
    except ValueError as error:
        raise ConfigurationError(
            f"the secret of the signature is not {settings.secret_encoding}",
            where="authentication",
            remedy="Check the variable, a prefix such as `whsec_`, and `secret_encoding`.",
        ) from error


def _keyed_hash(settings: Hmac, secret: bytes, message: bytes) -> str:
    digest = hmac.new(secret, message, settings.algorithm)
    return digest.hexdigest() if settings.digest == "hex" else base64.b64encode(digest.digest()).decode()


def _header_signer(settings: Hmac, secret: str) -> Sign:
    def sign(request: PreparedRequest) -> PreparedRequest:
        now = time.time()
        stamp = str(int(now * 1000) if settings.timestamp_unit == "ms" else int(now))
        url = urlsplit(str(request.url))
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        if settings.timestamp_header:
            request.headers[settings.timestamp_header] = stamp
        if settings.id_header:
            request.headers.setdefault(settings.id_header, str(uuid.uuid4()))
        message = signed_message(
            settings, method=str(request.method), path=url.path, query=url.query, body=body, timestamp=stamp,
            header=lambda name: str(request.headers.get(name, "")),
        )  # fmt: skip
        request.headers[settings.header] = settings.prefix + _keyed_hash(
            settings, _secret_bytes(settings, secret), message
        )
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
        if settings.id_header and not received.headers.get(settings.id_header):
            return Refusal(f"message id `{settings.id_header}` is missing")
        message = signed_message(
            settings, method=received.method, path=received.path, query=received.query, body=received.body,
            timestamp=stamp, header=lambda name: received.headers.get(name) or "",
        )  # fmt: skip
        wanted = settings.prefix + _keyed_hash(settings, _secret_bytes(settings, secret), message)
        hexadecimal = settings.digest == "hex"
        right = same(given.lower(), wanted.lower()) if hexadecimal else same(given, wanted)
        return None if right else Refusal(f"signature `{settings.header}` is wrong")

    return verify


def _is_now(stamp: str, unit: str) -> bool:
    if not re.fullmatch(r"\d{1,20}", stamp):
        return False
    return abs(int(stamp) / (1000 if unit == "ms" else 1) - time.time()) <= FRESH


def _sailthru_hash(secret: str, values: Iterable[str]) -> str:
    """Return the MD5 of the secret and the sorted values, before URL encoding (Sailthru's API documentation)."""
    return hashlib.md5((secret + "".join(sorted(values))).encode(), usedforsecurity=False).hexdigest()


def _sailthru_signer(settings: Hmac, secret: str) -> Sign:
    """Return a signer of the values in the form body, or in the query if there is no body."""

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
