"""What a writer keeps beside the journal, in a file that survives the process, though not the machine.

Rows are intended, and their results written, many at a time, because each transaction has its price. After a kill, the
journal alone would tell neither which rows of a batch left, nor which were answered. This file does: it has the number
of rows that left, and the results that are not in the journal yet. It is mapped into memory, and the system keeps what
a process wrote there when it dies. After another boot the file may be an older one, and is not used: all rows of a
batch may have left then.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache
from pathlib import Path

import orjson
from msgspec import DecodeError
from msgspec.json import Decoder
from platformdirs import user_state_path

from rokt_export.exchange.delivery import Deliveries, Delivery
from rokt_export.private_folder import make_private

_TOKEN_BYTES = 16
_NUMBER_BYTES = 8
_BOOT_BYTES = 64
_LEFT, _KEPT = _BOOT_BYTES // _NUMBER_BYTES, _BOOT_BYTES // _NUMBER_BYTES + 1
"""Places of two numbers: the rows that left, and the bytes of the results that follow."""
_HEAD = _BOOT_BYTES + 2 * _NUMBER_BYTES
_SIZE = 1 << 18
_LINE = Decoder(tuple[list[int], Deliveries])


class Departures:
    """The file of one writer, which it locks for as long as the process lives.

    Rows leave in the order in which they were intended.

    Attributes:
        intended: rows of its batches so far.
    """

    def __init__(self) -> None:
        self.intended = 0
        self._token = secrets.token_bytes(_TOKEN_BYTES)
        self._file: int | None = None
        self._map: mmap.mmap | None = None
        self._kept = 0

    def begin(self) -> Callable[[int], None]:
        """Return what counts rows that leave next, called before any byte of them does; it does nothing if the system
        or the user's folder does not allow it.
        """
        if not (boot := _boot()):
            return _uncounted
        with suppress(OSError):
            make_private(folder())
            file = os.open(_path(self._token), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = file
            fcntl.flock(file, fcntl.LOCK_EX)
            os.posix_fallocate(file, 0, _SIZE)  # a write to memory for which the disk has no room would end the process
            self._map = mmap.mmap(file, _SIZE)
            os.pwrite(file, boot, 0)  # last: with it, the file says of each row of a batch whether it left
            return self._leave
        return _uncounted

    def next_batch(self) -> bytes:
        """Return what the next batch holds, and no other does: the file's name, and the rows intended before it."""
        return self._token + self.intended.to_bytes(_NUMBER_BYTES, "little")

    def _leave(self, rows: int) -> None:
        if self._map is not None:
            with memoryview(self._map) as view, view.cast("Q") as numbers:
                numbers[_LEFT] += rows

    def keep(self, intents: Callable[[], Sequence[int]], results: Deliveries) -> bool:
        """Keep results until `drop`; return False, if there is no file, or it has no room.

        Args:
            intents: returns the number of the batch that intended each row.
            results: the results, redacted.
        """
        if self._map is None:
            return False
        try:
            line = orjson.dumps((intents(), results), option=orjson.OPT_APPEND_NEWLINE)
        except orjson.JSONEncodeError:  # a text that is not Unicode
            return False
        start, end = _HEAD + self._kept, _HEAD + self._kept + len(line)
        if end > _SIZE:
            return False
        self._map[start:end] = line
        self._kept = end - _HEAD
        self._note_kept()
        return True

    def drop(self) -> None:
        """Forget the results: the journal has them."""
        if self._kept:
            self._kept = 0
            self._note_kept()

    def _note_kept(self) -> None:
        """Note how many bytes count, only once they are there."""
        if self._map is not None:
            with memoryview(self._map) as view, view.cast("Q") as numbers:
                numbers[_KEPT] = self._kept

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
    content = _read(batch[:_TOKEN_BYTES], _HEAD)
    if not content:
        return None
    before = int.from_bytes(batch[_TOKEN_BYTES:], "little")
    return max(0, _number(content, _LEFT) - before)


def kept(token: bytes) -> Iterator[tuple[int, Delivery]]:
    """Yield the results that a writer kept when it was killed, each with the number of its row's batch.

    A writer that lives has none, and neither has one of another version of this program that wrote others.
    """
    content = _read(token, _SIZE)
    for line in content[_HEAD : _HEAD + _number(content, _KEPT)].splitlines():
        with suppress(DecodeError):
            intents, results = _LINE.decode(line)
            columns = [getattr(results, field.name) for field in fields(Deliveries)]
            yield from zip(intents, map(Delivery, *columns), strict=True)


def drop_kept(token: bytes) -> None:
    """Remove the results of a writer that is gone; the number of rows that left stays."""
    with suppress(OSError):
        os.truncate(_path(token), _KEPT * _NUMBER_BYTES)


def _read(token: bytes, size: int) -> bytes:
    """Return the beginning of the file of a writer that is gone; empty if it lives, or the file is not of this boot."""
    with suppress(OSError):
        file = os.open(_path(token), os.O_RDONLY)
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # fails while the writer lives
            content = os.pread(file, size, 0)
        finally:
            os.close(file)
        return content if content[:_BOOT_BYTES] == _boot() else b""
    return b""


def _number(content: bytes, place: int) -> int:
    """Return a number of a file, 0 if the file ends before it."""
    return int.from_bytes(content[place * _NUMBER_BYTES : (place + 1) * _NUMBER_BYTES], "little")


def remove(token: bytes) -> None:
    """Remove the file of a writer that is gone."""
    with suppress(OSError):
        _path(token).unlink()


def token_of(batch: bytes) -> bytes:
    """Return the file's name in what `Departures.next_batch` returned."""
    return batch[:_TOKEN_BYTES]


def folder() -> Path:
    """Return the folder of these files."""
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
