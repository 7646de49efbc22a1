"""A response to several rows: which element is whose, and the part of the response that speaks of one row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.body_reader import ResponseReader
from rokt_export.response.elements import EachElements, responses_of_rows
from rokt_export.spec_language.rules import Each
from rokt_export.transactions.transaction import Transaction

BODY = {"ok": True, "r": {"items": [{"id": " A@example.com", "n": 1.10}, {"id": "b@example.com"}, None]}}
ROWS = [Transaction(n, str(n), {"email": f"{letter}@example.com"}) for n, letter in enumerate("bac")]


def reader(body: Any) -> ResponseReader:
    return ResponseReader(Response(200, (), body if isinstance(body, bytes) else json.dumps(body).encode()))


def elements(**more: Any) -> EachElements:
    return EachElements(Each.model_validate({"path": "$.r.items[*]", **more}))


BY_EMAIL = elements(by={"$.id": "email"})


@pytest.mark.parametrize("body", [{}, {"r": []}, {"r": {"items": {}}}, [1], b"<r/>", b"{"])
def test_a_response_without_the_array_has_no_elements(body: Any) -> None:
    assert elements().found(reader(body)) == []
    assert elements().first(reader(body)) is None


def test_an_element_is_read_as_if_it_were_the_body() -> None:
    first = elements().first(reader(BODY))
    assert first is not None
    assert (first.data, first.response.status) == (BODY["r"]["items"][0], 200)  # type: ignore[index]
    assert json.loads(first.text) == first.data


def test_without_a_key_elements_are_in_the_order_of_rows() -> None:
    each = elements()
    found = each.found(reader(BODY))
    assert each.of_rows(found, ROWS) == [0, 1, 2]
    assert each.of_rows(found, ROWS[:2]) == [None, None], "whose is the third?"
    assert each.missing(found, 2) == "`$.r.items[*]` has 3 elements for 2 rows"
    assert each.strays(found, ROWS) == []


def test_a_key_names_the_row_whatever_its_letter_case() -> None:
    found = BY_EMAIL.found(reader(BODY))
    assert BY_EMAIL.of_rows(found, ROWS) == [1, 0, None]
    assert BY_EMAIL.missing(found, 3) == "no element of `$.r.items[*]` names this row"
    assert BY_EMAIL.strays(found, ROWS[:1]) == [0]


def test_rows_with_one_key_have_its_elements_in_order_and_share_the_last() -> None:
    found = [{"id": "b@example.com", "n": 1}, {"id": "b@example.com", "n": 2}]
    assert BY_EMAIL.of_rows(found, [ROWS[0]] * 3) == [0, 1, 1]


def test_each_row_gets_the_response_with_its_own_element_alone() -> None:
    owned: dict[EachElements, list[int | None]] = {BY_EMAIL: [1, 0, None]}
    bodies = [each.body for each in responses_of_rows(reader(BODY), owned, 3)]
    assert [json.loads(body)["r"]["items"] for body in bodies] == [
        [{"id": "b@example.com"}],
        [BODY["r"]["items"][0]],
        [],
    ]  # type: ignore[index]
    assert all(json.loads(body)["ok"] for body in bodies)


@pytest.mark.parametrize("body", [b"<html>stored</html>", b"not JSON"])
def test_a_response_without_the_array_is_that_of_every_row(body: bytes) -> None:
    assert [each.body for each in responses_of_rows(reader(body), {BY_EMAIL: [None, None]}, 2)] == [body, body]
