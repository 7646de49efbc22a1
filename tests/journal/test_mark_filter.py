"""The filter of fingerprints: it may name too many, and never one too few."""

from __future__ import annotations

import random

from rokt_export.journal.mark_filter import MarkFilter


def test_what_is_in_it_is_never_said_not_to_be():
    chance = random.Random(1)
    marks, known = [chance.randbytes(16) for _ in range(50_000)], MarkFilter()
    for start in range(0, len(marks), 500):
        known.add(marks[start : start + 500])
    assert known.perhaps(marks) == marks


def test_nearly_all_others_are_told_apart():
    chance, known = random.Random(2), MarkFilter()
    known.add(chance.randbytes(16) for _ in range(300_000))
    others = [chance.randbytes(16) for _ in range(100_000)]
    assert len(known.perhaps(others)) < 2_500, "300,000 in 2^24 places: 1.8 %"


def test_an_empty_one_names_nothing():
    assert MarkFilter().perhaps([b"\0" * 16, b"\xff" * 16]) == []
