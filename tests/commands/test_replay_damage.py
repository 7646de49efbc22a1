"""`replay` with damaged input: messages, exit statuses, and what is still sent."""

from __future__ import annotations

import pytest

from commands.conftest import Heard
from commands.replays import emails, people


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 3, "empty"),
        (b"\xef\xbb\xbf", 3, "the file is empty"),
        (b"\xff\xfe\n\x00", 3, "the file is empty"),
        (b'"email,firstname"\n"a@example.com,Jane"\n', 3, "each line is quoted as a whole"),
        (b"Jane Doe,+1 212 555 0100\nJoan Doe,+1 212 555 0101\n", 3, "the first line contains data"),
        (b'{"a@example.com": {"firstname": "Jane"}}\n', 3, "no column contains an attribute that the spec sends"),
        (b"email,firstname\na@example.com\n", 1, "Add the cells that are missing"),
        (b"email,firstname\na@example.com,Jane,,\n", 0, "the empty cell behind it is left out"),
        (b"email,firstname\n", 3, "no row"),
        (b"\x00" * 4096, 3, ""),
        (b"email,firstname\na@example.com,J\x00ane\n", 1, "NUL"),
        (b"email,firstname\na@example.com,Jane,more\nb@example.com,Joan\n", 1, "row 1"),
        (b'email,firstname\na@example.com,"Jane\nb@example.com,Joan\n', 1, "quot"),
        (b'[{"email": "a@example.com"}, {"email": ', 3, ""),
        (b'{"email": "a@example.com"}\n{"email": \n', 1, ""),
    ],
    ids=[
        "empty",
        "a mark alone",
        "a mark and a line",
        "lines quoted",
        "no header",
        "keyed by people",
        "short",
        "trailing",
        "header alone",
        "zeros",
        "NUL",
        "ragged",
        "open quote",
        "half an array",
        "half a line",
    ],
)
def test_damaged_files(cli, spec, partner, content, status, words):
    rows = cli.write("rows.csv", content)
    shown = cli("replay", spec, rows)
    assert shown.status == status, shown.err
    assert words.lower() in (shown.err + shown.out).lower()
    assert "Traceback" not in shown.err and "internal error" not in shown.err


def test_strict_is_refused_for_live_input(cli, spec, partner):
    shown = cli("replay", spec, "-", "--strict", stdin=people(1).encode())
    assert (shown.status, partner.heard) == (2, [])
    assert "--strict" in shown.err


def test_damage_in_live_input_is_reported_at_the_end(cli, spec, partner):
    rows = "email,firstname,mobile\njane@example.com,JosÃ©,1\njoe@example.com,Joe,1.23E+10\n"
    shown = cli("replay", spec, "-", stdin=rows.encode())
    assert (shown.status, len(partner.heard)) == (0, 2)
    assert "damage in the rows as they came: -:2, row 1, column firstname: " in shown.out
    assert "JosÃ©" not in shown.out + shown.err


@pytest.mark.parametrize("told", ["\\t", "tab", "\t"])
def test_a_tab_delimiter_may_be_named(cli, spec, partner, told):
    rows = cli.write("rows.txt", people(1, 2).replace(",", "\t"))
    assert cli("replay", spec, rows, "--delimiter", told).status == 0
    assert sorted(emails(partner)) == ["1", "2"]


@pytest.mark.parametrize("told", ["", '"', "\n"])
def test_an_invalid_delimiter_is_refused(cli, spec, partner, told):
    shown = cli("replay", spec, cli.write("rows.csv", people(1)), "--delimiter", told)
    assert (shown.status, partner.heard) == (2, [])
    assert "--delimiter" in shown.err


def test_strict_stops_at_damage(cli, spec, partner):
    rows = cli.write("rows.csv", "email,firstname,zipcode\na@example.com,Jane,1.23E+10\n")
    shown = cli("replay", spec, rows, "--strict")
    assert shown.status == 3
    assert "row 1" in shown.err and "Nothing was sent" in shown.err
    assert partner.heard == []


def test_a_row_of_ten_megabytes_does_not_affect_others(cli, spec, partner):
    rows = cli.write(
        "rows.csv", people(1) + f"jane.doe.2@example.com,{'J' * 10_000_000}\n" + "jane.doe.3@example.com,J\n"
    )
    shown = cli("replay", spec, rows, "--output", "json")
    assert shown.status in (0, 1)
    assert [one["row"] for one in shown.json["deliveries"]] == [1, 2, 3]
    assert {"1", "3"} <= set(emails(partner))


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_a_file_that_changes_while_it_is_read_is_reported(cli, spec, partner, output):
    rows = cli.write("rows.csv", people(*range(1, 50)))

    def answer(_heard: Heard):
        if len(partner.heard) == 5:
            with rows.open("a") as file:
                file.write("jane.doe.999@example.com,Jane\n")
        return 200, {}, b"{}"

    partner.answer = answer
    shown = cli("replay", spec, rows, "--concurrency", "1", "--output", output)
    assert shown.status == 1
    assert "changed while it was read" in shown.err
