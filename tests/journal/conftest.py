"""A journal in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from machines import KEY, database

from rokt_export.journal import Journal


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def journal(place: Path):
    with Journal.open(place) as opened:
        yield opened


@pytest.fixture
def own_state(tmp_path: Path, monkeypatch) -> None:
    """A state folder of its own, where files are kept beside the journal."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))


@pytest.fixture
def server(monkeypatch) -> Iterator[str]:
    """A database of its own; all processes share its key, as machines do."""
    monkeypatch.setenv("ROKT_EXPORT_KEY", KEY)
    with database() as url:
        yield url
