"""Every row of docs/faults.md, played by a raw-socket partner against the real command line."""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass
from typing import Any

import pytest
import trustme
from raw_bodies import PLAYED
from raw_credentials import TOKEN
from raw_partner import BEHAVIOURS, WAYS, Behaviour, RawPartner, record_of

from commands.conftest import PATIENCE, ROOT, CommandLine

OUTCOMES = {"delivered", "duplicate", "rejected", "failed", "unclassified", "invalid", "unknown", "unsent"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    behaviour: str
    outcomes: frozenset[str]
    exits: frozenset[int]
    twice: bool


def table() -> list[Row]:
    rows = []
    for line in (ROOT / "docs" / "faults.md").read_text().splitlines():
        if line.startswith("| `"):
            name, _partner, _tool, outcomes, status = (cell.strip() for cell in line.strip("|").split(" |"))
            words = {word.strip() for word in outcomes.split(",")}
            rows.append(
                Row(
                    name.strip("`"),
                    frozenset(words - {"twice"}),
                    frozenset(map(int, status.split(" or "))),
                    "twice" in words,
                )
            )
    return rows


TABLE = table()


def test_each_behaviour_has_its_row_and_each_row_its_behaviour() -> None:
    names = [row.behaviour for row in TABLE]
    assert sorted(names) == sorted(BEHAVIOURS), f"docs/faults.md or BEHAVIOURS lacks {set(names) ^ set(BEHAVIOURS)}"
    assert [row for row in TABLE if not row.outcomes or row.outcomes - OUTCOMES] == []


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def spec_of(played: Behaviour, partner: RawPartner, way: str, ca_file: str) -> str:
    """Return the spec, as JSON, which is YAML."""
    spec: dict[str, Any] = {
        "spec_version": 1,
        "partner": "raw",
        "title": "Raw",
        "endpoint": {"staging": "$URL/rows"},
        "method": "POST",
        "authentication": {"type": "none"},
        "encoding": "json",
        "parameters": [
            {"name": "transaction", "attribute": "transaction", "required": True},
            *({"name": name, "in": "header", "value": value} for name, value in WAYS[way].items()),
        ],
        "responses": [
            {"outcome": "duplicate", "status": 409},
            {"outcome": "delivered", "status": "200-299", "capture": {"reference": "$.id"}},
            {"outcome": "rejected", "status": "4xx"},
            {"outcome": "failed", "status": "5xx"},
        ],
        "limits": {"concurrency": 4, "timeout": f"{round(played.timeout * 1000)}ms"},
    }
    if played.tls:
        spec["tls"] = {"ca_file": ca_file}
    for key, value in played.spec.items():
        both = isinstance(value, dict) and key in ("limits", "tls", "endpoint")
        spec[key] = {**spec.get(key, {}), **value} if both else value
    return json.dumps(spec).replace("$URL", partner.url).replace("$PORT", str(partner.port))


CASES = [pytest.param(row, way, id=f"{row.behaviour}-{way}") for row in TABLE for way in BEHAVIOURS[row.behaviour].ways]


@pytest.mark.parametrize(("row", "way"), CASES)
def test_row(cli: CommandLine, authority, server_context, row: Row, way: str) -> None:
    played = BEHAVIOURS[row.behaviour]
    authority.cert_pem.write_to_path(cli.folder / "ca.pem")
    with RawPartner(played, server_context) as partner:
        spec = cli.write("raw.yaml", spec_of(played, partner, way, str(cli.folder / "ca.pem")))
        names = [f"row-{number}" for number in range(1, played.rows + 1)]
        rows = cli.write("rows.csv", "\n".join(["transaction", *names]) + "\n")
        began = time.monotonic()
        shown = cli(
            "replay",
            spec,
            rows,
            "--output",
            "json",
            "--no-first-row-check",
            "--patience",
            f"{played.patience:.1f}s" if played.patience else "0s",
            env={"RAW_SECRET": "not-so-secret"},
        )
        took = time.monotonic() - began
        received = {name: count for name, count in partner.received.items() if name in names}
    stated = f"the row `{row.behaviour}` of docs/faults.md says otherwise"
    assert shown.status in row.exits, f"{stated}: exit status {shown.status}: {shown.err}"
    stopped = not shown.out  # by an error: what is settled is in the journal
    deliveries = cli("runs", "show", "last", "--output", "ndjson").lines if stopped else shown.json["deliveries"]
    left = played.rows - len(deliveries)
    outcomes = {each["outcome"] for each in deliveries} | ({"unsent"} if left else set())
    assert outcomes <= row.outcomes, f"{stated}: {outcomes}, {[each['error'] for each in deliveries]}"
    for each in deliveries:
        if each["outcome"] == "delivered" and each["reference"] is not None:
            assert each["reference"] == record_of(each["transaction"]), each
    if not row.twice:
        assert max(received.values(), default=0) <= 1, received
    assert "internal error" not in shown.err
    assert TOKEN not in shown.out + shown.err
    assert took < PATIENCE


def test_bodies_that_go_all_the_way_have_their_rows() -> None:
    assert {f"body-{name.replace(' ', '-')}" for name in PLAYED} <= {row.behaviour for row in TABLE}
