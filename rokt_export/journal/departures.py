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
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

from platformdirs import user_state_path

_TOKEN_BYTES = 16
_NUMBER_BYTES = 8
_BOOT_BYTES = 64
_SIZE = _BOOT_BYTES + _NUMBER_BYTES


class Departures:
    """The count of one writer, whose file it locks for as long as the process lives.

    Rows leave in the order in which they were intended.

    Attributes:
        token: the name of the file, which each batch of the writer holds.
        intended: rows of its batches so far.
    """

    def __init__(self, file: int, token: bytes) -> None:
        self.token = token
        self.intended = 0
        self._file = file
        self._map = mmap.mmap(file, _SIZE)
        self._left = memoryview(self._map).cast("Q")

    @classmethod
    def begin(cls) -> Self | None:
        """Return the count of a new writer; None if the system or the user's folder does not allow it."""
        token = secrets.token_bytes(_TOKEN_BYTES)
        if not (boot := _boot()):
            return None
        with suppress(OSError):
            folder().mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(_path(token), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            os.pwrite(file, boot + bytes(_NUMBER_BYTES), 0)
            return cls(file, token)
        return None

    def next_batch(self) -> bytes:
        """Return what the next batch holds: the file's name, and the rows intended before it."""
        return self.token + self.intended.to_bytes(_NUMBER_BYTES, "little")

    def leave(self, rows: int) -> None:
        """Count rows that leave next; called before any byte of them does."""
        self._left[_SIZE // _NUMBER_BYTES - 1] += rows

    def close(self, *, forget: bool) -> None:
        """Unlock the file, and remove it if no batch refers to it."""
        self._left.release()
        self._map.close()
        os.close(self._file)
        if forget:
            remove(self.token)


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
