"""The glossary has each value that JSON may have, and no other; README and docs lead to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rokt_export.delivery.events import StopReason
from rokt_export.exchange.delivery import Delivery, LeftOut
from rokt_export.exchange.model import Fault, FaultKind, OutcomeKind
from rokt_export.journal import RunState
from rokt_export.response.classify import outcome_of_fault
from rokt_export.response.explain import RuleVerdict

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
PROVISIONAL = Delivery(1, "tx-1", OutcomeKind.DELIVERED, provisional=True)
DECIDED = Delivery(1, "tx-1", OutcomeKind.DELIVERED, first_outcome=OutcomeKind.DELIVERED)
TABLES = {
    "outcome": list(OutcomeKind),
    "confirmation": [PROVISIONAL.confirmation, DECIDED.confirmation],
    "key": list(Delivery(1, "tx-1", OutcomeKind.DELIVERED).as_json()),
    "reason": [why for why in LeftOut if why not in (LeftOut.DONE_BEFORE, LeftOut.REPEATED)],
    "state": list(RunState),
    "end": list(StopReason),
    "fault": list(FaultKind),
    "verdict": list(RuleVerdict),
}
"""The head of a table's first column to the values that the code has."""


def rows(head: str) -> str:
    return PAGE.partition(f"\n| {head} | meaning |\n")[2].partition("\n\n")[0]


def terms(head: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", rows(head), re.MULTILINE)


@pytest.mark.parametrize("head", TABLES)
def test_the_glossary_has_the_values_of_the_code(head: str) -> None:
    assert sorted(terms(head)) == sorted(map(str, TABLES[head]))


def test_what_the_glossary_says_of_a_row_with_a_fault_is_so() -> None:
    stated = re.findall(r"^\| `(\w+)` \|.* the row is `(\w+)`", rows("fault"), re.MULTILINE)
    assert stated
    for kind, outcome in stated:
        found = outcome_of_fault(Fault(FaultKind(kind), "", sent=True)).kind
        assert found == outcome, f"docs/glossary.md says that a row with the fault {kind} is {outcome}; it is {found}"


def test_no_table_of_values_is_left_out() -> None:
    assert set(re.findall(r"^\| ([\w ]+) \| meaning \|$", PAGE, re.MULTILINE)) == {*TABLES, "word"}


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "docs/spec.md", "docs/findings.md", "docs/faults.md"])
def test_pages_lead_to_it(page: str) -> None:
    assert "glossary.md)" in (ROOT / page).read_text(encoding="utf-8")
