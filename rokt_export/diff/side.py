"""One side of a pair: how one environment, or one run, answered a transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rokt_export.diff.sent import NOTHING, SentTexts
from rokt_export.exchange.model import first_header


@dataclass(frozen=True, slots=True)
class Side:
    """One side's answer to one transaction.

    Attributes:
        outcome: how it counts.
        rule: the response rule that decided; None where none did.
        reason, code, reference: what was captured.
        status: HTTP status; None where no response came.
        headers: of the response.
        body: of the response, decoded; None where none was recorded.
        truncated: the body was cut when it was recorded.
        latency_ms: milliseconds that the answer took.
        started: UTC seconds since 1970 of the exchange; 0.0 if not known.
        sent: what the request carried.
        hosts: host names of the environment, lower case.
    """

    outcome: str
    rule: str | None = None
    reason: str | None = None
    code: str | None = None
    reference: str | None = None
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    truncated: bool = False
    latency_ms: float | None = None
    started: float = 0.0
    sent: SentTexts = NOTHING
    hosts: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """Return the first value of a header, by name without regard to case."""
        return first_header(self.headers, name)

    @property
    def without_body(self) -> Side:
        """The same without body and headers, which take memory."""
        return replace(self, body=None, headers=())
