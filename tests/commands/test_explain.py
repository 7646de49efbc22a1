"""`explain`: each code of a finding has its entry."""

from __future__ import annotations

from rokt_export.commands.explain import entries
from tests.commands.conftest import ROOT, CommandLine


def test_each_code_is_explained(cli: CommandLine) -> None:
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert len(entries()) == page.count("\n### RX")
    done = cli("explain", "rx110")
    assert done.status == 0
    assert done.out.startswith("RX110: a rule that is never reached (warning)\n\n")
    assert "Remedy:" in done.out
    wrong = cli("explain", "RX999")
    assert (wrong.status, "no finding has the code `RX999`" in wrong.err) == (2, True)
