"""Filters: values and edge cases; docs/spec.md holds the examples, which test_reference.py evaluates."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest

from rokt_export.spec_language.filters import (
    _KINDS,
    _SIGNATURES,
    ABSENT,
    EXAMPLES,
    FILL_ABSENT,
    FILTERS,
    MOST_TEXT,
    FilterError,
    Number,
    Raw,
    check_arguments,
    text_of,
)
from rokt_export.spec_language.template import check_numbers, compile_template
from rokt_export.spec_language.template_places import TemplateProblem

MD5 = "238afb9e862add7d56bbc4181b80fa32"
SHA256 = "F6191D8D6A0F75CA7D237ED07CF8E461E72E5C7BB28D611DDF37E5908FDB632B"
"""Rokt's published vectors, of john.smith@rokt.com."""


@pytest.mark.parametrize("written", ["john.smith@rokt.com", "  John.Smith@ROKT.com\n"])
def test_hashes_are_of_the_trimmed_lower_cased_address(written):
    assert FILTERS["md5"](written) == MD5
    assert FILTERS["sha256"](written, case="upper") == SHA256
    assert FILTERS["sha256"](written) == SHA256.lower()
    assert FILTERS["sha1"](written) == "954fa5ae4e3973d9fd6f270fa8850c2eab8db6c3"


@pytest.mark.parametrize(("name", "digest"), [("md5", MD5), ("sha1", "a" * 40), ("sha256", SHA256)])
def test_a_digest_is_left_alone(name, digest):
    assert FILTERS[name](digest) == digest.lower()
    assert FILTERS[name](digest, case="upper") == digest.upper()
    assert FILTERS[name](f" {digest} ") == digest.lower()


def test_a_hash_of_the_text_as_it_is():
    assert FILTERS["md5"](" X ", normalize=False) != FILTERS["md5"](" X ")
    assert FILTERS["md5"]("x") == FILTERS["md5"](" X ")


def test_a_hash_has_two_cases():
    with pytest.raises(FilterError, match="`lower` or `upper`"):
        FILTERS["md5"]("x", case="UP")


@pytest.mark.parametrize(
    "written", ["19831215", " 19831215 ", "1983-12-15", "1983-12-15 10:11", "1983-12-15T10:11:12.5+02:00"]
)
def test_dates_are_read_in_their_usual_forms(written):
    assert FILTERS["date"](written) == "1983-12-15"
    assert FILTERS["date"](written, "%m/%d") == "12/15"


def test_a_spreadsheet_serial_is_a_date():
    assert FILTERS["date"]("43765.07083", "%Y-%m-%d %H:%M:%S") == "2019-10-27 01:42:00"


def test_a_date_in_another_zone():
    date_ = FILTERS["date"]
    assert date_("2026-01-05T23:30:00-05:00", "%Y-%m-%dT%H:%M:%SZ", utc=True) == "2026-01-06T04:30:00Z"
    assert date_("2026-07-01T10:00:00Z", "%H:%M", tz="Europe/Berlin") == "12:00"
    assert date_("2026-07-01 10:00", "%H:%M %z", tz="Europe/Berlin") == "10:00 +0200"
    assert date_("2026-07-01 10:00", "%H:%M", tz="America/New_York", utc=True) == "14:00"
    assert date_("2026-07-01 10:00", "%s", tz="America/New_York") == "1782914400"
    assert date_("2026-07-01 10:00", "%H:%M", utc=True) == "10:00"
    assert date_(datetime(2026, 7, 1, 10, tzinfo=UTC), "%H:%M", tz="Asia/Tokyo") == "19:00"


def test_a_date_in_a_form_that_is_told():
    assert FILTERS["date"]("15/12/1983", "%Y%m%d", given="%d/%m/%Y") == "19831215"
    assert FILTERS["date"]("19700102", "%s") == "86400"
    assert FILTERS["date"]("1970-01-02T02:00:00+02:00", "%s") == "86400"
    assert FILTERS["date"]("") == ""
    assert FILTERS["date"](datetime(2024, 5, 1, tzinfo=UTC), "%Y/%m") == "2024/05"
    assert FILTERS["date"](datetime(1970, 1, 2, tzinfo=UTC), "%s") == "86400"
    assert FILTERS["date"](date(2024, 5, 1)) == "2024-05-01"


@pytest.mark.parametrize("written", ["15/12/1983", "19831315", "20240230", "yesterday", "0", "43765"])
def test_what_is_no_date(written):
    with pytest.raises(FilterError, match="is not a date"):
        FILTERS["date"](written)


