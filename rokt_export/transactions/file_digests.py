"""Keyed digests of files, taken while a reader goes through them, so that no file is opened once more for its own."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from rokt_export.transactions.files import absolute
from rokt_export.transactions.remote_storage import is_remote

if TYPE_CHECKING:
    from hashlib import blake2b

    from _typeshed import WriteableBuffer

MOST_BYTES = 50_000_000
"""Size up to which a file has a digest: 0.1 s of reading where no reader went through the file."""


class FileDigests:
    """The digests of files on this machine's disk.

    Args:
        key: of the digests; 64 bytes at most.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._read: dict[str, _DigestedFile] = {}

    def open(self, path: str) -> io.BufferedReader:
        """Return the bytes of a file; if they are read from the first to the last, in order, `of` has their digest.

        Raises:
            OSError: it cannot be opened.
        """
        file = _DigestedFile(path, self._new())
        self._read[absolute(path)] = file
        return io.BufferedReader(file)

    def of(self, path: str, size: int) -> str | None:
        """Return the digest of a file, as 32 hexadecimal digits; None for one that is large, or in a storage.

        Args:
            path: the file.
            size: its bytes.

        Raises:
            OSError: it was not read so far, and cannot be.
        """
        if size > MOST_BYTES or is_remote(path):
            return None
        file = self._read.get(absolute(path))
        if file is not None and file.digested == size:
            return file.digest.hexdigest()
        with Path(path).open("rb") as whole:
            return hashlib.file_digest(whole, self._new).hexdigest()

    def _new(self) -> blake2b:
        return hashlib.blake2b(key=self._key, digest_size=16)


class _DigestedFile(io.FileIO):
    """A file whose bytes are digested as they are read.

    Attributes:
        digest: of what was read so far.
        digested: bytes of that; -1 once it was not read in order.
    """

    def __init__(self, path: str, digest: blake2b) -> None:
        super().__init__(path)
        self.digest = digest
        self.digested = 0

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer and return the number of bytes; 0 at the end."""
        read = super().readinto(buffer) or 0
        if 0 <= self.digested <= MOST_BYTES:
            self.digest.update(memoryview(buffer)[:read])
            self.digested += read
        return read

    def readall(self) -> bytes:
        """Return all that is left."""
        self.digested = -1
        return super().readall()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to another place."""
        self.digested = -1
        return super().seek(offset, whence)
