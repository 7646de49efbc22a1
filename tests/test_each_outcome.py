"""Each outcome has its place in every list, table and text that is made by outcome."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from jinja2 import Environment

import rokt_export
from rokt_export.commands import input_summary
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OUTCOMES, OutcomeKind
from rokt_export.journal import ledger_entries
from rokt_export.reports import contact_letter
from rokt_export.reports.outcome_icons import SIGNS

SENT = {kind for kind, facts in OUTCOMES.items() if facts.sent}
LEFT_OUT = set(LeftOut) - {LeftOut.DONE_BEFORE, LeftOut.REPEATED}
ASSETS = Path(rokt_export.__file__).parent / "reports" / "assets"


def places() -> Iterator[tuple[str, Iterable[str], set[OutcomeKind]]]:
    yield "exchange/delivery.py: LeftOut", LEFT_OUT, SENT
    yield "journal/ledger_entries.py: _OUTCOMES", ledger_entries._OUTCOMES, set(OutcomeKind)
    yield "commands/input_summary.py: _ANSWERED", input_summary._ANSWERED, SENT - {OutcomeKind.UNKNOWN}
    yield "reports/outcome_icons.py: SIGNS", SIGNS, set(OutcomeKind)
    yield "reports/contact_letter.py: _ASKED", contact_letter._ASKED, SENT
    for language in contact_letter.LANGUAGES:
        words = Environment().from_string((ASSETS / "letter" / language / "words.jinja").read_text("utf-8")).module
        for name, wanted in {"was": set(OutcomeKind), "known": SENT, "read": SENT}.items():
            yield f"letter/{language}/words.jinja: {name}", getattr(words, name), wanted
    page = (ASSETS / "letter" / "letter.html").read_text("utf-8")
    yield "letter/letter.html: colors", re.findall(r'"(\w+)": "#', page), SENT
    style = (ASSETS / "report.css").read_text("utf-8")
    yield "assets/report.css: .ink-", re.findall(r"[.]ink-(\w+) ", style), set(OutcomeKind)


PLACES = {place: (found, wanted) for place, found, wanted in places()}


@pytest.mark.parametrize("place", PLACES)
def test_each_outcome_has_its_place(place: str) -> None:
    found, wanted = ({str(kind) for kind in kinds} for kinds in PLACES[place])
    assert (wanted - found, found - wanted) == (set(), set()), "outcomes that are missing, and that are none"
