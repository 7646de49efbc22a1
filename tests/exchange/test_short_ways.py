"""The short ways of the frequent cases give what the general ways give, whatever stands in a row or an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rokt_export.exchange.carrying import Carrier, RefusedError, Values, compile_carrier
from rokt_export.exchange.classify import Classifier
from rokt_export.exchange.explain import Verdict
from rokt_export.exchange.json_body import json_encoder
from rokt_export.exchange.model import Response
from rokt_export.exchange.pairs import form_encoder, header_values
from rokt_export.exchange.reading import Reading, body_values
from rokt_export.exchange.wording import clean
from rokt_export.exchange.xml_body import xml_encoder
from rokt_export.spec.filters import Number
from rokt_export.spec.model import Parameter
from rokt_export.spec.responses import Rule

ODD = st.one_of(
    st.sampled_from(
        ["", " ", "1.10", "00123", "Zoë", "\ud800", "a\r\nb", "\x00", "]]>", "\N{GRINNING FACE}", "&+% /?"]
    ),
    st.none(),
    st.sampled_from([Number("1.10"), Number("7")]),
    st.lists(st.sampled_from(["", "x", None, Number("1.10")]), max_size=3),
    st.dictionaries(st.sampled_from("ab"), st.sampled_from(["", "x"]), max_size=2),
    st.text(),
)
ROWS = st.dictionaries(st.sampled_from(["a", "b", "c"]), ODD)
PARAMETERS = [
    {"name": "r.a", "attribute": "a"},
    {"name": "r.b", "value": "{{ b }}", "required": True},
    {"name": "r.c", "value": "{{ attributes['c'] }}", "absent": "send_empty", "empty": "send_null"},
    {"name": "r.d", "attribute": "a", "type": "string"},
    {"name": "r.e", "value": "{{ b | trim }}"},
    {"name": "r.f[0]", "attribute": "c", "null": "send_null"},
    {"name": "r.g", "value": "fixed & plain"},
    {"name": "r.h", "value": "{{ env.KEY }}"},
]
CARRIERS = [compile_carrier(Parameter.model_validate(each), {"KEY": "k+1"}) for each in PARAMETERS]


def test_which_are_plain() -> None:
    assert [carrier.plain for carrier in CARRIERS] == ["a", "b", "c", None, None, "c", None, None]


def outcome(make: Callable[[Values], Any], row: Values) -> Any:
    """What is made of a row, or how it is refused; the encoder's own errors (a lone surrogate) by their kind."""
    try:
        return make(row)
    except RefusedError as error:
        return str(error)
    except (TypeError, UnicodeEncodeError) as error:
        return type(error)


@pytest.mark.parametrize("encoder", [json_encoder, xml_encoder, form_encoder, header_values])
@given(row=ROWS)
@example(row={"a": "1.10", "b": "00123", "c": "Zoë"})
@settings(max_examples=300, deadline=None)
def test_plain_values(encoder: Callable[[list[Carrier]], Callable[[Values], Any]], row: Values) -> None:
    short, general = encoder(CARRIERS), encoder([replace(carrier, plain=None) for carrier in CARRIERS])
    assert outcome(short, row) == outcome(general, row)


@given(row=ROWS)
def test_json_of_plain_values_is_that_of_json(row: Values) -> None:
    encode = json_encoder([carrier for carrier in CARRIERS if carrier.name in ("r.a", "r.d")])
    if isinstance(row.get("a"), str) and type(row["a"]) is str and row["a"].isprintable() and row["a"]:
        assert json.loads(encode(row)) == {"r": {"a": row["a"], "d": row["a"]}}
