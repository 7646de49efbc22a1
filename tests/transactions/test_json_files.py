import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rokt_export.errors import TransactionsError
from rokt_export.transactions.damage_checks import JUNK
from rokt_export.transactions.sources import open_transactions
from transactions.json_samples import as_text, values


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
