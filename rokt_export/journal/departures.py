"""How many of the rows that a writer intended have left: a count that survives the process, though not the machine.

Rows are intended many at a time, because each batch waits for the disk. After a kill, a batch alone would not tell
which of its rows left. This count does: it is in a file that is mapped into memory, and the system keeps what a process
wrote there when it dies. After another boot the count may be an older one, and is not used: all rows of a batch may
have left then.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from platformdirs import user_state_path

_TOKEN_BYTES = 16
_NUMBER_BYTES = 8
_BOOT_BYTES = 64
_SIZE = _BOOT_BYTES + _NUMBER_BYTES


class Departures:
    """The count of one writer, whose file it locks for as long as the process lives.

    Rows leave in the order in which they were intended.

    Attributes:
        intended: rows of its batches so far.
    """

    def __init__(self) -> None:
        self.intended = 0
        self._token = secrets.token_bytes(_TOKEN_BYTES)
        self._file: int | None = None
        self._map: mmap.mmap | None = None

    def begin(self) -> Callable[[int], None]:
        """Return what counts rows that leave next, called before any byte of them does; it does nothing if the system
        or the user's folder does not allow it.
        """
        if not (boot := _boot()):
            return _uncounted
        with suppress(OSError):
            folder().mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(_path(self._token), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = file
            fcntl.flock(file, fcntl.LOCK_EX)
            os.pwrite(file, boot + bytes(_NUMBER_BYTES), 0)
            self._map = mmap.mmap(file, _SIZE)
            return self._leave
        return _uncounted

    def next_batch(self) -> bytes:
        """Return what the next batch holds, and no other does: the file's name, and the rows intended before it."""
        return self._token + self.intended.to_bytes(_NUMBER_BYTES, "little")

    def _leave(self, rows: int) -> None:
        if self._map is not None:
            with memoryview(self._map) as view, view.cast("Q") as numbers:
                numbers[_SIZE // _NUMBER_BYTES - 1] += rows

    def close(self, *, forget: bool) -> None:
        """Unlock the file, and remove it if no batch refers to it."""
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._file is not None:
            os.close(self._file)
            self._file = None
            if forget:
                remove(self._token)


def _uncounted(_rows: int) -> None:
    """Count nothing."""


def first_that_stayed(batch: bytes | None) -> int | None:
    """Return the place of the first row of a batch that did not leave, and never will: its process is gone.

    Args:
        batch: what `Departures.next_batch` returned for it.

    Returns:
        None if any of its rows may have left, or may yet.
    """
    if not batch:
        return None
    token, before = batch[:_TOKEN_BYTES], int.from_bytes(batch[_TOKEN_BYTES:], "little")
    with suppress(OSError):
        file = os.open(_path(token), os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # fails while the writer lives
            content = os.pread(file, _SIZE, 0)
        finally:
            os.close(file)
        if len(content) == _SIZE and content[:_BOOT_BYTES] == _boot():
            return max(0, int.from_bytes(content[_BOOT_BYTES:], "little") - before)
    return None


def remove(token: bytes) -> None:
    """Remove the file of a writer that is gone."""
    with suppress(OSError):
        _path(token).unlink()


def token_of(batch: bytes) -> bytes:
    """Return the file's name in what `Departures.next_batch` returned."""
    return batch[:_TOKEN_BYTES]


def folder() -> Path:
    """Return the folder of the counts."""
    return user_state_path("rokt-export") / "departures"


def _path(token: bytes) -> Path:
    return folder() / token.hex()


@cache
def _boot() -> bytes:
    """Return the id of this boot of the machine, padded; empty if the system does not tell it."""
    with suppress(OSError):
        found = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
        return found.ljust(_BOOT_BYTES, b"\0") if 0 < len(found) <= _BOOT_BYTES else b""
    return b""
