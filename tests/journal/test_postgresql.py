"""The journal on a PostgreSQL server."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from journal_samples import (
    FAILED,
    REJECTED,
    UNKNOWN,
    begin,
    child,
    finished,
    item,
    settled,
)
from machines import needs_postgres
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import OperationalError

from rokt_export.errors import JournalError, JournalGoneError
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RowSet, RunState
from rokt_export.journal.storage import translated


@needs_postgres
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
        journal.note(writer.run, {"sample": {"rule 1": 1}})
        assert journal.notes(writer.run) == {"sample": {"rule 1": 1}}
        journal.reopen(writer.run).end(RunState.FINISHED, 1)
        assert journal.purge(writer.run) == 1
        assert next(journal.deliveries(writer.run)).transaction == "row-1"
        assert journal.purge(writer.run, remove=True) == 1


@needs_postgres
def test_what_a_postgresql_server_refuses_is_not_told_as_out_of_reach():
    url = make_url(os.environ["ROKT_EXPORT_TEST_POSTGRES"])
    for other, words in (
        (url.set(username="nobody-of-that-name"), "refused the user or the password"),
        (url.set(database="nothing-of-that-name"), "has no such database"),
        (url.set(host="127.0.0.1", port=1, query={}), "cannot be reached"),
        (url.update_query_dict({"colour": "red"}), 'parameter that cannot be used: invalid connection option "colour"'),
        (url.update_query_dict({"options": "-csearch_path=nowhere"}), "the schema .* does not exist"),
    ):
        with pytest.raises(JournalError, match=words) as caught:
            Journal.open(other.render_as_string(hide_password=False))
        assert str(caught.value).startswith("postgresql://")
        assert caught.value.remedy


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('connection failed: FATAL:  password authentication failed for user "jane"', "refused the user"),
        ("connection failed: fe_sendauth: no password supplied", "refused the user"),
        ("connection failed: FATAL:  sorry, too many clients already", "run out of"),
        ("connection failed: FATAL:  the database system is starting up", "closed the connection"),
        ("connection failed: Connection refused", "cannot be reached"),
        ("the connection is closed", "cannot be reached"),
        ("consuming input failed: SSL connection has been closed unexpectedly", "cannot be reached"),
        (
            'connection failed: connection to server at "192.0.2.7", port 5432 failed: root certificate file "/x" '
            "does not exist\nEither provide the file",
            'no encrypted connection to the database server: root certificate file "/x" does not exist$',
        ),
        ("connection failed: server does not support SSL, but SSL was required", "does not support SSL, but"),
        ('connection is bad: invalid sslmode value: "x"', 'parameter that cannot be used: invalid sslmode value: "x"'),
        ('connection failed: FATAL:  unrecognized configuration parameter "x"', ': unrecognized configuration .* "x"'),
    ],
)
def test_what_a_server_says_of_a_connection_that_it_refuses(said, words):
    psycopg = pytest.importorskip("psycopg")
    with pytest.raises(JournalError, match=words), translated("there", "opened"):
        raise OperationalError("", {}, psycopg.OperationalError(said))


@needs_postgres
def test_postgresql_keeps_texts_and_repeated_rows_as_they_are(server):
    texts = [None, "", "null", "NULL", "{a,b}", 'a "b"', "a\\b", "\\", "a\nb\tc", "ü — \U0001f600", "'; --", ",", " a "]
    kept = [settled(row, reason=text, reference=text) for row, text in enumerate(texts, 1)]
    with Journal.open(server) as journal:
        writer = begin(journal, production=True)
        marks = [writer.fingerprint(b"%s %d" % (writer.run.encode(), row)) for row in range(1, 21)]
        writer.intend([item(row, marks[row - 1]) for row in range(1, len(kept) + 1)])
        writer.settle(kept)
        assert list(journal.deliveries(writer.run)) == kept
        for one in kept:  # each alone, over what is there
            writer.settle([one])
        assert list(journal.deliveries(writer.run)) == kept
        refused = [settled(14, reason="a\\\0"), settled(1, REJECTED, reason="\udc80"), settled(14, code="b")]
        writer.intend([item(14, marks[13])])
        writer.settle(refused)  # what the database refuses, what is there already, and a row twice
        found = {one.row: one for one in journal.deliveries(writer.run)}
        assert (found[1].outcome, found[1].reason, found[14].code) == (REJECTED, "\ufffd", "b")
        # One person twice in a batch, each with an outcome: the ledger keeps that production has the record.
        rows = [settled(15), settled(16, REJECTED), settled(17, UNKNOWN), settled(18, FAILED)]
        for row, mark in zip(range(15, 19), (marks[14], marks[14], marks[16], marks[16]), strict=True):
            writer.intend([item(row, mark)], leave=set(OutcomeKind))
        writer.settle(rows)
        assert writer.withheld([marks[14]], set()) == {marks[14]: LeftOut.DELIVERED}


@needs_postgres
def test_postgresql_looks_rows_up_without_reading_all_others(server):
    """A server keeps a plan that it made while a table was empty."""
    with Journal.open(server) as journal:
        writer = begin(journal, production=True)
        other = journal.attach(writer.run)
        for number in range(20):
            rows = range(1 + 200 * number, 201 + 200 * number)
            marks = {row: writer.fingerprint(b"%s %d" % (writer.run.encode(), row)) for row in rows}
            items = [item(row, mark) for row, mark in marks.items()]
            other.intend(items[100:], leave=set())
            assert writer.withheld([marks[row] for row in rows[:100]], set()) == {}
            writer.intend(items[:100], leave=set())
            writer.settle([settled(row) for row in rows[:100]])
            other.settle([settled(row) for row in rows[100:]])
            known = writer.withheld(list(marks.values()), set())
            assert list(known.values()) == [LeftOut.DELIVERED] * 200
    with create_engine(make_url(server)).connect() as connection:
        read = "SELECT relname, seq_tup_read, coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables"
        found = {name: (scanned, fetched) for name, scanned, fetched in connection.exec_driver_sql(read)}
    assert found["ledger"][0] == found["delivery"][0] == 0
    assert found["delivery"][1] < 1000


@needs_postgres
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


def drop_connections(place: str) -> None:
    """Let the server close the connections of all others, as a failover does."""
    url = make_url(place).set(drivername="postgresql+psycopg")
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as server:
        server.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database() "
            "AND application_name = 'rokt-export-dropped'"
        )


@needs_postgres
def test_a_dropped_connection_loses_nothing(server):
    named = make_url(server).update_query_dict({"application_name": "rokt-export-dropped"})
    told: list[str] = []
    with Journal.open(named.render_as_string(hide_password=False)) as journal:
        run = begin(journal, production=True, name="dropped").run
        writer = journal.attach(run, patience=20.0, tell=told.append)
        for first in range(1, 501, 100):
            marks = {row: writer.fingerprint(b"%s %d" % (run.encode(), row)) for row in range(first, first + 100)}
            assert writer.withheld(list(marks.values()), set()) == {}
            drop_connections(server)
            assert writer.intend([item(row, mark) for row, mark in marks.items()], leave=set()) == {}
            drop_connections(server)
            writer.settle([settled(row) for row in marks if row % 10])
        assert list(writer.unsettled_rows()) == list(range(10, 501, 10))
        drop_connections(server)
        writer.end(RunState.FINISHED, 1)
        assert journal.find(run).counts == {"delivered": 450, "unknown": 50}
    assert "went away" in told[0] and "is back" in told[1]


@needs_postgres
def test_a_batch_whose_commit_was_not_acknowledged_is_written_once(server, monkeypatch):
    """The connection is lost between the server's commit and its answer."""
    named = make_url(server).update_query_dict({"application_name": "rokt-export-dropped"})
    with Journal.open(named.render_as_string(hide_password=False)) as journal:
        run = begin(journal, production=True).run
        writer = journal.attach(run, patience=20.0)
        mark = writer.fingerprint(run.encode())
        commit = writer._connection.connection.driver_connection.commit

        def unheard() -> None:
            commit()
            drop_connections(server)
            writer._connection.exec_driver_sql("SELECT 1")

        monkeypatch.setattr(writer._connection.connection.driver_connection, "commit", unheard)
        assert writer.intend([item(1, mark)], leave=set()) == {}
        assert list(writer.unsettled_rows()) == [1]
        with journal._store.reading.connect() as connection:
            assert (
                connection.exec_driver_sql("SELECT count(*) FROM intent WHERE run_no = %s", (writer._run_no,)).scalar()
                == 1
            )


