import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rokt_export.errors import TransactionsError
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.damage_checks import JUNK
from rokt_export.transactions.json_values import DECODER
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions, scan

EXACT = (
    '{"transactionid": 9007199254740993, "amount": 1.10, "big": 1E400, "optin": true, "gone": null, '
    '"list": [1.0, {"a": false}]}'
)
EXACT_VALUES = {
    "transactionid": "9007199254740993",
    "amount": "1.10",
    "big": "1E400",
    "optin": "true",
    "gone": None,
    "list": ["1.0", {"a": "false"}],
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.ndjson", EXACT + "\n"),
        ("x.jsonl", "\ufeff" + EXACT),
        ("x.txt", EXACT + "\n" + EXACT),
        ("x.json", f"[{EXACT}]"),
        ("x.json", f"\n [ {EXACT} , {EXACT} ] \n"),
        ("x.json", EXACT + EXACT),
        ("x.json", EXACT.replace(", ", ",\n  ")),
        ("x.json", f"[{EXACT}]".encode("utf-16")),
    ],
)
def test_numbers_and_booleans_keep_their_text(write, name, content):
    source = open_transactions([write(content, name)])
    for transaction in source:
        assert transaction.values == EXACT_VALUES
        assert transaction.id == "9007199254740993"
    assert source.findings == ()


@pytest.mark.parametrize("name", ["rows.ndjson", "rows.json"])
def test_what_pandas_writes_for_a_missing_value_is_one(write, name):
    row = '{"email": "a@example.com", "amount": NaN, "firstname": "NaN", "points": -Infinity}'
    [read] = open_transactions([write(f"[{row}]" if name == "rows.json" else row, name)])
    assert read.values == {"email": "a@example.com", "amount": None, "firstname": "NaN", "points": "-Infinity"}


def test_of_rows_with_keys_of_their_own_a_thousand_are_named(write):
    rows = "".join(json.dumps({"email": "a@example.com", f"cart_{row}": "x"}) + "\n" for row in range(3000))
    assert scan([write(rows, "rows.ndjson")]).columns.unmapped == tuple(f"cart_{row}" for row in range(1000))


def test_keys_are_mapped_like_columns(write):
    (transaction,) = open_transactions([write('{"E-Mail": "jane@example.com", "Colour": "red"}\n', "x.ndjson")])
    assert transaction.values == {"email": "jane@example.com", "Colour": "red"}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("{bad", DamageKind.MALFORMED),
        ("[1]", DamageKind.MALFORMED),
        ('{"a": 1, "a": 2}', DamageKind.MALFORMED),
        ("[" * 100_000, DamageKind.MALFORMED),
        ('{"a": ' + "[" * 101 + "]" * 101 + "}", DamageKind.MALFORMED),
        ('{"a": ' + '{"a": ' * 300 + "1" + "}" * 301, DamageKind.MALFORMED),
        ("{}", DamageKind.BLANK_ROW),
        ('{"a": "\\ud800"}', DamageKind.UNDECODABLE),
        ('{"a": "' + "x" * 2_000_000 + '"}', DamageKind.OVERSIZE),
        ('{"a": "\0"}', DamageKind.NUL),
        ('{"email": "a", "E-mail": "b"}', DamageKind.AMBIGUOUS),
    ],
)
def test_a_bad_line_costs_only_itself(write, line, kind):
    source = open_transactions([write(f'{{"a": "1"}}\n{line}\n\n{{"a": "3"}}\n', "x.ndjson")])
    assert [(row.row, row.problem is None) for row in source] == [(1, True), (2, False), (3, True)]
    assert [(damage.kind, damage.row, damage.line) for damage in source.findings] == [(kind, 2, 2)]


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        ('[{"a": 1},\n{"a": 2', ":2, row 2", "Expecting ',' delimiter"),
        ('[{"a": 1},\n{"a": 2}', ":2, row 2", "the array is never closed"),
        ('[{"a": 1}\n{"a": 2}]', ":2, row 2", ", is missing between two elements"),
        ('[{"a": 1},]', ":1, row 2", "an element is missing behind the last comma"),
        ('[{"a": 1}] x', ":1, row 1", "text follows the end of the array"),
        ('{"a": 1}]', ":1, row 1", "a ] closes nothing"),
        ("[" * 100_000, ":1, row 1", "nested too deeply"),
    ],
)
def test_a_broken_array_is_an_error_with_its_place(write, content, place, message):
    path = write(content, "x.json")
    with pytest.raises(TransactionsError) as caught:
        list(open_transactions([path]))
    assert message in caught.value.message
    assert caught.value.where == path + place


def test_the_rows_before_a_broken_place_are_handed_out(write):
    rows = iter(open_transactions([write('[{"a": 1}, {"a": 2}, {"a" 3}]', "x.json")]))
    assert [next(rows).values["a"], next(rows).values["a"]] == ["1", "2"]
    with pytest.raises(TransactionsError, match="row 3"):
        next(rows)


def test_an_empty_array_has_no_row(write):
    with pytest.raises(TransactionsError, match="it has no rows"):
        list(open_transactions([write("[]", "x.json")]))


def test_elements_longer_than_a_piece_are_read_whole(write):
    long = "x" * 300_000
    content = json.dumps([{"a": str(number), "b": long} for number in range(3)])
    assert [row.values["a"] for row in open_transactions([write(content, "x.json")])] == ["0", "1", "2"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def as_text(value):
    """Return what a JSON value must become, worked out from the value instead of from the text."""
    match value:
        case bool():
            return json.dumps(value)
        case int() | float():
            return json.dumps(value)
        case list():
            return [as_text(item) for item in value]
        case dict():
            return {key: as_text(item) for key, item in value.items()}
        case _:
            return value


@given(value=st.dictionaries(st.text(max_size=5), values, max_size=4), ascii_only=st.booleans())
def test_every_object_decodes_to_its_text(value, ascii_only):
    assert DECODER.decode(json.dumps(value, ensure_ascii=ascii_only)) == as_text(value)


@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), values, min_size=1), min_size=1, max_size=5))
@example(rows=[{"a": "0\xa0"}])
def test_an_array_and_lines_are_read_alike(tmp_path_factory, rows):
    array = tmp_path_factory.getbasetemp() / "round-trip.json"
    lines = tmp_path_factory.getbasetemp() / "round-trip.ndjson"
    array.write_text(json.dumps(rows, indent=1))
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    as_lines = [dict(row.values) for row in open_transactions([str(lines)])]
    assert as_lines == [dict(row.values) for row in open_transactions([str(array)])]
    for read, row in zip(as_lines, rows, strict=True):
        assert read.keys() == row.keys()
        assert all(read[name] == as_text(value) for name, value in row.items() if not is_cleaned(value))


def is_cleaned(value):
    """Return whether reading leaves something of a text out: invisible characters, a formula or apostrophe before."""
    return isinstance(value, str) and (value[:1] in (*JUNK, *"='\u2019") or value[-1:] in (*JUNK,))


@pytest.mark.parametrize(("name", "form"), [("x.ndjson", "{}\n{}\n{}"), ("x.json", "[{},{},{}]")])
def test_a_look_at_the_beginning_tells_the_columns_too(write, name, form):
    path = write(form.format(*['{"email": "jane@example.com", "x": 1}'] * 3), name)
    found = scan([path], options=SourceOptions(wanted=frozenset({"email", "zipcode"})), limit=2)
    assert not found.complete
    assert (found.columns.missing, found.columns.unmapped) == (("zipcode",), ("x",))
