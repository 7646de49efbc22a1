"""OAuth 2 client credentials: a token is fetched in a thread of its own, shared by all sends and replaced in time."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.context import BaseContext
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from rokt_export import __version__
from rokt_export.authentication.base import FillText
from rokt_export.authentication.oauth2 import OAuth2, RefreshOn
from rokt_export.authentication.token_response import TokenResponse, life_of, read_token_response
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import LASTING, AttemptResult, Fault, FaultKind, Request, Response
from rokt_export.redaction.display_text import cut
from rokt_export.response.classify import Classifier, retry_after
from rokt_export.spec_language.rules import Rule
from rokt_export.spec_language.urls import parse_url
from rokt_export.transport import Transport, TransportOptions

_LONGEST_SHARED = 16_384
"""Bytes of a shared token. Each process fetches a longer one itself; JWTs have a tenth of that."""


class Token(NamedTuple):
    """A token, with moments in the machine's monotonic seconds.

    Attributes:
        value: the token; empty before there is one.
        good_until: when it is to be renewed.
        ends: when it expires; until then it is used if it cannot be renewed.
        again: when a token server that could not give one may be asked again.
    """

    value: str = ""
    good_until: float = 0.0
    ends: float = 0.0
    again: float = 0.0


class TokenStore:
    """Keeps one token: for one process or, given a context, for all workers, so that one fetch serves all.

    A shared token is in memory only: on no disk, and in no argument of a process.
    """

    def __init__(self, context: BaseContext | None = None) -> None:
        self._token = Token()
        self._value: Any = None
        self._moments: Any = None
        if context is not None:
            self._value = context.Array("c", _LONGEST_SHARED)
            self._moments = context.Array("d", 3, lock=False)
        self.lock: Any = threading.Lock() if self._value is None else self._value.get_lock()

    def read(self) -> Token:
        """Return the token."""
        return self._token if self._value is None else Token(self._value.value.decode(), *self._moments)

    def write(self, token: Token) -> None:
        """Keep a token; a shared one only if it fits."""
        if self._value is None:
            self._token = token
        elif len(data := token.value.encode()) < _LONGEST_SHARED:
            self._value.value = data
            self._moments[:] = token[1:]


_EARLY = 60.0
"""Seconds before its end that a token is replaced, or a fifth of its life if that is less."""
_AGAIN = 5.0
"""Seconds until a token server that could not replace a token is asked again, while the token lasts."""
_FIRST_PAUSE, _LAST_PAUSE = 0.25, 15.0
"""Seconds between two requests to a token server that fails; doubled each time, unless it says how long."""
_LOOK = 0.02
"""Seconds between two looks whether a token has arrived."""
_STEP = 0.1
"""Seconds until a waiting thread notices that its token is not needed any more."""
_MOST = 1_000_000
"""Bytes that a token server's response may have."""
_SHOWN = 200
"""Characters of a token server's own words in a message."""
_LATER = frozenset({408, 425, 429})
"""Statuses below 500 that ask for another try: RFC 9110, 15.5.9; RFC 8470; RFC 6585."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no token.

    Attributes:
        message: what happened, in our words.
        said: the token server's own words, not redacted; may be empty.
        remedy: what to do.
        wait: seconds until the token server may be asked again; None where another try does not help.
    """

    message: str
    said: str = ""
    remedy: str = "Check `token_url`, the network and the proxy; `rokt-export probe` looks at each step."
    wait: float | None = None


