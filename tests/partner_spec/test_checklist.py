"""The eight points: what counts as given, partly and missing, and what the partner is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.partner_spec.checklist import State, checklist, questions_text
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import LoadedSpec, load_spec, read_spec

ROOT = Path(__file__).resolve().parents[2]

WHOLE = {
    "documentation": "https://docs.example.com",
    "contact": "{name: Jane Doe, email: jane.doe@example.com}",
    "endpoint": "{staging: https://test.example.com, production: https://api.example.com}",
    "method": "POST",
    "authentication": "none",
    "encoding": "json",
    "parameters": "[{name: email, attribute: email, required: true}]",
    "responses": (
        "[{outcome: duplicate, status: 409, examples: [{status: 409}]},"
        " {outcome: delivered, status: 2xx, examples: [{status: 201}]},"
        " {outcome: rejected, status: 4xx, examples: [{status: 400}]}]"
    ),
}
NUMBERS = {key: number for number, key in enumerate(WHOLE, start=1)}


def loaded(**changes: str | None) -> LoadedSpec:
    parts = {key: value for key, value in {"title": "Acme", **WHOLE, **changes}.items() if value is not None}
    text = "spec_version: 1\npartner: acme\n" + "".join(f"{key}: {value}\n" for key, value in parts.items())
    return read_spec(parse("spec.yaml", text))


def test_a_whole_spec_has_all_eight_points_and_no_questions() -> None:
    spec = loaded()
    points = checklist(spec)
    assert [point.number for point in points.points] == list(range(1, 9))
    assert {point.state for point in points.points} == {State.GIVEN}
    assert points.percent == 100
    assert questions_text(spec, points) == ""


@pytest.mark.parametrize(
    ("key", "value", "state", "asked"),
    [
        ("documentation", None, State.MISSING, "Where is your API documented?"),
        ("documentation", '" "', State.MISSING, "Where is your API documented?"),
        ("contact", None, State.MISSING, "Who is the technical contact"),
        ("contact", "{name: Jane Doe}", State.PARTLY, "At which e-mail address can we reach Jane Doe"),
        ("contact", "{name: Jane Doe, email: jane at home}", State.PARTLY, "At which e-mail address"),
        ("endpoint", "{staging: https://test.example.com}", State.PARTLY, "production endpoint"),
        ("endpoint", "{production: https://api.example.com}", State.PARTLY, "staging or test endpoint"),
        ("endpoint", "{staging: https://a.example.com, production: https://a.example.com}", State.PARTLY, "staging"),
        ("method", None, State.PARTLY, "We assume POST"),
        ("authentication", None, State.PARTLY, "How do we authenticate"),
        ("encoding", None, State.PARTLY, "We assume json"),
        ("parameters", None, State.MISSING, "Which parameters does your API take?"),
        ("parameters", "[{name: mail, attribute: email}]", State.PARTLY, "Must `mail` be sent"),
        (
            "parameters",
            "[{name: a, attribute: email}, {name: b, attribute: email}]",
            State.PARTLY,
            "of `a` and `b` must",
        ),
        ("responses", "[{outcome: delivered, examples: [{status: 201}]}]", State.PARTLY, "exists already"),
        (
            "responses",
            WHOLE["responses"].replace("{status: 409}", "{status: 409, illustrative: true}"),
            State.PARTLY,
            "each of these cases: the entry exists already (status 409).",
        ),
        (
            "responses",
            WHOLE["responses"].replace(", examples: [{status: 400}]", ""),
            State.PARTLY,
            "each of these cases: you reject an entry because of its data (status 4xx).",
        ),
    ],
)
def test_what_lacks_is_partly_or_missing_and_asked_for(key: str, value: str | None, state: State, asked: str) -> None:
    spec = loaded(**{key: value})
    points = checklist(spec)
    point = points.points[NUMBERS[key] - 1]
    assert point.state is state
    assert points.percent == (93 if state is State.PARTLY else 87)
    assert any(asked in question for question in point.questions)
    assert asked in " ".join(questions_text(spec, points).split())


@pytest.mark.parametrize(
    "changes",
    [
        {"authentication": "{type: basic, username: a, password: '{{ env.P }}'}"},
        {"encoding": None, "parameters": "[{name: a, in: query, attribute: email, required: true}]"},
        {
            "method": None,
            "endpoint": "{staging: {url: https://a, method: PUT}, production: {url: https://b, method: PUT}}",
        },
    ],
)
def test_what_is_said_in_another_way_is_given(changes: dict[str, str | None]) -> None:
    assert checklist(loaded(**changes)).percent == 100


def test_a_partner_that_updates_is_not_asked_for_its_duplicates() -> None:
    responses = WHOLE["responses"].replace("{outcome: duplicate, status: 409, examples: [{status: 409}]},", "")
    spec = loaded(responses=responses, idempotent="true")
    assert checklist(spec).percent == 100


def test_what_is_damaged_is_partly_there_and_not_asked_for() -> None:
    spec = loaded(parameters="[{name: a}]")
    point = checklist(spec).points[6]
    assert (point.state, point.questions) == (State.PARTLY, ())
    assert "`parameters` could not be read completely" in point.detail


def test_one_parameter_is_counted_in_the_singular() -> None:
    assert checklist(loaded()).points[6].detail == "1 parameter, 1 required"


def test_the_mail_is_addressed_numbered_and_narrow() -> None:
    spec = loaded(documentation=None, method=None, authentication=None)
    text = questions_text(spec, checklist(spec))
    assert text.startswith("Subject: Acme API: 3 questions about the transaction export\n\nDear Jane Doe,\n")
    assert [line.split(".")[0].strip() for line in text.splitlines() if line[:4].strip(" .").isdigit()] == [
        "1",
        "2",
        "3",
    ]
    assert max(map(len, text.splitlines())) <= 80
    assert "Dear Acme team," in questions_text(loaded(contact=None), checklist(loaded(contact=None)))


def test_the_mail_speaks_to_the_partner_and_not_of_our_rules() -> None:
    rules = """[{name: made, outcome: delivered, status: 2xx}, {name: known, outcome: duplicate, status: 409},
        {name: setup, outcome: failed, status: [401, 403]}, {name: busy, outcome: failed, status: [429, 503]},
        {name: bad, outcome: rejected, status: 4xx}, {name: down, outcome: failed, status: 5xx}]"""
    spec = loaded(responses=rules, title="Acme API", contact=None)
    text = " ".join(questions_text(spec, checklist(spec)).split())
    assert "Dear Acme team," in text and "to the Acme API." in text and "API API" not in text
    for case in (
        "an entry was created (status 2xx); the entry exists already (status 409); ",
        "our request is not let in (status 401 or 403); your service is busy (status 429 or 503); ",
        "you reject an entry because of its data (status 4xx); your service fails (status 5xx).",
    ):
        assert case in text


def test_the_sample_lacks_real_answers_only() -> None:
    points = checklist(load_spec(ROOT / "sample_specs" / "mailchimp.yaml"))
    assert points.percent == 93
    assert [point.number for point in points.points if point.state is not State.GIVEN] == [8]
