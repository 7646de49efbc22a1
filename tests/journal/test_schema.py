"""The version of a journal: older ones are migrated, newer ones and other databases are left as they are."""

from __future__ import annotations

import sqlite3

import pytest

from rokt_export.errors import JournalError
from rokt_export.journal import Journal, schema


def test_a_database_of_something_else_is_left_as_it_is(tmp_path):
    place = tmp_path / "other.sqlite"
    with sqlite3.connect(place) as other:
        other.execute("CREATE TABLE cake (slice)")
    content = place.read_bytes()
    with pytest.raises(JournalError, match="not a journal"):
        Journal.open(place)
    assert place.read_bytes() == content


def test_a_version_that_is_no_number_is_damage(place):
    Journal.open(place).close()
    with sqlite3.connect(place) as other:
        other.execute("UPDATE journal_meta SET value = ? WHERE key = 'version'", (b"x",))
    other.close()
    with pytest.raises(JournalError, match="the journal's version cannot be read: the journal is damaged"):
        Journal.open(place)


def test_a_journal_of_a_newer_version(place):
    Journal.open(place).close()
    with sqlite3.connect(place) as other:
        other.execute("UPDATE journal_meta SET value = ? WHERE key = 'version'", (str(schema.VERSION + 1).encode(),))
    other.close()
    with pytest.raises(JournalError, match=f"has version {schema.VERSION + 1}") as caught:
        Journal.open(place)
    assert "Update" in caught.value.remedy


def test_an_older_journal_is_migrated_step_by_step_in_one_transaction(journal):
    steps = []

    def broken(_):
        raise RuntimeError("half way")

    start = schema.VERSION
    good = {start + n: lambda connection, n=n: steps.append(n) for n in range(3)}
    with pytest.raises(RuntimeError), journal._store.writing.begin() as connection:
        schema.migrate(connection, {**good, start + 2: broken}, start + 3)
    with journal._store.writing.begin() as connection:
        assert schema.version_of(connection) == start
        steps.clear()
        schema.migrate(connection, good, start + 3)
        assert schema.version_of(connection) == start + 3
    assert steps == [0, 1, 2]
