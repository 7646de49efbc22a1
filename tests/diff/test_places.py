"""Places of a response are named by paths, which settings ignore or let vary."""

from __future__ import annotations

from rokt_export.diff.places import MOST_PLACES, PathPattern, Places
from rokt_export.partner_spec.model import DiffSettings
from tests.diff.sides import compared, found


def test_ignored_paths_in_every_spelling():
    a, b = {"a": {"id": 1, "b": [{"id": 1, "c": 1}]}}, {"a": {"id": 2, "b": [{"id": 2, "c": 1}]}}
    for patterns in (["$..id"], ["$.a.id", "$.a.b[*].id"], ["$.a.id", "$.a.b.id"], ["$.a"], ["$.a.*"], ["$"], ["//id"]):
        assert not compared([(a, b)], ignore=patterns).differs, patterns
    assert found(compared([(a, b)], ignore=["$.a.b[*].id"])) == [("value", "$.a.id", 1)]
    assert not compared([({"a b": 1}, {})], ignore=["$['a b']"]).differs


def test_a_pattern_of_an_array_does_not_mean_its_elements():
    places = Places(DiffSettings())
    array = places.body.child("a")
    assert PathPattern("$.a").matches(array)
    assert not PathPattern("$.a").matches(array.child("[*]"))
    assert PathPattern("$.a[0]").matches(array.child("[*]"))


def test_names_without_end_fill_no_memory():
    pairs = [({f"k{row}x{n}": n for n in range(100)}, {f"k{row}x{n}": -n for n in range(100)}) for row in range(60)]
    result = compared(pairs)
    assert len(result.differences) <= MOST_PLACES
    assert ("value", "$.*") in [one[:2] for one in found(result)]
