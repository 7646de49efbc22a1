"""What the values of one place amount to: a difference, what varies by itself, or too little to tell."""

from __future__ import annotations

import hashlib
import random

from tests.diff.sides import JSON, apart, compared, found, side


def test_a_member_that_is_there_at_times_is_volatile_unless_one_side_never_has_it():
    left, right = random.Random(1), random.Random(2)

    def at_times(rnd: random.Random) -> dict[str, int]:
        return {"w": 1} if rnd.random() < 0.3 else {}

    result = compared([(at_times(left), at_times(right)) for _ in range(300)])
    assert len(apart(result)) == 1
    assert apart(result)[0][1] == "$.w"
    assert not result.differs
    result = compared([(at_times(left), {}) for _ in range(300)])
    assert [one[:2] for one in found(result)] == [("missing", "$.w")]


def test_a_few_wrong_values_among_thousands_are_seen():
    def digest(row: int) -> str:
        return hashlib.md5(str(row).encode()).hexdigest()[:12]

    pairs = [({"x": digest(row)}, {"x": digest(row + (row % 100 == 0))}) for row in range(500)]
    assert found(compared(pairs)) == [("value", "$.x", 5)]


def test_a_single_pair_is_no_proof_except_for_the_reference():
    a, b = (side({"id": id_, "n": id_ + 1}, reference=str(id_)) for id_ in (100, 200))
    result = compared([(a, b)])
    assert found(result) == [("value", "$.n", 1)]
    assert apart(result) == [("value", "$.id")]


def test_what_was_learned_can_be_declared():
    pairs = [
        (
            side({"id": left, "k": [left]}, headers=(*JSON, ("Location", f"/x/{left}"))),
            side({"id": right, "k": [right]}, headers=(*JSON, ("Location", f"/x/{right}"))),
        )
        for left, right in zip(*(random.Random(seed).sample(range(10**6), 50) for seed in (1, 2)), strict=True)
    ]
    learned = compared(pairs, headers=["Location"]).learned
    assert learned == {"location": "/x/…", "$.id": "number", "$.k[*]": "number"}
    result = compared(pairs, headers=["Location"], varies=learned)
    assert not result.differs
    assert not result.undecided
    assert result.varying == {"header location": 50, "$.id": 50, "$.k[*]": 50}