class TokenSource:
    """One OAuth 2 client-credentials token. Its methods are for one thread, and none of them waits for the server.

    Args:
        settings: from the spec.
        fill: fills the settings' templates.
        options: how the endpoint is connected to; its timeouts hold for the token server too.
        base_url: where the token server is instead (a sandbox).
        reveal: receives each token (a name and its value), so that it can be redacted.
        hide: redacts a text.
        store: where the token is kept; several processes may share it.
        patience: seconds that the token server may fail before the run ends.
    """

    def __init__(
        self,
        settings: OAuth2,
        fill: FillText,
        options: TransportOptions,
        base_url: str | None,
        reveal: Callable[[str, str], None],
        hide: Callable[[str], str],
        store: TokenStore,
        patience: float,
    ) -> None:
        self._settings = settings
        self._store = store
        self._reveal = reveal
        self._hide = hide
        self._patience = patience
        url = parse_url(fill(settings.token_url))
        self._url = (base_url or url.origin) + url.rest
        self._request = _request(settings, fill, self._url)
        # A client certificate is the endpoint's: it is not shown to another server.
        self._options = replace(
            options, max_response=_MOST, http_version=None, max_connections=1,
            client_certificate=None, client_key=None, client_key_password=None,
        )  # fmt: skip
        self._token = Token()
        self._shared: tuple[tuple[str, str], ...] | None = None
        self._complete: tuple[tuple[str, str], ...] = ()
        self._stale = _stale(settings.refresh_on)
        self._refused = ""
        self._replacing = self._proven = False
        self._refusals = 0
        self._thread: threading.Thread | None = None
        self._result: Token | _Failure | BaseException = Token()
        self._last = _Failure("the token server does not give one")
        self._asked_again = 0.0
        self._failing_since: float | None = None
        self._pause = _FIRST_PAUSE
        self._news: list[str] = []
        self._type_noted = False
        self._closed = False

    def wait(self) -> float:
        """Return seconds until it makes sense to ask again whether there is a token; 0.0 = there is one.

        Raises:
            UnreachableError: the server refuses, or fails for longer than patience allows.
        """
        now = time.monotonic()
        if now < self._token.good_until:
            return 0.0
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            self._take(self._result, now)
            if now < self._token.good_until:
                return 0.0
        if self._thread is None and now >= self._asked_again:
            self._thread = threading.Thread(target=self._renew, name="token", daemon=True)
            self._thread.start()
        if now < self._token.ends:  # it serves until another is there
            return 0.0
        return _LOOK if self._thread is not None else self._asked_again - now

    def news(self) -> str | None:
        """Return what a person should know about the token server, once; None where there is nothing new."""
        return self._news.pop(0) if self._news else None

    def close(self) -> None:
        """Stop waiting for the token server."""
        self._closed = True
        if self._thread is not None:
            self._thread.join(2 * _STEP)

    def on(self, request: Request) -> Request:
        """Return a request with the token in its header; requests that share their headers still do."""
        if request.headers is not self._shared:
            self._shared = request.headers
            header = (self._settings.header, self._settings.prefix + self._token.value)
            self._complete = (*request.headers, header)
        return Request(request.method, request.url, self._complete, request.body)

    def renewed(self, request: Request, response: Response) -> bool:
        """Return whether a response means "no longer good", so that the request is to be sent with another token.

        Where a token that replaced a refused one is refused too, that is the response to this row: the partner may mean
        something else, and the token server is not asked again for each row.

        Raises:
            UnreachableError: the next row is refused too, and none was accepted between: no token of this server helps.
        """
        current = (request.header(self._settings.header) or "") == self._settings.prefix + self._token.value
        if self._stale.classify(response).rule is None:
            if current:
                self._proven, self._refusals = True, 0
            return False
        if current and not self._replacing:
            if self._refused and not self._proven:
                self._refusals += 1
                if self._refusals > 1:
                    raise self._useless("the partner refuses the new token too")
                return False
            self._refused = self._token.value
            self._proven = False
            self._replacing = True
            self._token = self._token._replace(good_until=0.0, ends=0.0)
        return True

    def _useless(self, what: str) -> UnreachableError:
        return UnreachableError(what, where=urlsplit(self._url).netloc, remedy=_ASK)

    def _take(self, result: Token | _Failure | BaseException, now: float) -> None:
        """Use the result of the thread.

        Raises:
            UnreachableError: there is no token.
        """
        if isinstance(result, BaseException):
            raise result
        if isinstance(result, Token):
            if self._failing_since is not None:
                self._news.append("the token server is back")
            self._failing_since, self._pause = None, _FIRST_PAUSE
            if self._replacing and result.value == self._refused:
                raise self._useless("the token server gives the same token again that the partner refuses")
            self._replacing = False
            if result.value != self._token.value:
                self._reveal("ACCESS_TOKEN", result.value)
                self._shared = None
            self._token = result
            return
        self._last = result
        since = now if self._failing_since is None else self._failing_since
        self._asked_again = now if result.wait is None else now + result.wait
        said = cut(self._hide(result.said), _SHOWN)
        message = f"{result.message}, {said}" if said else result.message
        if result.wait is None or now - since >= self._patience:
            raise UnreachableError(message, where=urlsplit(self._url).netloc, remedy=result.remedy)
        if self._asked_again - since > self._patience and result.wait > self._pause:
            raise UnreachableError(
                f"{message}; it asks to wait {result.wait:,.0f} s, which is longer than patience",
                where=urlsplit(self._url).netloc,
                remedy="Resume the run later, or give it more --patience.",
            )
        self._asked_again = min(self._asked_again, since + self._patience)
        if self._failing_since is None:
            self._news.append(f"no token, trying again: {message}")
        self._failing_since = since
        self._pause = min(_LAST_PAUSE, 2 * self._pause)

    def _renew(self) -> None:
        """Get a token into `_result`: another process's, or a new one (runs in the thread)."""
        try:
            with self._store.lock:
                self._result = self._shared_or_fetched(self._store.read())
        except BaseException as error:  # noqa: BLE001 - raised again by `wait`
            self._result = error

    def _shared_or_fetched(self, token: Token) -> Token | _Failure:
        now = time.monotonic()
        if token.value != self._refused and now < token.good_until:
            return token
        if now < token.again:  # another process has just asked
            return replace(self._last, wait=token.again - now)
        found = self._fetch()
        now = time.monotonic()
        if isinstance(found, _Failure) and token.value != self._refused and now < token.ends:
            found = token._replace(good_until=min(token.ends, now + _AGAIN))  # it still serves
        if isinstance(found, Token):
            self._store.write(found)
        elif found.wait is not None:
            self._store.write(token._replace(again=now + found.wait))
        return found

    def _fetch(self) -> Token | _Failure:
        started = time.monotonic()
        result = self._exchange()
        if isinstance(result, Fault):
            helps = result.kind not in LASTING and (result.sent or result.kind is not FaultKind.PROTOCOL)
            message = f"the token server cannot be reached: {result.message}"
            return _Failure(message, wait=self._pause if helps else None)
        settings = self._settings
        said_all = read_token_response(
            result.body, result.header("Content-Type"), settings.token_field, settings.expires_field
        )
        token = said_all.token
        if isinstance(token, str):  # some servers send the prefix with the token
            token = token.strip()
            doubled = settings.prefix.strip() and token.lower().startswith(settings.prefix.lower())
            token = token[len(settings.prefix) :].lstrip() if doubled else token
        if result.status < 300 and isinstance(token, str) and token:
            if not (token.isascii() and token.isprintable()):
                return _Failure(
                    "the token server's response has a token that does not fit into a header", remedy=_CHECK
                )
            self._note_type(said_all.token_type)
            life = life_of(said_all.lifetime, settings.expires_unit, settings.expires_after)
            return Token(token, started + life - min(_EARLY, life / 5), started + life)
        said = said_all.words
        if isinstance(token, str) and token and token in said:
            said = ""
        if result.status in _LATER or result.status >= 500:
            asked = retry_after(result.header("Retry-After") or "")
            return _Failure(
                f"the token server answers status {result.status}", said, wait=max(self._pause, asked or 0.0)
            )
        if result.status in (400, 401):
            message = f"the token server refused our credentials: status {result.status}"
            return _Failure(message, said, _CHECK)
        if result.status < 300:
            return _Failure(_without_token(settings.token_field, said_all, said), said, _CHECK)
        if result.status < 400 and (target := result.header("Location")):
            return _Failure(f"the token server redirects (status {result.status})", f"to {target}", _CHECK_URL)
        return _Failure(f"the token server answers status {result.status}, and no token", said, _CHECK_URL)

    def _exchange(self) -> AttemptResult:
        with Transport(self._options) as transport:
            transport.start(self, self._request)
            while not self._closed:
                for _, result in transport.poll(_STEP):
                    return result
        return Fault(FaultKind.CANCELLED, "nobody waits for it any longer", sent=True)

    def _note_type(self, kind: str | None) -> None:
        """Tell once that a token which is sent as `Bearer` is of another type (RFC 6749, 5.1)."""
        sent_as_bearer = self._settings.prefix.strip().lower() == "bearer"
        if kind and sent_as_bearer and not self._type_noted and not kind.lower().startswith("bearer"):
            self._type_noted = True
            shown = cut(self._hide(kind), 40)
            self._news.append(
                f"the token server gives a token of type `{shown}`, sent as `Bearer`; `prefix` changes that"
            )


