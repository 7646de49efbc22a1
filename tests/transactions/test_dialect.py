"""The delimiter of a file is detected, and its lines are split into cells."""

import pytest

from rokt_export.transactions.damage import DamageKind
from transactions.samples import HEADER, ROW, VALUES, damaged, read


def test_a_wrong_delimiter_is_told_where_the_header_hides_it(write):
    findings, _ = damaged(write("email\njane@example.com;x;y\n"), delimiter=",")
    assert findings == [(DamageKind.WRONG_DELIMITER, 1, None)]


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


def test_backslash_escapes_and_unquoted_files_are_read_when_told(write):
    (escaped,), _ = read(write('a,b\n"x \\"y\\"",z\n'), escape="\\")
    assert escaped.values == {"a": 'x "y"', "b": "z"}
    (unquoted,), _ = read(write('a\tb\n"x\tz\n', "b.tsv"), quote="", delimiter="\t")
    assert unquoted.values == {"a": '"x', "b": "z"}


def test_one_column_is_enough(write):
    rows, source = read(write("email\njane@example.com\njohn@example.com\n"))
    assert [row.values for row in rows] == [{"email": "jane@example.com"}, {"email": "john@example.com"}]
    assert source.findings == ()
