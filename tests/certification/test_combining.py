"""Findings that have one cause have one name."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from commands.conftest import CommandLine

from certification.certifying import certified, defects, probes, replaced
from certification.crm import Crm
from rokt_export.certification.combining import Judged, combined
from rokt_export.certification.planning import PlannedProbe
from rokt_export.certification.records import ProbeKind
from rokt_export.certification.verdicts import ProbeJudgement, as_expected, found


def swapped(first: str, second: str) -> Callable[[str], str]:
    """Exchange the statuses of two rules."""

    def change(text: str) -> str:
        rules = {name: re.search(rf"name: {name}, outcome: \w+, status: ([^,}}\n]+)", text) for name in (first, second)}
        one, other = rules[first], rules[second]
        assert one is not None and other is not None
        marked = text[: one.start(1)] + "@1" + text[one.end(1) :]
        other = re.search(rf"name: {second}, outcome: \w+, status: ([^,}}\n]+)", marked)
        assert other is not None
        marked = marked[: other.start(1)] + "@2" + marked[other.end(1) :]
        return marked.replace("@1", other[1]).replace("@2", one[1])

    return change


@pytest.mark.parametrize(("first", "second"), [("known", "refused"), ("known", "made"), ("made", "refused")])
def test_two_rules_that_are_swapped_are_named(cli: CommandLine, first: str, second: str) -> None:
    named = replaced("status: 4xx", "status: 422")
    done = certified(cli, Crm(), spec=lambda text: swapped(first, second)(named(text)))
    assert defects(done) == {"rules-swapped"}, [(each["title"], each["finding"]) for each in probes(done)]
    found = next(each for each in probes(done) if each["defect"])
    assert f"`{first}`" in found["advice"]
    assert f"`{second}`" in found["advice"]


def judged(kind: ProbeKind, judgement: ProbeJudgement) -> Judged:
    return PlannedProbe(kind, f"a probe of {kind}", "", ""), judgement, ()


def accepted(defect: str) -> ProbeJudgement:
    return found(defect, "it was delivered", "")


def test_two_kinds_of_bad_transactions_that_are_all_accepted_are_one_defect() -> None:
    bad = [
        judged("missing_required", accepted("accepts-without-required")),
        judged("wrong_content_type", accepted("accepts-wrong-content-type")),
        judged("good", as_expected("delivered")),
    ]
    assert [each.defect for each in combined(bad)] == ["accepts-everything", "accepts-everything", ""]
    alone = [bad[0], judged("wrong_content_type", as_expected("refused"))]
    assert [each.defect for each in combined(alone)] == ["accepts-without-required", ""]


def test_credentials_that_are_missing_and_wrong_ones_are_ignored_together() -> None:
    both = [
        judged("no_credentials", accepted("accepts-missing-credentials")),
        judged("wrong_credentials", accepted("accepts-wrong-credentials")),
    ]
    assert [each.defect for each in combined(both)] == ["ignores-credentials"] * 2
    assert [each.defect for each in combined(both[:1])] == ["accepts-missing-credentials"]
