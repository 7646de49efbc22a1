"""How far each journal file had come, kept outside it: a copy that lacks what was sent since is recognised."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from platformdirs import user_state_path

_WIDTH = 20


class Mark:
    """The number of the last batch that a guarded run intended by a journal, in a file in the user's state folder.

    It is raised after a batch is on disk and before any row of it is sent. So a journal that has not come as far has
    lost batches that may have been sent.

    Args:
        journal: the journal's id.
    """

    def __init__(self, journal: str) -> None:
        self._file = os.open(_path(journal), os.O_RDWR | os.O_CREAT, 0o600)
        self._highest = -1

    @classmethod
    def of(cls, journal: str, number: int) -> Self | None:
        """Return the mark of a journal that has come so far; None where the user's folder takes no files."""
        with suppress(OSError):
            _path(journal).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            mark = cls(journal)
            mark.raise_to(number)
            return mark
        return None

    def raise_to(self, number: int) -> None:
        """Note that a batch is on disk. Several processes write; the highest number stays."""
        if number > self._highest:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                self._highest = max(number, _number(os.pread(self._file, _WIDTH, 0)) or number)
                self.set(self._highest)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def set(self, number: int) -> None:
        """Note that a journal which has come this far is the one to go by."""
        os.pwrite(self._file, f"{number:0{_WIDTH}d}".encode(), 0)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read(journal: str) -> int | None:
    """Return how far a journal had come, as far as is known here; None where nothing is."""
    with suppress(OSError):
        return _number(_path(journal).read_bytes())
    return None


def usable() -> bool:
    """Return whether the user's state folder takes marks."""
    with suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.access(folder(), os.W_OK | os.X_OK)
    return False


def folder() -> Path:
    """Return the folder of the marks."""
    return user_state_path("rokt-export") / "journals"


def note_sender(names: Sequence[str], place: Path) -> None:
    """Note which journal file sends to a live system from this machine, as far as the folder takes it."""
    with suppress(OSError):
        for name in names:
            path = _sender(name)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(os.fsencode(place))


def sender(names: Sequence[str]) -> Path | None:
    """Return the journal file that last sent to a live system from this machine, as far as is known."""
    for name in names:
        with suppress(OSError):
            return Path(os.fsdecode(_sender(name).read_bytes()))
    return None


def _sender(name: str) -> Path:
    return folder().with_name("senders") / hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _path(journal: str) -> Path:
    return folder() / journal


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() else None
