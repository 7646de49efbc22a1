"""What the partner's document says of the requests and responses of a `test`, kept with the run for its reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rokt_export.delivery.events import Settled
from rokt_export.delivery.plan import Plan
from rokt_export.errors import DocumentError
from rokt_export.exchange.model import Exchange, Response
from rokt_export.reports.run_report import DOCUMENT_NOTES

if TYPE_CHECKING:
    from rokt_export.onboarding.operation_check import OperationCheck

_MOST_ROWS = 1000
"""Rows of one run that are judged: beyond them, the same sentences come again."""
_MOST_SENTENCES = 50


class DocumentNotes:
    """Listens to settled exchanges, and notes each sentence with the rows of which it is true.

    Args:
        operation_check: the document; None where none is given, and then nothing is noted.
        environment: where the requests go.
        stand_ins: values of the requests in place of variables that have none.
        sandbox: whether a sandbox answers: its responses are our own, so only requests are judged.
    """

    def __init__(
        self, operation_check: OperationCheck | None, environment: str, stand_ins: frozenset[str], *, sandbox: bool
    ) -> None:
        self._operation_check = operation_check
        self._environment = environment
        self._stand_ins = stand_ins
        self._sandbox = sandbox
        self._judged = 0
        self._response: tuple[Response | None, tuple[str, ...]] = (None, ())
        self.sentences: dict[str, list[int]] = {}

    def listen(self, event: Settled) -> None:
        """Judge the exchanges of an event."""
        if self._operation_check is None:
            return
        left = max(0, _MOST_ROWS - self._judged)
        self._judged += len(event.exchanges)
        for exchange in event.exchanges[:left]:
            for sentence in self._sentences(self._operation_check, exchange):
                if sentence in self.sentences or len(self.sentences) < _MOST_SENTENCES:
                    self.sentences.setdefault(sentence, []).append(exchange.transaction.row)

    def _sentences(self, operation_check: OperationCheck, exchange: Exchange) -> Iterator[str]:
        if exchange.request is not None:
            try:
                found = operation_check.of_request(exchange.request, self._environment, self._stand_ins)
                yield from (finding.message for finding in found)
            except DocumentError as error:
                yield f"the request cannot be judged by the document: {error.message}"
        if isinstance(exchange.result, Response) and not self._sandbox:
            if self._response[0] is not exchange.result:  # the rows of one request may share its response
                self._response = exchange.result, operation_check.of_response(exchange.result)
            yield from self._response[1]

    def keep(self, run: str, journal: str) -> None:
        """Write what was noted to the journal."""
        from rokt_export.journal import Journal

        if self.sentences:
            with Journal.open(journal) as opened:
                opened.note(run, {DOCUMENT_NOTES: self.sentences})


def document_notes_of(operation_check: OperationCheck | None, plan: Plan, at_hand: Mapping[str, str]) -> DocumentNotes:
    """Return what listens to a run.

    Args:
        plan: of the run, whose variables may be those of a sandbox.
        at_hand: the variables that have a value.
    """
    stand_ins = frozenset(value for name, value in plan.variables.items() if at_hand.get(name) != value)
    return DocumentNotes(operation_check, plan.environment, stand_ins, sandbox=plan.destination.base_url is not None)
