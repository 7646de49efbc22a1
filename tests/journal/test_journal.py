"""What the journal is given comes back as it was."""

from __future__ import annotations

from journal_samples import (
    begin,
    settled,
)


def test_recordings_and_notes(journal):
    writer = begin(journal)
    writer.settle([settled(1), settled(2), settled(3)], recordings={1: b"one", 3: b"three" * 1000})
    assert journal.recording(writer.run, 3) == b"three" * 1000
    assert journal.recording(writer.run, 2) is None
    assert [row for row, _ in journal.recordings(writer.run)] == [1, 3]
    assert list(journal.recordings(writer.run, [3, 2, 1])) == [(3, b"three" * 1000), (1, b"one")]
    journal.note(writer.run, {"sample": {"rule 1": 3}})
    journal.note(writer.run, {"sample": {"rule 1": 4}})
    assert journal.notes(writer.run) == {"sample": {"rule 1": 4}}
