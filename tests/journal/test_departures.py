"""Which rows of a batch were sent before its process was killed."""

from __future__ import annotations

import pytest
from journal_samples import begin, child, item, settled
from machines import needs_postgres

from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, departures

KILLED = """
    journal = Journal.open(sys.argv[1])
    writer = begin(journal, name="cut-off", production=True)
    leave = writer.count_departures()
    marks = {row: writer.fingerprint(b"%d" % row) for row in range(1, 31)}
    for first in (1, 11, 21):
        writer.intend([(row, f"tx-{row}", marks[row]) for row in range(first, first + 10)])
    leave(7)
    writer.settle([settled(1)])
    leave(6)
    say(*[mark.hex() for mark in marks.values()])
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state-home"))


@pytest.fixture
def killed(place):
    """A process with 30 rows intended in three batches, of which 13 left and the first was settled."""
    program = child(KILLED, place, stdin=-1)
    program.marks = [bytes.fromhex(mark) for mark in program.stdout.readline().split()]
    yield program
    program.communicate(timeout=10)


def unknown(place, run: str = "cut-off") -> list[int]:
    with Journal.open(place) as journal:
        return list(journal.rows(run, ["unknown"]))


def test_after_a_kill_only_rows_that_left_are_unknown(place, killed):
    assert unknown(place) == list(range(2, 31))  # it lives, and may send them yet
    killed.communicate(timeout=10)
    assert unknown(place) == list(range(2, 14))
    with Journal.open(place) as journal:
        other = begin(journal, production=True)
        known = other.withheld(killed.marks, set())
        assert known.pop(killed.marks[0]) is LeftOut.DELIVERED
        assert known == dict.fromkeys(killed.marks[1:13], LeftOut.UNKNOWN)
        resumed = journal.reopen("cut-off")
        assert list(resumed.unsettled_rows()) == list(range(2, 14))
        resumed.intend([item(14)])
        assert list(resumed.unsettled_rows()) == list(range(2, 15))


@pytest.mark.parametrize("lost", ["another boot", "no file"])
def test_where_the_count_may_be_wrong_all_rows_are_unknown(place, killed, lost, monkeypatch):
    killed.communicate(timeout=10)
    if lost == "no file":
        (file,) = departures.folder().iterdir()
        file.unlink()
    else:
        monkeypatch.setattr(departures, "_boot", lambda: b"another".ljust(64, b"\0"))
    assert unknown(place) == list(range(2, 31))


NO_MAP = """
    import mmap
    from rokt_export.journal import departures
    def refused(*arguments):
        raise OSError(12, "Cannot allocate memory")
    mmap.mmap = refused
"""


def test_where_the_count_cannot_be_mapped_all_rows_are_unknown(place):
    """As on a file system without shared maps: the file is there, and counts nothing."""
    program = child(NO_MAP + KILLED, place, stdin=-1)
    program.stdout.readline()
    program.communicate(timeout=10)
    assert unknown(place) == list(range(2, 31))


KEPT = """
    from rokt_export.journal import writer as module
    module._WAIT = 60.0
    journal = Journal.open(sys.argv[1])
    writer = begin(journal, name="cut-off", production=True)
    leave = writer.count_departures()
    marks = {row: writer.fingerprint(b"%d" % row) for row in range(1, 11)}
    writer.intend([(row, f"tx-{row}", marks[row]) for row in range(1, 11)])
    leave(8)
    writer.settle([settled(1)])
    refused = Delivery(3, "tx-3", OutcomeKind.REJECTED, 422, "rule 2", "no \\n such zip \\0", None, "E1", 1, 2.5)
    writer.settle([settled(2), refused])
    writer.settle([Delivery(4, "tx-4", OutcomeKind.DELIVERED, 201, "rule 1", None, "ref-4", None, 1, 1.5)])
    assert list(writer.settled_rows()) == [1, 2, 3, 4]
    say(*[mark.hex() for mark in marks.values()])
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=["file", pytest.param("server", marks=needs_postgres)])
def store(request, place):
    """A journal in a file, and on a server."""
    return place if request.param == "file" else request.getfixturevalue("server")


