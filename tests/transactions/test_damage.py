"""Each kind of damaged file that the issue names: found, with its place, and no row lost or made up."""

import os
from pathlib import Path

import pytest

from rokt_export.errors import TransactionsError
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.damage_checks import mojibake
from rokt_export.transactions.row_shapes import swallowed
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions, scan

HEADER = "transactionid,email,zipcode,state,dob,mobile\n"
ROW = "T1,jane@example.com,10001,NY,19831215,2125550123\n"


def damaged(path, **options):
    """Return kind, row and column of each damage, and which rows are problems."""
    source = open_transactions([path], options=SourceOptions(**options))
    problems = [transaction.row for transaction in source if transaction.problem is not None]
    assert all(damage.file == path and damage.message and damage.remedy for damage in source.findings)
    return [(damage.kind, damage.row, damage.column) for damage in source.findings], problems


@pytest.mark.parametrize(
    ("before", "after", "kind", "column"),
    [
        ("2125550123", "1.23E+10", DamageKind.EXPONENT, "mobile"),
        ("2125550123", '"1,23E+10"', DamageKind.EXPONENT, "mobile"),
        ("T1", "9.0072E+15", DamageKind.EXPONENT, "transactionid"),
        ("NY", "1.2E+07", DamageKind.EXPONENT, "state"),
        ("T1", "9007.0", DamageKind.FLOAT_ID, "transactionid"),
        ("10001", "501", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001", "2108", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001", "501-1234", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001", "2108-1234", DamageKind.SHORT_ZIP, "zipcode"),
        ("10001,NY", "7102,New Jersey", DamageKind.SHORT_ZIP, "zipcode"),
        ("19831215", "30665", DamageKind.SERIAL_DATE, "dob"),
        ("19831215", "43765.07083", DamageKind.SERIAL_DATE, "dob"),
        ("NY", "#N/A", DamageKind.LEFTOVER, "state"),
        ("NY", "#REF!", DamageKind.LEFTOVER, "state"),
        ("2125550123", "########", DamageKind.LEFTOVER, "mobile"),
        ("NY", r"\N", DamageKind.LEFTOVER, "state"),
        ("NY", "(null)", DamageKind.LEFTOVER, "state"),
        ("NY", "NULL", DamageKind.LEFTOVER, "state"),
        ("NY", "None", DamageKind.LEFTOVER, "state"),
        ("NY", "undefined", DamageKind.LEFTOVER, "state"),
        ("NY", "[object Object]", DamageKind.LEFTOVER, "state"),
        ("NY", "<NA>", DamageKind.LEFTOVER, "state"),
        ("T1", "none", DamageKind.LEFTOVER, "transactionid"),
        ("2125550123", "N/A", DamageKind.LEFTOVER, "mobile"),
        ("jane@example.com", "Null", DamageKind.LEFTOVER, "email"),
        ("NY", "=A2&B2", DamageKind.LEFTOVER, "state"),
        ("NY", '"=VLOOKUP(A2,B:C,2)"', DamageKind.LEFTOVER, "state"),
        ("T1", '"=""0012"""', DamageKind.CLEANED, "transactionid"),
        ("T1", '="0012"', DamageKind.CLEANED, "transactionid"),
        ("2125550123", "'+12125550100", DamageKind.CLEANED, "mobile"),
        ("T1", "\x1f00123", DamageKind.CLEANED, "transactionid"),
        ("T1", "\t00123", DamageKind.CLEANED, "transactionid"),
        ("jane", "\u200ejane", DamageKind.CLEANED, "email"),
        ("NY", "NY\u00a0", DamageKind.CLEANED, "state"),
        ("jane", "ja\u200bne", DamageKind.INVISIBLE, "email"),
        ("NY", "N\x07Y", DamageKind.INVISIBLE, "state"),
        ("T1", "00123\t", DamageKind.CLEANED, "transactionid"),
        ("NY", "O&#39;Neil", DamageKind.LEFTOVER, "state"),
        ("2125550123", "''0012345", DamageKind.CLEANED, "mobile"),
        ("2125550123", "\u20190012345", DamageKind.CLEANED, "mobile"),
        ("jane", "'jane", DamageKind.LEFTOVER, "email"),
        ("jane", "j\u0430ne", DamageKind.INVISIBLE, "email"),
        ("jane", "JosÃ©", DamageKind.MOJIBAKE, "email"),
        ("jane", "Jos\ufffd", DamageKind.MOJIBAKE, "email"),
        ("NY", "Mar√≠a", DamageKind.MOJIBAKE, "state"),
        ("NY", "√âric", DamageKind.MOJIBAKE, "state"),
        ("NY", "Ren\x92e", DamageKind.MOJIBAKE, "state"),
        ("NY", "\x9aafa", DamageKind.MOJIBAKE, "state"),
        ("2125550123", "'1.73276E+10", DamageKind.EXPONENT, "mobile"),
        ("NY", "'1.73276E+10", DamageKind.EXPONENT, "state"),
        ("2125550123", "\u20191.7e10", DamageKind.EXPONENT, "mobile"),
        ("NY", "#WERT!", DamageKind.LEFTOVER, "state"),
        ("NY", "#NV", DamageKind.LEFTOVER, "state"),
        ("NY", "#¡VALOR!", DamageKind.LEFTOVER, "state"),
        ("NY", "#¿NOMBRE?", DamageKind.LEFTOVER, "state"),
        ("NY", "#N/D", DamageKind.LEFTOVER, "state"),
        ("NY", "#N/B", DamageKind.LEFTOVER, "state"),
        ("NY", "#NÚM!", DamageKind.LEFTOVER, "state"),
        ("NY", "#ÜBERLAUF!", DamageKind.LEFTOVER, "state"),
    ],
)
def test_a_damaged_cell_is_named_with_row_and_column(write, before, after, kind, column):
    path = write(HEADER + ROW + ROW.replace(before, after))
    assert damaged(path) == ([(kind, 2, column)], [])


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("\u00a0NY", "(U+00A0) at its start"),
        ("NY\u00a0", "(U+00A0) at its end"),
        ("\u200eNY\u00a0", "(U+200E) at either end"),
        ("\tNY", "(U+0009) at its start"),
        ("NY\t", "(U+0009) at its end"),
        ("\x1fNY\u00a0", "(U+001F) at either end"),
    ],
)
def test_an_invisible_character_is_told_with_the_end_at_which_it_is(write, cell, told):
    source = open_transactions([write(HEADER + ROW.replace("NY", cell))])
    assert [each.values["state"] for each in source] == ["NY"]
    (damage,) = source.findings
    assert damage.message == f"the cell contained an invisible character {told}, which is left out"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("10001,NY", "2000,NSW"),
        ("10001,NY", "1010,"),
        ("10001", "10001-1234"),
        ("jane@example.com", "#1 Main St"),
        ("jane@example.com", "Apt ##"),
        ("T1", "T1=2"),
        ("NY", "https://example.com/?a=B1&b=C"),
        ("NY", "O'Hara"),
        ("NY", "'s-Hertogenbosch"),
        ("NY", "5'10"),
        ("NY", "AT&T; R&D"),
        ("NY", "\u2019s-Hertogenbosch"),
        ("jane", "\u043e\u043b\u044c\u0433\u0430"),
        ("NY", "Nonetheless"),
        ("NY", "Nan"),
        ("NY", "none"),
        ("NY", "N/A"),
        ("NY", "\U0001f468\u200d\U0001f469"),
        ("10001", "SW1A 1AA"),
        ("2125550123", "+12125550123"),
        ("2125550123", "212.555.0123"),
        ("jane", "Zoë"),
        ("jane", "ÅÄÖ"),
        ("NY", "√2 ≈ 1"),
        ("NY", "ƒ 5"),
        ("NY", "≈±10"),
        ("NY", "#NVIDIA"),
        ("NY", "#PARTY!!"),
        ("T1", "ABE+10"),
        ("T1", "2E10"),
        ("NY", ""),
    ],
)
def test_healthy_cells_are_left_in_peace(write, before, after):
    assert damaged(write(HEADER + ROW.replace(before, after))) == ([], [])


