"""The result of a comparison as a page for a terminal, Markdown, HTML and JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from rokt_export.diff import Comparison, DiffResult, Side
from rokt_export.reports import differences

HOSTILE = "</script><img src=x onerror=alert(1)>|`[red]*"


@pytest.fixture
def result() -> DiffResult:
    comparison = Comparison(a="staging", b="production")
    json_type = (("Content-Type", "application/json"),)

    def side(body: str, outcome: str = "delivered") -> Side:
        return Side(outcome, "ok", status=200, headers=json_type, body=body.encode(), latency_ms=12.0)

    for number in range(30):
        comparison.add(
            f"t-{number}", side(f'{{"a": 1, "id": {number * number * 7919 % 997}}}'),
            side(json.dumps({"a": HOSTILE, "id": number * number * 104729 % 991})),
        )  # fmt: skip
    comparison.add("t-x", side("{}"), side("{}", "rejected"))
    comparison.add("t-y", Side("failed", body=b"a\nb"), Side("failed", body=b"a\nc\nb"))
    comparison.only_in_b(HOSTILE)
    comparison.note("A note.")
    return comparison.result()


def rendered(result: DiffResult) -> str:
    page = StringIO()
    differences.console(result, Console(file=page, width=100, no_color=True))
    return page.getvalue()


def test_each_form_says_it_all(result):
    for page in (rendered(result), differences.markdown(result), differences.html(result)):
        for words in (
            "staging", "rejected", "Field a is a number in staging but text in production, in 30 of ", "A note.",
            "half within", "1 field not judged: id", "on both sides", "$.a",
        ):  # fmt: skip
            assert words in " ".join(page.split()), words
        assert "t-0" in page
    assert "t-4" in differences.markdown(result)
    assert "t-4" in differences.html(result)
    assert "t-0 and 4 others" in rendered(result)  # samples that say the same share a line of the terminal


def test_json_is_the_whole_result(result):
    found = json.loads(differences.json(result))
    assert found.pop("headline") == differences.verdict(result)
    assert found == result.as_json()
    assert [len(one["transactions"]) for one in found["differences"]] == [one.count for one in result.differences]
    assert found["differs"]


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(result):
    page = differences.html(result)
    assert not re.search(r"(?<!\\)<img", page)
    assert "</script" not in page

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            assert not {"src", "href", "onclick", "onerror"} & {name for name, value in attributes if value != "data:,"}
            if tag not in {"meta", "link"}:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed(page)
    assert reader.open == []


def test_markdown_keeps_hostile_text_text(result):
    page = differences.markdown(result)
    assert not re.search(r"(?<!\\)<img", page)
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_nothing_compared_is_no_agreement():
    result = Comparison(a="staging", b="production").result()
    assert not result.agrees
    assert rendered(result).startswith("No response of production could be compared with one of staging.")
    assert differences.html(result)
    assert differences.markdown(result)


def test_the_advice_to_a_guarded_environment_can_be_pasted_and_names_runs_first(result):
    judged = replace(result, spec="acme.yaml", events=("people.csv",), guarded=True)
    undecided = tuple(replace(one, enough=40) for one in judged.undecided)
    words = " ".join(rendered(replace(judged, undecided=undecided, count=52)).split())
    assert "compare two runs of 40 rows or more with `diff --runs A B`, which sends nothing" in words
    command = "rokt-export diff acme.yaml people.csv --between staging production --count 52"
    assert (
        f"Or send 40 rows of people.csv that were not sent yet; it asks for the partner's name first: {command}"
        in words
    )
    assert "--confirm" not in words
    too_few = " ".join(rendered(replace(judged, undecided=undecided)).split())
    assert "Or send 40 rows or more that no guarded environment has answered before." in too_few
    assert "--count" not in too_few


def test_a_json_report_that_is_written_is_named_as_the_one_that_lists_all(result):
    written = replace(result, listing="all.json")
    for page in (rendered(written), differences.markdown(written), differences.html(written)):
        words = " ".join(page.split())
        assert "5 of 30 rows shown; all.json lists all" in words
        assert "--report diff.json" not in words
