"""Responses from an example have their own reference and reason, and references keep their shape."""

from __future__ import annotations

import random
import uuid
from itertools import pairwise
from statistics import correlation

import pytest

from rokt_export.sandbox.example_responses import References
from tests.sandbox.conftest import EMAIL, Start, spec_of


@pytest.mark.parametrize(
    "example", ["7", "123456789012345678", "000123456789", "c0ffee12", "C0FFEE12", "00Q5e00001AbCdEAV", "LD-7", "x"]
)
def test_references_keep_their_shape_and_never_repeat(example: str) -> None:
    for chance in (None, random.Random(1)):
        series = References(example, chance)
        made = [series.next() for _ in range(2_000)]
        assert len(set(made)) == 2_000
        assert all(each.isdigit() for each in made) or not example.isdigit()
        assert all(each.upper() == each for each in made) or example.upper() != example
        if len(example) > 7:
            assert {len(each) for each in made} == {len(example)}
        if example[0] != "0":
            assert example.isdigit() is False or all(each[0] != "0" for each in made)


def test_a_random_series_has_no_step_that_a_comparison_could_take_for_a_pattern() -> None:
    series = References("483920192", random.Random(1))
    made = [int(series.next()) for _ in range(200)]
    assert len({after - before for before, after in pairwise(made)}) > 190
    other = References("483920192", random.Random(2))
    assert abs(correlation(made, [int(other.next()) for _ in range(200)])) < 0.3


def test_a_uuid_stays_one() -> None:
    made = uuid.UUID(References("f81d4fae-7dec-41d0-a765-00a0c91e6bf6", random.Random(1)).next())
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_an_invalid_delivery_is_told_every_problem_in_the_partners_own_form(start: Start) -> None:
    client = start(
        spec_of(
            """
            parameters:
              - {name: email, attribute: email, required: true, format: email}
              - {name: zip, attribute: zipcode, required: true, min_length: 5}
            """,
            responses="""\
              - {outcome: delivered, status: 201}
              - outcome: rejected
                status: 4xx
                capture: {reason: '$.errors[0].message'}
                examples: [{status: 401, body: '{}'}, {status: 422, body: {errors: [{code: 7, message: "No \\"x\\""}]}}]
            """,
        )
    )
    answer = client.post(json={"email": "nobody", "zip": "1234"})
    assert answer.status_code == 422
    assert answer.json() == {
        "errors": [{"code": 7, "message": "`email` is not of the format email; `zip` is shorter than 5 characters"}]
    }
    assert client.last.problems == ("`email` is not of the format email", "`zip` is shorter than 5 characters")


def test_a_duplicate_names_the_record_made_first(start: Start) -> None:
    client = start(
        spec_of(
            EMAIL,
            responses="""\
              - outcome: duplicate
                status: 409
                capture: {reference: {path: $.message, regex: 'Existing ID: (\\d+)'}}
                examples: [{status: 409, body: '{"message": "Existing ID: 377123456789"}'}]
              - {outcome: delivered, capture: {reference: $.id}, examples: [{body: '{"id": 377123456789}'}]}
            """,
        )
    )
    first, again = (client.post(json={"email": "a@example.com"}) for _ in range(2))
    assert isinstance(first.json()["id"], int)
    assert again.json() == {"message": f"Existing ID: {first.json()['id']}"}


def test_the_same_seed_gives_the_same_identifiers(start: Start) -> None:
    def ids() -> list[str]:
        client = start(spec_of(EMAIL), seed=7)
        return [client.post(json={"email": f"{n}@example.com"}).json()["id"] for n in range(3)]

    assert ids() == ids()
