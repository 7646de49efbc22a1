"""Texts: wordings are told apart, whatever stands in their holes."""

from __future__ import annotations

import pytest

from tests.diff.comparing import compared, differing, new_id, undecided


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_few_transactions_tell_words_apart_and_leave_identifiers_open(rows: int) -> None:
    result = compared(
        rows,
        lambda row, chance: {"id": new_id(chance), "state": "active", "note": f"Lead {chance.randrange(10**6)} taken"},
        lambda row, chance: {"id": new_id(chance), "state": "pending", "note": f"Lead {chance.randrange(10**6)} lost"},
    )
    assert differing(result) == [
        ("$.state", "active → pending"),
        ("$.note", "Lead (number) taken → Lead (number) lost"),
    ]
    assert undecided(result) == ["$.id"]
    assert result.undecided[0].enough == 40
    assert "Compare 40 rows or more to judge its form; rows cannot judge its values." in result.undecided[0].sentence
