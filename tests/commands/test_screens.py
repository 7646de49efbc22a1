"""What an operator sees, at four widths, compared with tests/commands/screens; `SCREENS=write` writes those anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands.compared_screens import WIDTHS, compare
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState
from tests.commands.conftest import CommandLine, Partner

STARTED = 1_795_400_000.25


def _live(text: str) -> str:
    """Return what a run printed without what its milliseconds widen: gaps and rules."""
    text = re.sub(r"\d+(\.\d+)? ms", "0 ms", text)
    text = re.sub(r"(?m)  \d+(\.\d+)?$", "  0", text)
    return re.sub(r"─+", "───", re.sub(r"(?m)(?<=\S) {2,}", "  ", text))


@pytest.mark.parametrize("case", ["good", "wrong"])
def test_a_test_of_one_row(cli: CommandLine, partner: Partner, spec: Path, case: str) -> None:
    if case == "wrong":
        partner.answer = lambda _heard: (302, {"Location": "/login"}, b"")
    shown = {}
    for width in WIDTHS:
        done = cli("test", spec, "--seed", 7, "--no-first-row-check", env={"COLUMNS": str(width)})
        assert done.status == (0 if case == "good" else 1)
        shown[width] = _live(done.out + done.err)
    compare(f"test-{case}", shown)


@pytest.fixture
def mixed(cli: CommandLine) -> Journal:
    """A replay of 1,000 rows, of which 428 were not delivered, and the run of a year before."""
    fates = [
        (572, OutcomeKind.DELIVERED, 201, None),
        (230, OutcomeKind.REJECTED, 422, "Email jane.doe.{row}@example.com is invalid"),
        (120, OutcomeKind.DUPLICATE, 409, "already a member"),
        (40, OutcomeKind.FAILED, 503, None),
        (20, OutcomeKind.UNCLASSIFIED, 302, "no rule matched: status 302"),
        (10, OutcomeKind.INVALID, None, "parameter email: no value"),
        (8, OutcomeKind.UNKNOWN, None, None),
    ]
    with Journal.open(cli.journal) as journal:
        for name, most in (("the-check-of-last-year-with-a-long-name", 1), (None, 1_000)):
            writer = journal.begin(
                command="replay", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64,
                events=["events.csv"], name=name,
            )  # fmt: skip
            kinds = [(kind, status, why) for rows, kind, status, why in fates for _ in range(rows)]
            writer.settle(
                [
                    Delivery(row, f"tx-{row}", kind, status, str(kind), why and why.format(row=row), latency_ms=45.0,
                             attempts=int(status is not None), started=STARTED * (status is not None), invented=True)
                    for row, (kind, status, why) in enumerate(kinds[:most], 1)
                ]
            )  # fmt: skip
            writer.end(RunState.FINISHED, 1)
        return journal


@pytest.mark.parametrize("words", ["runs show last", "runs list", "report last --brief"])
def test_a_replay_of_a_thousand_rows(cli: CommandLine, mixed: Journal, words: str) -> None:
    shown = {width: cli(*words.split(), env={"COLUMNS": str(width)}).out for width in WIDTHS}
    assert all(
        len(text.splitlines()) <= 24 for width, text in shown.items() if width >= 80
    )  # the whole report on one screen
    compare(words.removesuffix(" last").replace(" last", "").replace(" --", "-").replace(" ", "-"), shown)


def test_a_diff_of_two_environments(cli: CommandLine, partner: Partner, spec: Path) -> None:
    partner.answer = lambda heard: (409 if b"jane.doe.2" in heard.body else 201, {}, b'{"id": 1}')
    rows = cli.write("rows.csv", "email,firstname\njane.doe.1@example.com,Jane\njane.doe.2@example.com,Jane\n")
    runs = []
    for name in ("before", "after"):
        cli("test", spec, rows, "--test-data", "--name", name)
        partner.answer = lambda _heard: (201, {}, b'{"id": "a"}')
        runs.append(name)
    shown = {width: _live(cli("diff", "--runs", *runs, env={"COLUMNS": str(width)}).out) for width in WIDTHS}
    compare("diff", shown)
