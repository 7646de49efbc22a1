"""Data in a journal that cannot be decoded is an error with its place; a fault of this program is none."""

from __future__ import annotations

import pytest

from rokt_export.journal.damage import readable


@pytest.mark.parametrize("fault", [KeyError, TypeError, AttributeError, IndexError])
def test_a_fault_of_this_program_is_no_damage(fault: type[Exception]) -> None:
    with pytest.raises(fault), readable("row 1"):
        raise fault("a name that is not there")
