"""Values that `invalid: omit` leaves out are counted by parameter, with their first rows, over all of a run."""

from __future__ import annotations

import json

from rokt_export.delivery.omitted_values import OmittedValues


def counted(*rows: tuple[int, tuple[str, ...]]) -> OmittedValues:
    found = OmittedValues()
    for row, names in rows:
        found.add(row, names)
    return found


def test_the_first_three_rows_are_named_in_order() -> None:
    found = counted((9, ("dob",)), (2, ("dob", "phone")), (4, ("dob",)), (7, ("dob",)))
    assert (found.values, found.first) == ({"dob": 4, "phone": 1}, {"dob": [2, 4, 7], "phone": [2]})


def test_a_row_with_two_values_is_named_once() -> None:
    (sentence,) = counted((3, ("dob", "dob"))).sentences
    assert sentence.startswith(
        "2 values do not fit parameter dob, and were left out (`invalid: omit`), first in row 3: "
    )


def test_one_value_is_told_in_the_singular() -> None:
    (sentence,) = counted((3, ("dob",))).sentences
    assert sentence.startswith("1 value does not fit parameter dob, and was left out (`invalid: omit`), in row 3: ")


def test_counts_of_several_processes_add_up() -> None:
    found = counted((5, ("dob",)))
    other = counted((1, ("dob",)), (8, ("phone",)))
    other.partial = True
    found.merge(OmittedValues.from_json(json.loads(json.dumps(other.as_json()))))
    assert (found.values, found.first) == ({"dob": 2, "phone": 1}, {"dob": [1, 5], "phone": [8]})
    assert all(sentence.startswith("at least ") for sentence in found.sentences)
