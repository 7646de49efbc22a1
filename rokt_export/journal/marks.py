"""What this machine knows of its journals, kept outside them: the last batch of each file, and which sent where."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from platformdirs import user_state_path

from rokt_export.private_folder import make_private

_WIDTH = 20


class BatchMark:
    """The number of the last batch of a journal's guarded runs, in a file in the user's state folder.

    It is raised after a batch is on disk and before any of its rows is sent. A journal whose last batch is lower has
    lost batches that may have been sent.

    Args:
        journal: the journal's id.
    """

    def __init__(self, journal: str) -> None:
        self._file = os.open(_path(journal), os.O_RDWR | os.O_CREAT, 0o600)
        self._highest = -1

    @classmethod
    def of(cls, journal: str, number: int) -> Self | None:
        """Return the mark of a journal whose last batch is `number`; None if the user's folder is not writable."""
        with suppress(OSError):
            make_private(_path(journal).parent)
            mark = cls(journal)
            mark.raise_to(number)
            return mark
        return None

    def raise_to(self, number: int) -> None:
        """Record that a batch is on disk. Several processes write; the highest number is kept."""
        if number > self._highest:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                self._highest = max(number, _number(os.pread(self._file, _WIDTH, 0)) or number)
                self.set(self._highest)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def set(self, number: int) -> None:
        """Record the number of the last batch, even if it is lower than before."""
        os.pwrite(self._file, f"{number:0{_WIDTH}d}".encode(), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read(journal: str) -> int | None:
    """Return the number of a journal's last batch, as far as this machine knows; None if it knows nothing."""
    with suppress(OSError):
        return _number(_path(journal).read_bytes())
    return None


def usable() -> bool:
    """Return whether the user's state folder takes marks."""
    with suppress(OSError):
        make_private(folder())
        return os.access(folder(), os.W_OK | os.X_OK)
    return False


def folder() -> Path:
    """Return the folder of the marks."""
    return user_state_path("rokt-export") / "journals"


def note_sender(names: Sequence[str], place: str) -> None:
    """Record which journal sends to a live system from this machine; errors are ignored.

    Args:
        names: the names of the system.
        place: the journal's path or URL, without a password.
    """
    with suppress(OSError):
        for name in names:
            path = _sender(name)
            make_private(path.parent)
            with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                known = file.read()
                if os.fsencode(place) not in known.split(b"\0"):
                    file.write((b"\0" if known else b"") + os.fsencode(place))


def senders(names: Sequence[str]) -> list[str]:
    """Return the journals that have sent to a live system from this machine, the one that began last first."""
    found: dict[str, None] = {}
    for name in names:
        with suppress(OSError):
            found.update(dict.fromkeys(reversed(os.fsdecode(_sender(name).read_bytes()).split("\0"))))
    return list(found)


def _sender(name: str) -> Path:
    return folder().with_name("senders") / hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _path(journal: str) -> Path:
    return folder() / journal


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() else None