@pytest.mark.parametrize(
    ("written", "proposed"),
    [
        ("12/31/1990", "given='%m/%d/%Y')"),
        ("31/12/1990", "given='%d/%m/%Y')"),
        ("31.12.1990", "given='%d.%m.%Y')"),
        ("1990/12/31", "given='%Y/%m/%d')"),
        ("05/04/1991", "given='%d/%m/%Y' or given='%m/%d/%Y'): ask which"),
        ("12/31/90", "given=...)"),
        ("yesterday", "given=...)"),
    ],
)
def test_the_form_that_is_proposed_fits_the_date(written, proposed):
    with pytest.raises(FilterError) as raised:
        FILTERS["date"](written)
    assert (
        str(raised.value)
        == f"`{written}` is not a date: yyyymmdd, yyyy-mm-dd, or say its form with date(..., {proposed}"
    )


@pytest.mark.parametrize(
    ("written", "options", "expected"),
    [
        ("300.50", {}, "300.50"),
        ("1.10", {}, "1.10"),
        ("00123", {}, "123"),
        ("9007199254740993", {}, "9007199254740993"),
        ("1.23E+10", {}, "12300000000"),
        (".5", {}, "0.5"),
        ("+5", {}, "5"),
        ("1.005", {"decimals": 2}, "1.01"),
        ("-12.345", {"decimals": 2}, "-12.35"),
        ("300.50", {"decimals": 0}, "301"),
        ("1e30", {"decimals": 2}, "1" + "0" * 30 + ".00"),
        ("1,234.5", {"thousands": ","}, "1234.5"),
        ("1.234,5", {"thousands": ".", "decimal": ","}, "1234.5"),
        ("1234567,5", {"thousands": ".", "decimal": ","}, "1234567.5"),
        ("-12,34,567.8", {"thousands": ","}, "-1234567.8"),  # as in India
        ("1 000", {"thousands": " "}, "1000"),
        (",5", {"thousands": ".", "decimal": ","}, "0.5"),
        ("", {}, ""),
    ],
)
def test_numbers_keep_their_digits(written, options, expected):
    assert FILTERS["number"](written, **options) == expected


GERMAN = {"thousands": ".", "decimal": ","}


@pytest.mark.parametrize(
    ("written", "options"),
    [
        *((each, GERMAN) for each in ("12.50", "1.2.3", "1.23.4,5", "1000.000", ".123", "1.", "5,1.000", "12..500")),
        ("1,50", {"thousands": ","}),
        ("1.250", {"decimal": ","}),
        ("1,5,2", {"decimal": ","}),
    ],
)
def test_a_number_in_another_notation_than_the_spec_says_is_invalid(written, options):
    with pytest.raises(FilterError, match="is not a number"):
        FILTERS["number"](written, **options)


def test_a_number_is_marked_as_one():
    assert isinstance(FILTERS["number"]("1.10"), Number)


@pytest.mark.parametrize("written", ["x", "NaN", "Infinity", "1_000", "1,5", "--1", "1e999", "1e99999999", "9" * 5000])
def test_what_is_no_number(written):
    with pytest.raises(FilterError, match="is not a number") as caught:
        FILTERS["number"](written)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("written", ["true", "Yes", "y", "1", "on", "T", True])
def test_true(written):
    assert FILTERS["boolean"](written) is True
    assert FILTERS["boolean"](written, true="J", false="N") == "J"


@pytest.mark.parametrize("written", ["false", "NO", "n", "0", "off", "f", False])
def test_false(written):
    assert FILTERS["boolean"](written) is False
    assert FILTERS["boolean"](written, true="J", false="N") == "N"


def test_neither_true_nor_false():
    assert FILTERS["boolean"]("") == ""
    with pytest.raises(FilterError, match="neither yes nor no"):
        FILTERS["boolean"]("maybe")


def test_phone_numbers():
    phone = FILTERS["phone"]
    assert phone("(732) 757-2923") == "7327572923"
    assert phone("732 757 2923", region="us") == "+17327572923"
    assert phone("+49 1511 2345678", region="US") == "+4915112345678"
    assert phone("7327572923", region="US", form="NATIONAL") == "(732) 757-2923"
    assert phone("", region="US") == ""
    for written, region in (("x", "US"), ("12", "US"), ("7327572923", "ZZ")):
        with pytest.raises(FilterError, match=f"not a phone number of {region}"):
            phone(written, region=region)
    with pytest.raises(FilterError, match="form is E164"):
        phone("7327572923", region="US", form="DIGITS")


