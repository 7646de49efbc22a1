"""Rows that one side had before: what is left to compare, and what to send next."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.commands.compared_sides import CONFIRMED, JSON, people
from tests.commands.conftest import CommandLine, Heard, Partner, clear

FINDINGS, USAGE = 1, 2


def test_people_that_production_has_are_not_sent_again_unless_told(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    first = cli("diff", acme, twenty, *CONFIRMED)
    second = cli("diff", acme, twenty, *CONFIRMED)
    third = cli("diff", acme, twenty, *CONFIRMED, "--again")
    assert (first.status, second.status, third.status) == (0, USAGE, 0)
    assert "production answered all 20 rows before" in second.err and "or add --again" in second.err
    in_production = [heard for heard in partner.heard if "production" in heard.target]
    assert (len(in_production), len(partner.heard)) == (40, 80)


def test_people_that_production_has_are_left_out_and_what_is_new_is_compared(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    few = cli.write("few.csv", people(3))
    assert cli("diff", acme, few, *CONFIRMED).status == 0
    done = cli("diff", acme, twenty, *CONFIRMED)
    assert done.status == FINDINGS
    assert "3 rows were left out (rows 1, 2, 3): production has them already (--again sends them)" in done.err
    assert "No differences found in 17 rows. 3 rows had no counterpart." in done.out


def test_where_the_rest_cannot_be_sent_nothing_is_sent(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    assert cli("diff", acme, twenty, *CONFIRMED).status == 0
    partner.heard.clear()
    rest = cli.write("rest.csv", people(20) + ",Jo,R\n" + people(2).partition("\n")[2])
    done = cli("diff", acme, rest, *CONFIRMED)
    clear(
        done, USAGE, "production answered 22 of 23 rows before", "no other row can go to both sides", "or add --again"
    )
    assert partner.heard == []


def test_again_is_no_remedy_for_rows_that_production_may_have(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    cli.write("acme.yaml", acme.read_text("utf-8").replace("timeout: 5s", "timeout: 200ms", 1))
    partner.delay = 1
    few = cli.write("few.csv", people(1))
    cli("replay", acme, few, "-e", "production", "--confirm", "acme", "--quiet")
    partner.heard.clear()
    for more in ((), ("--again",)):
        done = cli("diff", acme, few, *CONFIRMED, *more)
        clear(done, USAGE, "production answered the only row before, or may have them")
        assert "add --again" not in done.err
    assert partner.heard == []


def test_the_next_command_names_the_files_that_were_given(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    partner.answer = lambda heard: (201, JSON, json.dumps({"ok": True, "id": os.urandom(16).hex()}).encode())
    rows = cli.write("rows.csv", people(30) + ",Jo,R\n" + people(50).partition("\n")[2])
    done = cli("diff", acme, rows, "--count", 5, *CONFIRMED)
    assert f"rokt-export diff {acme} {rows} --between staging production --count 76\n" in done.out
    assert "2 of 5 rows shown" in done.out
    mapped = cli.write("mapped.csv", people(99).replace("email,", "address,").replace("jane", "john"))
    shown = cli("diff", acme, mapped, "--count", 5, *CONFIRMED, "--map", "address=email", "--set", "firstname=Jo").out
    words = shown.partition(f"rokt-export diff {acme} {mapped} --between staging production --count 45 ")[2]
    assert words.startswith("--map address=email --set 'firstname=…'\n")
    few = cli("diff", acme, twenty, "--count", 5, *CONFIRMED, "--again")
    assert "Or send 40 rows or more that no guarded environment has answered before." in few.out
    assert "--between staging production" not in few.out


def test_a_file_that_goes_away_costs_the_next_command_and_not_the_comparison(
    cli: CommandLine, acme: Path, partner: Partner
) -> None:
    rows = cli.write("rows.csv", people(80))

    def answer(_heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if len(partner.heard) == 10:
            rows.unlink()
        return 201, JSON, json.dumps({"ok": True, "id": os.urandom(16).hex()}).encode()

    partner.answer = answer
    done = cli("diff", acme, rows, "--count", 5, *CONFIRMED)
    assert (done.status, len(partner.heard)) == (0, 10), done.err
    assert "5 rows" in done.out and "--between staging production --count" not in done.out


def test_two_sides_that_are_not_guarded_need_no_key(cli: CommandLine, acme: Path, partner: Partner) -> None:
    rows = cli.write("rows.csv", people(80))
    cli("replay", acme, rows, "-e", "production", "--confirm", "acme", "--quiet")
    (cli.folder / "config" / "rokt-export" / "key").unlink()
    partner.answer = lambda _heard: (201, JSON, json.dumps({"ok": True, "id": os.urandom(16).hex()}).encode())
    acme.write_text(acme.read_text("utf-8").replace("  production:", f'  test: "{partner.url}/test"\n  production:'))
    done = cli("diff", acme, rows, "--count", 5, "--between", "staging", "test")
    assert done.status == 0, done.err
    assert "--between staging test --count 40" in done.out
