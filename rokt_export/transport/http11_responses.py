"""Turns the bytes of an HTTP/1.1 connection into answers, as they come in."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from rokt_export.exchange.model import Response, Timings, first_header
from rokt_export.transport.decompression import CutShortError, UnpackedTooLargeError, codings, unpack

_STATUS_LINE = re.compile(rb"HTTP/(\d(?:\.\d)?) +(\d{3})(?: |\r?\n)")
_BLANK = (b"\r\n", b"\n")
_FIRST_FINAL = 200
_DIGITS = 18


class Head(NamedTuple):
    """What stands above a response's body.

    Attributes:
        status: the HTTP status code.
        version: the HTTP version, as `1.1`.
        headers: name and value, as received, in order.
    """

    status: int
    version: str
    headers: tuple[tuple[str, str], ...]


# One partner's responses differ in little but their date: within a second most heads are the same, and one object.
@lru_cache(maxsize=64)
def head_of(lines: tuple[bytes, ...]) -> Head | None:
    """Return the final head of a response: not an interim (1xx) one, and without trailers.

    Only the line that follows nothing, or the blank line of an interim head, is a status line (RFC 9112, 4): a header
    may look like one.

    Args:
        lines: status lines, header lines, blank lines and trailers, in the order received.

    Returns:
        None where the blank line at its end is missing: libcurl takes a connection closed among the headers for the
        end of a response. None, too, where the status line has no status.
    """
    start = 0
    while start < len(lines):
        found = _STATUS_LINE.match(lines[start])
        end = next((index for index in range(start, len(lines)) if lines[index] in _BLANK), None)
        if found is None or end is None:
            return None
        status = int(found[2])
        if status >= _FIRST_FINAL:
            return Head(status, found[1].decode(), tuple(map(_header_of, lines[start + 1 : end])))
        start = end + 1
    return None


def cut_short(head: Head, body: bytes, timings: Timings) -> Response:
    """Return what came of a response, with the size that its body was to have."""
    stated = first_header(head.headers, "content-length") or ""
    size = int(stated) if stated.isdecimal() and len(stated) <= _DIGITS else None
    return Response(head.status, head.headers, body, timings, head.version, size, unreadable="it was cut short")


# Where each head has its own (an identifier of the request), most of its lines still repeat.
@lru_cache(maxsize=256)
def _header_of(line: bytes) -> tuple[str, str]:
    name, _, value = text_of(line).partition(":")
    return name.strip(), value.strip()


def text_of(line: bytes) -> str:
    """Return a header line's text: UTF-8 as most write it today, else Latin-1 as HTTP has it."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


