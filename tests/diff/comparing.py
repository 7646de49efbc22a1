"""Compare what two made-up partners respond with to the same rows, and read the result."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from rokt_export.diff import Comparison, DiffResult, SentTexts, Side
from rokt_export.partner_spec.model import DiffSettings

JSON = (("Content-Type", "application/json"),)
Answer = Callable[[int, random.Random], Any]
"""Makes what a side responds with to a row: data, or a whole side."""
Make = Callable[[int, random.Random], Any]
"""Makes a value from the row's number and chances."""
STARTED = 1_790_000_000.0
HOUR, HALF_HOUR, DAY = timedelta(hours=1), timedelta(minutes=30), timedelta(days=1)
ISO = "%Y-%m-%dT%H:%M:%SZ"


def compared(
    rows: int, a: Answer, b: Answer, sent: Callable[[int], dict[str, str]] = lambda row: {}, **settings: Any
) -> DiffResult:
    """Compare what two functions respond with to the same rows: data, or a whole side."""
    comparison = Comparison(DiffSettings.model_validate(settings), a="staging", b="production")
    chances = random.Random(1), random.Random(2)
    for row in range(rows):
        sides = []
        for number, (answer, chance) in enumerate(zip((a, b), chances, strict=True)):
            made = answer(row, chance)
            if not isinstance(made, Side):
                started = 1_790_000_000.0 + 900 * number + row
                made = Side(
                    "delivered", "ok", status=200, headers=JSON, body=orjson.dumps(made), started=started,
                    sent=SentTexts(sent(row)),
                )  # fmt: skip
            sides.append(made)
        comparison.add(f"t-{row}", *sides)
    return comparison.result()


def compared_values(rows: int, a: Make, b: Make, seed: int = 1) -> DiffResult:
    """Compare two sides' fields `x`; B answers 20 seconds after A."""
    comparison = Comparison(DiffSettings(), a="staging", b="production")
    chances = random.Random(seed), random.Random(-seed)
    for row in range(rows):
        sent = SentTexts({"email": f"jane.{row}@example.com", "country": ["US", "DE", "FR", "US"][row % 4]})
        sides = [
            Side(
                "delivered", "ok", status=200, headers=JSON, body=orjson.dumps({"x": make(row, chance)}),
                started=STARTED + 20 * number + row * 0.05, sent=sent,
            )
            for number, (make, chance) in enumerate(zip((a, b), chances, strict=True))
        ]  # fmt: skip
        comparison.add(f"t-{row}", *sides)
    return comparison.result()


def differing(result: DiffResult) -> list[tuple[str, str]]:
    """Return path and detail of each difference."""
    return [(one.path, one.detail) for one in result.differences]


def undecided(result: DiffResult) -> list[str]:
    """Return the paths that could not be judged."""
    return [one.path for one in result.undecided]


def said(result: DiffResult) -> str:
    """Return all sentences of a result."""
    return " ".join([*(one.sentence for one in result.differences), *(one.sentence for one in result.undecided)])


def new_id(chance: random.Random) -> str:
    """Return a random uuid."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def on_grid(steps: int, step: timedelta, written: str, shift: timedelta) -> Make:
    """Make times that repeat after so many steps, as `strftime` writes them."""
    return lambda row, _: (datetime(2027, 1, 5, 9, tzinfo=UTC) + step * (row % steps) + shift).strftime(written)


def mixed(row: int) -> int:
    """Return a number of 32 bits that belongs to the row and follows no order."""
    return int(hashlib.md5(str(row).encode(), usedforsecurity=False).hexdigest()[:8], 16)