def test_a_file_that_lacks_a_column_of_another_is_told(tmp_path):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("email,amount\na@example.com,1\n")
    other.write_text("email\nb@example.com\n")
    source = open_transactions([str(one), str(other)], options=SourceOptions(wanted=("email", "amount", "dob")))
    assert len(list(source)) == 2
    found = [(damage.kind, damage.file, damage.message) for damage in source.findings]
    assert found == [(DamageKind.MISSING_COLUMN, str(other), "there is no column for amount, which other files have")]


def test_a_zip_of_another_country_may_be_short(write):
    header, row = HEADER.replace("state", "country"), ROW.replace("10001,NY", "2000,{}")
    assert damaged(write(header + row.format("au"))) == ([], [])
    assert damaged(write(header + row.format("US"))) == ([(DamageKind.SHORT_ZIP, 1, "zipcode")], [])


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("a,b\n", DamageKind.RAGGED),
        (ROW.replace("\n", ",more\n"), DamageKind.RAGGED),
        (",,,,,\n", DamageKind.BLANK_ROW),
        (HEADER, DamageKind.MALFORMED),
        ("Total,,,,,2\n", DamageKind.MALFORMED),
        (",,,Grand total:,,2\n", DamageKind.MALFORMED),
        ("# 2 rows, by the exporter\n", DamageKind.MALFORMED),
        ("# 2 rows,,,,,\n", DamageKind.MALFORMED),
        ("\ufeff" + HEADER, DamageKind.MALFORMED),
        (HEADER.replace("transactionid", '\ufeff"transactionid"'), DamageKind.MALFORMED),
        (ROW.replace("jane", "ja\0ne"), DamageKind.NUL),
        (ROW.replace("T1", '"T1"x'), DamageKind.QUOTING),
        (ROW.replace("jane", "j" * 10_000_000), DamageKind.OVERSIZE),
        (ROW.replace("jane", '"' + "j\n" * 600_000 + '"'), DamageKind.QUOTING),
        (ROW.replace("NY", '"' + "N\n" * 600_000 + '"'), DamageKind.OVERSIZE),
        (ROW.replace("jane", "j" * 13_000_000), DamageKind.OVERSIZE),
    ],
)
def test_a_row_that_cannot_be_read_is_a_problem_and_costs_only_itself(write, row, kind):
    path = write(HEADER + ROW + row + ROW)
    findings, problems = damaged(path)
    assert findings[0] == (kind, 2, None)
    assert problems[0] == 2
    rows = list(open_transactions([path]))
    assert rows[0].problem is None and rows[0].row == 1
    assert rows[-1].problem is None and rows[-1].id == "T1"
    assert rows[1].values == {} and rows[1].id == "row-2"


