"""Nothing goes to production without its partner's name, and no invented person without saying so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.conftest import CommandLine, Partner, clear, spec_text

USAGE = 2

PRODUCTION: dict[str, tuple[tuple[str, ...], str]] = {
    "unconfirmed": (("replay", "ROWS"), "--confirm acme"),
    "wrongly confirmed": (("replay", "ROWS", "--confirm", "acme2"), "`acme2` is not the partner"),
    "confirmed in another case": (("replay", "ROWS", "--confirm", "ACME"), "`ACME` is not the partner"),
    "a test unconfirmed": (("test", "ROWS"), "--confirm acme"),
    "invented": (("test",), "test data is never sent to production"),
    "invented, confirmed": (("test", "--confirm", "acme"), "test data is never sent to production"),
    "declared invented": (("replay", "ROWS", "--test-data"), "test data is never sent to production"),
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


GENERATED = {
    "in a file": ("rokt-test-0123456789ab-7@example.com,Doe,1\n", ()),
    "in capitals": ("ROKT-TEST-0123456789AB-7@EXAMPLE.COM,Doe,1\n", ()),
    "by its last name": ("jane@example.com,Rokttest,1\n", ()),
    "by its reference": ("jane@example.com,Doe,TEST-0123456789AB-7\n", ()),
    "set": ("jane@example.com,Doe,1\n", ("--set", "email=rokt-test-0123456789ab-7@example.com")),
}


@pytest.mark.parametrize("command", ["replay", "test"])
@pytest.mark.parametrize("case", GENERATED)
def test_a_person_of_this_program_needs_test_data_wherever_it_comes_from(
    cli: CommandLine, partner: Partner, case: str, command: str
) -> None:
    row, more = GENERATED[case]
    spec = cli.write("acme.yaml", spec_text(partner.url))
    head = "email,lastname,confirmationref\n"
    rows = cli.write("rows.csv", head + row + ("" if more else "j.tester@contest-1.com,Test-Doe,test-1\n"))
    flags = ("-e", "production", "--confirm", "acme", *more)
    refused = cli(command, spec, rows, *flags, "--output", "json")
    assert (refused.json["counts"].get("invalid"), len(partner.heard)) == (1, 0 if more else 1), refused.err
    assert "--test-data sends it" in refused.out + refused.err
    assert cli("replay", spec, rows, *flags, "--test-data").status == 0
    assert len(partner.heard) == (1 if more else 2)
    assert cli("replay", spec, rows, "-e", "staging", *more).status == 0


def test_rows_that_production_has_are_not_sent_again_unless_told(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner
) -> None:
    send = ("replay", spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    counts = [cli(*send, *more).json["counts"] for more in ((), (), ("--again",))]
    assert [sum(each.values()) for each in counts] == [3, 0, 3]
    assert len(partner.heard) == 6


@pytest.mark.parametrize("change", ["column", "nameless", "set", "kind", "spec"])
def test_a_row_is_known_again_however_it_comes(cli: CommandLine, spec: Path, partner: Partner, change: str) -> None:
    """The same people once more: only who is new is sent."""
    header, people = "email,firstname,zipcode", ["a@example.com,Ann,", "b@example.com,Bo,07919"]
    rows = cli.write("rows.csv", "\n".join([header, *people]) + "\n")
    send, production = ["replay", spec], ["-e", "production", "--confirm", "acme"]
    assert cli(*send, rows, *production).status == 0
    people.append("c@example.com,Cy,")
    match change:
        case "column" | "nameless":
            header += ",exported_at" if change == "column" else ","
            people = [f"{each},2026-11-25" for each in people]
        case "set":
            production += ["--set", "city=Springfield"]
        case "spec":
            spec.write_text(spec.read_text().replace("parameters:", "parameters:\n  - {name: zip, attribute: zipcode}"))
    again = cli.write("again.csv", "\n".join([header, *people]) + "\n")
    if change == "kind":
        told = [
            {"email": "a@example.com", "firstname": "Ann", "zipcode": None},
            {"email": "b@example.com", "firstname": "Bo"},
        ]
        again = cli.write("again.json", json.dumps([*told, {"email": "c@example.com", "firstname": "Cy"}]))
    shown = cli(*send, again, *production)
    assert shown.status == 0, shown.err
    assert "2 rows were delivered to production before: left out" in shown.err
    assert [json.loads(heard.body)["email"][0] for heard in partner.heard] == ["a", "b", "c"]


def test_production_stops_at_the_first_unclassified_response(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner
) -> None:
    partner.answer = lambda _heard: (302, {"Location": partner.url + "/elsewhere"}, b"")
    done = cli("replay", spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    assert (done.status, done.json["counts"]) == (4, {"unclassified": 1})
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
