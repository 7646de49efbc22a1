"""The short ways of the frequent cases give what the general ways give, whatever stands in a row or an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from requests.models import PreparedRequest

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.exchange.model import Response
from rokt_export.partner_spec.model import Parameter
from rokt_export.request.encodings.form import form_encoder, form_text
from rokt_export.request.encodings.json import json_encoder
from rokt_export.request.encodings.xml import xml_encoder
from rokt_export.request.parameter_values import CompiledParameter, ParameterValues, RefusedError, compile_field
from rokt_export.request.render import header_values
from rokt_export.request.url import blank_url
from rokt_export.response.body_reader import NoData, ReadAs, ResponseReader, body_values
from rokt_export.spec_language.filters import Number
from rokt_export.spec_language.paths import compile_path

TEXTS = ["", " ", "1.10", "00123", "Zoë", "\ud800", "a\r\nb", "\x00", "\x7f", "]]>", "\N{GRINNING FACE}", "&+% /?~"]

ODD = st.one_of(
    st.sampled_from(TEXTS),
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
CARRIERS = [compile_field(Parameter.model_validate(each), {"KEY": "k+1"}) for each in PARAMETERS]


def test_which_are_plain_and_which_fixed() -> None:
    assert [field.plain for field in CARRIERS] == ["a", "b", "c", None, None, "c", None, None]
    assert [field.name for field in CARRIERS if field.fixed] == ["r.g", "r.h"]


def outcome(make: Callable[[Any], Any], value: Any) -> Any:
    """What is made of it, or how it is refused; the encoder's own errors (a lone surrogate) by their kind."""
    try:
        return make(value)
    except RefusedError as error:
        return str(error)
    except (TypeError, UnicodeEncodeError) as error:
        return type(error)


@pytest.mark.parametrize("encoder", [json_encoder, xml_encoder, form_encoder, header_values])
@given(row=ROWS)
@example(row={"a": "1.10", "b": "00123", "c": "Zoë"})
def test_plain_values(
    encoder: Callable[[list[CompiledParameter]], Callable[[ParameterValues], Any]], row: ParameterValues
) -> None:
    short, general = encoder(CARRIERS), encoder([replace(field, plain=None, fixed=False) for field in CARRIERS])
    assert outcome(short, row) == outcome(general, row)


@given(st.text(st.characters(exclude_categories=())))
@example("\ud800")
def test_form_text(text: str) -> None:
    assert outcome(form_text, text) == outcome(quote_plus, text)


ANSWERS = st.one_of(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(TEXTS), st.text()),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["s", "t"]), inner, max_size=2),
        max_leaves=4,
    ).map(lambda data: json.dumps(data).encode()),
    st.sampled_from(
        [b"", b" ", b"<s>x</s>", b"{", b"\xff", b'{"s": 1.10}', b'{"s": 00123}', b'\xef\xbb\xbf{"s": 1.1}']
    ),
    st.binary(max_size=6),
)


@pytest.mark.parametrize("read_as", [None, "json", "xml"])
@given(body=ANSWERS)
@example(body=b'{"s": "x"}')
def test_member_at_the_top_of_an_answer(read_as: ReadAs, body: bytes) -> None:
    reading = ResponseReader(Response(200, (), body))
    found = body_values("$.s", read_as)(reading)
    data = {None: reading.exact_data, "json": reading.exact_json, "xml": reading.mapping}[read_as]
    expected = data.values if isinstance(data, NoData) else compile_path("$.s").find(data)
    assert shown(found) == shown(expected)


def shown(values: Any) -> Any:
    return None if values is None else [getattr(value, "written", repr(value)) for value in values]


PORTS = ["", ":", ":0", ":1", ":0080", ":443", ":59999", ":65535", ":65536", ":123456"]

HOSTS = [
    "example.com",
    "EXAMPLE.com",
    "127.0.0.1",
    "a",
    "-a.b-",
    "a..b",
    ".a",
    "a.",
    "*.a",
    "a_b",
    "xn--a",
    "Zoë.de",
    "[::1]",
]
ENDS = st.text("abc./?#%[]:@!$&'()*+,;=~_- \t\"<>\\^`|ä0", max_size=12)


@given(st.sampled_from(["http", "https", "HTTPS"]), st.sampled_from(HOSTS), st.sampled_from(PORTS), ENDS)
@example("https", "example.com", "", "/a/../b")
@example("https", "example.com", "", "/.well-known/x")
@example("https", "example.com", "", "//a//?")
@example("https", "example.com", "", "/a?b=c/../d?e")
@example("https", "example.com", ":443", "?a")
def test_an_endpoint_is_sent_to_as_requests_would(scheme: str, host: str, port: str, end: str) -> None:
    url = f"{scheme}://{host}{port}{end}"
    try:
        made = blank_url(url, {})
    except (ConfigurationError, SpecError):
        return
    prepared = PreparedRequest()
    prepared.prepare_url(url.strip(), None)  # which raises nothing for what was accepted
    assert made == re.sub("^(https://[^/?]*):443(?=[/?])", r"\1", str(prepared.url))
