"""The benches of `tests/diff` by the command: real requests to two environments, one after the other."""

from __future__ import annotations

import csv
import io
import json
import random
import time
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.commands.conftest import CommandLine, Heard, Partner
from tests.diff.planted import leads, orders
from tests.diff.planted.partner import ABSENT, At, Bench, fields_of, kind_of

BENCHES = {"leads": leads.BENCH, "orders": orders.BENCH}


def spec_of(bench: Bench, url: str, headers: list[str]) -> str:
    names = list(bench.people(0, random.Random(0)))
    parameters = [{"name": name, "attribute": f"x_{number}"} for number, name in enumerate(names)]
    return json.dumps(
        {
            "spec_version": 1,
            "partner": "acme",
            "endpoint": {"staging": f"{url}/staging", "production": f"{url}/production"},
            "encoding": "json",
            "attributes": {f"x_{number}": None for number in range(len(names))},
            "parameters": parameters,
            "responses": [{"outcome": "delivered", "status": 200}],
            "diff": {"headers": headers},
            "limits": {"concurrency": 1},  # what counts rows here counts them in their order
        }
    )


def rows_of(bench: Bench, rows: int) -> str:
    page = io.StringIO()
    writer = csv.writer(page)
    people = [list(bench.people(row, random.Random(row)).values()) for row in range(rows)]
    writer.writerow([f"x_{number}" for number in range(len(people[0]))])
    writer.writerows(people)
    return page.getvalue()


def flat(data: Mapping[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in data.items():
        found |= flat(value, f"{path}{name}.") if isinstance(value, dict) else {path + name: str(value)}
    return found


@pytest.mark.parametrize("rows", [20, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.parametrize("bench", BENCHES.values(), ids=list(BENCHES))
def test_the_command_finds_what_was_planted(cli: CommandLine, partner: Partner, bench: Bench, rows: int) -> None:
    fields = [(name, makes) for name, *makes in fields_of(bench) if kind_of(name) in ("json", "header")]
    kept: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    chances = random.Random(1), random.Random(2)
    counts = [0, 0]

    def answer(heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
        side = int("production" in heard.target)
        row, counts[side] = counts[side], counts[side] + 1
        sent = flat(orjson.loads(heard.body))
        made: dict[str, Any] = {}
        for name, makes in fields:
            own = random.Random(f"{row} {name}")
            value = makes[side](At(row, sent, time.time(), chances[side], own, kept[side]))
            if value is not ABSENT:
                made[name] = value
        headers = {name.replace("_", "-"): str(value) for name, value in made.items() if kind_of(name) == "header"}
        body = orjson.dumps({name: value for name, value in made.items() if kind_of(name) == "json"})
        return 200, {"Content-Type": "application/json", **headers}, body

    partner.answer = answer
    names = [name.replace("_", "-") for name, _ in fields if kind_of(name) == "header"]
    spec = cli.write("acme.json", spec_of(bench, partner.url, names))
    people = cli.write("people.csv", rows_of(bench, rows))
    done = cli(
        "diff", spec, people, "--between", "staging", "production", "--confirm", "acme", "--output", "json"
    )  # fmt: skip
    assert done.status == 1, done.err
    told = {name_at(one["path"]) for one in done.json["differences"]}
    traced = {name_at(one["path"]) for one in done.json["undecided"]}
    planted = {name for name, _ in fields if name in bench.planted}
    alarms = {name for name, _ in fields if name in bench.noise and name in told}
    assert len(planted & told) >= (60 if rows == 20 else 68) / 75 * len(planted), planted - told
    assert len(planted - told - traced) <= (8 if rows == 20 else 3), planted - told - traced
    assert len(alarms) <= (6 if rows == 20 else 4), [
        one for one in done.json["differences"] if name_at(one["path"]) in alarms
    ]


def name_at(path: str) -> str:
    if path.startswith("header "):
        return path.removeprefix("header ").replace("-", "_")
    return path.replace("[*]", "").split(".")[1] if "." in path else path
