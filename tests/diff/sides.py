"""Sides made by hand, compared in pairs, and what differs."""

from __future__ import annotations

import random
from typing import Any

import orjson

from rokt_export.diff import Comparison, DiffResult, Side
from rokt_export.partner_spec.model import DiffSettings

JSON = (("Content-Type", "application/json"),)
NOON = 1_780_000_000.0


def side(body: Any, **changes: Any) -> Side:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Side(**{"outcome": "delivered", "rule": "ok", "status": 200, "headers": JSON, "body": raw, **changes})


def xml(text: str, **changes: Any) -> Side:
    return side(text.encode(), headers=(("Content-Type", "text/xml"),), **changes)


def text(content: str, **changes: Any) -> Side:
    return side(content.encode(), headers=(("Content-Type", "text/plain"),), **changes)


def compared(pairs: list[tuple[Any, Any]], **options: Any) -> DiffResult:
    comparison = Comparison(DiffSettings.model_validate(options))
    for number, (a, b) in enumerate(pairs, 1):
        a, b = (one if isinstance(one, Side) else side(one) for one in (a, b))
        comparison.add(f"t-{number}", a, b)
    return comparison.result()


def found(result: DiffResult) -> list[tuple[str, str, int]]:
    return [(str(one.kind), one.path, one.count) for one in result.differences]


def apart(result: DiffResult) -> list[tuple[str, str]]:
    return [(str(one.kind), one.path) for one in result.undecided]


def many(a: Any, b: Any, number: int = 300) -> DiffResult:
    """Compare answers that two functions make of a random generator and the row."""
    left, right = random.Random(1), random.Random(2)
    return compared([({"x": a(left, row)}, {"x": b(right, row)}) for row in range(number)])


def both(make: Any, number: int = 300) -> DiffResult:
    return many(make, make, number)
