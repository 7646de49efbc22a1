"""`diff` of responses that hold people's data: what redaction must neither break nor hide, and what nobody may read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.commands.conftest import CommandLine, Heard, Partner, Result

SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: "{url}/staging/leads"
  production: "{url}/production/leads"
encoding: json
attributes:
  age: {{personal: true}}
  dob: {{personal: true}}
parameters:
  - {{name: email, attribute: email}}
  - {{name: first, attribute: firstname}}
  - {{name: last, attribute: lastname}}
  - {{name: age, attribute: age}}
  - {{name: dob, attribute: dob}}
responses:
  - {{outcome: delivered, status: 200}}
"""
NAMES = ["Abigail", "Beatrix", "Cordelia", "Desmond", "Eleanor", "Fitzgerald", "Gwendolyn", "Hildegard"]
ROWS = [
    {
        "email": f"{NAMES[row % 8].lower()}.{row}@example.com",
        "firstname": NAMES[row % 8],
        "lastname": f"{NAMES[row // 3]}son",
        "age": str(20 + 3 * row),
        "dob": f"{13 + row % 9}/{1 + row % 12:02}/19{60 + row}",
    }
    for row in range(20)
]
Make = Callable[[dict[str, str], int], Any]


@pytest.fixture
def people(cli: CommandLine) -> Path:
    lines = [",".join(ROWS[0]), *(",".join(row.values()) for row in ROWS)]
    return cli.write("people.csv", "\n".join(lines) + "\n")


