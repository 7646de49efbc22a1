"""So many things that a run may do, whichever of its workers does them."""

from __future__ import annotations

from multiprocessing.context import BaseContext

FIRST_RECORDED = 200
"""Exchanges of a run that are kept whole however they came out: each takes as long as five rows."""
PROBLEMS_RECORDED = 20_000
"""Exchanges of a run that are kept whole because they had an unexpected outcome."""


class Allowance:
    """The allowance of one process.

    Attributes:
        left: how many are left.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> bool:
        """Take one; return whether there was one left."""
        taken = self.left > 0
        self.left -= taken
        return taken


class SharedAllowance(Allowance):
    """The allowance of several processes together.

    Args:
        context: how the processes are made.
        left: how many there are.
    """

    def __init__(self, context: BaseContext, left: int) -> None:
        self._left = context.Value("q", left)

    @property
    def left(self) -> int:  # type: ignore[override]
        """How many are left."""
        return int(self._left.get_obj().value)

    def take(self) -> bool:
        """Take one; return whether there was one left."""
        with self._left.get_lock():
            taken = self._left.value > 0
            self._left.value -= taken
        return bool(taken)
