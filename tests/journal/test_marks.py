"""What this machine knows of its journals: the last batch of each, and which sent to a system."""

from __future__ import annotations

import pytest

from rokt_export.journal import marks

pytestmark = pytest.mark.usefixtures("own_state")


def test_the_highest_batch_of_several_processes_is_kept() -> None:
    assert marks.read("one") is None
    first, second = marks.BatchMark.of("one", 3), marks.BatchMark.of("one", 3)
    assert first is not None and second is not None
    first.raise_to(7)
    second.raise_to(5)
    assert (marks.read("one"), marks.read("other")) == (7, None)
    second.set(2)  # a journal that begins anew
    assert marks.read("one") == 2
    first.close()
    second.close()


def test_the_journals_that_sent_to_a_system_are_known_by_each_of_its_names() -> None:
    marks.note_sender(["acme production", "https://api.example.com"], "/state/a.sqlite")
    marks.note_sender(["acme production"], "/state/b.sqlite")
    marks.note_sender(["acme production"], "/state/a.sqlite")
    assert marks.senders(["acme production"]) == ["/state/b.sqlite", "/state/a.sqlite"]
    assert marks.senders(["https://api.example.com", "unknown"]) == ["/state/a.sqlite"]
    assert marks.usable()
