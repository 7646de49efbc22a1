"""The questions of a pack: in the partner's words."""

from __future__ import annotations

from certification.crm import SPEC

from rokt_export.certification.questions import questions_for
from rokt_export.certification.records import Coverage
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec


def test_a_response_that_never_came_is_asked_for_without_our_words() -> None:
    spec = read_spec(parse("acme.yaml", SPEC.format(url="https://test.example.com"))).spec
    unseen = [Coverage("known", "duplicate", 0), Coverage("made", "delivered", 3), Coverage("down", "failed", 0)]
    ((text, why),) = questions_for(spec, (), unseen, ())
    assert (
        text
        == "In which case do you respond that the entry exists already (status 409), and how can we bring it about?"
    )
    assert "rule" not in text and "probe" not in why
