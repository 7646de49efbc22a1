"""The questions of a pack: in the partner's words."""

from __future__ import annotations

from certification.crm import SPEC
from rokt_export.certification.questions import questions_for
from rokt_export.certification.records import Probe, RuleCoverage
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec


def test_a_response_that_never_came_is_asked_for_without_our_words() -> None:
    spec = read_spec(parse("acme.yaml", SPEC.format(url="https://test.example.com"))).spec
    unseen = [
        RuleCoverage("known", "duplicate", 0),
        RuleCoverage("made", "delivered", 3),
        RuleCoverage("down", "failed", 0),
    ]
    ((text, why),) = questions_for(spec, (), unseen, ())
    assert (
        text
        == "In which case do you respond that the entry exists already (status 409), and how can we bring it about?"
    )
    assert "rule" not in text and "probe" not in why


def test_records_of_a_sandbox_are_not_asked_about() -> None:
    text = SPEC.format(url="https://test.example.com").partition("read_back:")[0]
    spec = read_spec(parse("acme.yaml", text)).spec
    good = Probe("P1", "good", "a good transaction", "delivered", "", outcome="delivered", records=("R1",))
    odd = Probe("P2", "hostile_text", "accents", "delivered", "", outcome="delivered", records=("R2",))
    unseen = [RuleCoverage("known", "duplicate", 0)]
    texts = [text for text, _ in questions_for(spec, (good, odd), unseen, ())]
    assert ["R1" in texts[0], "R2" in texts[1], "In which case" in texts[2], "remove" in texts[3]] == [True] * 4
    assert [text for text, _ in questions_for(spec, (good, odd), unseen, (), sandbox=True)] == texts[2:3]