@pytest.mark.parametrize("gap", [ABSENT, None, ""])
def test_default_fills_every_gap(gap):
    assert FILTERS["default"](gap, "x") == "x"
    assert FILTERS["default"]("0", "x") == "0"


def test_map_takes_equal_before_contains_before_default():
    tables = {"equal": {"M": "male"}, "contains": {"fem": "female", "m": "other"}}
    assert FILTERS["map"](" m ", **tables) == "male"
    assert FILTERS["map"]("FEMININE", **tables) == "female"
    assert FILTERS["map"]("x", **tables) == "x"
    assert FILTERS["map"]("x", **tables, default="?") == "?"
    assert FILTERS["map"]("7", equal={7: "seven"}) == "seven"


@pytest.mark.parametrize("gap", [ABSENT, None, ""])
def test_map_of_a_gap(gap):
    assert FILTERS["map"](gap, default="?") == "?"
    assert FILTERS["map"](gap, default="?", empty="-") == "-"
    assert FILTERS["map"](gap) is gap


def test_parts_of_texts_and_lists():
    assert FILTERS["slice"]("90210-1234", 0, 5) == "90210"
    assert FILTERS["slice"]("abc", -2) == "bc"
    assert FILTERS["slice"](["a", "b", "c"], 1) == ["b", "c"]
    assert FILTERS["split"]("a, b") == ["a", "b"]
    assert FILTERS["split"]("") == []
    assert FILTERS["split"]("a|b", "|", 1) == "b"
    assert FILTERS["split"]("a|b", "|", -1) == "b"
    assert FILTERS["split"]("a|b", "|", 2) == ""
    assert FILTERS["join"](["a", 1, True], "-") == "a-1-true"
    assert FILTERS["join"]("alone") == "alone"


def test_texts():
    assert FILTERS["title"]("o'neil MACDONALD jean-luc éva") == "O'neil Macdonald Jean-Luc Éva"
    assert FILTERS["trim"]("\t a\u00a0") == "a"
    assert FILTERS["upper"]("é") == "É"
    assert FILTERS["lower"]("İ").startswith("i")
    assert FILTERS["replace"]("a-b-c", "-", "/") == "a/b/c"
    assert FILTERS["urlencode"]("a b/é") == "a%20b%2F%C3%A9"
    assert FILTERS["base64"]("é") == "w6k="


@pytest.mark.parametrize("value", ['x"y\\\n', 5, True, None, ["a", {"b": None}]])
def test_tojson_reads_back(value):
    written = FILTERS["tojson"](value)
    assert isinstance(written, Raw)
    assert json.loads(written) == value


def test_values_as_text():
    assert text_of(True) == "true"
    assert text_of(None) == ""
    assert text_of(1.5) == "1.5"
    assert text_of(["a", 1]) == '["a",1]'
    assert text_of({"a": None}) == '{"a":null}'


def test_absence_is_false_and_says_its_name():
    assert not ABSENT
    assert repr(ABSENT) == "ABSENT"
    assert set(FILTERS) > FILL_ABSENT


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("number(decimals=999999999)", "decimals is from -100 to 100"),
        ("number(decimals='2')", "decimals is a whole number, not text"),
        ("number(decimals=true)", "decimals is a whole number, not true or false"),
        ("number(decimal='')", "decimal is one character"),
        ("map(equal=1)", "equal is a table"),
        ("map(contains=['a'])", "contains is a table.*not a list"),
        ("date('%999999999Y')", "form is made of directives"),
        ("date('%')", "form is made of directives"),
        ("date(5)", "form is text, not a number"),
        ("date('YYYY-MM-DD')", "form is made of directives"),
        ("date('%Y', given='DD/MM/YYYY')", "given is made of directives"),
        ("date('%Y', given='%Y%Y')", "given is made of directives such as %Y, %m and %d, each once"),
        ("date('%Y', given='%c %d')", "given is made of directives such as %Y, %m and %d, each once"),
        ("date(tz='Mars/Olympus')", "tz is the name of a time zone"),
        ("date(utc='yes')", "utc is true or false, not text"),
        ("date(given='%Q')", "given is made of directives"),
        ("replace(1, 2)", "old is text, not a number"),
        ("split('')", "separator is not empty"),
        ("split(index='1')", "index is a whole number"),
        ("join(5)", "separator is text"),
        ("slice('a')", "start is a whole number"),
        ("phone(region=1)", "region is text"),
        ("phone('US', form='X')", "form is E164, "),
        ("md5(case='Upper')", "case is lower or upper"),
        ("md5(normalize='no')", "normalize is true or false"),
        ("trim(5)", "takes no arguments"),
    ],
)
def test_a_wrong_argument_is_told_in_plain_words(source, words):
    with pytest.raises(TemplateProblem, match=words):
        check_numbers("{{ a | %s }}" % source)  # noqa: UP031
    with pytest.raises(TemplateProblem, match=words):
        check_numbers("{%% if a %%}{{ a | %s }}{%% endif %%}" % source)  # noqa: UP031


