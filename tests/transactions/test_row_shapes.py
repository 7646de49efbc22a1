"""Rows that are no transactions: what stands inside a quoted cell."""

import pytest

from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.row_shapes import swallowed
from rokt_export.transactions.sources import open_transactions


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        (["2", "b@example.com", "open\n3,c@example.com,Ann\n4,d@example.com,close"], 2),
        (["2", "b@example.com", "open\n3,c@example.com,Ann\n\n4,d@example.com,close"], 3),
        (["2", "b@example.com", "12 Main Street\nSpringfield, IL\nUSA"], 0),
        (["2", "b@example.com", "Rue 1\nZurich, ZH, CH"], 0),
        (["2", "b", "c", "open\n3,b,c,close"], 1),
        (["2", "Main\nSpringfield,IL", "b", "c"], 0),
        (["a\nb", "c"], 0),
        (["1,a\n2,b\n3", "c"], 2),
        (["a,b\r\nc", "d"], 1),
        (["one line"], 0),
        (["a@example.com\nb@example.com"], 1),
        (["two\nlines"], 0),
        (["", "", ""], 0),
    ],
)
def test_which_cells_have_swallowed_rows(cells, lines):
    assert swallowed(cells, ",", spaced=False) == lines


def test_a_quote_that_another_row_closes_is_told_with_its_lines(write):
    row = "{n},{n}@example.com,{name}\n"
    opening, closing = row.format(n=2, name='"open'), row.format(n=5, name='close"')
    path = write("id,email,name\n" + row.format(n=1, name="Ann") + opening + row.format(n=3, name="Bo") * 2 + closing)
    source = open_transactions([path])
    assert [each.problem is None for each in source] == [True, False]
    (found,) = source.findings
    assert (found.kind, found.row, found.line) == (DamageKind.QUOTING, 2, 6)
    assert f"3 lines that look like rows are inside one cell: a quote opens in line 3 of {path}" in found.message
