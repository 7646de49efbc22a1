"""The recording of one exchange: request and response, redacted, as reports read it from the journal."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Any, TypeAlias

import msgspec
import orjson
from msgspec import Struct, structs

from rokt_export.exchange.model import Exchange, Fault, Request, Response, Timings
from rokt_export.journal.damage import readable
from rokt_export.redaction import Piece, Redactor, SecretEncoding
from rokt_export.redaction.well_formed import well_formed

REQUEST_BYTES = 1_000_000
RESPONSE_BYTES = 250_000
"""Bytes of a body that are recorded; a longer one is truncated and marked."""
MARGIN = 64_000
"""Bytes beyond the limit that are redacted but not recorded, so that a secret at the limit is found."""
KEPT_BYTES = RESPONSE_BYTES + MARGIN
"""Bytes of a body that stay in memory after its response is classified."""
WAITING_BYTES = 16_000 + MARGIN
"""The same while a row waits for another attempt."""
_SHORT_BODY = 4_000
"""Bytes of a body up to which it is searched for personal data together with URL and headers."""


class RedactedText(Struct, frozen=True):
    """A redacted text that keeps the places and encodings of its secrets, for generated commands.

    Attributes:
        pieces: literal parts and secrets, in order.
    """

    pieces: tuple[Piece, ...] = ()

    def __str__(self) -> str:
        """Return the text with `$NAME` for each secret."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def secret(self) -> bool:
        """Whether it contains a secret."""
        return any(piece.name is not None for piece in self.pieces)


class RecordedBody(Struct, frozen=True):
    """A recorded body.

    Attributes:
        text: its text, or its base64 if it is not UTF-8.
        binary: whether `text` is base64.
        size: bytes of the original body.
        truncated: whether it was truncated.
    """

    text: RedactedText
    binary: bool = False
    size: int = 0
    truncated: bool = False


class Recording(Struct, frozen=True):
    """One recorded exchange. All texts are redacted.

    Attributes:
        method: the request's method; None if nothing was rendered.
        url: the request's URL.
        request_headers: in the order sent.
        request_body: the request's body; None without one.
        status: the response's status; None without a response.
        http_version: the response's HTTP version.
        response_headers: in the order received.
        response_body: the response's body.
        fault: kind and message of a fault, perhaps after a part of a response.
        unreadable: why the response's body could not be decoded; empty if it could.
        timings: seconds since the attempt's start.
        started: UTC seconds since the epoch.
        rows: how many rows the request carried; the records and elements of the other rows are left out.
        tokens: whether personal data is replaced by tokens.
        earlier: that the request alone is shown, for it was recorded before the row was sent once more; it stands in
            place of the response, and is not stored. Empty where request and response are of the last attempt.
    """

    method: str | None = None
    url: RedactedText = RedactedText()
    request_headers: tuple[tuple[str, RedactedText], ...] = ()
    request_body: RecordedBody | None = None
    status: int | None = None
    http_version: str | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: RecordedBody | None = None
    fault: tuple[str, str] | None = None
    timings: Timings = Timings()
    started: float = 0.0
    tokens: bool = False
    unreadable: str = ""
    rows: int = 1
    earlier: str = ""

    @property
    def personal(self) -> str:
        """That personal data is not shown, in a clause; empty where none is left out."""
        return "personal data is shown as tokens" if self.tokens else ""

    @property
    def sharing(self) -> str:
        """What is left out of a request that carried several rows, in a sentence; empty where it carried one."""
        if self.rows == 1:
            return ""
        return f"The request contained {self.rows:,} rows; the parts for the other rows are left out."

    @property
    def response(self) -> Response | None:
        """The redacted response as a `Response`, for the explain trace."""
        if self.status is None:
            return None
        body = b"" if self.response_body is None else _raw(self.response_body)
        version = self.http_version or "1.1"
        return Response(self.status, self.response_headers, body, self.timings, version, unreadable=self.unreadable)

    def of_earlier_attempt(self, told: str, latency: float) -> Recording:
        """Return the request alone, with what is told in place of the response.

        Args:
            told: for `earlier`.
            latency: seconds of the last attempt.
        """
        return structs.replace(
            self, status=None, response_headers=(), response_body=None, fault=None, unreadable="",
            timings=Timings(total=latency), earlier=told,
        )  # fmt: skip

    def dump(self) -> bytes:
        """Return the recording as bytes for the journal."""
        return orjson.dumps(
            {
                "method": self.method,
                "url": _dumped(self.url),
                "request_headers": [[name, _dumped(value)] for name, value in self.request_headers],
                "request_body": _dumped_body(self.request_body),
                "status": self.status,
                "http_version": self.http_version,
                "response_headers": self.response_headers,
                "response_body": _dumped_body(self.response_body),
                "fault": self.fault,
                "timings": [
                    round(phase, 6)
                    for phase in (
                        self.timings.dns,
                        self.timings.connect,
                        self.timings.tls,
                        self.timings.first_byte,
                        self.timings.total,
                    )
                ],
                "started": self.started,
                "tokens": self.tokens,
                "unreadable": self.unreadable,
                "rows": self.rows,
            }
        )

    @classmethod
    def load(cls, data: bytes, of: str) -> Recording:
        """Return the recording that `dump` wrote.

        Args:
            data: what it wrote.
            of: the row and its run, for the error.

        Raises:
            JournalError: the data cannot be read.
        """
        with readable(f"the recording of {of}"):
            return cls._loaded(_decoded(data))

    @classmethod
    def _loaded(cls, found: _Stored) -> Recording:
        return cls(
            method=found.method,
            url=_loaded(found.url),
            request_headers=tuple((name, _loaded(value)) for name, value in found.request_headers),
            request_body=_loaded_body(found.request_body),
            status=found.status,
            http_version=found.http_version,
            response_headers=found.response_headers,
            response_body=_loaded_body(found.response_body),
            fault=found.fault,
            timings=Timings(*found.timings),
            started=found.started,
            tokens=found.tokens,
            unreadable=found.unreadable,
            rows=found.rows,
        )