def test_bytes_that_are_no_text_cost_their_row(write):
    filler = (HEADER + ROW.replace("jane", "Zoë") + ROW * 3_000).encode()
    path = write(filler + ROW.replace("jane", "Jürgen").encode("cp1252") + ROW.encode())
    findings, problems = damaged(path)
    assert findings == [(DamageKind.UNDECODABLE, 3_002, None)]
    assert problems == [3_002]


def test_a_quote_never_closed_says_which_lines_it_ate(write):
    path = write(HEADER + ROW + '"T1,jane\n' + ROW * 3)
    source = open_transactions([path])
    rows = list(source)
    assert [row.problem is None for row in rows] == [True, False]
    assert "lines 3 to 6 of events.csv became one row" in source.findings[0].message  # a partner reads it
    assert source.findings[0].line == 3


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


def test_a_wrong_delimiter_is_told_where_the_header_hides_it(write):
    findings, _ = damaged(write("email\njane@example.com;x;y\n"), delimiter=",")
    assert findings == [(DamageKind.WRONG_DELIMITER, 1, None)]


def test_duplicate_and_nameless_columns_are_told_and_kept_apart(write):
    path = write("email,x,x,\njane@example.com,1,2,3\n")
    findings, _ = damaged(path)
    assert findings == [(DamageKind.EMPTY_HEADER, None, None), (DamageKind.DUPLICATE_HEADER, None, "x")]
    (row,) = open_transactions([path])
    assert list(row.values.values()) == ["jane@example.com", "1", "2", "3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \n\n", "the file is empty"),
        (HEADER, "it has a header and no rows"),
        (b"PK\x03\x04" + bytes(100), "this Excel workbook, or zip archive, is incomplete"),
        (b"%PDF-1.7 x", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (bytes(range(256)) * 40, "a binary file"),
        (bytes(1000), "a binary file"),
    ],
)
def test_a_file_without_rows_is_an_error_that_says_what_it_is(write, content, message):
    path = write(content)
    with pytest.raises(TransactionsError) as caught:
        scan([path])
    assert message in caught.value.message
    assert caught.value.where == path
    assert caught.value.exit_status == 3


