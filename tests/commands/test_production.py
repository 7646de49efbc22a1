"""Nothing goes to production without its partner's name, and no invented person without saying so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import CommandLine, Partner, clear, spec_text

USAGE = 2

PRODUCTION: dict[str, tuple[tuple[str, ...], str]] = {
    "unconfirmed": (("replay", "ROWS"), "--confirm acme"),
    "wrongly confirmed": (("replay", "ROWS", "--confirm", "acme2"), "`acme2` is not the partner"),
    "confirmed in another case": (("replay", "ROWS", "--confirm", "ACME"), "`ACME` is not the partner"),
    "a test unconfirmed": (("test", "ROWS"), "--confirm acme"),
    "invented": (("test",), "invented people never go to production"),
    "invented, confirmed": (("test", "--confirm", "acme"), "invented people never go to production"),
    "declared invented": (("replay", "ROWS", "--test-data"), "invented people never go to production"),
    "empty": (("replay", "ROWS", "--confirm", ""), "is not the partner"),
}


@pytest.mark.parametrize("case", PRODUCTION)
def test_production_is_guarded(cli: CommandLine, spec: Path, rows: Path, partner: Partner, case: str) -> None:
    (command, *more), message = PRODUCTION[case]
    given = [str(rows) if word == "ROWS" else word for word in more]
    clear(cli(command, spec, *given, "-e", "production"), USAGE, "acme production", message)
    assert cli("runs", "list", "--output", "json").json == []
    assert partner.heard == []


@pytest.mark.parametrize("more", [("--confirm", "acme"), ("--confirm", "acme", "--test-data")])
def test_production_opens_to_its_name(cli: CommandLine, partner: Partner, more: tuple[str, ...]) -> None:
    spec = cli.write("acme.yaml", spec_text(partner.url))
    rows = cli.write("rows.csv", "email\njane.doe@example.com\n")
    done = cli("replay", spec, rows, "-e", "production", *more)
    assert done.status == 0
    assert [heard.target for heard in partner.heard] == ["/production/leads"]


@pytest.mark.parametrize("more", [("--confirm", "acme", "--test-data")])
def test_invented_people_reach_production_by_two_words_alone(
    cli: CommandLine, spec: Path, partner: Partner, more: tuple[str, ...]
) -> None:
    assert cli("test", spec, "-e", "production", *more).status == 0
    assert len(partner.heard) == 1


def test_rows_that_production_has_are_not_sent_again_unless_told(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner
) -> None:
    send = ("replay", spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    counts = [cli(*send, *more).json["counts"] for more in ((), (), ("--again",))]
    assert [sum(each.values()) for each in counts] == [3, 0, 3]
    assert len(partner.heard) == 6


def test_production_stops_at_the_first_answer_that_no_rule_explains(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner
) -> None:
    partner.answer = lambda _heard: (302, {"Location": partner.url + "/elsewhere"}, b"")
    done = cli("replay", spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    assert (done.status, done.json["counts"]) == (1, {"unclassified": 1})
    assert [heard.target for heard in partner.heard] == ["/production/leads"]  # and no redirect is followed


@pytest.mark.parametrize("command", ["test", "replay"])
def test_production_stops_at_three_in_a_row(cli: CommandLine, spec: Path, partner: Partner, command: str) -> None:
    rows = cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{n}@example.com\n" for n in range(9)))
    partner.answer = lambda _heard: (500, {}, b"")
    done = cli(command, spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    assert (done.status, done.json["counts"], len(partner.heard)) == (1, {"failed": 3}, 3)


def test_a_sandbox_is_no_production(cli: CommandLine, spec: Path, partner: Partner) -> None:
    assert cli("test", spec, "-e", "production", "--sandbox").status == 0
    assert partner.heard == []
