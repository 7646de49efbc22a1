"""Each kind of damaged file that the issue names: found, with its place, and no row lost or made up."""

import pytest

from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions, scan
from transactions.samples import HEADER, ROW, damaged


def test_a_file_that_lacks_a_column_of_another_is_told(tmp_path):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("email,amount\na@example.com,1\n")
    other.write_text("email\nb@example.com\n")
    source = open_transactions([str(one), str(other)], options=SourceOptions(wanted=("email", "amount", "dob")))
    assert len(list(source)) == 2
    found = [(damage.kind, damage.file, damage.message) for damage in source.findings]
    assert found == [(DamageKind.MISSING_COLUMN, str(other), "there is no column for amount, which other files have")]


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


def test_a_quote_never_closed_says_which_lines_it_ate(write):
    path = write(HEADER + ROW + '"T1,jane\n' + ROW * 3)
    source = open_transactions([path])
    rows = list(source)
    assert [row.problem is None for row in rows] == [True, False]
    assert "lines 3 to 6 of events.csv became one row" in source.findings[0].message  # a partner reads it
    assert source.findings[0].line == 3


def test_duplicate_and_nameless_columns_are_told_and_kept_apart(write):
    path = write("email,x,x,\njane@example.com,1,2,3\n")
    findings, _ = damaged(path)
    assert findings == [(DamageKind.EMPTY_HEADER, None, None), (DamageKind.DUPLICATE_HEADER, None, "x")]
    (row,) = open_transactions([path])
    assert list(row.values.values()) == ["jane@example.com", "1", "2", "3"]


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
