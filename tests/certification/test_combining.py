"""Findings that have one cause have one name."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from commands.conftest import CommandLine

from certification.certifying import certified, defects, probes, replaced
from certification.crm import Crm


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