class _StoredPiece(Struct, array_like=True):
    """A secret as `Recording.dump` writes it."""

    text: str
    name: str | None
    encoding: SecretEncoding | None
    credentials: list[str | _StoredPiece]


_StoredText: TypeAlias = str | list[str | _StoredPiece]


class _StoredBody(Struct, array_like=True):
    """A body as `Recording.dump` writes it."""

    text: _StoredText
    binary: bool
    size: int
    truncated: bool


class _Stored(Struct):
    """What `Recording.dump` writes; a recording of an earlier version lacks what has a default."""

    method: str | None
    url: _StoredText
    request_headers: list[tuple[str, _StoredText]]
    request_body: _StoredBody | None
    status: int | None
    http_version: str | None
    response_headers: tuple[tuple[str, str], ...]
    response_body: _StoredBody | None
    fault: tuple[str, str] | None
    timings: tuple[float, float, float, float, float]
    started: float
    tokens: bool
    unreadable: str = ""
    rows: int = 1


_decoded = msgspec.json.Decoder(_Stored).decode


def record(exchange: Exchange, redactor: Redactor, personal: Collection[str] = ()) -> Recording:
    """Return the recording of an exchange.

    Args:
        exchange: the exchange, not redacted.
        redactor: knows the secrets.
        personal: the values of personal data; empty for test data.
    """
    request, result = exchange.request, exchange.result
    fault = result if isinstance(result, Fault) else None
    response = result.partial if isinstance(result, Fault) else result
    # Of a row's values, few are anywhere but in the request's body: one look at all short texts tells which.
    came = list(_short_texts(response, fault))
    head = [] if request is None else [request.url, *chain.from_iterable(request.headers)]
    around = redactor.personal_in([*head, *came], personal)
    held = redactor.personal_in(came, around)
    sent = _request(request, redactor, around, personal) if request is not None else {}
    got: dict[str, Any] = {}
    if response is not None:
        got = {
            "status": response.status,
            "http_version": response.http_version,
            "response_headers": _response_headers(response, redactor, held, addresses=bool(personal)),
            "response_body": _response_body(
                response, redactor, held if _is_short(response.body) else personal, addresses=bool(personal)
            ),
            "unreadable": response.unreadable,
        }
    if fault is not None:
        got["fault"] = (str(fault.kind), redactor.text(fault.message, held))
    timings = result.timings if result is not None else Timings()
    return Recording(
        **sent,
        **got,
        timings=timings,
        started=exchange.started,
        tokens=bool(personal),
        rows=len(exchange.together) or 1,
    )


def _short_texts(response: Response | None, fault: Fault | None) -> Iterator[str]:
    """Yield what came back, to be searched together; a long or binary body is left out."""
    if fault is not None:
        yield fault.message
    if response is not None:
        yield from chain.from_iterable(response.headers)
        if _is_short(response.body):
            yield response.body.decode()