@pytest.fixture
def between(cli: CommandLine, partner: Partner, people: Path) -> Callable[..., Result]:
    """Compare staging with production, which answer with fields that are made of the row and the side."""

    def run(fields: Mapping[str, Make], *flags: object) -> Result:
        places = {row["email"]: place for place, row in enumerate(ROWS)}

        def answer(heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
            side = int("production" in heard.target)
            row = places[orjson.loads(heard.body)["email"]]
            if side and row in (4, 5):
                row = 9 - row if "mixed" in fields else row
            body = orjson.dumps({name: make(ROWS[row], side) for name, make in fields.items()})
            return 200, {"Content-Type": "application/json"}, body

        partner.answer = answer
        spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
        return cli("diff", spec, people, "--between", "staging", "production", "--confirm", "acme", *flags)

    return run


def told(done: Result) -> dict[str, str]:
    return {one["path"]: one["sentence"] for one in done.json["differences"]}


def test_a_number_of_the_person_leaves_json_as_it_is(cli: CommandLine, between: Callable[..., Result]) -> None:
    fields: dict[str, Make] = {
        "age": lambda row, side: int(row["age"]),
        "as_text": lambda row, side: row["age"] if side else int(row["age"]),
        "older": lambda row, side: int(row["age"]) + side,
        "year": lambda row, side: [int(row["age"]), "\u2019 \u2026"],
    }
    done = between(fields, "--output", "json")
    assert told(done) == {
        "$.as_text": "Field as_text is a number in staging but text in production, in all 20 rows.",
        "$.older": "Field older is the sent age in staging but another number in production, in all 20 rows.",
    }
    run = cli("runs", "list", "--output", "json").json[0]["run"]
    shown = cli("runs", "show", run, "--row", 2)
    assert re.search(r'"age": ?"person-[0-9a-f]{10}:number"', shown.out), shown.out


def test_the_letter_case_of_an_echo_is_told(between: Callable[..., Result]) -> None:
    fields: dict[str, Make] = {
        "same": lambda row, side: row["email"],
        "loud": lambda row, side: row["firstname"].upper(),
        "email": lambda row, side: row["email"].upper() if side else row["email"],
        "first": lambda row, side: row["firstname"].lower() if side else row["firstname"],
        "text": lambda row, side: f"Hello {row['firstname'].upper() if side else row['firstname']}!",
        "dob": lambda row, side: "/".join([row["dob"][3:5], row["dob"][:2], row["dob"][6:]]) if side else row["dob"],
    }
    done = between(fields, "--output", "json")
    assert done.status == 1
    sent = "is the sent {0} in staging but the sent {0} in {1} in production, in all 20 rows."
    assert told(done) == {
        "$.email": "Field email " + sent.format("email", "capital letters"),
        "$.first": "Field first " + sent.format("first", "another letter case"),
        "$.text": 'What varies in "Hello …!" of field text ' + sent.format("first", "capital letters"),
        "$.dob": "Field dob " + sent.format("dob", "another notation"),
    }


def test_nobody_reads_the_data_of_a_row_that_was_mixed_up(cli: CommandLine, between: Callable[..., Result]) -> None:
    fields: dict[str, Make] = {
        "mixed": lambda row, side: True,
        "email": lambda row, side: row["email"],
        "first": lambda row, side: row["firstname"],
        "dob": lambda row, side: row["dob"],
        "text": lambda row, side: f"Dear {row['lastname']}, we wrote to {row['email']}",
        "list": lambda row, side: [row["email"], {"name": row["firstname"]}],
    }
    paths = [cli.folder / f"differences.{suffix}" for suffix in ("html", "md", "json")]
    done = between(fields, *(word for path in paths for word in ("--report", path)))
    assert done.status == 1
    outputs = [done.out, *(path.read_text(encoding="utf-8") for path in paths)]
    runs = [one["run"] for one in cli("runs", "list", "--output", "json").json]
    for row in (5, 6):
        outputs.append(cli("runs", "show", runs[0], "--row", row).out)
    personal = [ROWS[row][name] for row in (4, 5) for name in ("email", "firstname", "lastname", "dob")]
    assert [value for output in outputs[:4] for value in personal if value in output] == []
    assert [row["email"] for row in ROWS for output in outputs if row["email"] in output] == []
    data = json.loads(outputs[3])
    assert {one["path"] for one in data["differences"]} == {
        "$.email", "$.first", "$.dob", "$.text", "$.list[*]", "$.list[*].name"
    }  # fmt: skip
    (mail,) = (one for one in data["differences"] if one["path"] == "$.email")
    one, other = mail["samples"]
    assert (one["a"], one["b"]) == (other["b"], other["a"])  # equal values look equal


def neighbour(row: dict[str, str]) -> dict[str, str]:
    return ROWS[(ROWS.index(row) + 3) % len(ROWS)]


def found(value: str, page: str) -> list[str]:
    return re.findall(rf".{{0,30}}{re.escape(value)}.{{0,30}}", page, re.IGNORECASE)


def test_nobody_reads_the_people_of_other_rows_in_any_writing(
    cli: CommandLine, between: Callable[..., Result], people: Path
) -> None:
    def written(change: Callable[[dict[str, str]], Any]) -> Make:
        return lambda row, side: change(neighbour(row)) if side else "none"

    fields: dict[str, Make] = {
        "lower": lambda row, side: neighbour(row)["lastname"].lower() if side else neighbour(row)["lastname"],
        "reversed": written(lambda other: other["lastname"][::-1]),
        "own": lambda row, side: row["lastname"][::-1] if side else "none",
        "name": written(lambda other: f"{other['lastname']}, {other['firstname']}"),
        "joined": written(lambda other: other["firstname"] + other["lastname"]),
        "address": written(lambda other: f"for {other['email']}!"),
        "part": written(lambda other: other["email"].partition("@")[0].upper()),
        "born": written(lambda other: "-".join(reversed(other["dob"].split("/")))),
        "maps": lambda row, side: {neighbour(row)["lastname"]: side, row["email"]: side},
        "state": lambda row, side: "refused" if side else "accepted",
    }
    reports = [cli.folder / f"differences.{suffix}" for suffix in ("html", "md", "json")]
    flags = [word for path in reports for word in ("--report", path)]
    done = between(fields, *flags)
    pages = [done.out, *(path.read_text(encoding="utf-8") for path in reports)]
    assert '"accepted" in staging but "refused" in production' in done.out
    assert {one["path"] for one in json.loads(pages[3])["differences"]} >= {"$.lower", "$.name", "$.maps.*"}
    runs = [one["run"] for one in cli("runs", "list", "--output", "json").json][::-1]
    people.unlink()
    again = cli("diff", "--runs", *runs, *flags)
    assert "The files or the spec of the runs have changed or cannot be read" in re.sub(r"\s+", " ", again.out)
    without_file = [again.out, *(path.read_text(encoding="utf-8") for path in reports)]
    for row in ROWS:
        values = [row["firstname"], row["lastname"], row["email"].partition("@")[0]]
        for value in (*values, *(value[::-1] for value in values), "-".join(reversed(row["dob"].split("/")))):
            assert [hit for page in pages for hit in found(value, page)] == []
        for value in (row["lastname"], row["lastname"][::-1]):
            assert not [hit for page in without_file for hit in found(value, page)]
