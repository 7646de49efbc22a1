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
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions

HEADER = "transactionid,email,zipcode,state,dob,mobile\n"
ROW = "T1,jane@example.com,10001,NY,19831215,2125550123\n"

VALUES = {
    "transactionid": "T1",
    "email": "jane@example.com",
    "zipcode": "10001",
    "state": "NY",
    "dob": "19831215",
    "mobile": "2125550123",
}


def read(path, **options):
    source = open_transactions([path], options=SourceOptions(**options))
    return list(source), source


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROW,
        (HEADER + ROW).replace("\n", "\r\n"),
        (HEADER + ROW).replace("\n", "\r"),
        (HEADER + ROW).rstrip("\n"),
        HEADER + "\n\n" + ROW + "\n",
        "   \n" + HEADER + " \u00a0 \n" + ROW + "\t\n  ",
        ("  \r\n" + HEADER + "   \n" + ROW + "   \n").replace(",", "\t").replace("\n", "\r\n"),
        (HEADER + "   \n" + ROW + "   \n").replace(",", ", "),
        HEADER + "   \n" + ROW.replace("T1", '"T1"') + "   \n",
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace(",", ";"),
        (HEADER + ROW).replace(",", "\t"),
        (HEADER + ROW).replace(",", "|"),
        "sep=;\n" + (HEADER + ROW).replace(",", ";"),
        "sep=\\t\n" + (HEADER + ROW).replace(",", "\t"),
        HEADER + ROW + "\x1a",
        HEADER + ROW + "\x1a\r\n",
        (HEADER + ROW).replace(",", ", "),
        HEADER + '"' + '","'.join(ROW.strip().split(",")) + '"\n',
        (HEADER + ROW).encode("utf-16"),
        (HEADER + ROW).encode("utf-16-le"),
        (HEADER + ROW).encode("utf-16-be"),
        (HEADER + ROW).encode("utf-32"),
    ],
)
def test_every_dialect_and_encoding_gives_the_same_row(write, content):
    (transaction,), source = read(write(content))
    assert (transaction.row, transaction.id, transaction.problem) == (1, "T1", None)
    assert transaction.values == VALUES
    assert source.findings == ()


def test_cells_keep_their_text(write):
    (transaction,), _ = read(write('a,b,c,d,e\n00123,1.10, x ,"é, ""q""\r\nü","😀"\n'))
    assert list(transaction.values.values()) == ["00123", "1.10", " x ", 'é, "q"\r\nü', "😀"]
    assert transaction.id == "row-1"


def test_an_id_is_the_transactionid_else_the_confirmationref_else_the_row(write):
    rows, _ = read(write("transactionid,confirmationref,x\nT1,C1,x\n ,C2,x\n,,x\n"))
    assert [row.id for row in rows] == ["T1", "C2", "row-3"]


def test_backslash_escapes_and_unquoted_files_are_read_when_told(write):
    (escaped,), _ = read(write('a,b\n"x \\"y\\"",z\n'), escape="\\")
    assert escaped.values == {"a": 'x "y"', "b": "z"}
    (unquoted,), _ = read(write('a\tb\n"x\tz\n', "b.tsv"), quote="", delimiter="\t")
    assert unquoted.values == {"a": '"x', "b": "z"}


def test_a_file_without_a_header_is_read_when_its_columns_are_told(write):
    rows, _ = read(write(ROW + ROW), header=tuple(VALUES))
    assert [row.values for row in rows] == [VALUES, VALUES]


def test_cp1252_is_guessed_and_the_guess_is_told(write):
    (transaction,), source = read(write("email,firstname\njane@example.com,Jürgen Müller\n".encode("cp1252")))
    assert transaction.values["firstname"] == "Jürgen Müller"
    assert [damage.kind for damage in source.findings] == [DamageKind.ENCODING_GUESSED]


def test_the_first_letter_beyond_ascii_may_come_late(write):
    filler = "jane@example.com,Jane\n" * 20_000
    content = ("email,firstname\n" + filler + "j@example.com,Jürgen\n").encode("cp1252")
    rows, _ = read(write(content))
    assert rows[-1].values["firstname"] == "Jürgen"


@pytest.mark.parametrize("written", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_told_utf_16_needs_no_mark_of_its_order(write, written):
    given = written.rpartition("-")[0] if written.count("-") > 1 else written
    (transaction,), _ = read(write("email,firstname\nj@example.com,Łukasz\n".encode(written)), encoding=given)
    assert transaction.values == {"email": "j@example.com", "firstname": "Łukasz"}


@pytest.mark.parametrize("given", ["utf-16", "utf-32"])
def test_a_given_encoding_that_is_wrong_is_an_error_of_the_file(write, given):
    with pytest.raises(TransactionsError):
        read(write(b"email,firstname\nj@example.com,Jane\n"), encoding=given)


def test_a_given_encoding_is_used(write):
    (transaction,), source = read(write("email,firstname\nj@example.com,Łukasz\n".encode("cp1250")), encoding="cp1250")
    assert transaction.values["firstname"] == "Łukasz"
    assert source.findings == ()


def test_one_column_is_enough(write):
    rows, source = read(write("email\njane@example.com\njohn@example.com\n"))
    assert [row.values for row in rows] == [{"email": "jane@example.com"}, {"email": "john@example.com"}]
    assert source.findings == ()


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
