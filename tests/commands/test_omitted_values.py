"""Values that `invalid: omit` leaves out of requests: what they count as, and who says so."""

from __future__ import annotations

import re

import pytest

from commands.conftest import CommandLine, Heard, Partner, wait_for
from commands.omitted import ROWS, SPEC, TOLD, spec_of


@pytest.mark.parametrize(
    ("encoding", "prefix", "more"),
    [("json", "", ""), ("form", "", ""), ("xml", "lead.", ""), ("json", "rows[].", "limits: {batch: 1}\n")],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_says_how_many_values_it_left_out(
    cli: CommandLine, partner: Partner, encoding: str, prefix: str, more: str, workers: str
) -> None:
    spec = spec_of(cli, partner.url, encoding, prefix, more)
    rows = cli.write("rows.csv", ROWS)
    shown = cli("replay", spec, rows, "--workers", workers)
    assert shown.status == 1
    assert cli("report", "last", "--out", "r.html").status == 0
    page = (cli.folder / "r.html").read_text(encoding="utf-8")
    for place in (shown.out + shown.err, cli("runs", "show", "last").out, page):
        together = " ".join(place.split())
        assert all(told.replace("dob", f"{prefix}dob") in together for told in TOLD), place


def test_values_that_fit_or_are_not_there_are_not_told(cli: CommandLine, partner: Partner) -> None:
    rows = cli.write("rows.csv", "email,dob,phone\njane.1@example.com,1980-02-13,555\njane.2@example.com,,\n")
    shown = cli("replay", spec_of(cli, partner.url), rows)
    assert (shown.status, "left out" in shown.out + shown.err) == (0, False)


def told_of_dob(text: str) -> list[str]:
    """The notes about parameter dob, up to what to change."""
    found = re.findall(
        r"(?:at least )?\d+ values? do(?:es)? not fit parameter dob.*?(?=: correct)", " ".join(text.split())
    )
    return list(dict.fromkeys(found))


def malformed(rows: int) -> str:
    return "email,dob\n" + "".join(f"jane.{row}@example.com,31/01/1980\n" for row in range(1, rows + 1))


def note(values: int, rows: str, least: str = "") -> str:
    those = "value does not fit parameter dob, and was" if values == 1 else "values do not fit parameter dob, and were"
    return f"{least}{values} {those} left out (`invalid: omit`), {rows}"


def test_the_first_rows_are_named_and_what_to_change(cli: CommandLine, partner: Partner) -> None:
    spec = spec_of(cli, partner.url)
    for command in (("replay", "--verbose"), ("render", "--count", "5")):
        shown = cli(command[0], spec, cli.write("rows.csv", ROWS), *command[1:])
        together = " ".join((shown.out + shown.err).split())
        assert "dob, and were left out (`invalid: omit`), in rows 1, 3: correct its `value`, `type` or" in together
        named = "row 3: sent without X-Phone, dob: the value does not fit (`invalid: omit`)" in together
        assert named is (command[0] == "replay"), together
    shown = cli("replay", spec, cli.write("five.csv", malformed(5)))
    assert told_of_dob(shown.out) == [note(5, "first in rows 1, 2, 3")]


def test_values_of_rows_that_were_not_sent_do_not_count(cli: CommandLine, partner: Partner) -> None:
    rows = cli.write("rows.csv", malformed(9))
    shown = cli("replay", spec_of(cli, "http://127.0.0.1:9"), rows, "--patience", "0s")
    assert "left out" not in shown.out + shown.err
    partner.answer = lambda _heard: (401, {}, b"{}")
    assert told_of_dob(cli("replay", spec_of(cli, partner.url), rows).out) == [note(1, "in row 1")]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_resumed_run_adds_up_what_it_left_out(cli: CommandLine, partner: Partner, workers: str) -> None:
    """What is sent once more, because no response came, counts once."""

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if b"jane.2@" in heard.body:
            raise ConnectionError
        return 400 if b"jane.4@" in heard.body else 200, {}, b"{}"

    partner.answer = answer
    spec = spec_of(cli, partner.url, more="  - {outcome: rejected, status: 400}\n")
    rows = cli.write("rows.csv", malformed(9))
    shown = cli("replay", spec, rows, "--concurrency", "1", "--stop-after", "2", "--workers", workers, "--name", "cut")
    assert told_of_dob(shown.out) == [note(4, "first in rows 1, 2, 3")]
    partner.answer = lambda _heard: (200, {}, b"{}")
    shown = cli("runs", "resume", "cut", "--resend-unknown")
    assert (shown.status, told_of_dob(shown.out)) == (1, [note(9, "first in rows 1, 2, 3")])
    brief = cli("report", "cut", "--brief").out
    assert told_of_dob(brief.replace("\\", "")) == [note(9, "first in rows 1, 2, 3")]


def test_a_run_that_was_killed_left_out_at_least_what_is_known(cli: CommandLine, partner: Partner) -> None:
    spec, rows = spec_of(cli, partner.url), cli.write("rows.csv", malformed(12))
    with cli.start("replay", spec, rows, "--rate", "10/s", "--name", "killed") as running:
        wait_for(lambda: len(partner.heard) >= 5)
        running.kill()
        running.communicate(timeout=30)
    shown = cli("runs", "resume", "killed", "--resend-unknown")
    for place in (shown.out, cli("runs", "show", "killed").out):
        (told,) = told_of_dob(place)
        assert told.startswith("at least ") and int(told.split()[2]) in range(7, 13), told


def test_a_damaged_value_is_left_out_or_makes_the_row_invalid_where_guarded(cli: CommandLine) -> None:
    guarded = SPEC.replace("endpoint: {{", "endpoint: {{production: http://127.0.0.1:9, ")
    spec = cli.write("omits.yaml", guarded.format(url="http://127.0.0.1:8", encoding="json", prefix="", more=""))
    rows = cli.write("rows.csv", "email,dob,phone\njane.1@example.com,,n/a\n")
    left_out = cli("render", spec, rows)
    assert left_out.status == 0 and "does not fit parameter X-Phone, and was left out" in left_out.err
    assert "damaged values are taken as they are; in a guarded environment 1 row of 1" in left_out.err
    refused = cli("render", spec, rows, "-e", "production")
    assert refused.status == 1 and "row 1 cannot be sent" in refused.err
