"""A response body that is kept as an example holds no value of a person and no secret."""

from __future__ import annotations

import json

import pytest

from rokt_export.onboarding.drafts.invented import invented


def test_members_that_mean_a_person_get_values_of_test_data_and_others_stay() -> None:
    body = {"id": "r-1", "email": "max@mail.example", "first_name": "Maximilian", "list": {"title": "Spring"}, "n": 3}
    assert json.loads(invented(json.dumps(body))) == {
        "id": "r-1",
        "email": "jane.doe@example.com",
        "first_name": "Jane",
        "list": {"title": "Spring"},
        "n": 3,
    }


def test_a_message_that_quotes_a_value_beside_it_loses_the_value() -> None:
    body = {"first_name": "Maximilian", "message": "Maximilian was stored", "api_token": "tok-123456789"}
    found = json.loads(invented(json.dumps(body)))
    assert found == {"first_name": "Jane", "message": "… was stored", "api_token": "…"}


def test_what_was_sent_is_replaced_in_keys_and_values_whatever_their_names() -> None:
    found = json.loads(invented('{"ann@mail.example": {"n": 4711, "note": "4711 of Annabel"}}', {"4711", "Annabel"}))
    assert found == {"jane.doe@example.com": {"n": 0, "note": "… of …"}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<p>Stored max@mail.example</p>", "<p>Stored jane.doe@example.com</p>"),
        ("call (202) 555-0199 at once", "call +12025550143 at once"),
        ('"max@mail.example"', '"jane.doe@example.com"'),
        ("Annabel is known", "… is known"),
        ("Annabella is known", "Annabella is known"),
    ],
)
def test_a_text_loses_what_looks_like_a_person_and_what_was_sent(text: str, kept: str) -> None:
    assert invented(text, {"Annabel"}) == kept


def test_a_body_without_values_of_people_is_kept_to_the_letter() -> None:
    assert invented('{ "status" : "ok" }') == '{ "status" : "ok" }'
