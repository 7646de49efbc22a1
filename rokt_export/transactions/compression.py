"""Opens a file or stdin as plain bytes; unpacks gzip, bzip2, xz and zstandard, recognized by their first bytes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from rokt_export.errors import TransactionsError
from rokt_export.transactions.files import STDIN, open_file, open_span, unreadable

if TYPE_CHECKING:
    from rokt_export.transactions.file_digests import FileDigests


class ByteStream(Protocol):
    """The part of a binary file that the readers use."""

    def read1(self, size: int = -1, /) -> bytes:
        """Return the bytes that have arrived; wait only if there are none. `b""` at the end."""

    def close(self) -> None:
        """Release the file."""


_CHUNK = 1 << 16
_PACKED_CHUNK = 1 << 9
"""Compressed bytes that are unpacked at once. Few, because four zstandard bytes can unpack to 128 KB."""
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstandard"))


class BrokenArchive(OSError):
    """A compressed file is cut off or damaged. All data before that place was read."""


class PrefixedRaw(io.RawIOBase):
    """Bytes that were read ahead, followed by the rest of a stream. A read waits for at most one chunk."""

    def __init__(self, prefix: bytes, rest: ByteStream) -> None:
        super().__init__()
        self._prefix = prefix
        self._rest = rest

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object, /) -> int:
        """Fill the buffer with what has arrived and return the number of bytes; 0 at the end."""
        view = memoryview(cast(bytearray, buffer))
        chunk = self._prefix[: len(view)] if self._prefix else self._rest.read1(len(view))
        if self._prefix:
            self._prefix = self._prefix[len(chunk) :]
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        """Close the rest of the stream too."""
        if not self.closed:
            self._rest.close()
        super().close()


class _Stdin:
    """Stdin as a byte stream; `close` leaves it open.

    It bypasses Python's buffer. A thread that waits for rows would hold the buffer's lock, and Python aborts the
    process when it needs that lock at exit.
    """

    def __init__(self) -> None:
        self._ended = False

    def read1(self, size: int = -1, /) -> bytes:
        if self._ended:  # a terminal would start again after Ctrl-D
            return b""
        buffer = cast(io.BufferedReader, sys.stdin.buffer)
        raw = getattr(buffer, "raw", None)
        if raw is None:  # stdin was replaced by an object without a file
            return buffer.read1(size)
        found: bytes = raw.read(size if size > 0 else _CHUNK) or b""
        self._ended = not found
        return found

    def close(self) -> None:
        return None


def open_bytes(path: str, digests: FileDigests | None = None) -> io.BufferedReader:
    """Return the unpacked bytes of a file, or of stdin for `-`.

    A read returns what has arrived, and waits only if nothing has.

    Args:
        path: the file.
        digests: takes the digest of a file on disk, as it is read.

    Raises:
        TransactionsError: the file cannot be opened, or zstandard is needed and not installed.
    """
    source: ByteStream
    try:
        source = _Stdin() if path == STDIN else open_file(path, digests)
        prefix = read_ahead(source, 6)
    except OSError as error:
        raise unreadable(path, error) from error
    raw = PrefixedRaw(prefix, source)
    name = next((name for magic, name in _MAGIC if prefix.startswith(magic)), None)
    plain = raw if name is None else PrefixedRaw(b"", _Unpacked(name, *_unpacker(name, raw, path)))
    return io.BufferedReader(plain, _CHUNK)


def is_packed(path: str) -> bool:
    """Return whether a file is compressed.

    Raises:
        TransactionsError: it cannot be read.
    """
    try:
        with open_span(path, 0, 6) as file:
            return file.read(6).startswith(tuple(magic for magic, _ in _MAGIC))
    except OSError as error:
        raise unreadable(path, error) from error


def read_ahead(stream: ByteStream, size: int) -> bytes:
    """Return the first `size` bytes of a stream, or fewer if it ends. May return more, as chunks are not split."""
    taken = b""
    while len(taken) < size and (chunk := stream.read1(_CHUNK)):
        taken += chunk
    return taken


class _Unpacked:
    """A compressed stream that raises `BrokenArchive` for broken data."""

    def __init__(self, name: str, stream: ByteStream, errors: tuple[type[Exception], ...]) -> None:
        self._name = name
        self._stream = stream
        self._errors: tuple[type[Exception], ...] = (EOFError, *errors)

    def read1(self, size: int = -1, /) -> bytes:
        try:
            return self._stream.read1(size)
        except self._errors as error:
            reason = "it ends too early" if isinstance(error, EOFError) else str(error)
            raise BrokenArchive(f"the {self._name} data is broken: {reason}") from error

    def close(self) -> None:
        self._stream.close()


def _unpacker(name: str, raw: PrefixedRaw, path: str) -> tuple[ByteStream, tuple[type[Exception], ...]]:
    """Return the unpacking stream of a format and the errors it raises on broken data."""
    packed = cast(BinaryIO, raw)
    match name:
        case "gzip":
            import gzip
            import zlib

            return cast(ByteStream, gzip.GzipFile(fileobj=packed, mode="rb")), (gzip.BadGzipFile, zlib.error)
        case "bzip2":
            import bz2

            return cast(ByteStream, bz2.BZ2File(packed)), (OSError,)
        case "xz":
            import lzma

            return cast(ByteStream, lzma.LZMAFile(packed)), (lzma.LZMAError,)
        case _:
            return _zstandard(packed, path)


def _zstandard(packed: BinaryIO, path: str) -> tuple[ByteStream, tuple[type[Exception], ...]]:
    try:
        import zstandard
    except ImportError as error:
        raise TransactionsError(
            "a zstandard file needs the package zstandard, which is not installed",
            where=path,
            remedy='Install it: pip install "rokt-export[zstd]", or unpack the file first.',
        ) from error
    frames = _ZstandardFrames(packed, zstandard.ZstdDecompressor().decompressobj)
    return frames, (cast(type[Exception], zstandard.ZstdError),)


class _ZstandardFrames:
    """A sequence of zstandard frames. The package's own stream does not report a frame that is cut off.

    Args:
        packed: the compressed bytes.
        new_frame: makes the decompressor of one frame.
    """

    def __init__(self, packed: BinaryIO, new_frame: Callable[[], Any]) -> None:
        self._packed = packed
        self._new_frame = new_frame
        self._frame: Any = None
        self._rest = b""
        self._plain = memoryview(b"")

    def read1(self, size: int = -1, /) -> bytes:
        while not self._plain:
            chunk = self._rest or self._packed.read(_PACKED_CHUNK)
            if not chunk:
                if self._frame is not None:
                    raise EOFError
                return b""
            self._plain = memoryview(self._unpacked(chunk))
        taken = self._plain if size < 0 else self._plain[:size]
        self._plain = self._plain[len(taken) :]
        return bytes(taken)

    def close(self) -> None:
        self._packed.close()

    def _unpacked(self, chunk: bytes) -> bytes:
        self._frame = self._frame or self._new_frame()
        plain: bytes = self._frame.decompress(chunk)
        self._rest = b""
        if self._frame.eof:
            self._rest, self._frame = self._frame.unused_data, None
        return plain
