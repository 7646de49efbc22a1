"""docs/certification.md explains the name of each finding, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from rokt_export.certification.texts import DEFECTS
from rokt_export.certification.verdicts import UNAVAILABLE

ROOT = Path(__file__).resolve().parents[2]


def test_every_finding_is_explained() -> None:
    page = (ROOT / "docs" / "certification.md").read_text(encoding="utf-8")
    table = page.partition("| finding | what it means |")[2].partition("\n\n")[0]
    explained = {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z…-]+)`", row.split("|")[1])}
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rokt_export" / "certification").glob("*.py"))
    given = {*re.findall(r'found\(\s*"([a-z-]+)"', code), *re.findall(r'defect="([a-z-]+)"', code), *DEFECTS}
    given |= {UNAVAILABLE, "refuses-…", "accepts-missing-credentials", "accepts-wrong-credentials"}
    assert explained == given
