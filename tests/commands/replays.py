"""What tests of `replay` share: people, partners that refuse some of them, and runs that stopped."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from commands.conftest import ROOT, CommandLine, Heard, Partner

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