def test_a_wrong_argument_that_a_row_states_is_told_too():
    with pytest.raises(FilterError, match="decimals is a whole number, not text"):
        compile_template("{{ a | number(decimals=b) }}").fill({"a": "1", "b": "x"}, {})
    assert compile_template("{{ a | replace(b, 'x') }}").fill({"a": "1"}, {}) is ABSENT


def test_a_table_may_have_numbers_for_keys():
    assert compile_template("{{ a | default({1: 'b'}) }}!").fill({"a": ""}, {}) == '{"1":"b"}!'


@pytest.mark.parametrize(("value", "taken"), [(2, True), (0.5, True), ("2", False), (True, False), (None, False)])
def test_an_argument_that_is_a_number_takes_nothing_else(value, taken):
    holds, _ = _KINDS["float"]
    assert holds(value) is taken


WORDS = ["", "a", ",", "x" * 2000, "%Y", "UTC", "US", "lower", "E164"]
NUMBERS = [-10_000_000, -1, 0, 2, 10_000_000]
TABLES = [None, {"a": "b"}]
GIVEN = {
    "str": WORDS,
    "str | None": [None, *WORDS],
    "int": NUMBERS,
    "int | None": [None, *NUMBERS],
    "float": [0.5, *NUMBERS],
    "bool": [True, False],
    "Any": ["b"],
    "Mapping[str, Any] | None": TABLES,
}
"""What each argument is called with, by its kind, where `check_arguments` admits it."""
GIVEN_VALUES = ["", " ", "a" * 2000, "1.5", "yes", "20240501", "ab,c", "2127572923", True, 5, {"a": None}, ["a"] * 2000]
WRITES_VALUES = {"tojson": "JSON of a text is another"}
"""The filters that write a text otherwise than another value of the same text, and why."""


def _calls(name):
    """Yield the arguments of a filter that a template may have: none, and each of GIVEN with each other."""
    kinds = {each.name: str(each.annotation) for each in _SIGNATURES[name].parameters.values() if each.name != "value"}
    assert set(kinds.values()) <= GIVEN.keys(), f"{name}: add the kind of its arguments to GIVEN of this file: {kinds}"
    for each in ({}, *(dict(zip(kinds, given, strict=True)) for given in product(*map(GIVEN.get, kinds.values())))):
        try:
            check_arguments(name, (), each)
        except FilterError:
            continue
        yield each


def _result(name, value, arguments):
    """Return a filter's result as text, `(invalid)` for a FilterError."""
    told = f"{name}({str(value)[:20]!r}, {str(arguments)[:200]})"
    try:
        made = text_of(FILTERS[name](value, **arguments))
    except FilterError:
        return "(invalid)"
    except Exception as error:  # noqa: BLE001 - whatever it is
        pytest.fail(f"{told} raises {error!r}: raise FilterError for a wrong value; check arguments in _VALUES")
    assert len(made) <= MOST_TEXT, f"{told} has {len(made):,} characters: call `checked_length` before it is built"
    return made


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_raises_filter_errors_only_and_gives_a_bounded_text(name):
    for arguments in _calls(name):
        for value in GIVEN_VALUES:
            _result(name, value, arguments)


@pytest.mark.parametrize("name", [name for name in FILTERS if name not in WRITES_VALUES])
def test_each_filter_reads_a_value_as_templates_write_it(name):
    arguments = next(_calls(name))
    for value in (True, {"a": None}):
        assert _result(name, value, arguments) == _result(name, text_of(value), arguments), (
            f"{name} reads {value!r} otherwise than as `{text_of(value)}`: call `text_of`, not `str`"
        )


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_is_shown(name):
    assert name in EXAMPLES, f"add a use of {name} to EXAMPLES of rokt_export/spec_language/filters.py"
    page = (Path(__file__).parents[2] / "docs" / "spec.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^```filters\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    assert re.search(rf"\| {name}\b.*→", lines), f"add a line with {name} and its result to docs/spec.md"
    assert re.search(rf"^\*\*[a-z0-9, ]*\b{name}\b[a-z0-9, ]*\*\*", page, re.MULTILINE), (
        f"say what {name} does in docs/spec.md: `**{name}** …`"
    )
