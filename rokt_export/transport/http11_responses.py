"""Parses the responses of an HTTP/1.1 connection as their bytes arrive."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from rokt_export.exchange.model import Response, Timings, first_header, header_of, header_text
from rokt_export.transport.decompression import MAGIC, CutShortError, UnpackedTooLargeError, codings, unlabelled, unpack

_STATUS_LINE = re.compile(rb"HTTP/(\d(?:\.\d)?) +(\d{3})(?: |\r?\n)")
_BLANK = (b"\r\n", b"\n")
_FIRST_FINAL = 200
_DIGITS = 18


class Head(NamedTuple):
    """The status line and headers of a response.

    Attributes:
        status: the HTTP status code.
        version: the HTTP version, such as `1.1`.
        headers: name and value, as received, in order.
    """

    status: int
    version: str
    headers: tuple[tuple[str, str], ...]


# A partner's responses differ in little but their date: within a second most heads are equal, and share one object.
@lru_cache(maxsize=64)
def head_of(lines: tuple[bytes, ...]) -> Head | None:
    """Return the final head of a response, without interim (1xx) heads and trailers.

    Only the first line, and the line after the blank line of an interim head, is a status line (RFC 9112, 4): a header
    may look like one.

    Args:
        lines: status lines, header lines, blank lines and trailers, in the order received.

    Returns:
        None if the final blank line is missing (libcurl takes a connection that is closed among the headers for a
        complete response), or if the status line has no status.
    """
    start = 0
    while start < len(lines):
        found = _STATUS_LINE.match(lines[start])
        end = next((index for index in range(start, len(lines)) if lines[index] in _BLANK), None)
        if found is None or end is None:
            return None
        status = int(found[2])
        if status >= _FIRST_FINAL:
            return Head(status, found[1].decode(), tuple(map(header_of, lines[start + 1 : end])))
        start = end + 1
    return None


def cut_short(head: Head, body: bytes, timings: Timings) -> Response:
    """Return the received part of an incomplete response, with the size that its Content-Length states."""
    stated = first_header(head.headers, "content-length") or ""
    size = int(stated) if stated.isdecimal() and len(stated) <= _DIGITS else None
    return Response(head.status, head.headers, body, timings, head.version, size, unreadable="it was cut short")


_HEAD_END = b"\r\n\r\n"
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_BARE_END = b"\n0\n\n"
_IDENTITY = re.compile(rb"[Tt]ransfer-[Ee]ncoding: *[Ii]dentity *\r?\n(?:[^\r\n]+\r?\n)*\r?\n")
"""A coding that is none, of which llhttp thinks that the body ends with the connection."""
_MOST_SEARCHED = 2_000
_HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(rb"\+?(\d{1,18})(?: *bytes)?", re.IGNORECASE)
_LAST_CHUNK = b"\r\n0\r\n\r\n"
"""The end of a chunked body after its last non-empty chunk, without trailers."""
_REPEATED = b"!repeated!"
"""Replaces a repeated header's name, which llhttp would refuse."""
_FRAMING = (b"content-length", b"transfer-encoding")
_WITHOUT_BODY = (204, 304)
_MOST_HEAD = 65_536
"""Maximum bytes of headers; servers and gateways accept no more than that."""
_MOST_FRAMING = 16
"""Maximum bytes of chunk sizes, extensions and trailers per byte of body, beyond `_MOST_HEAD`. A server that sends each
byte as a chunk needs five."""


_MOST_KNOWN = 64
"""Heads that are cached: within a second most heads of a partner are equal."""


_known: dict[bytes, tuple[Head, int | None]] = {}
"""Cached heads with the length of their body; None for a chunked body."""


def known_response(data: bytes) -> tuple[Head, bytes] | None:
    """Return head and body of a complete response whose head is cached; takes at most a tenth of the time of parsing.

    Returns:
        None if the head is not cached, or the data is not exactly one response that keeps its connection open.
    """
    end = data.find(_HEAD_END)
    known = _known.get(data[:end]) if end > 0 else None  # without the end of the head, nothing is known of what follows
    if known is None:
        return None
    head, length = known
    if length is None:
        body = _only_chunk(data, end + len(_HEAD_END))
        return None if body is None else (head, body)
    body = data[end + len(_HEAD_END) :]
    return (head, body) if len(body) == length and not body.startswith(MAGIC) else None


