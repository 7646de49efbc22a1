"""All that authenticates an attempt, put on each before it leaves: what is signed, and what a server gave us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rokt_export.delivery.tokens import OwnStore, TokenStore
from rokt_export.exchange.model import Request, Response
from rokt_export.exchange.render import Renderer
from rokt_export.exchange.standing import filler
from rokt_export.spec.authentication import Digest, OAuth2
from rokt_export.spec.url_template import fixed_url

if TYPE_CHECKING:
    from rokt_export.delivery.granted import DigestAuth, TokenSource


class Credentials:
    """All that authenticates an attempt: what is signed over the request or the clock, and what a server gave us.

    Args:
        renderer: knows the environment and its authentications.
        variables: values of the environment's variables.
        trust: path of the CA file for the token server, or True for the system's.
        base_url: where the token server is instead (a sandbox).
        reveal: told of each secret that comes into being (its name and value), so that it can be redacted.
        stores: where tokens are kept, in the order of the authentications; without, each source keeps its own.
    """

    def __init__(
        self,
        renderer: Renderer,
        variables: Mapping[str, str],
        *,
        trust: str | bool = True,
        proxy: str | None = None,
        base_url: str | None = None,
        reveal: Callable[[str, str], None] = lambda _name, _value: None,
        stores: Sequence[TokenStore] = (),
    ) -> None:
        self._renderer = renderer
        self._tokens: list[TokenSource] = []
        self._granted: list[TokenSource | DigestAuth] = []
        authentications = renderer.environment.authentication or ()
        tokens = [each for each in authentications if isinstance(each, OAuth2)]
        digests = [each for each in authentications if isinstance(each, Digest)]
        if tokens or digests:
            from rokt_export.delivery.granted import DigestAuth, TokenSource  # requests loads for long

            fill = filler(variables)
            for index, each in enumerate(tokens):
                store = stores[index] if index < len(stores) else OwnStore()
                fixed_url(each.token_url, variables, "token_url")  # its host is checked before a secret goes there
                self._tokens.append(TokenSource(each, fill, trust, proxy, base_url, reveal, store))
            asked = [DigestAuth(fill(each.username), fill(each.password)) for each in digests]
            self._granted = [*self._tokens, *asked]

    @property
    def fetches(self) -> bool:
        """Whether a token server is asked before the first send."""
        return bool(self._tokens)

    @property
    def standing(self) -> bool:
        """Whether every request leaves just as it was rendered, so that `on` need not be asked."""
        return not (self._granted or self._renderer.signs)

    @property
    def renews(self) -> bool:
        """Whether an answer may ask for other credentials; where none can, `renewed` need not be asked."""
        return bool(self._granted)

    def ready(self) -> None:
        """Fetch what is needed before the first send.

        Raises:
            UnreachableError: a token server cannot be reached, or refuses.
        """
        for source in self._tokens:
            source.token()

    def on(self, request: Request) -> Request:
        """Return a request with its credentials; the same object where all of them stand on it already."""
        for each in self._granted:
            request = each.on(request)
        return self._renderer.sign(request)

    def renewed(self, request: Request, response: Response) -> bool:
        """Return whether an answer asked for other credentials and they are at hand: the request was not accepted.

        Args:
            request: as it was sent.
            response: its answer.

        Raises:
            UnreachableError: a token server refuses.
        """
        return any(each.renewed(request, response) for each in self._granted)
