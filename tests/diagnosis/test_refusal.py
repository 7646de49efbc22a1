"""An endpoint is asked for its refusal without a transaction."""

from __future__ import annotations

from commands.conftest import CommandLine, Partner, spec_text

from diagnosis.refusing import BEARER, edge, harmless


def test_a_spec_is_asked_and_where_nothing_is_refused_it_says_so(cli: CommandLine, partner: Partner) -> None:
    cli.write("acme.yaml", spec_text(partner.url, authentication=BEARER))
    done = cli("diagnose", "acme.yaml", env={"ACME_TOKEN": "tok-3f9a8b7c6d5e"})
    assert (done.status, done.out) == (0, "Nothing was refused.\n")
    partner.answer = edge
    done = cli("diagnose", "acme.yaml", env={"ACME_TOKEN": "tok-3f9a8b7c6d5e"})
    assert "1. a firewall in front of the partner refused the request" in done.out
    assert "CF-RAY: 8f2c1d3e4a5b6c7d-FRA" in done.out
    lines = [line.partition("UTC  ")[2] for line in done.out.partition("contact:")[2].splitlines() if "UTC  " in line]
    plain = [line.partition(";")[0].partition(": ")[0] for line in lines if "(" not in line]
    assert plain and len(plain) == len(set(plain)), done.out  # what was refused is there once
    harmless(partner.heard)
