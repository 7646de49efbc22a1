"""Responds to questions about jobs: pending at the first, decided from the second on."""

from __future__ import annotations

from collections.abc import Mapping

from rokt_export.exchange.model import Response
from rokt_export.partner_spec.model import Confirmation
from rokt_export.sandbox.example_responses import ExampleResponses
from rokt_export.sandbox.url_patterns import EndpointUrl

_REMEMBERED = 100_000


class Jobs:
    """The jobs that a partner's confirmations are asked about.

    Any name is a job's: a run that was sent to one sandbox may be confirmed at the next.

    Args:
        confirmation: how the spec asks.
        variables: the environment's variables.

    Attributes:
        shown: where it is asked, for a person.
    """

    def __init__(self, confirmation: Confirmation, variables: Mapping[str, str]) -> None:
        captured_url = not confirmation.url.startswith("/")
        self._url = None if captured_url else EndpointUrl(confirmation.url, variables)
        self.shown = "the URL that was answered" if self._url is None else self._url.shown
        rules = confirmation.responses
        decided = next((rule for rule in rules if rule.outcome == "delivered"), rules[0])
        self._decided = ExampleResponses(decided)
        self._pending = next(map(ExampleResponses, confirmation.pending_rules), None)
        self._asked: set[str] = set()

    def are_at(self, path: str) -> bool:
        """Return whether a path is that of a job."""
        return self._url is None or self._url.match(path) is not None

    def response(self, target: str) -> Response:
        """Return the response about a job, given its path and query."""
        if self._pending is None or target in self._asked:
            return self._decided.make()
        if len(self._asked) < _REMEMBERED:
            self._asked.add(target)
        return self._pending.make()
