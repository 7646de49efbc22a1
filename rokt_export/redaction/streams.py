"""Keep secrets out of log records and of what is written to a stream, however it is cut into writes."""

from __future__ import annotations

import io
import logging
from types import TracebackType
from typing import TextIO

from rokt_export.redaction.names import HIDDEN
from rokt_export.redaction.redactor import Redactor

_TELLING = 4
"""From how many characters on the beginning of a secret, left over at the end of a stream, is hidden."""
_STANDARD_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
_FORMATTER = logging.Formatter()


class RedactingFilter(logging.Filter):
    """Redacts every log record: message with its arguments, exception and stack texts, and extra attributes.

    Add it to handlers: a logger's own filters do not see the records of its children. The traceback is turned into
    text at once, so that no later handler can format the exception for itself.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record in place; every record passes."""
        redacted = self._redactor.secrets_in
        record.msg = redacted(_message(record))
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        record.exc_info = None
        if record.exc_text:
            record.exc_text = redacted(record.exc_text)
        if record.stack_info:
            record.stack_info = redacted(record.stack_info)
        for name in record.__dict__.keys() - _STANDARD_ATTRIBUTES:
            record.__dict__[name] = self._redactor.data(record.__dict__[name])
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the message: still worth a line, redacted
        return f"{record.msg} {record.args!r}"


class RedactingWriter(io.TextIOBase):
    """A text stream that redacts what is written through it to another.

    Nothing that is split across writes leaks: the end of the text is held back while it may be the beginning of a
    secret in any encoding, and only then, so that prompts and progress bars without a line end appear at once.
    `flush` passes on all but that end; `close` passes on the rest, hiding an unfinished secret of four characters or
    more, and leaves the wrapped stream open.
    """

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor
        self._held = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed declares a plain attribute
        """The wrapped stream's encoding."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How the wrapped stream treats what its encoding lacks."""
        return self._stream.errors

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Tell whether the wrapped stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the wrapped stream's file descriptor."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Take a text, pass on what is certain; return the number of characters taken."""
        text = str(text)
        pending = self._held + text
        cut = self._redactor.unfinished(pending)
        for span in reversed(self._redactor.secret_spans(pending)):
            if span.start < cut < span.end or span.end == len(pending):
                cut = min(cut, span.start)
        self._held = pending[cut:]
        if cut:
            self._stream.write(self._redactor.secrets_in(pending[:cut]))
        return len(text)

    def flush(self) -> None:
        """Flush the wrapped stream."""
        if not self.closed:
            self._stream.flush()

    def close(self) -> None:
        """Pass on what is held back, an unfinished secret hidden; the wrapped stream stays open."""
        if self.closed:
            return
        held, self._held = self._held, ""
        start = self._redactor.unfinished(held)
        ends = [span.end for span in self._redactor.secret_spans(held)]
        start = max([start, *ends])
        tail = held[start:]
        self._stream.write(self._redactor.secrets_in(held[:start]) + (HIDDEN if len(tail) >= _TELLING else tail))
        self._stream.flush()
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
