"""`test`: a few deliveries, as many as are asked for, with the patience that is given."""

from __future__ import annotations

import re
import signal

from commands.conftest import FEW, CommandLine, wait_for
from commands.findings import WRONG
from commands.replays import MAILCHIMP, ended


def test_test_waits_as_long_as_patience_says(cli: CommandLine) -> None:
    spec = cli.write("acme.yaml", WRONG.replace("requird: true\n", "").replace("https://example.com", "http://[::1]:9"))
    assert cli("test", spec, "--patience", "soon").status == 2
    done = cli("test", spec, "--patience", "100ms")
    assert done.status == 4


DELIVERY = {
    "row", "transaction", "outcome", "status", "rule", "reason", "reference", "code", "attempts", "latency_ms", "error",
}  # fmt: skip


def test_three_invented_people_are_delivered(cli: CommandLine) -> None:
    done = cli("test", MAILCHIMP, "--sandbox", "--count", 3, "--output", "json")
    assert done.status == 0
    assert [one["outcome"] for one in done.json["deliveries"]] == ["delivered"] * 3
    assert done.json["counts"] == {"delivered": 3}
    assert set(done.json) == {"run", "partner", "environment", "counts", "deliveries"}
    assert all(set(one) == DELIVERY for one in done.json["deliveries"])


def test_expected_duplicates_are_success(cli: CommandLine) -> None:
    cli("test", MAILCHIMP, FEW, "--sandbox")
    assert cli("test", MAILCHIMP, FEW, "--sandbox", "--expect", "duplicate").status == 0


def test_an_interrupted_test_says_so_too(cli, spec, partner):
    partner.delay = 0.05
    with cli.start("test", spec, "--count", "200", "--quiet") as process:
        wait_for(lambda: len(partner.heard) > 6)
        status, out, err = ended(process, signal.SIGINT)
    assert status == 130
    assert re.search(r"^Interrupted: \d+ of 200 rows handled, \d+ not sent\.$", out, re.MULTILINE)
    assert " interrupted: " in err
