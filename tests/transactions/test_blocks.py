"""Rows that are read by the block are what they are when each is read by itself, and so is what is found in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.errors import TransactionsError
from rokt_export.transactions import lines
from rokt_export.transactions.blocks import BlockReader
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.damage_checks import Inspector
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions, scan

HEADER = "transactionid,email,zipcode,state,dob,mobile"
USUAL = ["T1", "jane@example.com", "10001", "NY", "19831215", "+12125550123", "Zoë", " x ", "us", '"a,b"', "Łucja"]
ODD = [
    "", "501", "2108-1234", "1.23E+10", "9007.0", "43765.07", "30665", "JosÃ©", "Jos\ufffd", '"q""q"', '"n\nn"', 'q"q',
    '"open', "nul\0", "x\ry", "more,cells", "a\\,b", "transactionid", "long" * 30,
    "NULL", "(null)", "NaN", "'12345", "=A1", "=x/y", "Total", "# c", "\x1f1", "\t5", "\u200bx", "x\u00a0",
    "a\u202eb", "string", "Mar√≠a", "Ren\x92e", "'1.73276E+10", "'1.7e10", "#WERT!", "#NV", "#¡VALOR!", "#NÚM!",
]  # fmt: skip
usual = st.sampled_from(USUAL)
cells = st.one_of(usual, usual, usual, st.sampled_from(ODD))
rows = st.lists(st.one_of(st.just(",".join(USUAL[:6])), st.lists(cells, min_size=6, max_size=6).map(",".join)))


class EveryNth(Share):
    """The rows whose number leaves a certain rest, in ranges of their own: as scattered as claims can be."""

    def __init__(self, rest, count):
        self.rest, self.count = rest, count

    def has(self, row):
        return row % self.count == self.rest

    def among(self, first, last):
        return (range(row, row + 1) for row in range(first, last + 1) if self.has(row))


def read(path, options, share=ALL):
    """Return all that reading a share tells, and the error that ends it."""
    source = open_transactions([path], options=options)
    found, error = [], None
    try:
        found.extend(source.part(share))
    except TransactionsError as raised:
        error = str(raised)
    return found, source.findings, source.finding_counts, source.columns_report, error


def look_through(path, options):
    try:
        return scan([path], options=options)
    except TransactionsError as raised:
        return str(raised)


@given(
    rows=rows,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    size=st.sampled_from([40, 300, lines._BLOCK]),
    count=st.sampled_from([1, 2, 3]),
    options=st.builds(
        SourceOptions,
        quote=st.sampled_from(['"', ""]),
        escape=st.sampled_from([None, "\\"]),
        max_row=st.sampled_from([100, 1_000_000]),
    ),
)
def test_blocks_give_the_rows_and_damages_that_single_lines_give(tmp_path_factory, rows, end, size, count, options):
    path = tmp_path_factory.getbasetemp() / "blocks.csv"
    path.write_bytes(end.join([HEADER, *rows, ""]).encode("utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", size)
        shares = [ALL] if count == 1 else [EveryNth(rest, count) for rest in range(count)]
        by_block = [read(str(path), options, share) for share in shares]
        looked = look_through(str(path), options)
        patch.setattr(BlockReader, "read", lambda *_: None)
        assert by_block == [read(str(path), options, share) for share in shares]
        assert looked == look_through(str(path), options)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_clean_file_is_not_looked_at_row_by_row(write, monkeypatch, end, quoted):
    def look(*_args):
        raise AssertionError("looked at a single row")

    monkeypatch.setattr(Inspector, "check", look)
    row = '"' + '","'.join(USUAL[:6]) + '"' if quoted else ",".join(USUAL[:6])
    path = write(end.join([HEADER, *[row] * 3_000]))
    assert len(list(open_transactions([path]).part(EveryNth(1, 2)))) == 1_500
    assert scan([path]).rows == 3_000


def test_short_zips_of_other_countries_do_not_need_a_second_look(write, monkeypatch):
    seen = []
    monkeypatch.setattr(Inspector, "check", lambda _self, values, *_: seen.append(values["country"]))
    path = write("zipcode,country\n" + "2000,au\n" * 9_000 + "2000,us\n")
    assert len(list(open_transactions([path]))) == 9_001
    assert len(seen) < 9_000
    assert seen[-1] == "us"


def test_damage_behind_blocks_has_its_line(write):
    path = write("\n".join([HEADER, *[",".join(USUAL[:6]), ""] * 3_000, "ragged"]))
    (damage,) = scan([path]).damages
    assert (damage.row, damage.line) == (3_001, 6_002)
