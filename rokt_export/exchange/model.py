"""The parts of an exchange: request, response or fault, and outcome."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from rokt_export.transactions.transaction import Transaction


class Request(Struct, frozen=True, gc=False):
    """A complete HTTP request, ready to be sent.

    Attributes:
        method: the HTTP method, upper case.
        url: absolute, percent-encoded, with its query.
        headers: (name, value) in the order sent. Rows with the same headers share one tuple, so a transport may compare
            by identity.
        body: the bytes of the body; None for a request without one.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None = None

    def header(self, name: str) -> str | None:
        """Return the first value of a header, by name without regard to case."""
        return first_header(self.headers, name)


class Timings(Struct, frozen=True, gc=False):
    """Seconds from the start of the attempt to the end of each phase; 0.0 if a phase did not happen."""

    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    first_byte: float = 0.0
    total: float = 0.0


class Response(Struct, frozen=True, gc=False):
    """An HTTP response.

    Attributes:
        status: the HTTP status code of the final (non-1xx) response.
        headers: name and value, as received, in order.
        body: the bytes, after transfer and content decoding.
        timings: phase times in seconds.
        http_version: `1.0`, `1.1`, `2` or `3`.
        size: bytes of the whole body if only its beginning is kept; else None.
        unreadable: why the body could not be decoded and is kept as received; empty if it could.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timings: Timings = Timings()
    http_version: str = "1.1"
    size: int | None = None
    unreadable: str = ""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, by name without regard to case."""
        return first_header(self.headers, name)

    def shortened(self, most: int) -> Response:
        """Return the response with at most `most` bytes of its body, and the whole body's size."""
        if len(self.body) <= most:
            return self
        return replace(self, body=self.body[:most], size=self.size or len(self.body))


class FaultKind(StrEnum):
    """Why there is no response (docs/faults.md). A fault is never shown as a status."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT_BEFORE_SEND = "timeout_before_send"
    TIMEOUT_AFTER_SEND = "timeout_after_send"
    RESET_AFTER_SEND = "reset_after_send"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    CANCELLED = "cancelled"


class FaultFacts(Struct, frozen=True):
    """What is true of each fault of a kind.

    Attributes:
        phase: the phase of connecting that failed; None where a connection was made, or the fault does not say. Of a
            timeout, its timings tell the phase.
        silent: whether the partner did not respond. Once a request was written, a fault of connecting is a TLS server,
            or a proxy, that refuses our certificate or credentials.
        lasting: whether another attempt meets it again.
        setup: whether a wrong set-up explains it, ours or the partner's, so that it needs a diagnosis.
    """

    phase: Literal["dns", "connect", "tls"] | None = None
    silent: bool = False
    lasting: bool = False
    setup: bool = False


def _facts_of_fault(kind: FaultKind) -> FaultFacts:
    match kind:
        case FaultKind.DNS:
            return FaultFacts("dns", silent=True, setup=True)
        case FaultKind.CONNECT:
            return FaultFacts("connect", silent=True, setup=True)
        case FaultKind.TLS:
            return FaultFacts("tls", silent=True, lasting=True, setup=True)
        case FaultKind.TIMEOUT_BEFORE_SEND:
            return FaultFacts("connect", silent=True)
        case FaultKind.TIMEOUT_AFTER_SEND | FaultKind.RESET_AFTER_SEND:
            return FaultFacts(silent=True)
        case FaultKind.TOO_LARGE:
            return FaultFacts(lasting=True)
        case FaultKind.PROTOCOL:  # a response that is not HTTP, or a request that cannot be sent
            return FaultFacts()
        case FaultKind.CANCELLED:
            return FaultFacts()
        case _:
            assert_never(kind)


FAULTS = {kind: _facts_of_fault(kind) for kind in FaultKind}
"""The facts that every other place reads; each place looks up a set made once, for rows are many."""
UNCONNECTED = frozenset(kind for kind, facts in FAULTS.items() if facts.phase is not None)
"""The faults by which no connection was made that a request could be sent on."""
SILENT = frozenset(kind for kind, facts in FAULTS.items() if facts.silent)
"""The faults by which the partner did not respond: it may be down."""
LASTING = frozenset(kind for kind, facts in FAULTS.items() if facts.lasting)
"""The faults that another attempt does not heal."""


class Fault(Struct, frozen=True, gc=False):
    """An attempt without a usable response.

    Attributes:
        kind: which fault.
        message: what happened, for a person, with the host but without secrets.
        sent: whether bytes of the request may have reached the partner: the line between "never sent" and `unknown`.
        timings: times of the phases that were reached, in seconds.
        partial: the received part of an incomplete response; None if no status arrived.
    """

    kind: FaultKind
    message: str
    sent: bool
    timings: Timings = Timings()
    partial: Response | None = None

    @property
    def at_proxy(self) -> bool:
        """Whether it is our proxy's, and says nothing of the partner."""
        return names_proxy(self.message)

    @classmethod
    def cancelled(cls, timings: Timings, *, sent: bool) -> Fault:
        """Return the fault of a request that was under way when the run was stopped."""
        message = "the run was stopped; nothing was sent"
        if sent:
            message = "the run was stopped before the response came; the partner may have received it"
        return cls(FaultKind.CANCELLED, message, sent, timings)


_OUR_PROXY = "the proxy"

AttemptResult = Response | Fault
"""The result of one attempt."""