def _is_short(body: bytes) -> bool:
    """Return whether a body is short enough to be searched twice, and a text."""
    if len(body) > _SHORT_BODY:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _request(
    request: Request, redactor: Redactor, around: Collection[str], personal: Collection[str]
) -> dict[str, Any]:
    """Return the redacted request; `around` are the personal values that its URL and headers may hold."""
    body = request.body
    headers = redactor.headers(request.headers, around)
    return {
        "method": request.method,
        "url": _shown(redactor, request.url, redactor.url(request.url, around), around),
        "request_headers": tuple(
            (name, _shown(redactor, value, shown, around))
            for (name, value), (_, shown) in zip(request.headers, headers, strict=True)
        ),
        "request_body": None if body is None else _body(body, redactor, personal),
    }


def _shown(redactor: Redactor, text: str, redacted: str, personal: Collection[str]) -> RedactedText:
    """Return the text in pieces if only secrets were redacted; else the redacted text as one piece."""
    found = [] if redacted == text else redactor.pieces(text)
    if all(piece.name is None for piece in found):
        return RedactedText((Piece(redacted),))
    pieces = found
    if "".join(piece.text for piece in found) != redacted:
        pieces = [piece if piece.name is not None else Piece(redactor.text(piece.text, personal)) for piece in found]
    return (
        RedactedText(tuple(pieces))
        if "".join(piece.text for piece in pieces) == redacted
        else RedactedText((Piece(redacted),))
    )


def _response_body(
    response: Response, redactor: Redactor, personal: Collection[str], *, addresses: bool
) -> RecordedBody:
    json = "json" in (response.header("content-type") or "").lower()
    hide = redactor.addresses if addresses else str
    return _body(response.body, redactor, personal, RESPONSE_BYTES, response.size, hide, json=json, secrets=True)


def _response_headers(
    response: Response, redactor: Redactor, personal: Collection[str], *, addresses: bool
) -> tuple[tuple[str, str], ...]:
    headers = redactor.headers(response.headers, personal)
    return tuple((name, redactor.addresses(value)) for name, value in headers) if addresses else headers


def _body(
    body: bytes,
    redactor: Redactor,
    personal: Collection[str],
    limit: int = REQUEST_BYTES,
    size: int | None = None,
    hide: Callable[[str], str] = str,
    **manner: bool,
) -> RecordedBody:
    """Record a body: redact it, apply `hide`, keep it well-formed as `manner` says, and truncate it last."""
    import base64

    kept = body[: limit + MARGIN]
    size = size or len(body)
    whole = len(kept) == size
    truncated = size > limit or not whole

    def most(length: int) -> int:
        return min(limit, length if whole else length - MARGIN)

    try:
        text = getincrementaldecoder("utf-8")().decode(kept, final=whole)
    except UnicodeDecodeError:
        data = hide(redactor.body(kept, personal).decode("latin-1")).encode("latin-1")
        encoded = base64.b64encode(data[: most(len(data))]).decode()
        return RecordedBody(RedactedText((Piece(encoded),)), binary=True, size=size, truncated=truncated)
    redacted = hide(redactor.text(text, personal))
    if redacted != text:
        redacted = well_formed(redacted, text, **manner)
    shown = _shown(redactor, text, redacted, personal)
    if truncated:
        shown = _cut(shown, most(sum(len(piece.text) for piece in shown.pieces)))
    return RecordedBody(shown, size=size, truncated=truncated)


def _cut(shown: RedactedText, most: int) -> RedactedText:
    kept: list[Piece] = []
    for piece in shown.pieces:
        if len(piece.text) > most:
            return RedactedText((*kept, Piece(piece.text[: max(0, most)])) if piece.name is None else tuple(kept))
        kept.append(piece)
        most -= len(piece.text)
    return shown


def _raw(body: RecordedBody) -> bytes:
    import base64

    return base64.b64decode(str(body.text)) if body.binary else str(body.text).encode()


def _dumped(shown: RedactedText) -> Any:
    if not shown.secret:
        return str(shown)
    return [_dumped_piece(piece) for piece in shown.pieces]


def _dumped_piece(piece: Piece) -> Any:
    if piece.name is None:
        return piece.text
    return [piece.text, piece.name, piece.encoding, [_dumped_piece(part) for part in piece.credentials]]


def _loaded(data: _StoredText) -> RedactedText:
    return RedactedText((Piece(data),)) if isinstance(data, str) else RedactedText(tuple(map(_loaded_piece, data)))


def _loaded_piece(data: str | _StoredPiece) -> Piece:
    if isinstance(data, str):
        return Piece(data)
    return Piece(data.text, data.name, data.encoding, tuple(map(_loaded_piece, data.credentials)))


def _dumped_body(body: RecordedBody | None) -> Any:
    return None if body is None else [_dumped(body.text), body.binary, body.size, body.truncated]


def _loaded_body(data: _StoredBody | None) -> RecordedBody | None:
    return None if data is None else RecordedBody(_loaded(data.text), data.binary, data.size, data.truncated)
