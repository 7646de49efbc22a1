"""Files of transactions, written for one test."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes text or bytes to a file and returns its path."""

    def written(content: str | bytes, name: str = "events.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return written


class PlainMark:
    """The mark of readers in one process."""

    def __init__(self) -> None:
        self.free = 1
        self.claims = []

    def claim(self, row: int, size: int) -> int:
        free = self.free
        if free <= row:
            self.free = row + size
            self.claims.append((row, size))
        return free
