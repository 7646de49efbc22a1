"""Credentials that depend on the request or the clock, as `requests.auth.AuthBase`: put on before each attempt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote_plus, urlsplit

from requests.auth import AuthBase
from requests.models import PreparedRequest

from rokt_export.authentication.custom_auth import custom_auth
from rokt_export.authentication.static_credentials import Fill
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.authentication import Custom, Hmac, Wsse
from rokt_export.partner_spec.filters import text_of


def signing_auth(authentication: Hmac | Wsse | Custom, fill: Fill, plugins: Collection[str]) -> AuthBase:
    """Return what puts credentials on a request.

    Raises:
        ConfigurationError: a custom class is not among `plugins`, or cannot be imported or made.
    """
    match authentication:
        case Hmac(style="sailthru"):
            return SailthruAuth(fill(authentication.secret), authentication.parameter)
        case Hmac():
            return HmacHeaderAuth(authentication, fill(authentication.secret))
        case Wsse():
            return WsseAuth(authentication, fill(authentication.username), fill(authentication.password))
        case Custom():
            return custom_auth(authentication, fill, plugins)


class SailthruAuth(AuthBase):
    """Sailthru's signature: md5 of the secret followed by the sorted values, before URL encoding, as a parameter.

    The values are those of the form body, or of the query where there is no body (Sailthru's API documentation).
    """

    def __init__(self, secret: str, parameter: str) -> None:
        self._secret = secret
        self._parameter = parameter

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the credentials on a request."""
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        url = str(request.url)
        encoded = urlsplit(url).query if body is None else body
        pairs = [pair for pair in parse_qsl(encoded, keep_blank_values=True) if pair[0] != self._parameter]
        signed = self._secret + "".join(sorted(value for _, value in pairs))
        signature = hashlib.md5(signed.encode(), usedforsecurity=False).hexdigest()
        added = f"{quote_plus(self._parameter)}={signature}"
        if body is None:
            request.url = f"{url}{'&' if encoded else '?'}{added}"
        else:
            request.body = f"{body}&{added}".encode() if body else added.encode()
        return request


class HmacHeaderAuth(AuthBase):
    """A keyed hash of the request in a header, with a timestamp in another where the partner wants one."""

    def __init__(self, settings: Hmac, secret: str) -> None:
        self._settings = settings
        self._secret = secret.encode()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the credentials on a request."""
        settings = self._settings
        now = time.time()
        stamp = str(int(now * 1000) if settings.timestamp_unit == "ms" else int(now))
        message = signed_message(settings.message, request, stamp)
        digest = hmac.new(self._secret, message, settings.algorithm)
        shown = digest.hexdigest() if settings.digest == "hex" else base64.b64encode(digest.digest()).decode()
        if settings.timestamp_header:
            request.headers[settings.timestamp_header] = stamp
        request.headers[settings.header] = settings.prefix + shown
        return request


_PART = re.compile(r"\{(method|path|query|body|timestamp)\}")


def signed_message(form: str, request: PreparedRequest, timestamp: str) -> bytes:
    """Return the bytes that a signature covers: the form with its parts filled in, once, whatever they hold."""
    url = urlsplit(str(request.url))
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    parts = {
        "method": str(request.method).encode(),
        "path": url.path.encode(),
        "query": url.query.encode(),
        "body": body,
        "timestamp": timestamp.encode(),
    }
    pieces = _PART.split(form.replace("\\n", "\n"))
    return b"".join(parts[piece] if index % 2 else piece.encode() for index, piece in enumerate(pieces))


class WsseAuth(AuthBase):
    """The header `X-WSSE` with a fresh nonce, the time and a digest over both and the password."""

    def __init__(self, settings: Wsse, username: str, password: str) -> None:
        self._settings = settings
        self._username = username
        self._password = password

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the credentials on a request."""
        nonce = secrets.token_bytes(16)
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        hexadecimal = self._settings.nonce_encoding == "hex"
        shown = nonce.hex() if hexadecimal else base64.b64encode(nonce).decode()
        digest = wsse_digest(self._settings, shown.encode() if hexadecimal else nonce, created, self._password)
        token = {"Username": self._username, "PasswordDigest": digest, "Nonce": shown, "Created": created}
        request.headers["X-WSSE"] = "UsernameToken " + ", ".join(f'{name}="{value}"' for name, value in token.items())
        return request


def wsse_digest(settings: Wsse, nonce: bytes, created: str, password: str) -> str:
    """Return the password digest as the partner reads it."""
    hashed = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False)
    raw = hashed.hexdigest().encode() if settings.digest_encoding == "hex_base64" else hashed.digest()
    return base64.b64encode(raw).decode()


def signed(request: Request, auths: tuple[AuthBase, ...]) -> Request:
    """Return a request with credentials put on it; headers keep their order, new ones follow."""
    if not auths:
        return request
    prepared = prepared_request(request)
    for auth in auths:
        prepared = auth(prepared)
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    headers = tuple((name, text_of(value)) for name, value in prepared.headers.items())
    return Request(str(prepared.method), str(prepared.url), headers, body)


def prepared_request(request: Request) -> PreparedRequest:
    """Return a request in the grammar of `requests`, for its ecosystem of auth plug-ins."""
    prepared = PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.prepare_headers(dict(request.headers))
    prepared.body = request.body
    prepared.hooks = {"response": []}
    return prepared
