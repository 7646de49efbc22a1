"""The journal on a PostgreSQL server."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from journal_samples import (
    FAILED,
    UNKNOWN,
    begin,
    child,
    finished,
    item,
    settled,
)
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from rokt_export.errors import JournalError
from rokt_export.exchange.delivery import LeftOut
from rokt_export.journal import Journal, RowSet, RunState
from rokt_export.journal.storage import translated


@pytest.fixture
def server(monkeypatch) -> str:
    """A database that other tests use at the same time; all share its key, as machines do."""
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    return os.environ["ROKT_EXPORT_TEST_POSTGRES"]


@pytest.mark.skipif("ROKT_EXPORT_TEST_POSTGRES" not in os.environ, reason="ROKT_EXPORT_TEST_POSTGRES names no database")
def test_postgresql_keeps_a_run_as_sqlite_does(server):
    place = server
    with Journal.open(place) as journal:
        writer = begin(journal, production=True, name="nightly")
        marks = {row: writer.fingerprint(b"%s %d" % (writer.run.encode(), row)) for row in range(1, 2001)}
        worker = """
            writer = Journal.open(sys.argv[1]).attach(sys.argv[2])
            rows = range(2001 + int(sys.argv[3]), 3001, 2)
            writer.intend([item(row) for row in rows])
            writer.settle([settled(row) for row in rows])
        """
        workers = [child(worker, place, writer.run, number) for number in range(2)]
        for first in range(1, 2001, 500):
            rows = range(first, first + 500)
            writer.intend([item(row, marks[row]) for row in rows])
            writer.settle([settled(row, reason="a \0 b") for row in rows if row % 100], recordings={first: b"recorded"})
        for program in workers:
            finished(program)
        unknown = list(range(100, 2001, 100))
        assert list(writer.unsettled_rows()) == unknown
        writer.forget_intent([100])
        writer.intend([item(200, marks[200])])
        writer.settle([settled(200, UNKNOWN), settled(300, FAILED)])
        assert writer.settled_rows() == RowSet(
            row for row in range(1, 3001) if row % 100 or row > 2000 or row in (200, 300)
        )
        known = writer.withheld(list(marks.values()), set())
        assert {row for row in marks if known.get(marks[row]) is LeftOut.DELIVERED} == {r for r in marks if r % 100}
        assert (known[marks[200]], known[marks[300]]) == (LeftOut.UNKNOWN, LeftOut.FAILED)
        with pytest.raises(JournalError, match="still running"):
            journal.reopen(writer.run)
        writer.end(RunState.FINISHED, 1)
        assert journal.find("nightly").counts == {"delivered": 2980, "failed": 1, "unknown": 18}
        assert [one.row for one in journal.deliveries(writer.run)] == [row for row in range(1, 3001) if row != 100]
        assert next(journal.deliveries(writer.run)).reason == "a � b"
        assert dict(journal.recordings(writer.run)) == dict.fromkeys((1, 501, 1001, 1501), b"recorded")
        journal.note(writer.run, {"coverage": {"rule 1": 1}})
        assert journal.notes(writer.run) == {"coverage": {"rule 1": 1}}
        journal.reopen(writer.run).end(RunState.FINISHED, 1)
        assert journal.purge(writer.run) == 1
        assert next(journal.deliveries(writer.run)).transaction == "row-1"
        assert journal.purge(writer.run, remove=True) == 1


@pytest.mark.skipif("ROKT_EXPORT_TEST_POSTGRES" not in os.environ, reason="ROKT_EXPORT_TEST_POSTGRES names no database")
def test_what_a_postgresql_server_refuses_is_not_told_as_out_of_reach():
    url = make_url(os.environ["ROKT_EXPORT_TEST_POSTGRES"])
    for other, words in (
        (url.set(username="nobody-of-that-name"), "refused the user or the password"),
        (url.set(database="nothing-of-that-name"), "has no such database"),
        (url.set(host="127.0.0.1", port=1, query={}), "cannot be reached"),
    ):
        with pytest.raises(JournalError, match=words):
            Journal.open(other.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('connection failed: FATAL:  password authentication failed for user "jane"', "refused the user"),
        ("connection failed: fe_sendauth: no password supplied", "refused the user"),
        ("connection failed: FATAL:  sorry, too many clients already", "run out of"),
        ("connection failed: FATAL:  the database system is starting up", "closed the connection"),
        ("connection failed: Connection refused", "cannot be reached"),
        ("the connection is closed", "cannot be reached"),
    ],
)
def test_what_a_server_says_of_a_connection_that_it_refuses(said, words):
    psycopg = pytest.importorskip("psycopg")
    with pytest.raises(JournalError, match=words), translated("there", "opened"):
        raise OperationalError("", {}, psycopg.OperationalError(said))


@pytest.mark.skipif("ROKT_EXPORT_TEST_POSTGRES" not in os.environ, reason="ROKT_EXPORT_TEST_POSTGRES names no database")
def test_postgresql_gives_a_row_to_one_of_two_runs(server):
    """As from several machines: each intends the same rows, in batches, as fast as it can."""
    place = server
    worker = """
        writer = Journal.open(sys.argv[1]).begin(command="replay", partner="race", environment="production",
            spec_file="race.yaml", spec_sha256="0" * 64, production=True)
        for first in range(0, 3000, 50):
            items = [(row, f"tx{row}", writer.fingerprint(b"%s %d" % (sys.argv[2].encode(), row)))
                     for row in range(first, first + 50)]
            taken = writer.intend(items, leave=set())
            mine = [row for row, _, _ in items if row not in taken]
            print(*mine)
            if mine:
                writer.settle([settled(row) for row in mine])
        writer.end(RunState.FINISHED, 0)
    """
    salt = os.urandom(8).hex()
    workers = [child(worker, place, salt) for _ in range(2)]
    sent = Counter(row for program in workers for row in finished(program).split())
    assert sent == {str(row): 1 for row in range(3000)}