class OutcomeKind(StrEnum):
    """Four outcomes that response rules give, and three that no rule can give: unclassified, invalid, unknown."""

    DELIVERED = "delivered"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    FAILED = "failed"
    UNCLASSIFIED = "unclassified"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class OutcomeFacts(Struct, frozen=True):
    """What is true of each row with an outcome.

    Attributes:
        sent: whether a request was made of it.
        received: whether the partner has the record.
        judged: whether the partner responded to the row itself, rather than its service or the network failing.
    """

    sent: bool
    received: Literal["yes", "perhaps", "no"]
    judged: bool


def _facts_of_outcome(kind: OutcomeKind) -> OutcomeFacts:
    match kind:
        case OutcomeKind.DELIVERED | OutcomeKind.DUPLICATE:
            return OutcomeFacts(sent=True, received="yes", judged=True)
        case OutcomeKind.REJECTED:
            return OutcomeFacts(sent=True, received="no", judged=True)
        case OutcomeKind.FAILED:
            return OutcomeFacts(sent=True, received="no", judged=False)
        case OutcomeKind.UNCLASSIFIED:
            return OutcomeFacts(sent=True, received="perhaps", judged=True)
        case OutcomeKind.UNKNOWN:
            return OutcomeFacts(sent=True, received="perhaps", judged=False)
        case OutcomeKind.INVALID:
            return OutcomeFacts(sent=False, received="no", judged=False)
        case _:
            assert_never(kind)


OUTCOMES = {kind: _facts_of_outcome(kind) for kind in OutcomeKind}
"""The facts that every other place reads."""
RECEIVED = frozenset(kind for kind, facts in OUTCOMES.items() if facts.received == "yes")
"""The outcomes by which the partner has a row."""
PERHAPS_RECEIVED = frozenset(kind for kind, facts in OUTCOMES.items() if facts.received == "perhaps")
NOT_RECEIVED = frozenset(kind for kind, facts in OUTCOMES.items() if facts.sent and facts.received == "no")
NOT_JUDGED = frozenset(kind for kind, facts in OUTCOMES.items() if not facts.judged)
"""The outcomes that say nothing of what the partner thinks of a row."""


class Outcome(Struct, frozen=True, gc=False):
    """The outcome of one exchange.

    Attributes:
        kind: which of the seven.
        rule: the name of the response rule that decided; None if no rule did.
        reason: why, for a person, in the partner's or this program's words.
        reference: the partner's identifier of the record.
        code: the partner's own code.
        retry: whether the rule allows another attempt.
        retry_after: seconds that the partner asks to wait before it; None if not stated.
        by_body: whether the rule tests the response's body.
    """

    kind: OutcomeKind
    rule: str | None = None
    reason: str | None = None
    reference: str | None = None
    code: str | None = None
    retry: bool = False
    retry_after: float | None = None
    by_body: bool = False


class Exchange(Struct, frozen=True, gc=False):
    """One transaction with its request, result and outcome.

    Of a request that carried several, what concerns this transaction: its record alone, and of the response, where
    rules read it by element, its element alone.

    Attributes:
        transaction: the row.
        request: the rendered request; None for an `invalid` row.
        result: the result of the last attempt; None if nothing was sent.
        outcome: its outcome.
        attempts: how often the request was sent.
        started: UTC seconds since the epoch of the first attempt; 0.0 if nothing was sent.
        together: all transactions of a request with several, in the request's order; they share this tuple.
    """

    transaction: Transaction
    request: Request | None
    result: AttemptResult | None
    outcome: Outcome
    attempts: int = 0
    started: float = 0.0
    together: tuple[Transaction, ...] = ()

    @property
    def status(self) -> int | None:
        """The HTTP status; None if no response arrived."""
        return self.result.status if isinstance(self.result, Response) else None

    @property
    def error(self) -> str | None:
        """The transport fault as `kind: message`, or None."""
        return f"{self.result.kind}: {self.result.message}" if isinstance(self.result, Fault) else None

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds of the last attempt; None if nothing was sent."""
        return None if self.result is None else milliseconds(self.result.timings.total)


def named_proxy(proxy: str | None) -> str:
    """Return how the message of a fault names our proxy; every message about it does so.

    The journal keeps a fault as its kind and message alone.

    Args:
        proxy: its `host:port`; None where it is not known.
    """
    return f"{_OUR_PROXY} {proxy}" if proxy else _OUR_PROXY


def names_proxy(message: str) -> bool:
    """Return whether the message of a fault is about our proxy; see `named_proxy`."""
    return _OUR_PROXY in message


def milliseconds(seconds: float) -> float:
    """Return a time in milliseconds with three decimals; three times as fast as `round`."""
    return int(seconds * 1e6 + 0.5) / 1000


def latencies_of(results: Iterable[AttemptResult | None]) -> list[float | None]:
    """Return the `milliseconds` of each result, written out: a call for each row of a run would cost more."""
    return [None if result is None else int(result.timings.total * 1e6 + 0.5) / 1000 for result in results]


def first_header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    """Return the first value of the header `name`, ignoring case; None if there is none."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


# Even if the heads of responses differ (by an identifier of the request), most of their lines repeat.
@lru_cache(maxsize=256)
def header_of(line: bytes) -> tuple[str, str]:
    """Return name and value of a header line."""
    name, _, value = header_text(line).partition(":")
    return name.strip(), value.strip()


def header_text(data: bytes) -> str:
    """Decode a header: UTF-8, which is usual today, else Latin-1 (RFC 9110, 5.5)."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
