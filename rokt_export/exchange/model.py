"""One exchange: request, response or fault, and the outcome."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from rokt_export.transactions.transaction import Transaction


class Request(Struct, frozen=True, gc=False):
    """A complete HTTP request, before anything sends it.

    Attributes:
        method: the HTTP method, upper case.
        url: absolute, percent-encoded, with its query.
        headers: name and value in the order sent. Rows whose headers do not vary share one tuple, so a transport may
            compare it by identity.
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
    """Seconds from the start of the attempt until each phase had ended (0.0 where a phase did not happen)."""

    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    first_byte: float = 0.0
    total: float = 0.0


class Response(Struct, frozen=True, gc=False):
    """What the partner responded.

    Attributes:
        status: the HTTP status code of the final (non-1xx) response.
        headers: name and value, as received, in order.
        body: the bytes, after transfer and content decoding.
        timings: phase times in seconds.
        http_version: `1.0`, `1.1`, `2` or `3`.
        size: bytes that the body had, where only its beginning is kept; else None.
        unreadable: why the body is kept as it came, and cannot be read; empty where it can be.
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
        """Return it with at most so many bytes of its body, and its size."""
        if len(self.body) <= most:
            return self
        return replace(self, body=self.body[:most], size=self.size or len(self.body))


class FaultKind(StrEnum):
    """Why there is no response. The names are the contract's; none is ever shown as a status."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT_BEFORE_SEND = "timeout_before_send"
    TIMEOUT_AFTER_SEND = "timeout_after_send"
    RESET_AFTER_SEND = "reset_after_send"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    CANCELLED = "cancelled"


class Fault(Struct, frozen=True, gc=False):
    """An attempt that brought no usable response.

    Attributes:
        kind: which fault.
        message: what happened, for a person, with the host but without secrets.
        sent: whether bytes of the request may have reached the partner: the line between "never sent" and `unknown`.
        timings: phase times in seconds, as far as it came.
        partial: what came of a response that was cut short; None where no status came.
    """

    kind: FaultKind
    message: str
    sent: bool
    timings: Timings = Timings()
    partial: Response | None = None


AttemptResult = Response | Fault
"""What one attempt brought back."""


class OutcomeKind(StrEnum):
    """Four business outcomes that rules give, and three honest ones that a rule cannot give."""

    DELIVERED = "delivered"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    FAILED = "failed"
    UNCLASSIFIED = "unclassified"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class Outcome(Struct, frozen=True, gc=False):
    """How one exchange counts.

    Attributes:
        kind: the outcome.
        rule: the name of the response rule that decided; None where no rule did.
        reason: the partner's own words or ours, for a person.
        reference: the partner's identifier of the record.
        code: the partner's own code.
        retry: whether the rule allows another attempt.
        retry_after: seconds that the partner asks to wait before one; None where it asks nothing.
        by_body: whether the rule looks into the response's body.
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
    """One transaction: what was sent, what came back, how it counts.

    Of a request that carried several, what concerns this transaction: its record alone, and of the response, where
    rules read it by element, its element alone.

    Attributes:
        transaction: the row.
        request: what was rendered; None for an `invalid` row.
        result: of the last attempt; None where nothing was sent.
        outcome: how it counts.
        attempts: how often it was put on the wire.
        started: UTC seconds since the epoch of the first attempt; 0.0 where nothing was sent.
        together: all transactions of the request, in its order, where it carried several; they share this tuple.
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
        """The HTTP status, or None where no response came."""
        return self.result.status if isinstance(self.result, Response) else None

    @property
    def error(self) -> str | None:
        """The transport fault as `kind: message`, or None."""
        return f"{self.result.kind}: {self.result.message}" if isinstance(self.result, Fault) else None

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds of the last attempt from start to end, or None where nothing was sent."""
        return None if self.result is None else milliseconds(self.result.timings.total)


def milliseconds(seconds: float) -> float:
    """Return a time with three decimals, as it is kept and shown; a third of what `round` takes."""
    return int(seconds * 1e6 + 0.5) / 1000


def first_header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    """Return the first value of the header called `name`, without regard to case; None where there is none."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None
