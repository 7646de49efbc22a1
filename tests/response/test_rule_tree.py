"""How the tests of a rule combine, and what holds where one of them cannot be decided."""

from __future__ import annotations

import pytest

from tests.response.classifying import holds


@pytest.mark.parametrize("body", ['{"v": ', "OK", "<v>", '{"v": 1} trailing', "[" * 100_000, "\x00", '{"a": 1e}'])
@pytest.mark.parametrize(
    "condition", ["{absent: true}", "{exists: true}", "{not: x}", "{empty: true}", "{not: {absent: true}}"]
)
def test_unreadable_body_satisfies_nothing_about_its_paths(body: str, condition: str) -> None:
    assert not holds(f"body: {{$.v: {condition}}}", body)
    assert not holds(f"not: {{body: {{$.v: {condition}}}}}", body)
    assert not holds(f"{{as: xml, body: {{/v: {condition}}}}}", body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any: [{body: {$.v: 1}}, {status: 200}]", True),
        ("any: [{body: {$.v: 1}}, {status: 201}]", False),
        ("all: [{body: {$.v: 1}}, {status: 200}]", False),
        ("not: {all: [{body: {$.v: 1}}, {status: 201}]}", True),
        ("not: {any: [{body: {$.v: 1}}, {status: 201}]}", False),
        ("not: {not: {body: {$.v: 1}}}", False),
    ],
)
def test_what_cannot_be_told_decides_only_where_the_rest_does(text: str, expected: bool) -> None:
    assert holds(text, "broken {") is expected


def test_tests_combine() -> None:
    text = "{status: 4xx, any: [{body: {$.a: 1}}, {headers: {X-Dup: yes}}], not: {body: {$.b: 2}}}"
    assert holds(text, {"a": 1}, status=409)
    assert holds(text, {"a": 0}, status=409, headers=(("x-dup", "yes"),))
    assert not holds(text, {"a": 1, "b": 2}, status=409)
    assert not holds(text, {"a": 1}, status=200)
    assert holds("not: {status: 5xx}", status=200)


def test_text_and_empty() -> None:
    assert holds("text: OK", "\nOK\r\n")
    assert not holds("text: OK", "NOT OK")
    assert holds("empty: true", " \r\n")
    assert holds("empty: true", b"\xef\xbb\xbf")
    assert not holds("empty: true", "0")
    assert holds("empty: false", "0")


def test_emptiness_of_several_elements() -> None:
    body = "<r><a><b/></a><a/><a>x</a></r>"
    assert holds("body: {/r/a: {empty: true}}", body)
    assert not holds("body: {/r/a: {empty: true}}", "<r><a><b/></a><a>x</a></r>")
    assert holds("body: {/r/a: {every: {empty: false}}}", "<r><a><b/></a><a>x</a></r>")
    assert holds("body: {/r/a/@k: {empty: true}}", '<r><a k=""><b/></a></r>')
