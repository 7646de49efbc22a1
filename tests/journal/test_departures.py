"""Which rows of a batch were sent before its process was killed."""

from __future__ import annotations

import pytest
from journal_samples import begin, child, item, settled, unknown

from rokt_export.exchange.delivery import LeftOut
from rokt_export.journal import Journal, departures

pytestmark = pytest.mark.usefixtures("own_state")

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


@pytest.fixture
def killed(place):
    """A process with 30 rows intended in three batches, of which 13 left and the first was settled."""
    program = child(KILLED, place, stdin=-1)
    program.marks = [bytes.fromhex(mark) for mark in program.stdout.readline().split()]
    yield program
    program.communicate(timeout=10)


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
