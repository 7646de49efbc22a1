"""Requests of several rows: what a row shares, which rows go together, and specs whose body has no place for them."""

from __future__ import annotations

from typing import Any

import pytest

from rokt_export.errors import SpecError
from rokt_export.request.batches import RecordsBody, RequestRecord, body_of
from rokt_export.request.parameter_values import RefusedError
from tests.partner_spec.models import spec_of

LIST = {"name": "list", "value": "leads"}
EMAIL = {"name": "a.rows[].email", "attribute": "email", "required": True}
ROWS = [{"email": "a@example.com"}, {"email": "b@example.com"}]


def records_body(*parameters: dict[str, Any], **more: Any) -> RecordsBody:
    spec = spec_of(parameters=parameters, limits={"batch": 5}, **more)
    return RecordsBody(spec, spec.parameters, {}, None)


def record(body: RecordsBody, row: dict[str, str], **changes: Any) -> RequestRecord:
    head, data, tail = body.parts(row)
    told = {"url": "https://a.example.com", "headers": (), "head": head, "data": data, "tail": tail}
    return RequestRecord(**told | changes)


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        (
            (LIST, EMAIL),
            b'{"list":"leads","a":{"rows":[{"email":"a@example.com"},{"email":"b@example.com"}]}}',
        ),
        (({**EMAIL, "name": "[].email"},), b'[{"email":"a@example.com"},{"email":"b@example.com"}]'),
        (({**EMAIL, "name": "a[]"},), b'{"a":["a@example.com","b@example.com"]}'),
    ],
)
def test_the_records_of_rows_stand_in_one_array(parameters: tuple[dict[str, Any], ...], wanted: bytes) -> None:
    body = records_body(*parameters)
    records = [record(body, row) for row in ROWS]
    assert body_of(records) == wanted
    assert [each.body for each in records] == [body(row) for row in ROWS]


def test_rows_go_together_where_all_but_the_record_is_the_same() -> None:
    body = records_body(EMAIL, {"name": "country", "attribute": "country"})
    first, second = (record(body, {**row, "country": "us"}) for row in ROWS)
    assert first.joins(second)
    assert not first.joins(record(body, {**ROWS[1], "country": "de"}))
    assert not first.joins(record(body, {**ROWS[1], "country": "us"}, url="https://b.example.com"))
    assert not first.joins(record(body, {**ROWS[1], "country": "us"}, headers=(("X", "1"),)))


def test_a_row_that_cannot_fill_its_record_is_refused() -> None:
    with pytest.raises(RefusedError, match="is required"):
        records_body(EMAIL)({})
    with pytest.raises(RefusedError, match="the row has no value for its record"):
        records_body({"name": "a[]", "attribute": "email"})({})


@pytest.mark.parametrize(
    ("parameters", "more", "message"),
    [
        ((LIST,), {}, "needs one array of records"),
        ((EMAIL, {"name": "b[].c", "attribute": "dob"}), {}, "several arrays vary by row"),
        (({**EMAIL, "name": "[].a"}, LIST), {}, "no place in an array at the root"),
        (({**EMAIL, "name": "a[]"}, {"name": "a[].b", "attribute": "dob"}), {}, "contradicts another parameter's name"),
        ((EMAIL,), {"content_type": "application/json; charset=latin1"}, "is written in UTF-8"),
    ],
)
def test_a_body_without_one_array_of_records_is_an_error_of_the_spec(
    parameters: tuple[dict[str, Any], ...], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        records_body(*parameters, **more)
