"""A cell that is one long run of what encodings escape: its row is sent, recorded and hidden, and the command ends."""

from __future__ import annotations

import time

import pytest

from tests.commands.conftest import CommandLine, Partner, spec_text


@pytest.mark.parametrize("sign", ['""', "\\"], ids=["quotes", "backslashes"])
def test_a_cell_of_many_signs_stops_no_command(cli: CommandLine, partner: Partner, sign: str) -> None:
    text = spec_text(partner.url).replace("parameters:", "parameters:\n  - {name: first, attribute: firstname}")
    spec = cli.write("acme.yaml", text)
    rows = cli.write("rows.csv", f'transactionid,email,firstname\nt1,jane@example.com,"{sign * 4000}"\n')

    began = time.process_time()
    sent = cli("replay", spec, rows, "--record", "all", "--output", "json")
    shown = cli("render", spec, rows)

    assert time.process_time() - began < 15
    assert sent.status == 0, sent.err
    assert shown.status == 0, shown.err
    assert sign * 100 not in cli("runs", "show", "last", "--all").out + shown.out
