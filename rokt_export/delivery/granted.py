"""Credentials that a server gives: OAuth 2 tokens, fetched and replaced in time, and answers to digest challenges."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPDigestAuth
from requests.utils import parse_dict_header

from rokt_export.delivery.tokens import Token, TokenStore
from rokt_export.errors import UnreachableError
from rokt_export.exchange.classify import Classifier
from rokt_export.exchange.model import Request, Response
from rokt_export.exchange.signing import signed
from rokt_export.exchange.standing import Fill
from rokt_export.spec.authentication import OAuth2, RefreshOn
from rokt_export.spec.responses import Rule
from rokt_export.spec.web_url import parse_url

T = TypeVar("T")

_EARLY = 60.0
"""Seconds before its end that a token is replaced, or a fifth of its life if that is less."""
_AGAIN = 5.0
"""Seconds until a token server that could not replace a token is asked again, while the token lasts."""
_WITHIN = 30.0
"""Seconds in which a token server must have answered in full: while it is waited for, nothing else goes on."""
_MOST = 1_000_000
"""Bytes of its answer that are read."""
_UNITS = {"s": 1.0, "ms": 0.001, "m": 60.0}


class TokenSource:
    """One OAuth 2 client-credentials token, shared by all sends and replaced before it ends."""

    def __init__(
        self,
        settings: OAuth2,
        fill: Fill,
        trust: str | bool,
        proxy: str | None,
        base_url: str | None,
        reveal: Callable[[str, str], None],
        store: TokenStore,
    ) -> None:
        self._settings = settings
        self._store = store
        self._fill = fill
        self._trust = trust
        self._proxy = proxy
        self._reveal = reveal
        url = parse_url(fill(settings.token_url))
        self._url = (base_url or url.origin) + url.rest
        self._value = ""
        self._shared: tuple[tuple[str, str], ...] | None = None
        self._complete: tuple[tuple[str, str], ...] = ()
        self._good_until = 0.0
        self._stale = _stale(settings.refresh_on)
        self._refused = ""
        self._proven = False

    def token(self) -> str:
        """Return a token that is good for a while.

        Raises:
            UnreachableError: the server cannot be reached, refuses, or answers without one.
        """
        if time.monotonic() < self._good_until:
            return self._value
        with self._store.held():
            token = self._store.read()
            if time.monotonic() >= token.good_until or token.value == self._refused:
                try:
                    token = self._fetch()
                except UnreachableError:
                    now = time.monotonic()
                    if now >= token.ends or token.value == self._refused:
                        raise
                    token = token._replace(good_until=min(token.ends, now + _AGAIN))  # it still serves
                self._store.write(token)
        if token.value != self._value:
            self._reveal("ACCESS_TOKEN", token.value)
            self._shared = None
        self._value, self._good_until = token.value, token.good_until
        return token.value

    def on(self, request: Request) -> Request:
        """Return a request with the token in its header; requests that share their headers still do."""
        token = self.token()
        if request.headers is not self._shared:
            self._shared = request.headers
            self._complete = (*request.headers, (self._settings.header, self._settings.prefix + token))
        return Request(request.method, request.url, self._complete, request.body)

    def renewed(self, request: Request, response: Response) -> bool:
        """Return whether an answer means "no longer good" and another token is at hand than the one it had.

        Where a token that replaced a refused one is refused too, that is the answer: the partner means something else,
        and the token server is not asked again for each row.
        """
        current = (request.header(self._settings.header) or "").endswith(self._value)
        if self._stale.classify(response).rule is None:
            self._proven = self._proven or current
            return False
        if current:
            if self._refused and not self._proven:
                return False
            self._refused = self._value
            self._proven = False
            self._good_until = 0.0
        self.token()
        return True

    def _fetch(self) -> Token:
        settings = self._settings
        started = time.monotonic()
        status, data = self._ask()
        token = data.get(settings.token_field)
        if status >= 400 or not isinstance(token, str) or not token:
            raise UnreachableError(
                f"the token server refused our credentials: status {status}{_words(data)}"
                if status >= 400
                else f"the token server's answer has no `{settings.token_field}`",
                where=_host(self._url),
                remedy="Check client_id, client_secret, scope and `secret_in`, and `token_field`, with the partner.",
            )
        life = self._life(data.get(settings.expires_field))
        return Token(token, started + life - min(_EARLY, life / 5), started + life)

    def _life(self, stated: Any) -> float:
        if self._settings.expires_after is not None:
            return self._settings.expires_after
        try:
            return max(1.0, float(stated) * _UNITS[self._settings.expires_unit])
        except (TypeError, ValueError):
            return 3600.0

    def _ask(self) -> tuple[int, dict[str, Any]]:
        settings, fill = self._settings, self._fill
        fields = {"grant_type": "client_credentials"}
        fields |= {name: fill(value) for name, value in settings.parameters.items()}
        for name, value in (("scope", settings.scope), ("audience", settings.audience)):
            if value is not None:
                fields[name] = fill(value)
        client, secret = fill(settings.client_id), fill(settings.client_secret)
        auth = (client.encode(), secret.encode()) if settings.secret_in == "header" else None
        if auth is None:
            fields |= {"client_id": client, "client_secret": secret}
        in_query = settings.method == "GET" or settings.secret_in == "query"
        place = "params" if in_query else "json" if settings.request_encoding == "json" else "data"
        proxies = {"http": self._proxy, "https": self._proxy} if self._proxy else None
        arguments: dict[str, Any] = {place: fields, "auth": auth or _NoAuth(), "proxies": proxies}
        try:
            return _within(_WITHIN, lambda: self._exchange(arguments))
        except (requests.RequestException, TimeoutError) as error:
            raise UnreachableError(
                f"the token server cannot be reached: {_plainly(error)}",
                where=_host(self._url),
                remedy="Check `token_url`, the network and the proxy; `rokt-export probe` looks at each step.",
            ) from error

    def _exchange(self, arguments: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Send the request; return the status and what the answer's body says, which may be nothing."""
        with requests.Session() as session:
            session.trust_env = self._proxy is None
            session.verify = self._trust
            arguments = {"timeout": _WITHIN, "allow_redirects": False, "stream": True, **arguments}
            with session.request(self._settings.method, self._url, **arguments) as answer:
                body = b""
                for part in answer.iter_content(65_536):
                    body += part
                    if len(body) > _MOST:
                        break
        try:
            data = json.loads(body)
        except ValueError:
            data = None
        return answer.status_code, data if isinstance(data, dict) else {}