@needs_postgres
def test_a_server_that_does_not_come_back_ends_the_run_with_a_status_of_its_own(server):
    named = make_url(server).update_query_dict({"application_name": "rokt-export-dropped"})
    with Journal.open(named.render_as_string(hide_password=False)) as journal:
        run = begin(journal).run
        writer = journal.attach(run, patience=0.3)
        writer.intend([item(1)])
        journal._store.reading.dispose()
        event.listen(journal._store.reading, "do_connect", refused)
        drop_connections(server)
        with pytest.raises(JournalGoneError, match=r"did not come back within 0\.3 s") as caught:
            writer.settle([settled(1)])
        assert caught.value.exit_status == 7
    with Journal.open(server) as journal:
        assert list(journal.rows(run, ["unknown"])) == [1]


def refused(*_: object) -> None:
    psycopg = pytest.importorskip("psycopg")
    raise psycopg.OperationalError("connection failed: Connection refused")


def tables(place: str) -> set[tuple[str, str]]:
    with create_engine(make_url(place)).connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        return {(schema, table) for schema, table in found}


@needs_postgres
def test_a_new_journal_has_a_schema_of_its_own_beside_tables_of_others(server):
    with create_engine(make_url(server)).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE run (theirs text)")
    with Journal.open(server) as journal:
        run = begin(journal).run
    with Journal.open(server) as journal:
        assert journal.find("last").run == run
    found = tables(server)
    assert {table for schema, table in found if schema == "public"} == {"run"}
    assert ("rokt_export", "run") in found and ("rokt_export", "ledger") in found
    named = make_url(server).update_query_dict({"options": "-csearch_path=public"})
    with pytest.raises(JournalError, match="has tables of another program: run"):
        Journal.open(named.render_as_string(hide_password=False))
    assert tables(server) == found


@needs_postgres
def test_a_journal_in_public_still_opens_and_is_vacuumed_by_a_purge(server):
    named = make_url(server).update_query_dict({"options": "-csearch_path=public"})
    with Journal.open(named.render_as_string(hide_password=False)) as journal:
        writer = begin(journal)
        writer.intend([item(row) for row in range(1, 501)])
        writer.settle([settled(row) for row in range(1, 501)])
        writer.end(RunState.FINISHED, 0)
    with Journal.open(server) as journal:
        assert journal.on_server
        assert journal.find("last").counts == {"delivered": 500}
        assert journal.purge("last") == 1
    with create_engine(make_url(server)).connect() as connection:
        chosen = "SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'delivery'"
        assert connection.exec_driver_sql(chosen).scalars().all() == [True]
    assert {schema for schema, _ in tables(server)} == {"public"}