_CHECK = "Check client_id, client_secret, scope and `secret_in`, and `token_field`, with the partner."


_CHECK_URL = "Check `token_url`, and `method` and `request_encoding` of the token request, with the partner."


def _without_token(field: str, found: TokenResponse, said: str) -> str:
    """Return what a response has instead of a token."""
    if found.elsewhere:
        return f"the token server's response has no `{field}`; perhaps `token_field: {cut(found.elsewhere, 80)}`"
    if found.token is not None or field in found.names:
        kinds = {type(None): "null", str: "empty", list: "a list", dict: "an object", bool: "true or false"}
        return f"the token server's response has no token: its `{field}` is {kinds.get(type(found.token), 'a number')}"
    names = ", ".join(f"`{cut(name, 40)}`" for name in found.names[:8])
    there = f"; it has {names}" if names and not said else ""
    return f"the token server's response has no `{field}`{there}"


_ASK = "Ask the partner why it refuses tokens of its server; then resume the run."


def _request(settings: OAuth2, fill: FillText, url: str) -> Request:
    """Return the request for a token."""
    fields = {"grant_type": "client_credentials"}
    fields |= {name: fill(value) for name, value in settings.parameters.items()}
    for name, value in (("scope", settings.scope), ("audience", settings.audience)):
        if value is not None:
            fields[name] = fill(value)
    own = [(name, fill(value)) for name, value in settings.headers.items()]
    named = {name.lower() for name, _ in own}
    defaults = (("User-Agent", f"rokt-export/{__version__}"), ("Accept", "application/json"))
    headers = [*((name, value) for name, value in defaults if name.lower() not in named), *own]
    client, secret = fill(settings.client_id), fill(settings.client_secret)
    if settings.secret_in == "header":
        headers.append(("Authorization", f"Basic {b64encode(f'{client}:{secret}'.encode()).decode()}"))
    else:
        fields |= {"client_id": client, "client_secret": secret}
    if settings.method == "GET" or settings.secret_in == "query":
        url = f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"
        return Request(settings.method, url, tuple(headers), None if settings.method == "GET" else b"")
    if settings.request_encoding == "json":
        headers.append(("Content-Type", "application/json"))
        return Request(settings.method, url, tuple(headers), json.dumps(fields).encode())
    headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return Request(settings.method, url, tuple(headers), urlencode(fields).encode())


def _stale(settings: RefreshOn) -> Classifier:
    """Return the responses that mean "no longer good", as rules: the status, or any one of the body's conditions."""
    made = Rule.model_construct  # the parts have been validated with the spec
    statuses = [] if settings.status is None else [made(outcome="failed", status=settings.status)]
    bodies = [made(outcome="failed", body={path: condition}) for path, condition in settings.body.items()]
    return Classifier([*statuses, *bodies])
