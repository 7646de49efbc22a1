"""Which array of a body holds a record for each row, and which parameters stand in it."""

from __future__ import annotations

from typing import Any

import pytest

from rokt_export.partner_spec.record_arrays import name_in_record, record_arrays
from tests.partner_spec.models import spec_of

LIST = {"name": "list", "value": "leads"}


@pytest.mark.parametrize(
    ("names", "arrays"),
    [
        (["contacts[].email", "contacts[].name"], ["contacts"]),
        (["[].email"], [""]),
        (["a.b[].email", "c[].email"], ["a.b", "c"]),
        (["email"], []),
    ],
)
def test_an_array_whose_elements_vary_by_row_holds_records(names: list[str], arrays: list[str]) -> None:
    parameters = [{"name": name, "attribute": "email"} for name in names]
    assert record_arrays(spec_of(parameters=[LIST, *parameters], limits={"batch": 5})) == arrays


@pytest.mark.parametrize("more", [{"limits": {}}, {"encoding": "form"}, {"body": '{"a": "{{ email }}"}'}])
def test_a_spec_without_batches_or_parameters_in_json_has_none(more: dict[str, Any]) -> None:
    parameters = [{"name": "a[].email", "attribute": "email"}]
    assert record_arrays(spec_of(**{"parameters": parameters, "limits": {"batch": 5}, **more})) == []


def test_constants_and_other_places_make_no_array() -> None:
    parameters = [{"name": "tags[]", "value": "x"}, {"name": "ids[]", "in": "query", "attribute": "email"}]
    assert record_arrays(spec_of(parameters=parameters, limits={"batch": 5})) == []


def test_the_name_of_a_parameter_within_its_record() -> None:
    names = ["a[].b.c", "a[]", "b[].c", "list"]
    parameters = spec_of(parameters=[{"name": name, "attribute": "email"} for name in names]).parameters
    assert [name_in_record(each, "a") for each in parameters] == ["b.c", "", None, None]
    (header,) = spec_of(parameters=[{"name": "X-A", "in": "header", "attribute": "email"}]).parameters
    assert name_in_record(header, "") is None
