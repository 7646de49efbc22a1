"""Results that a killed writer had not yet written to the journal are entered by whoever opens it next."""

from __future__ import annotations

import pytest
from journal_samples import begin, child, item, unknown
from machines import needs_postgres

from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, departures

pytestmark = pytest.mark.usefixtures("own_state")
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