def test_a_file_that_changes_while_it_is_read_is_reported(write):
    path = write(HEADER + ROW * 5)
    source = open_transactions([path])
    rows = iter(source)
    next(rows)
    with Path(path).open("a") as file:
        file.write(ROW)
    list(rows)
    assert [damage.kind for damage in source.findings] == [DamageKind.CHANGED]
    assert "bytes and now has" in source.findings[0].message


@pytest.mark.parametrize("change", ["removed", "replaced", "touched"])
def test_each_way_to_change_is_told(write, tmp_path, change):
    path = write(HEADER + ROW)
    source = open_transactions([path])
    if change == "removed":
        rows = iter(source)
        next(rows)
        Path(path).unlink()
    elif change == "replaced":
        Path(write(HEADER + ROW, "other.csv")).replace(path)
        rows = iter(source)
    else:
        os.utime(path, ns=(1, 1))
        rows = iter(source)
    list(rows)
    assert [damage.kind for damage in source.findings] == [DamageKind.CHANGED]


def test_damages_are_all_counted_and_the_first_kept(write):
    found = scan([write(HEADER + ROW.replace("10001", "501") * 100)], options=SourceOptions(keep_findings=3))
    assert len(found.damages) == 3
    assert found.counts == {DamageKind.SHORT_ZIP: 100}
    assert not found.clean
    assert found.damages[0].where.endswith("events.csv:2, row 1, column zipcode")


def test_no_damage_quotes_a_cell(write):
    secret = "sup3rsecret"
    rows = [f"{secret},b\n", f'"{secret}"x,,,,,\n', ROW.replace("jane", secret + "\0"), ROW.replace("T1", '"' + secret)]
    source = open_transactions([write(HEADER + "".join(rows))])
    problems = [transaction.problem for transaction in source]
    assert len(problems) == 4
    assert secret not in str(problems) + str(source.findings)


@pytest.mark.parametrize("word", ["Ã", "Âne", "São Paulo", "Ærø", "Ðóra", "naïve", "GROẞ", "Ångström–Öl"])
def test_real_words_are_no_mojibake(word):
    assert mojibake(word) is None


@pytest.mark.parametrize("word", ["Jürgen", "José", "Łukasz", "Ольга", "太郎", "😀", "–"])
@pytest.mark.parametrize("codec", ["latin-1", "cp1252"])
def test_utf_8_read_as_another_encoding_is_mojibake(word, codec):
    try:
        broken = word.encode().decode(codec)
    except UnicodeDecodeError:
        pytest.skip("these bytes are no text in this encoding")
    assert mojibake(broken) is not None
