"""Where a run's transactions come from: attributes that are set or unset, invented people, the first rows."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.conftest import CommandLine, Partner


def test_set_and_unset_reach_the_partner(cli: CommandLine, spec: Path, partner: Partner) -> None:
    assert cli("test", spec, "--set", "email=x=y@example.com", "--unset", "firstname").status == 0
    assert json.loads(partner.heard[0].body) == {"email": "x=y@example.com"}


def test_invented_people_are_new_each_time_and_reserved(cli: CommandLine, spec: Path, partner: Partner) -> None:
    for _ in range(2):
        assert cli("test", spec, "--count", 3).status == 0
    emails = [json.loads(heard.body)["email"] for heard in partner.heard]
    assert len(set(emails)) == 6
    assert all(email.endswith("@example.com") and "test" in email for email in emails)


def test_count_takes_the_first_rows_of_a_file(cli: CommandLine, spec: Path, rows: Path, partner: Partner) -> None:
    assert cli("test", spec, rows, "--count", 2).status == 0
    heard = sorted(json.loads(each.body)["email"] for each in partner.heard)  # both are in flight at once
    assert heard == ["jane.doe.1@example.com", "jane.doe.2@example.com"]
