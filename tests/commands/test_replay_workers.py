"""`replay --workers`: one journal, one summary, shared limits and stop rules."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from commands.replays import MAILCHIMP, THOUSAND, emails, people, refusing


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_share_one_journal_and_one_summary(cli, spec, partner, workers):
    rows = cli.write("rows.csv", people(*range(1, 201)))
    partner.answer = refusing(7, 8)
    shown = cli.process("replay", spec, rows, "--workers", workers, "--output", "json")
    assert shown.status == 1, shown.err
    assert shown.json["counts"] == {"delivered": 198, "rejected": 2}
    assert [one["row"] for one in shown.json["deliveries"]] == list(range(1, 201))
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 201)}
    assert len(cli("runs", "list", "--output", "json").json) == 1


def test_workers_beside_a_sandbox_are_spawned_not_forked(cli):
    shown = cli.process("replay", MAILCHIMP, THOUSAND, "--sandbox", "--workers", "2", "--output", "json", "--quiet")
    assert shown.status == 0, shown.err
    assert shown.json["counts"] == {"delivered": 1000}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_rule_counts_over_all_workers(cli, spec, partner, workers):
    partner.answer = lambda _heard: (400, {}, b"{}")
    rows = cli.write("rows.csv", people(*range(1, 301)))
    shown = cli.process("replay", spec, rows, "--workers", workers, "--concurrency", "2", "--stop-after", "6")
    assert shown.status == 1, shown.err
    stopped = re.search(r"stopped: (\d+) unexpected outcomes", shown.err)
    assert stopped is not None, shown.err
    assert 6 <= int(stopped[1]) <= len(partner.heard) <= 12  # what is in flight at the sixth still comes back