def _only_chunk(data: bytes, start: int) -> bytes | None:
    """Return a body that is a single chunk, which most servers send; None for anything else."""
    if not data.endswith(_LAST_CHUNK):
        return None
    size_end = data.find(b"\r\n", start)
    body = data[size_end + 2 : -len(_LAST_CHUNK)]
    # An empty chunk may end with the same bytes as its size line: llhttp parses that.
    if body.startswith(MAGIC):
        return None
    return body if body and data[start:size_end].lower() == b"%x" % len(body) else None


class UnreadableError(ValueError):
    """A response cannot be read further."""


class NotHttpError(UnreadableError):
    """The data is not HTTP/1.1; the message says why."""


class PackedCutShortError(UnreadableError):
    """The end of a compressed body is missing."""


class TooLargeError(UnreadableError):
    """The body is larger than allowed."""


class ResponseParser:
    """Parses the responses of one connection, one after the other, with llhttp (the parser of Node.js).

    Interim responses (1xx) and trailers are skipped. Common errors of servers are accepted: line ends without CR, a
    Content-Length in a chunked response, a repeated Content-Length, a space before a colon, folded headers, and lines
    that are not headers. If a length or chunk is invalid, status and headers still make a response.

    Args:
        most: maximum bytes of a body.

    Attributes:
        complete: whether the current response has been read to its end.
        reusable: whether the connection may carry another request after it.
        surplus: whether bytes of another response followed it.
        mislabelled: whether a header states a coding that the body does not have.
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
        """Prepare for the next response."""
        self._expect()
        self._read = 0
        self.complete = self.reusable = self.surplus = self.mislabelled = False

    def feed(self, data: bytes) -> bool:
        """Parse data that has arrived; return whether the response is complete.

        Raises:
            NotHttpError: the data is not a response.
            TooLargeError: the body is larger than allowed.
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
        """Limit the size of chunk framing and trailers, and so memory and parse time."""
        if not self._head and self._read > _MOST_HEAD:
            raise NotHttpError(f"its headers are larger than {_MOST_HEAD:,} bytes")
        if self._read - self._taken > _MOST_HEAD + _MOST_FRAMING * self._taken:
            raise NotHttpError("its chunk sizes, extensions or trailers are larger than any body needs")

    def _has_surplus(self) -> None:
        self.surplus, self.reusable = True, False

    def _parse(self, data: bytes) -> None:
        if not self._head:
            self._start += data
            if self._refusal is None and _IDENTITY.search(self._start, 0, _MOST_SEARCHED):
                self._refusal = HttpParserError("Transfer-Encoding: identity")
        if self._refusal is None:
            try:
                self._parser.feed_data(data)
                if not self.complete and data.endswith(_BARE_END) and self._is_chunked():
                    self._parser.feed_data(b"\n")  # llhttp takes the last LF as the first half of a line end
                return
            except HttpParserError as error:
                if self._status or not self._start.startswith(b"HTTP/"):
                    raise
                self._refusal = error
        self._parse_repaired(self._refusal)

    def _is_chunked(self) -> bool:
        return self._head and any(name.lower() == b"transfer-encoding" for name, _ in self._headers)

    def _parse_repaired(self, refusal: HttpParserError) -> None:
        """Parse a response again with its head repaired, once the head is complete; raise if that fails too."""
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
        """Keep status and headers of a response whose framing is invalid."""
        found = _HEAD_ENDS.search(self._start)
        head = head_of(tuple(self._start[: found.end()].splitlines(keepends=True))) if found else None
        foreign = isinstance(error.__context__, NotHttpError) or isinstance(error, HttpParserUpgrade)
        if head is None or foreign or head.status != self._parser.get_status_code():
            raise NotHttpError(_why(error)) from error
        self._malformed = head, _why(error)
        self._body = self._body or self._start[found.end() :] if found else b""
        self.complete = True

    def _recognize(self, data: bytes) -> None:
        """Cache the head of a complete response, if `known_response` would read the response in the same way."""
        end = data.find(_HEAD_END)
        if end <= 0:
            return
        # Compressed responses are not cached: they must be decompressed.
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

    def end(self, *, closed: bool = True) -> bool:
        """Handle the end of the connection, or of our patience; return whether it completes the response."""
        if self._read and self._head and not self.complete:
            framing = [value.lower() for name, value in self._headers if name.lower() in _FRAMING]
            self.complete = closed and (not framing or framing == [b"identity"])
            if framing == [b"chunked"]:
                self._end_chunks()
        self.reusable = False
        return self.complete

    def _end_chunks(self) -> None:
        """Complete a response whose last chunk has come, and not the blank line behind it: no byte of it is missing."""
        body, taken = self._body, self._taken
        with suppress(HttpParserError, TooLargeError):
            self._parser.feed_data(b"\r\n")
        if not self.complete:  # that was within a chunk
            self._body, self._taken = body, taken

    def response(self, timings: Timings) -> Response:
        """Return the complete response with its body decompressed.

        Raises:
            PackedCutShortError: the end of a compressed body is missing.
            TooLargeError: the body is larger than allowed.
        """
        body, self._body = bytes(self._body), b""  # an idle connection needs no buffer
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
        elif body.startswith(MAGIC):
            body = unlabelled(body, self._most)
        version = self._parser.get_http_version()
        return Response(self._status, headers, body, timings, version, unreadable=unreadable)

    def partial(self, timings: Timings) -> Response | None:
        """Return the received part of an incomplete response; None if its head is incomplete."""
        if not self._head:
            return None
        head = Head(self._status, self._parser.get_http_version(), self._shown())
        return cut_short(head, bytes(self._body), timings)

    def _states_too_much(self) -> bool:
        """Return whether the Content-Length exceeds the limit of the body."""
        if self._status in _WITHOUT_BODY:
            return False
        framing = {name.lower(): value for name, value in self._headers}
        length = framing.get(b"content-length", b"")
        return b"transfer-encoding" not in framing and length.isdigit() and int(length) > self._most

    def _shown(self) -> tuple[tuple[str, str], ...]:
        return tuple([_header(name, value) for name, value in self._headers])

    # -- callbacks of the parser

    def on_message_begin(self) -> None:
        """A response starts, interim or not; or bytes follow a complete one."""
        if self.complete:
            self._has_surplus()
        else:
            self._headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or trailer was parsed."""
        if not self._head:
            self._headers.append((name.removeprefix(_REPEATED), value))

    def on_headers_complete(self) -> None:
        """The head of a response was parsed."""
        if self.complete:
            return
        self._status = self._parser.get_status_code()
        self._head = self._status >= 200
        if self._head and self._states_too_much():
            self._taken = self._most + 1
            raise TooLargeError

    def on_body(self, data: bytes) -> None:
        """A part of the body was parsed."""
        if self.complete:
            return
        if not self._head:
            raise NotHttpError("an interim response, with a status below 200, has a body")
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
        """A response was parsed to its end."""
        if self._head and not self.complete:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()


def _new_parser(reader: ResponseParser) -> HttpResponseParser:
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
    """Repair a head that llhttp refuses although its meaning is clear.

    Left out is `Transfer-Encoding: identity`, which means none (RFC 2616, 3.6). Repaired are a repeated, equal
    Content-Length (RFC 9110, 8.6), white space before a header's colon (RFC 9112, 5.1), and lines that are not headers.
    """
    first, *lines = head.splitlines()
    kept, lengths = [first], set[bytes]()
    for line in lines:
        name, colon, value = line.partition(b":")
        name, value = name.rstrip(b" \t"), value.strip()
        if not line.startswith((b" ", b"\t")) and not (colon and _HEADER_NAME.fullmatch(name)):
            continue
        if name.lower() == b"transfer-encoding" and value.lower() == b"identity":
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
    if isinstance(error.__context__, NotHttpError):  # raised by our callback
        return str(error.__context__)
    return "it changes to another protocol" if isinstance(error, HttpParserUpgrade) else str(error)


# A partner's responses differ in little but their date and an identifier of the request.
@lru_cache(maxsize=512)
def _header(name: bytes, value: bytes) -> tuple[str, str]:
    return header_text(name), header_text(value).strip()
