"""Opens inputs that are not on this machine's disk: `s3://`, `gs://`, `az://`, `https://`, all that fsspec knows."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from rokt_export.errors import TransactionsError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
BLOCK = 4 << 20
"""Bytes that are fetched at once: a request to an object store takes 20 to 100 ms, whatever its size."""


def is_remote(path: str) -> bool:
    """Return whether a path names a storage by its scheme; one that exists on this disk is taken literally."""
    return _SCHEME.match(path) is not None and not os.path.lexists(path)


def named(path: str) -> list[str]:
    """Return the files of an address, or of a pattern in one, sorted by name.

    Raises:
        TransactionsError: the storage or the file cannot be reached, is a folder, or no file matches.
    """
    files, inner = _files_of(path)
    with _faults_named(path):
        if not any(sign in inner for sign in "*?["):
            _size(files, inner, path)
            return [path]
        found = sorted(files.unstrip_protocol(name) for name in files.glob(inner) if files.isfile(name))
    if not found:
        raise TransactionsError("no file matches", where=path, remedy="Check the pattern, the bucket and the folder.")
    return found


def state_of(path: str) -> tuple[int, int] | None:
    """Return a file's bytes, and a number that is another one once the file has changed; None if it is not there.

    Raises:
        TransactionsError: as `named`.
    """
    files, inner = _files_of(path)
    with _faults_named(path):
        files.invalidate_cache()  # a listing that was kept would hide a change
        try:
            size = _size(files, inner, path)
        except FileNotFoundError:
            return None
        return size, int(str(files.ukey(inner))[:15], 16)


def open_remote(path: str) -> io.BufferedReader:
    """Return the bytes of a file, fetched in blocks as they are read; it can be read from any place.

    Raises:
        TransactionsError: it cannot be opened.
        OSError: while it is read: the storage broke off.
    """
    return io.BufferedReader(_opened(path, BLOCK))


def open_remote_raw(path: str) -> io.RawIOBase:
    """Return the bytes of a file, of which each read fetches those that it asks for, and no others.

    Raises:
        TransactionsError, OSError: as `open_remote`; also OSError if it is sought in and its server sends whole files.
    """
    return _opened(path)


def _opened(path: str, step: int = 0) -> _Blocks:
    files, inner = _files_of(path)
    with _faults_named(path):  # a cache of the library's would hold a block, and as much again ahead
        return _Blocks(cast("IO[bytes]", files.open(inner, "rb", block_size=BLOCK, cache_type="none")), step)


class _Blocks(io.RawIOBase):
    """A file of a storage whose faults, of whatever library, are OSErrors.

    Args:
        file: the library's.
        step: bytes that are fetched at once, however few a read asks for: `read1` of a buffer asks for its few alone.
            0 = those that it asks for.
    """

    def __init__(self, file: IO[bytes], step: int) -> None:
        super().__init__()
        self._file = file
        self._step = step
        self._at = 0
        self._block, self._block_at = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_CUR:
            offset, whence = self._at + offset, io.SEEK_SET
        try:
            self._file.seek(offset, whence)
        except ValueError as error:
            raise io.UnsupportedOperation(f"the storage sends only whole files: {error}") from error
        self._at = self._file.tell()
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer)
        if not self._block_at <= self._at < self._block_at + len(self._block):
            self._block, self._block_at = b"", self._at  # no two blocks are in memory
            if len(view) < self._step:
                self._block = self._fetched(self._step)
        start = self._at - self._block_at
        chunk = self._block[start : start + len(view)] if self._block else self._fetched(len(view))
        view[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def _fetched(self, most: int) -> bytes:
        try:
            if self._file.tell() != self._at:  # a file in memory is one object for all that read it
                self._file.seek(self._at)
            return self._file.read(most)
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"the storage broke off: {error}") from error

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._block = b""
        super().close()


def _size(files: AbstractFileSystem, inner: str, path: str) -> int:
    found = files.info(inner)
    if found.get("type") == "directory":
        raise TransactionsError("this is a folder", where=path, remedy=f"Name its files: {path.rstrip('/')}/*.csv.")
    if found.get("size") is None:
        raise TransactionsError(
            "the server does not tell how large this file is, so a change of it would not be seen",
            where=path,
            remedy="Save it to a file first, and name the file.",
        )
    return int(found["size"])


def _files_of(path: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of an address, and the file's name in it."""
    scheme = _SCHEME.match(path)
    parts = urlsplit(path)
    web = parts.scheme in ("http", "https")
    if "@" in parts.netloc or (web and parts.query):
        raise TransactionsError(
            "the address of an input contains credentials or a query, and addresses are kept in the journal",
            where=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
            remedy="Give credentials by the storage's own variables (AWS_PROFILE, …), or save the file first.",
        )
    if scheme is not None and scheme[1].lower() in ("file", "local"):
        raise TransactionsError("a file of this disk needs no scheme", where=path, remedy="Name its path alone.")
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise TransactionsError(
            "an input in a storage needs the package fsspec, which is not installed",
            where=path,
            remedy='Install it: pip install "rokt-export[storage]", and s3fs, gcsfs or adlfs for your storage.',
        ) from error
    try:
        found: tuple[AbstractFileSystem, str] = url_to_fs(path)
    except ImportError as error:
        raise TransactionsError(
            f"this storage needs a package that is not installed: {error}", where=path, remedy="Install it."
        ) from error
    except ValueError as error:
        raise TransactionsError(
            f"there is no such storage: {error}", where=path, remedy="Write s3://, gs://, az:// or https://, or a path."
        ) from error
    return found


@contextmanager
def _faults_named(path: str) -> Iterator[None]:
    """Say of what goes wrong which input it was; each storage's library has errors of its own."""
    try:
        yield
    except TransactionsError:
        raise
    except FileNotFoundError as error:
        why = f": {error.__cause__}" if error.__cause__ else ""  # a web server that is away, say
        raise TransactionsError(
            f"the file is not there{why}", where=path, remedy="Check the bucket and the name; or you may not see it."
        ) from error
    except PermissionError as error:
        raise TransactionsError(
            f"the storage does not let you read it: {error}", where=path, remedy="Check the storage's credentials."
        ) from error
    except Exception as error:
        raise TransactionsError(
            f"the storage cannot be read: {error or type(error).__name__}",
            where=path,
            remedy="Check its address and credentials, and whether it can be reached from here.",
        ) from error
