"""JSON objects become transactions whose values keep their text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.json_values import DECODER
from rokt_export.transactions.sources import open_transactions, scan
from transactions.json_samples import as_text, values

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


@given(value=st.dictionaries(st.text(max_size=5), values, max_size=4), ascii_only=st.booleans())
def test_every_object_decodes_to_its_text(value, ascii_only):
    assert DECODER.decode(json.dumps(value, ensure_ascii=ascii_only)) == as_text(value)
