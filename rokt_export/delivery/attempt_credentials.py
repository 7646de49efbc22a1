"""Puts credentials on each attempt before it leaves: signatures, tokens, digest responses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rokt_export.authentication.base import DigestLogin, FetchedToken, filler
from rokt_export.exchange.model import Request, Response
from rokt_export.request.render import Renderer
from rokt_export.spec_language.urls import fixed_url
from rokt_export.transport import TransportOptions

if TYPE_CHECKING:
    from rokt_export.delivery.digest import DigestAuth
    from rokt_export.delivery.oauth2 import TokenSource, TokenStore


class AttemptCredentials:
    """The credentials of attempts: what is signed over request or clock, and what a server gave us.

    Args:
        renderer: knows the environment and its authentications.
        variables: values of the environment's variables.
        options: how the endpoint is connected to; they hold for a token server too.
        base_url: where the token server is instead (a sandbox).
        reveal: receives each secret that comes into being (its name and value), so that it can be redacted.
        hide: redacts a text.
        stores: where tokens are kept, in the order of the authentications; without, each source keeps its own.
        patience: seconds that a token server may fail before the run ends.
    """

    def __init__(
        self,
        renderer: Renderer,
        variables: Mapping[str, str],
        *,
        options: TransportOptions = TransportOptions(),  # noqa: B008 - frozen
        base_url: str | None = None,
        reveal: Callable[[str, str], None] = lambda _name, _value: None,
        hide: Callable[[str], str] = str,
        stores: Sequence[TokenStore] = (),
        patience: float = 0.0,
    ) -> None:
        self._renderer = renderer
        self._tokens: list[TokenSource] = []
        self._granted: list[TokenSource | DigestAuth] = []
        tokens = [each.settings for each in renderer.credentials if isinstance(each, FetchedToken)]
        digests = [each for each in renderer.credentials if isinstance(each, DigestLogin)]
        fill = filler(variables)
        if tokens:
            from rokt_export.delivery.oauth2 import TokenSource, TokenStore

            for index, each in enumerate(tokens):
                store = stores[index] if index < len(stores) else TokenStore()
                fixed_url(each.token_url, variables, "token_url")  # its host is checked before a secret goes there
                self._tokens.append(TokenSource(each, fill, options, base_url, reveal, hide, store, patience))
            self._granted.extend(self._tokens)
        if digests:
            from rokt_export.delivery.digest import DigestAuth

            self._granted.extend(map(DigestAuth, digests))

    @property
    def fetches(self) -> bool:
        """Whether a token server is asked before the first send."""
        return bool(self._tokens)

    @property
    def standing(self) -> bool:
        """Whether every request leaves as rendered, so that `on` need not be called."""
        return not (self._granted or self._renderer.signs)

    @property
    def renews(self) -> bool:
        """Whether a response may ask for other credentials; else `renewed` need not be called."""
        return bool(self._granted)

    def wait(self) -> float:
        """Return seconds until it makes sense to ask again whether requests can be authenticated; 0.0 = they can.

        Raises:
            UnreachableError: a token server refuses, or fails for longer than patience allows.
        """
        return max((source.wait() for source in self._tokens), default=0.0)

    def ready(self) -> None:
        """Wait until requests can be authenticated.

        Raises:
            UnreachableError: as `wait`.
        """
        while (seconds := self.wait()) > 0:
            time.sleep(min(seconds, 0.1))

    def news(self) -> Iterator[str]:
        """Yield messages about token servers, each once."""
        for source in self._tokens:
            while (message := source.news()) is not None:
                yield message

    def close(self) -> None:
        """Stop waiting for token servers."""
        for source in self._tokens:
            source.close()

    def on(self, request: Request) -> Request:
        """Return a request with its credentials; the same object where nothing is added."""
        for each in self._granted:
            request = each.on(request)
        return self._renderer.sign(request)

    def renewed(self, request: Request, response: Response) -> bool:
        """Return whether a response asked for other credentials, so that the request is to be sent again.

        Args:
            request: as it was sent.
            response: its response.

        Raises:
            UnreachableError: what it asks for cannot be given.
        """
        return any(each.renewed(request, response) for each in self._granted)
