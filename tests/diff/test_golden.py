"""What an operator reads: the output of eight cases, and what he should conclude from each.

`REWRITE_GOLDEN=1` writes the files in `golden/` anew after a change of the output.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from rokt_export.diff import Comparison, SentTexts, Side
from rokt_export.partner_spec.model import DiffSettings
from rokt_export.reports import differences

GOLDEN = Path(__file__).with_name("golden")
STARTED = 1_790_000_000.0
Answer = Callable[[int, dict[str, str], random.Random], Any]


def sent(row: int) -> dict[str, str]:
    return {"email": f"jane.doe.{row}@example.com", "country": ["US", "DE", "FR", "US"][row % 4], "ref": f"R-{row:05}"}


def told(rows: int, a: Answer, b: Answer, **settings: Any) -> str:
    """Return what the terminal shows of two partners' responses."""
    comparison = Comparison(DiffSettings.model_validate(settings), a="staging", b="production")
    chances = random.Random(1), random.Random(2)
    for row in range(rows):
        carried = sent(row)
        sides = []
        for number, (answer, chance) in enumerate(zip((a, b), chances, strict=True)):
            data = answer(row, carried, chance)
            outcome = data.pop("outcome", "delivered")
            sides.append(
                Side(
                    outcome,
                    "ok" if outcome == "delivered" else "refused",
                    reason=data.get("reason"),
                    status=200 if outcome == "delivered" else 422,
                    headers=(("Content-Type", "application/json"),),
                    body=orjson.dumps(data),
                    started=STARTED + number * 900 + row * 0.2,
                    latency_ms=40.0 + number,
                    sent=SentTexts(carried),
                )
            )
        comparison.add(carried["ref"], *sides)
    page = StringIO()
    differences.console(comparison.result(), Console(file=page, width=120, no_color=True))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def lead(**more: Any) -> Answer:
    def answer(row: int, carried: dict[str, str], chance: random.Random) -> dict[str, Any]:
        made = {name: value(row, carried, chance) if callable(value) else value for name, value in more.items()}
        return {"ok": True, "email": carried["email"], **made}

    return answer


def new_id(_row: int, _carried: dict[str, str], chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def message(state: str) -> Answer:
    return lambda row, carried, chance: f"Lead {chance.randrange(10**6, 10**7)} {state}"


def created(shift: int, side: int) -> Answer:
    return lambda row, carried, chance: int(STARTED + side * 900 + row * 0.2) + shift


def refuses_germany(row: int, carried: dict[str, str], chance: random.Random) -> dict[str, Any]:
    if carried["country"] == "DE":
        return {"outcome": "rejected", "reason": "country is not supported"}
    return lead()(row, carried, chance)  # type: ignore[no-any-return]


def broken(row: int, carried: dict[str, str], chance: random.Random) -> str:
    return "ERROR" if row % 25 == 3 else f"{chance.getrandbits(64):016x}"


# What a reader should conclude, and what makes the page.
CASES: dict[str, tuple[str, Callable[[], str]]] = {
    "agrees": ("Both agree in all that they say.", lambda: told(60, lead(points=5), lead(points=5))),
    "identifiers": (
        "No difference was found; the field id is new each time on both sides, and could not be judged.",
        lambda: told(60, lead(id=new_id), lead(id=new_id)),
    ),
    "wording": (
        "Production says refused in every message where staging says accepted; the number in it says nothing.",
        lambda: told(60, lead(message=message("accepted")), lead(message=message("refused"))),
    ),
    "country": (
        "Production rejects all transactions with country=DE, and no others.",
        lambda: told(80, lead(), refuses_germany),
    ),
    "hour": (
        "Production's times are one hour later than staging's.",
        lambda: told(60, lead(created=created(0, 0)), lead(created=created(3600, 1))),
    ),
    "errors": (
        "Now and then production says ERROR instead of a token: 4 of 100 transactions.",
        lambda: told(100, lead(token=lambda r, c, x: f"{x.getrandbits(64):016x}"), lead(token=broken)),
    ),
    "few": (
        "Three transactions: points differs for certain; nothing can be said of id before more are sent.",
        lambda: told(3, lead(points=5, id=new_id), lead(points="5", id=new_id)),
    ),
    "declared": (
        "The field id is declared as a uuid, and production answers with something else.",
        lambda: told(
            60, lead(id=new_id), lead(id=lambda r, c, x: f"{x.getrandbits(48):012x}"), varies={"$.id": "uuid"}
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_an_operator_reads(case: str) -> None:
    _, make = CASES[case]
    page = make()
    file = GOLDEN / f"{case}.txt"
    if os.environ.get("REWRITE_GOLDEN"):
        file.write_text(page, encoding="utf-8")
    assert page == file.read_text(encoding="utf-8")
