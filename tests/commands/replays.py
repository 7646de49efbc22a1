"""What tests of `replay` share: people, partners that refuse some of them, and runs that stopped."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from commands.conftest import PATIENCE, ROOT, SAMPLES, CommandLine, Heard, Partner, wait_for

THOUSAND = ROOT / "sample_events" / "thousand.csv"
MAILCHIMP = ROOT / "sample_specs" / "mailchimp.yaml"


def people(*numbers: int) -> str:
    return "email,firstname\n" + "".join(f"jane.doe.{number}@example.com,Jane\n" for number in numbers)


def emails(partner: Partner) -> list[str]:
    return [json.loads(heard.body)["email"].split("@")[0].removeprefix("jane.doe.") for heard in partner.heard]


def refusing(*numbers: int, status: int = 400):
    """Answer these people with a status of its own, and all others well."""
    bodies = tuple(f"jane.doe.{number}@".encode() for number in numbers)

    def answer(heard: Heard):
        if any(body in heard.body for body in bodies):
            return status, {}, b'{"message": "no"}'
        return 200, {}, b'{"id": "c0ffee"}'

    return answer


def production(cli: CommandLine, spec: Path, *arguments: object, confirm: str = "acme"):
    return cli("replay", spec, *arguments, "-e", "production", "--confirm", confirm, "--output", "json")


def leave_the_second_unanswered(cli: CommandLine, spec: Path, partner: Partner) -> None:
    """The partner takes row 2 and does not answer in time; sent again, it is answered as the others are."""
    cli.write("acme.yaml", spec.read_text().replace("timeout: 5s", "timeout: 300ms"))
    sent = Counter[str]()

    def answer(heard: Heard):
        sent["2"] += b"jane.doe.2@" in heard.body
        if b"jane.doe.2@" in heard.body and sent["2"] == 1:
            time.sleep(0.6)
        return 200, {}, b"{}"

    partner.answer = answer


def stopped(cli: CommandLine, spec: Path, partner: Partner, *arguments: object) -> str:
    """A run of nine rows that stopped after some, and why it can go on."""
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(4)
    shown = cli(
        "replay",
        spec,
        rows,
        "--concurrency",
        "1",
        "--stop-after",
        "1",
        "--name",
        "nine",
        "--output",
        "json",
        *arguments,
    )
    assert shown.status == 1
    assert "go on with: rokt-export runs resume" in shown.err
    partner.answer = refusing()
    return str(shown.json["run"])


def numbered(*numbers: int) -> bytes:
    return b"transactionid,email\n" + b"".join(b"tx%d,jane.doe.%d@example.com\n" % (n, n) for n in numbers)


sample = pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])


def begun(cli, spec, partner, *flags, command="replay"):
    """Start a slow run of 200 rows, and wait until some are settled."""
    partner.delay = 0.05
    rows = cli.write("rows.csv", people(*range(1, 201)))
    process = cli.start(command, spec, rows, "--concurrency", "2", *flags)
    wait_for(lambda: len(partner.heard) > 6)
    return process


def ended(process, by):
    process.send_signal(by)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.fixture
def five(cli: CommandLine, partner: Partner) -> Path:
    """Rows of five people, of which the third is refused."""
    partner.answer = refusing(3)
    return cli.write("rows.csv", people(1, 2, 3, 4, 5))