_HEAD_END = b"\r\n\r\n"
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_BARE_END = b"\n0\n\n"
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(rb"\+?(\d{1,18})(?: *bytes)?", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
"""What is left of a body in chunks once its last one with anything in it has been read, where no trailers follow."""
_REPEATED = b"!repeated!"
"""Hides from llhttp that a header was there before."""
_FRAMING = (b"content-length", b"transfer-encoding")
_WITHOUT_BODY = (204, 304)
_MOST_HEAD = 65_536
"""Bytes of headers that are read; servers and gateways take no more than that from others."""
_MOST_FRAMING = 16
"""Bytes of chunk sizes, extensions and trailers that are read for each byte of body, beyond `_MOST_HEAD`: more than the
five of a server that sends each byte as a chunk of its own."""


_MOST_KNOWN = 64
"""Heads that are kept: within a second most of one partner's are the same."""


_known: dict[bytes, tuple[Head, int | None]] = {}
"""Heads that were read before, and the length of the body behind: None where it came in chunks."""


def known_response(data: bytes) -> tuple[Head, bytes] | None:
    """Return head and body of a whole response whose head was read before: that takes a tenth of the time or less.

    Nothing stands behind it, and its connection is good for another one.
    """
    end = data.find(_HEAD_END)
    known = _known.get(data[:end]) if end > 0 else None  # without its end a head says nothing of what comes next
    if known is None:
        return None
    head, length = known
    if length is None:
        body = _only_chunk(data, end + len(_HEAD_END))
        return None if body is None else (head, body)
    body = data[end + len(_HEAD_END) :]
    return (head, body) if len(body) == length else None


def _only_chunk(data: bytes, start: int) -> bytes | None:
    """Return a body that is one chunk, as most servers send what they have whole; None where it is anything else."""
    if not data.endswith(_LAST_CHUNK):
        return None
    size_end = data.find(b"\r\n", start)
    body = data[size_end + 2 : -len(_LAST_CHUNK)]
    # Without anything in it, the end of the last chunk may be that of the size as well: llhttp knows better.
    return body if body and data[start:size_end].lower() == b"%x" % len(body) else None


class UnreadableError(ValueError):
    """A response that is not read further."""


class NotHttpError(UnreadableError):
    """What came in is no HTTP/1.1; the message says why."""


class PackedCutShortError(UnreadableError):
    """The body is packed, and its end is missing."""


class TooLargeError(UnreadableError):
    """The body is larger than was allowed."""


class ResponseReader:
    """Reads the responses of one connection, one after the other; llhttp, which Node has, does the reading.

    Interim responses (1xx) are passed over, and trailers. It forgives what servers get wrong and people never notice:
    line ends without CR, a length beside a chunked body, a length stated twice, a space before a colon, folded headers,
    lines that are no header. Where a length or a chunk cannot be read, status and headers are still a response.

    Args:
        most: bytes that a body may have.

    Attributes:
        complete: whether the response begun last has been read to its end.
        reusable: whether the connection is good for another one after it.
        surplus: whether bytes came behind it that belong to another response.
        mislabelled: whether a header said that its body was packed, and it was not.
    """

    __slots__ = (
        "_body",
        "_head",
        "_headers",
        "_malformed",
        "_most",
        "_parser",
        "_read",
        "_refusal",
        "_start",
        "_status",
        "_taken",
        "complete",
        "mislabelled",
        "reusable",
        "surplus",
    )

    _body: bytes | bytearray
    _headers: list[tuple[bytes, bytes]]
    _malformed: tuple[Head, str] | None
    _refusal: HttpParserError | None
    _start: bytes

    def __init__(self, most: int) -> None:
        self._most = most
        self._parser = _new_parser(self)
        self.begin()

    def begin(self) -> None:
        """Expect a response from its start."""
        self._expect()
        self._read = 0
        self.complete = self.reusable = self.surplus = self.mislabelled = False

    def feed(self, data: bytes) -> bool:
        """Take in what has arrived; return whether the response is complete.

        Raises:
            NotHttpError: it is no response.
            TooLargeError: its body is larger than was allowed.
        """
        self._read += len(data)
        try:
            self._parse(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if self._taken > self._most:
                raise TooLargeError from error
            if self.complete:
                self._has_surplus()
            else:
                self._save_head(error)
        if not self.complete:
            self._check_size()
        if self.reusable and self._read == len(data):
            self._recognize(data)
        return self.complete

    def _check_size(self) -> None:
        """Bound what is neither head nor body, which nothing else does: memory, and time to parse it."""
        if not self._head and self._read > _MOST_HEAD:
            raise NotHttpError(f"its headers are larger than {_MOST_HEAD:,} bytes")
        if self._read - self._taken > _MOST_HEAD + _MOST_FRAMING * self._taken:
            raise NotHttpError("its chunk sizes, extensions or trailers are larger than any body needs")

    def _has_surplus(self) -> None:
        self.surplus, self.reusable = True, False

    def _parse(self, data: bytes) -> None:
        if not self._head:
            self._start += data
        if self._refusal is None:
            try:
                self._parser.feed_data(data)
                if not self.complete and data.endswith(_BARE_END) and self._is_chunked():
                    self._parser.feed_data(b"\n")  # llhttp takes the last LF for the first half of a line end
                return
            except HttpParserError as error:
                if self._status or not self._start.startswith(b"HTTP/"):
                    raise
                self._refusal = error
        self._parse_repaired(self._refusal)

    def _is_chunked(self) -> bool:
        return self._head and any(name.lower() == b"transfer-encoding" for name, _ in self._headers)

    def _parse_repaired(self, refusal: HttpParserError) -> None:
        """Read a response anew once its head is there, repaired; else it is refused for good."""
        found = _HEAD_ENDS.search(self._start)
        if found is None:
            return
        start = self._start
        repaired = _repaired(start[: found.start()])
        if repaired == start[: found.start()]:
            raise refusal
        self._expect()
        self._parser = _new_parser(self)
        self._start = repaired + _HEAD_END + start[found.end() :]
        self._parser.feed_data(self._start)

    def _expect(self) -> None:
        self._start = b""
        self._refusal = None
        self._headers = []
        self._body = b""
        self._taken = self._status = 0
        self._head = False
        self._malformed = None

    def _save_head(self, error: HttpParserError | HttpParserUpgrade) -> None:
        """Keep status and headers of a response whose body cannot be told from its framing."""
        found = _HEAD_ENDS.search(self._start)
        head = head_of(tuple(self._start[: found.end()].splitlines(keepends=True))) if found else None
        foreign = isinstance(error.__context__, NotHttpError) or isinstance(error, HttpParserUpgrade)
        if head is None or foreign or head.status != self._parser.get_status_code():
            raise NotHttpError(_why(error)) from error
        self._malformed = head, _why(error)
        self._body = self._body or self._start[found.end() :] if found else b""
        self.complete = True

    def _recognize(self, data: bytes) -> None:
        """Keep the head of a whole response that `known_response` would have read alike."""
        end = data.find(_HEAD_END)
        if end <= 0:
            return
        # What is packed is not kept: its head alone would not say what to read.
        framing = [value for name, value in self._headers if name.lower() in (*_FRAMING, b"content-encoding")]
        length = len(data) - end - len(_HEAD_END)
        if framing == [b"%d" % length] and length == self._taken:
            self._keep(data[:end], length)
        elif framing == [b"chunked"] and _only_chunk(data, end + len(_HEAD_END)) == self._body:
            self._keep(data[:end], None)

    def _keep(self, head: bytes, length: int | None) -> None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[head] = Head(self._status, self._parser.get_http_version(), self._shown()), length

    def end(self) -> bool:
        """Take note that the connection has ended; return whether that completes the response."""
        if self._read and self._head and not self.complete:
            framing = [value.lower() for name, value in self._headers if name.lower() in _FRAMING]
            self.complete = not framing or framing == [b"identity"]
        self.reusable = False
        return self.complete

    def response(self, timings: Timings) -> Response:
        """Return the response, complete, its body unpacked.

        Raises:
            PackedCutShortError: the body is packed, and its end is missing.
            TooLargeError: it is larger than was allowed.
        """
        body, self._body = bytes(self._body), b""  # not kept twice, nor while the connection is idle
        if self._malformed:
            head, why = self._malformed
            return Response(head.status, head.headers, body, timings, head.version, unreadable=why)
        headers, unreadable = self._shown(), ""
        if packed := codings(headers):
            try:
                body, unreadable, self.mislabelled = unpack(body, packed, self._most)
            except CutShortError as error:
                self._body = body
                raise PackedCutShortError(str(error)) from error
            except UnpackedTooLargeError as error:
                raise TooLargeError from error
        version = self._parser.get_http_version()
        return Response(self._status, headers, body, timings, version, unreadable=unreadable)

    def partial(self, timings: Timings) -> Response | None:
        """Return what came of a response that is not complete; None where its head is not."""
        if not self._head:
            return None
        head = Head(self._status, self._parser.get_http_version(), self._shown())
        return cut_short(head, bytes(self._body), timings)

    def _states_too_much(self) -> bool:
        """Whether the head states a length of body that is not read anyway."""
        if self._status in _WITHOUT_BODY:
            return False
        framing = {name.lower(): value for name, value in self._headers}
        length = framing.get(b"content-length", b"")
        return b"transfer-encoding" not in framing and length.isdigit() and int(length) > self._most

    def _shown(self) -> tuple[tuple[str, str], ...]:
        return tuple([_header(name, value) for name, value in self._headers])

    # -- what the parser calls

    def on_message_begin(self) -> None:
        """A response begins, interim or not; or what follows one that is complete."""
        if self.complete:
            self._has_surplus()
        else:
            self._headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has been read, or a trailer."""
        if not self._head:
            self._headers.append((name.removeprefix(_REPEATED), value))

    def on_headers_complete(self) -> None:
        """The head of a response has been read."""
        if self.complete:
            return
        self._status = self._parser.get_status_code()
        self._head = self._status >= 200
        if self._head and self._states_too_much():
            self._taken = self._most + 1
            raise TooLargeError

    def on_body(self, data: bytes) -> None:
        """A part of the body has been read."""
        if self.complete:
            return
        if not self._head:
            raise NotHttpError("an interim answer, with a status below 200, has a body")
        self._taken += len(data)
        if self._taken > self._most:
            raise TooLargeError
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body + data)

    def on_message_complete(self) -> None:
        """A response has been read to its end."""
        if self._head and not self.complete:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()


def _new_parser(reader: ResponseReader) -> HttpResponseParser:
    parser = HttpResponseParser(reader)
    parser.set_dangerous_leniencies(
        lenient_headers=True,
        lenient_chunked_length=True,
        lenient_keep_alive=True,
        lenient_version=True,
        lenient_optional_lf_after_cr=True,
        lenient_optional_cr_before_lf=True,
        lenient_optional_crlf_after_chunk=True,
        lenient_spaces_after_chunk_size=True,
    )
    return parser


def _repaired(head: bytes) -> bytes:
    """Repair what llhttp refuses although it has one meaning.

    That is the same length stated again (RFC 9110, 8.6), white space between a header's name and its colon (RFC 9112,
    5.1), and a line that is no header.
    """
    first, *lines = head.splitlines()
    kept, lengths = [first], set[bytes]()
    for line in lines:
        name, colon, value = line.partition(b":")
        name, value = name.rstrip(b" \t"), value.strip()
        if not line.startswith((b" ", b"\t")) and not (colon and _HEADER_NAME.fullmatch(name)):
            continue
        if name.lower() == b"content-length":
            if len(same := {length.strip() for length in value.split(b",")}) == 1:
                value = same.pop()
            if stated := _LENGTH.fullmatch(value):
                value = stated[1]
            if value in lengths:
                name = _REPEATED + name
            lengths.add(value)
        kept.append(line if line.startswith((b" ", b"\t")) else name + colon + b" " + value)
    return b"\r\n".join(kept)


def _why(error: Exception) -> str:
    if isinstance(error.__context__, NotHttpError):  # raised by our own callback
        return str(error.__context__)
    return "it changes to another protocol" if isinstance(error, HttpParserUpgrade) else str(error)


# One partner's responses differ in little but their date, and an identifier of the request.
@lru_cache(maxsize=512)
def _header(name: bytes, value: bytes) -> tuple[str, str]:
    return text_of(name), text_of(value).strip()
