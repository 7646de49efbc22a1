"""What a response says about its outcome: certain only where nothing speaks against it."""

from __future__ import annotations

from commands.conftest import CommandLine, Partner

from onboarding.recorded_responses import MANY, NEVER, NOT_PROVED, PROVED, sent


def test_an_outcome_is_drafted_only_where_the_response_proves_it(cli: CommandLine, partner: Partner) -> None:
    run = sent(cli, partner, NEVER, len(MANY))
    before = (cli.folder / "acme.yaml").read_text()
    for row in range(1, NOT_PROVED + 1):
        refused = cli("rule", run, "--row", str(row), "--write")
        assert refused.status == 2 and refused.out == "", (row, refused.out)
        assert f"the response of row {row} (status {MANY[row - 1][0]}) does not prove one outcome" in refused.err
        for outcome in ("delivered", "duplicate", "rejected", "failed"):
            assert f"\n  {outcome:<9}  " in refused.err
    assert (cli.folder / "acme.yaml").read_text() == before
    drafted = {row: cli("rule", run, "--row", str(row)).out for row in range(NOT_PROVED + 1, len(MANY) + 1)}
    found = [next(line.split()[-1] for line in out.splitlines() if "outcome:" in line) for out in drafted.values()]
    assert found == PROVED
    refused = cli("rule", run, "--row", "1")
    assert "delivered  nothing speaks for it; against it: the body has `ERROR`" in refused.err
    assert "failed     the body has `quota`" in refused.err
