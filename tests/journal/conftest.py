"""A journal in a file of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from rokt_export.journal import Journal


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def journal(place: Path):
    with Journal.open(place) as opened:
        yield opened


@pytest.fixture
def server(monkeypatch) -> Iterator[str]:
    """A database of its own; all processes share its key, as machines do."""
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    name = f"rokt_{os.urandom(4).hex()}"
    url = make_url(os.environ["ROKT_EXPORT_TEST_POSTGRES"]).set(drivername="postgresql+psycopg")
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
