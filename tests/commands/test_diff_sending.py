"""Both sides of `diff` are sent the same, or neither is sent anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.compared_sides import BETWEEN, CONFIRMED, JSON, SPEC, answered, people
from tests.commands.conftest import CommandLine, Heard, Partner, clear

FINDINGS, USAGE, WRONG, UNREACHABLE = 1, 2, 3, 4


def test_sandboxes_of_its_own_do_not_differ_nor_remember(cli: CommandLine, acme: Path, twenty: Path) -> None:
    for _ in range(2):
        done = cli("diff", acme, twenty, *BETWEEN, "--sandbox", "--output", "json")
        assert (done.status, done.json["outcomes"]) == (0, [{"a": "delivered", "b": "delivered", "count": 20}]), (
            done.out
        )
    assert cli("test", acme, twenty, "--sandbox", "--output", "json").json["counts"] == {"delivered": 20}


def test_invented_people_are_the_same_on_both_sides(cli: CommandLine, acme: Path, partner: Partner) -> None:
    done = cli("diff", acme, "--count", 5, *CONFIRMED, "--test-data")
    assert done.status == 0, done.err
    assert {heard.body for heard in partner.heard[:5]} == {heard.body for heard in partner.heard[5:]}


@pytest.mark.parametrize("more", [(), ("--confirm", "acme2"), ("--test-data",)])
def test_unconfirmed_nothing_is_sent_to_either_side(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner, more: tuple[str, ...]
) -> None:
    clear(cli("diff", acme, twenty, *BETWEEN, *more), USAGE, "acme")
    assert partner.heard == []
    assert cli("runs", "list", "--output", "json").json == []


@pytest.mark.parametrize("status", [409, 422])
def test_rows_that_production_answered_before_may_be_duplicate_or_rejected_again(
    cli: CommandLine, twenty: Path, partner: Partner, status: int
) -> None:
    rules = "responses:\n  - {outcome: duplicate, status: 409}"
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url).replace("responses:", rules))
    partner.answer = lambda _heard: (201, JSON, b'{"ok": true}')
    assert cli("diff", spec, twenty, *CONFIRMED).status == 0
    partner.answer = lambda _heard: (status, JSON, b"{}")
    again = cli("diff", spec, twenty, *CONFIRMED, "--again", "--output", "json")
    assert (again.status, again.json["pairs"], again.json["only_in_a"]["count"]) == (0, 20, 0)
    assert "unexpected outcomes" not in again.err


@pytest.mark.parametrize("status, most", [(500, 3), (302, 1)])
def test_production_stops_early_and_what_there_is_is_compared(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner, status: int, most: int
) -> None:
    partner.answer = lambda heard: (status, {}, b"") if "production" in heard.target else answered(heard)
    done = cli("diff", acme, twenty, *CONFIRMED, "--no-first-row-check", "--output", "json")
    assert (done.status, done.json["pairs"], done.json["only_in_a"]["count"]) == (FINDINGS, most, 20 - most)
    assert len([heard for heard in partner.heard if "production" in heard.target]) == most
    assert "is interrupted: not all of its transactions are in it" in " ".join(done.json["notes"])


def test_a_side_that_is_out_of_reach_keeps_the_other_from_being_sent_to(
    cli: CommandLine, twenty: Path, partner: Partner
) -> None:
    text = SPEC.format(url=partner.url).replace(f"{partner.url}/staging", "http://127.0.0.1:9")
    done = cli("diff", cli.write("acme.yaml", text), twenty, *CONFIRMED, "--output", "json")
    clear(done, UNREACHABLE, "not compared")
    assert partner.heard == []
    assert [run["environment"] for run in cli("runs", "list", "--output", "json").json] == ["staging"]


def test_variables_of_both_sides_are_looked_at_before_either_is_sent_anything(
    cli: CommandLine, twenty: Path, partner: Partner
) -> None:
    text = SPEC.format(url=partner.url).replace("/production/leads", "/{{ env.ACME_PATH }}/leads")
    done = cli("diff", cli.write("acme.yaml", text), twenty, *CONFIRMED)
    clear(done, WRONG, "production", "ACME_PATH")
    assert partner.heard == []


def test_a_control_run_shows_what_varies_by_itself_and_sends_nothing_twice(
    cli: CommandLine, acme: Path, partner: Partner
) -> None:
    rows = cli.write("rows.csv", people(60))
    asked: list[tuple[str, str]] = []

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        asked.append((heard.target, heard.body.decode()))
        # Staging's cache is cold from its 31st request on, production's always.
        cold = "production" in heard.target or len([1 for target, _ in asked if "staging" in target]) > 30
        return 201, JSON, json.dumps({"ok": True, "id": "1", "cache": "MISS" if cold else "HIT"}).encode()

    partner.answer = answer
    flags = (acme, rows, *CONFIRMED, "--count", 30, "--output", "json")
    done = cli("diff", *flags, "--control", 30)
    assert done.status == 0, done.out
    assert [one["path"] for one in done.json["undecided"]] == ["$.cache"]
    assert "staging varies by itself" in done.json["undecided"][0]["reason"]
    assert len(asked) == len(set(asked)) == 90


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--count", 15, "--control", 10), "after row 15 there are 5 rows, and the control run needs 10"),
        (("--control", 10), "a control run sends the rows that follow the compared ones"),
    ],
)
def test_a_control_run_without_enough_rows(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner, flags: tuple[object, ...], said: str
) -> None:
    partner.answer = lambda heard: pytest.fail("something was sent")
    done = cli("diff", acme, twenty, *CONFIRMED, *flags)
    assert done.status == USAGE
    assert said in done.err


def test_a_run_of_diff_is_not_resumed(cli: CommandLine, acme: Path, twenty: Path) -> None:
    cli("diff", acme, twenty, *BETWEEN, "--sandbox", "--name", "mine", "--quiet")
    clear(cli("runs", "resume", "mine-staging"), USAGE, "was a `diff`, which cannot be resumed", "rokt-export diff")
