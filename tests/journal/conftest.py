"""A journal in a file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.journal import Journal


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def journal(place: Path):
    with Journal.open(place) as opened:
        yield opened
