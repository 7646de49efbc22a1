import csv
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rokt_export.errors import TransactionsError
from rokt_export.partner_spec.attributes import canonical
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.damage_checks import JUNK
from rokt_export.transactions.row_shapes import is_comment, is_total, is_types
from transactions.samples import HEADER, ROW, VALUES, read


def test_cells_keep_their_text(write):
    (transaction,), _ = read(write('a,b,c,d,e\n00123,1.10, x ,"é, ""q""\r\nü","😀"\n'))
    assert list(transaction.values.values()) == ["00123", "1.10", " x ", 'é, "q"\r\nü', "😀"]
    assert transaction.id == "row-1"


def test_a_file_without_a_header_is_read_when_its_columns_are_told(write):
    rows, _ = read(write(ROW + ROW), header=tuple(VALUES))
    assert [row.values for row in rows] == [VALUES, VALUES]


cells = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0'="),
    max_size=30,
).map(lambda text: text.strip(JUNK))


@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    # Under "\n", csv.writer before Python 3.13 leaves a lone "\r" unquoted, where it ends the line for any reader.
    style=st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_ALL, "\n")]),
)
def test_what_csv_writes_is_read_back_equal(tmp_path_factory, rows, delimiter, style):
    assume(
        not any(canonical(cell) or is_total(row) or is_comment(row, 3) for row in rows for cell in row)
    )  # no transaction
    path = tmp_path_factory.getbasetemp() / "round-trip.csv"
    quoting, end = style
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["alpha", "beta", "gamma"])
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode())
    found, _ = read(str(path), delimiter=delimiter, encoding="utf-8")
    expected = [row if any(row) and row != ["alpha", "beta", "gamma"] else None for row in rows]
    if is_types(rows[0]):  # such as `(EUR)` alone
        expected[0] = None
    assert [None if row.problem else list(row.values.values()) for row in found] == expected
    assert [row.row for row in found] == list(range(1, len(rows) + 1))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("email;first\nx;y\n", "the header is one column with the delimiter comma, and contains semicolon"),
        (",,\n1,2,3\n", "the header is empty"),
        (ROW + ROW, "the first line contains data where the column names should be"),
        ("email,E-Mail\na@example.com,b@example.com\n", "“email” (column 1) and “E-Mail” (column 2) both name email"),
        ("ema\0il,x\n1,2\n", "the header is not text"),
        ('"email,x\n1,2\n', "the header cannot be read"),
    ],
)
def test_a_header_that_cannot_be_one_is_refused_with_its_place(write, content, message):
    path = write(content)
    with pytest.raises(TransactionsError) as caught:
        read(path, delimiter=",")
    assert message in caught.value.message
    assert caught.value.where is not None
    assert caught.value.where.startswith(path)
    assert caught.value.remedy


def test_a_header_that_ends_in_a_delimiter_has_no_further_column(write):
    rows, source = read(write(HEADER.replace("\n", ",\n") + ROW * 3))
    assert [each.values for each in rows] == [VALUES] * 3
    assert [each.kind for each in source.findings] == [DamageKind.CLEANED]
    with_cell, source = read(write(HEADER.replace("\n", ",\n") + ROW.replace("\n", ",x\n") + ROW))
    assert with_cell[0].problem is None
    assert DamageKind.EMPTY_HEADER in [each.kind for each in source.findings]