def _within(seconds: float, work: Callable[[], T]) -> T:
    """Return what work comes to, in a thread of its own: a server that dribbles would keep `requests` for ever.

    Raises:
        TimeoutError: it was not done in time; it is left to itself.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    for error in errors:
        raise error
    if not results:
        raise TimeoutError(f"it did not answer in full within {seconds:g} s")
    return results[0]


def _stale(settings: RefreshOn) -> Classifier:
    """The answers that mean "no longer good", as rules: the status, or any one of the body's conditions."""
    made = Rule.model_construct  # the parts have been validated with the spec
    statuses = [] if settings.status is None else [made(outcome="failed", status=settings.status)]
    bodies = [made(outcome="failed", body={path: condition}) for path, condition in settings.body.items()]
    return Classifier([*statuses, *bodies])


class _NoAuth(AuthBase):
    """Keeps requests from looking into .netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave a request as it is."""
        return request


class DigestAuth(HTTPDigestAuth):
    """Digest authentication whose challenge arrives through another transport than requests' own."""

    def on(self, request: Request) -> Request:
        """Return a request with the answer to the last challenge on it; as it was, before the first."""
        return signed(request, (self,))

    def renewed(self, request: Request, response: Response) -> bool:
        """Return whether an answer is a challenge that the request did not meet already."""
        header = response.header("WWW-Authenticate") or ""
        if response.status != 401 or not header.lower().startswith("digest "):
            return False
        challenge = parse_dict_header(header[7:])  # type: ignore[no-untyped-call]
        answered = f'nonce="{challenge.get("nonce")}"' in (request.header("Authorization") or "")
        stale = str(challenge.get("stale", "")).lower() == "true"
        if answered and not stale:
            return False
        self.init_per_thread_state()
        state: Any = self._thread_local  # type: ignore[attr-defined]
        state.chal, state.last_nonce, state.nonce_count = challenge, challenge.get("nonce", ""), 0
        return True


def _words(data: Mapping[str, Any]) -> str:
    said = data.get("error_description") or data.get("error") or data.get("message")
    return f", {str(said)[:200]}" if said else ""


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _plainly(error: Exception) -> str:
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(getattr(cause, "strerror", None) or cause)[:200]