def test_results_that_waited_for_more_outlive_a_kill(store):
    program = child(KEPT, store, stdin=-1)
    marks = [bytes.fromhex(mark) for mark in program.stdout.readline().split()]
    with Journal.open(store) as journal:
        run = journal.find("cut-off").run
        assert list(journal.settled(run)) == [1]  # it lives, and will write them
        program.communicate(timeout=10)
        # A process that opened the journal before the kill, and now sends to the same partner.
        known = begin(journal, production=True).withheld(marks, set())
        assert [known.get(mark) for mark in marks[:5]] == [
            LeftOut.DELIVERED, LeftOut.DELIVERED, LeftOut.REJECTED, LeftOut.DELIVERED, LeftOut.UNKNOWN
        ]  # fmt: skip
    with Journal.open(store) as journal:
        assert list(journal.rows(run, ["unknown"])) == [5, 6, 7, 8]
        found = {one.row: one for one in journal.deliveries(run)}
        assert (found[4].reference, found[4].rule, found[4].latency_ms) == ("ref-4", "rule 1", 1.5)
        assert (found[3].outcome, found[3].status, found[3].code) == (OutcomeKind.REJECTED, 422, "E1")
        assert found[3].reason.startswith("no \n such zip")
        assert all(file.stat().st_size < 100 for file in departures.folder().iterdir())  # the journal has them
        assert [fault for one in journal.verify(run) for fault in one.faults] == []
        journal.purge(run, remove=True)


def test_a_result_that_waited_says_nothing_about_a_later_send(place):
    program = child(KEPT, place, stdin=-1)
    program.stdout.readline()
    program.communicate(timeout=10)
    (file,) = departures.folder().iterdir()
    content = file.read_bytes()
    with Journal.open(place) as journal:
        resumed = journal.reopen("cut-off")
        resumed.intend([item(2)])
        file.write_bytes(content)  # as another process may have read it before
        journal.attach("cut-off")
        assert list(resumed.unsettled_rows()) == [2, 5, 6, 7, 8]


def test_results_of_an_earlier_boot_are_unknown_and_purged(place, monkeypatch):
    program = child(KEPT, place, stdin=-1)
    program.stdout.readline()
    program.communicate(timeout=10)
    monkeypatch.setattr(departures, "_boot", lambda: b"another".ljust(64, b"\0"))
    assert unknown(place) == list(range(2, 11))
    (file,) = departures.folder().iterdir()
    assert b"ref-4" in file.read_bytes()
    with Journal.open(place) as journal:
        journal.purge("cut-off")
    assert b"ref-4" not in file.read_bytes()


def test_a_writer_that_closes_writes_what_waited(place, monkeypatch):
    monkeypatch.setattr("rokt_export.journal.writer._WAIT", 60.0)
    with Journal.open(place) as journal:
        writer = begin(journal)
        writer.count_departures()
        writer.intend([item(row) for row in range(1, 6)])
        for row in range(1, 6):
            writer.settle([settled(row)])
        assert list(journal.settled(writer.run)) == [1]
        writer.heartbeat()
        assert list(journal.settled(writer.run)) == [1, 2, 3, 4, 5]
        writer.intend([item(row) for row in range(6, 9)])
        writer.settle([settled(6)])
        writer.intend([item(9)])
        assert list(journal.settled(writer.run)) == [1, 2, 3, 4, 5, 6]
        writer.settle([settled(7)])
    with Journal.open(place) as journal:
        assert list(journal.settled(writer.run)) == [1, 2, 3, 4, 5, 6, 7]


def test_a_run_that_ends_leaves_no_file(place):
    with Journal.open(place) as journal:
        writer = begin(journal)
        writer.count_departures()
        writer.intend([item(1)])
        writer.forget_intent([1])
    assert list(departures.folder().iterdir()) == []
