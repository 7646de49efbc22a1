"""What every command that reads files says about them before it sends: how columns were understood, what is damaged."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Partner
from rokt_export.transactions.damage import DamageKind

ODD = """\
Main e-mail;First Name;Shoe;Confirmation Ref
jane.doe.1@example.com;Jane;38;A-1
jane.doe.2@example.com;John;44;A-2
"""
COMMANDS = {
    "render": ("render",),
    "test": ("test",),
    "replay": ("replay",),
    "diff": ("diff", "--between", "staging", "production", "--sandbox"),
}


@pytest.fixture
def odd(cli: CommandLine) -> Path:
    return cli.write("odd.csv", ODD)


@pytest.mark.parametrize("command", COMMANDS)
def test_columns_are_told_before_anything_is_sent(cli: CommandLine, spec: Path, odd: Path, command: str) -> None:
    name, *flags = COMMANDS[command]
    shown = cli(name, spec, odd, *flags)
    assert shown.status == 1
    told = [line.strip() for line in shown.err.splitlines()]
    assert "columns taken for attributes: First Name = firstname, Confirmation Ref = confirmationref" in told
    assert "unused columns: Main e-mail, Shoe" in told
    assert "missing attributes: email" in told
    assert "Map a column to an attribute: perhaps --map 'Main e-mail=email'" in told
    assert sum("unused column" in line for line in told) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_hint_says_can_be_typed(cli: CommandLine, spec: Path, odd: Path, command: str) -> None:
    name, *flags = COMMANDS[command]
    hint = next(line for line in cli(name, spec, odd, *flags).err.splitlines() if "perhaps" in line)
    shown = cli(name, spec, odd, *flags, *shlex.split(hint.partition("perhaps ")[2]))
    assert shown.status == 0, shown.err
    assert "missing attributes" not in shown.err and "perhaps" not in shown.err


def test_what_is_set_or_unset_needs_no_column(cli: CommandLine, spec: Path, odd: Path) -> None:
    for flags in (("--set", "email=jane.doe@example.com"), ("--unset", "email")):
        assert "missing attributes" not in cli("test", spec, odd, *flags).err


def test_a_column_that_looks_like_nothing_gets_no_guess(cli: CommandLine, spec: Path) -> None:
    rows = cli.write("rows.csv", "Wvuw,email\nJane,jane.doe@example.com\n")
    shown = cli("test", spec, rows)
    assert "Map a column to an attribute: --map 'COLUMN=ATTRIBUTE'" in shown.err


def test_columns_that_go_nowhere_are_told(cli: CommandLine, spec: Path) -> None:
    names = [f"city,zipcode,{','.join(f'x{n}' for n in range(12))}", ",".join("1" * 14)]
    rows = cli.write(
        "rows.csv",
        "".join(
            f"{a},{b},{c}\n" for a, b, c in [("transactionid", "email", names[0]), ("T", "j@example.com", names[1])]
        ),
    )
    shown = cli("test", spec, rows)
    assert "unused columns: x0, " in shown.err and "x11, city, zipcode\n" in shown.err  # transactionid names a row
    complete = cli("test", spec, rows, "--set", "firstname=Jane")
    assert "14 unused columns; --verbose lists them\n" in complete.err and "x0," not in complete.err


@pytest.mark.parametrize("command", COMMANDS)
def test_damage_is_told(cli: CommandLine, spec: Path, command: str) -> None:
    rows = cli.write("rows.csv", "email,firstname,mobile\njane.doe@example.com,JosÃ©,1.23E+10\n")
    name, *flags = COMMANDS[command]
    told = cli(name, spec, rows, *flags, "--quiet").err
    assert "rows.csv:2, row 1, column firstname: UTF-8 was read as another encoding" in told
    assert "rows.csv:2, row 1, column mobile: a spreadsheet has rounded the number" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_files_are_read_as_told(cli: CommandLine, spec: Path, partner: Partner, command: str) -> None:
    text = "Mail|firstname\njane.doe@example.com|Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}\n"
    rows = cli.write("rows.csv", text.encode("cp437"))
    name, *flags = COMMANDS[command]
    told = ("--map", "Mail=email", "--encoding", "cp437", "--delimiter", "|", "--test-data")
    shown = cli(name, spec, rows, *flags, *told)
    assert shown.status == 0, shown.err
    if name in ("test", "replay"):
        assert json.loads(partner.heard[0].body) == {"email": "jane.doe@example.com", "name": "Zoë"}
    if name == "render":
        assert '"name": "Zoë"' in shown.out


@pytest.mark.parametrize("name", ["test", "diff"])
def test_rows_of_a_run_that_was_no_replay_are_read_and_changed_as_it_did(
    cli: CommandLine, spec: Path, partner: Partner, name: str
) -> None:
    rows = cli.write("rows.csv", "Mail|firstname\njane.doe.1@example.com|Jane\njane.doe.2@example.com|Jane\n")
    told = ("--map", "Mail=email", "--delimiter", "|", "--test-data", "--set", "firstname=Joan", "--name", "first")
    partner.answer = lambda heard: (400 if b"doe.2" in heard.body else 200, {}, b'{"id": "1"}')
    between = ("--between", "staging", "production", "--confirm", "acme") if name == "diff" else ()
    cli(name, spec, rows, *told, *between)
    run = "first-staging" if between else "first"
    shown = cli("replay", spec, "--only", "rejected", "--from-run", run)
    assert shown.status == 1, shown.err
    assert json.loads(partner.heard[-1].body) == {"email": "jane.doe.2@example.com", "name": "Joan"}


def test_invented_people_cannot_be_taken_from_a_run(cli: CommandLine, spec: Path, partner: Partner, rows: Path) -> None:
    partner.answer = lambda _heard: (400, {}, b"{}")
    cli("test", spec, "--name", "invented")
    for files in ((), (rows,)):
        shown = cli("replay", spec, *files, "--only", "rejected", "--from-run", "invented")
        assert shown.status == 2
        assert "used generated test data: there is no file to read its rows from" in shown.err
    assert len(partner.heard) == 1


def test_kinds_of_damage_are_told_in_words(cli: CommandLine, spec: Path) -> None:
    rows = cli.folder / "rows.csv"
    rows.write_bytes("email,firstname\na@example.com,Zoë\n".encode("cp1252") + b"b@example.com,#N/A\n" * 12)
    told = cli("test", spec, rows).err
    assert (
        "13 in all: encoding of the file guessed (1), a program's word, error or formula instead of a value (12)"
        in (" ".join(told.split()))
    )


def test_each_kind_of_damage_has_words() -> None:
    assert all(kind.words and "_" not in kind.words for kind in DamageKind)
