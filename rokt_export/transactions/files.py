"""Turns the input's names (paths, globs, `-`) into readable files, and detects whether a file changes."""

from __future__ import annotations

import glob
import io
import os
import shlex
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rokt_export.errors import TransactionsError, near_file
from rokt_export.transactions.remote_storage import BLOCK, is_remote, named, open_remote, open_remote_raw, state_of

if TYPE_CHECKING:
    from rokt_export.transactions.file_digests import FileDigests

STDIN = "-"
_BUFFER = 1 << 16


@dataclass(frozen=True, slots=True)
class FileStamp:
    """The state of a file at one moment. Two equal stamps mean that it did not change in between.

    Attributes:
        path: the file's path as it was named.
        size: bytes.
        mtime_ns: time of the last change, nanoseconds since the epoch; of a storage's file a number for its state.
        inode: device and inode; another pair under the same path means that the file was replaced.
    """

    path: str
    size: int
    mtime_ns: int
    inode: tuple[int, int]

    @classmethod
    def of(cls, path: str) -> FileStamp | None:
        """Return the stamp of a regular file or a storage's file; None for anything else and for a missing file.

        Raises:
            TransactionsError: a storage cannot be reached.
        """
        if is_remote(path):
            found = state_of(path)
            return found and cls(path, *found, (0, 0))
        try:
            status = Path(path).stat()
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return cls(path, status.st_size, status.st_mtime_ns, (status.st_dev, status.st_ino))


def change_between(before: FileStamp, after: FileStamp | None) -> str | None:
    """Return how a file changed between two stamps, for a person; None if it did not."""
    if after is None:
        return "it was removed"
    if after.inode != before.inode:
        return "another file took its place"
    if after.size != before.size:
        return f"it had {before.size:,} bytes and now has {after.size:,}"
    if after.mtime_ns != before.mtime_ns:
        return "it was written to"
    return None


def expand(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the files of paths and globs: paths in the order given, a glob's files sorted by name.

    A path that exists is taken literally, even if it contains `*` or `[`.

    Raises:
        TransactionsError: no path is given; a path is missing, a directory or unreadable; a glob matches nothing; or a
            file or stdin is named twice, which would send its rows twice.
    """
    if not paths:
        raise TransactionsError("no file of transactions is named", remedy="Name at least one file, or - for stdin.")
    files: list[str] = []
    for path in paths:
        files.extend(_named(path))
    _refuse_twice(files)
    return tuple(files)


def _named(path: str) -> Iterable[str]:
    if path == STDIN:
        return [path]
    if is_remote(path):
        return named(path)
    if not os.path.lexists(path) and glob.has_magic(path):
        found = sorted(
            name
            for name in glob.glob(path, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
            if not Path(name).is_dir()
        )
        if not found:
            raise TransactionsError("no file matches", where=path, remedy="Check the pattern and the folder.")
        for name in found:
            _check_readable(name)
        return found
    _check_readable(path)
    return [path]


def _check_readable(path: str) -> None:
    try:
        status = Path(path).stat()
    except FileNotFoundError as error:
        raise TransactionsError("the file is not there", where=path, remedy=_remedy_for_missing(path)) from error
    except OSError as error:
        raise unreadable(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise TransactionsError(
            "this is a directory",
            where=path,
            remedy=f"Name its files, for example {shlex.quote(str(Path(path)))}/*.csv.",
        )
    if not os.access(path, os.R_OK):
        raise TransactionsError("the file may not be read", where=path, remedy="Grant yourself permission: chmod u+r.")


def _remedy_for_missing(path: str) -> str:
    folder = Path(path).parent
    if not folder.is_dir():
        return f"The folder {folder} is not there either; check the path."
    return near_file(Path(path)) or "Check the name; a link that points nowhere is missing too."


def _refuse_twice(files: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for file in files:
        key = file if file == STDIN or is_remote(file) else os.path.realpath(file)
        if key in seen:
            raise TransactionsError(
                "the same input is named twice; its rows would be sent twice",
                where=file,
                remedy=f"Name it once (it was also named as {seen[key]}).",
            )
        seen[key] = file


def absolute(path: str) -> str:
    """Return the path from the root, or a storage's address as it is."""
    return path if is_remote(path) else str(Path(path).absolute())


def is_stream(path: str) -> bool:
    """Return whether an input can be read only once, as it arrives: stdin, a named pipe, `<(command)`."""
    return path == STDIN or not (is_remote(path) or Path(path).is_file())


def open_file(path: str, digests: FileDigests | None = None) -> io.BufferedReader:
    """Return the bytes of a file, here or in a storage.

    Args:
        path: the file.
        digests: takes the digest of a regular file here, as it is read.

    Raises:
        OSError, TransactionsError: it cannot be opened.
    """
    if is_remote(path):
        return open_remote(path)
    return Path(path).open("rb") if digests is None or is_stream(path) else digests.open(path)


def open_span(path: str, start: int, end: int | None, step: int | None = None) -> io.BufferedReader:
    """Return the bytes [start, end) of a file, here or in a storage, and fetch no others; None = to its end.

    Args:
        path: the file.
        start: bytes before the span.
        end: bytes of the file up to the span's end.
        step: bytes that are fetched at once; None = many of a storage, few of this disk.

    Raises:
        OSError, TransactionsError: it cannot be opened, or its server sends whole files only.
    """
    remote = is_remote(path)
    file = open_remote_raw(path) if remote else io.FileIO(path)
    try:
        return io.BufferedReader(_Span(file, start, end, step or (BLOCK if remote else _BUFFER)), _BUFFER)
    except BaseException:
        file.close()
        raise


class _Span(io.RawIOBase):
    """The bytes [start, end) of a file, of which `step` are fetched at once, into the same memory each time."""

    def __init__(self, file: io.RawIOBase, start: int, end: int | None, step: int) -> None:
        super().__init__()
        if start:
            file.seek(start)
        self._file = file
        self._left = end if end is None else end - start
        self._memory = memoryview(bytearray(step))
        self._fetched = self._memory[:0]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(cast(bytearray, buffer))
        if not self._fetched:
            room = self._memory if self._left is None else self._memory[: self._left]
            self._fetched = room[: (self._file.readinto(room) or 0) if room else 0]
            if self._left is not None:
                self._left -= len(self._fetched)
        chunk = self._fetched[: len(view)]
        self._fetched = self._fetched[len(chunk) :]
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._memory = self._fetched = memoryview(b"")  # a reader that is garbage may stay for a while
        super().close()


def unreadable(path: str, error: OSError) -> TransactionsError:
    """Return the error for a file that cannot be opened or read."""
    return TransactionsError(
        f"the file cannot be read: {error.strerror or error}", where=path, remedy="Check the file and its permissions."
    )
