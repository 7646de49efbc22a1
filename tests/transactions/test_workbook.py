"""Excel workbooks: what a cell shows becomes a row's value, and a sheet is chosen or asked for."""

import tracemalloc

import pytest

from rokt_export.errors import TransactionsError, UsageError
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions
from tests.workbooks import MAIN, STYLES, row_of, sheet, workbook

GENERAL, PERCENT, DATE, DATETIME, ZIP, ELAPSED, SSN, MONEY, TIME = range(len(STYLES))
HEADER = ["transactionid", "email", "x"]


def read(path, **options):
    source = open_transactions([path], options=SourceOptions(**options))
    return list(source), source


def value_of(write, value, style=None, **more):
    content = workbook({"Leads": sheet([HEADER, ["T1", "jane@example.com", (value, style)]])}, **more)
    (row,), source = read(write(content, "leads.xlsx"))
    assert row.id == "T1"
    return row.values["x"], [damage.kind for damage in source.findings]


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        ("00123", None, "00123"),
        (2125550123, None, "2125550123"),
        (1.1, GENERAL, "1.1"),
        (b"|<v>1.1000000000000001</v>", None, "1.1"),
        (b"|<v>1E-05</v>", None, "0.00001"),
        (b"|<v>-12.50</v>", MONEY, "-12.5"),
        (19.99, MONEY, "19.99"),
        (0.125, PERCENT, "12.5%"),
        (1, PERCENT, "100%"),
        (2108, ZIP, "02108"),
        (12345678, SSN, "012-34-5678"),
        (46027, DATE, "2026-01-05"),
        (46027.97916666666, DATETIME, "2026-01-05T23:30:00"),
        (46027, DATETIME, "2026-01-05T00:00:00"),
        (0.75, TIME, "18:00:00"),
        (1.25, ELAPSED, "30:00:00"),
        (59, DATE, "1900-02-28"),
        (60, DATE, "1900-02-29"),
        (61, DATE, "1900-03-01"),
        (True, None, "TRUE"),
        (False, None, "FALSE"),
        ("Zoë, “x”\nsecond line", None, "Zoë, “x”\nsecond line"),
        ("a_x000D_\nb", None, "a\r\nb"),
        ("<!DOCTYPE x>", None, "<!DOCTYPE x>"),
        (b't="str"|<f>A1&amp;"x"</f><v>T1x</v>', None, "T1x"),
        (b't="str"|<f>""</f><v></v>', None, ""),
        (b"|<f>A1*2</f><v>84</v>", None, "84"),
        (b't="d"|<v>2026-01-05T00:00:00</v>', None, "2026-01-05T00:00:00"),
        (b't="inlineStr"|<is><r><t>Ja</t></r><r><t>ne</t></r><rPh sb="0" eb="1"><t>no</t></rPh></is>', None, "Jane"),
        (None, DATE, ""),
    ],
)
def test_a_cell_becomes_the_text_that_it_shows(write, value, style, text):
    assert value_of(write, value, style) == (text, [])


@pytest.mark.parametrize(
    ("value", "style", "text", "kind"),
    [
        (b't="e"|<v>#N/A</v>', None, "#N/A", DamageKind.LEFTOVER),
        (b"|<f>VLOOKUP(A1,B:C,2)</f>", None, "=VLOOKUP(A1,B:C,2)", DamageKind.LEFTOVER),
        (b"|<f>1+1</f><v/>", None, "=1+1", DamageKind.LEFTOVER),
        (b'|<f t="shared" si="0"/>', None, "=…", DamageKind.LEFTOVER),
        (-5, DATE, "########", DamageKind.LEFTOVER),
        (3_000_000, DATE, "########", DamageKind.LEFTOVER),
        (b"|<v>4111111111111110</v>", None, "4.11111111111111E+15", DamageKind.EXPONENT),
    ],
)
def test_a_cell_whose_value_is_lost_is_damage(write, value, style, text, kind):
    assert value_of(write, value, style) == (text, [kind])


def test_the_days_of_1904_count_from_there(write):
    assert value_of(write, 44565, DATE, epoch_1904=True) == ("2026-01-05", [])


def test_shared_texts_prefixes_and_missing_places_are_read(write):
    strings = "<si><t>transactionid</t></si><si><t>email</t></si><si><r><t>T</t></r><r><t>1</t></r></si>"
    cells = '<x:row><x:c t="s"><x:v>{}</x:v></x:c><x:c t="{}"><x:v>{}</x:v></x:c></x:row>'
    rows = cells.format(0, "s", 1) + cells.format(2, "str", "jane@example.com")
    text = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{rows}</x:sheetData></x:worksheet>'
    (row,), _ = read(write(workbook({"A": text}, strings=strings), "leads.bin"))
    assert row.values == {"transactionid": "T1", "email": "jane@example.com"}


def test_a_row_has_the_number_of_its_sheet_as_line(write):
    rows = [["a title\nof two lines"], HEADER, ["T1", "a@example.com", "1\n2\n3"], [], ["T2", "b@example.com", "#N/A"]]
    read_rows, source = read(write(workbook({"A": sheet(rows)}), "x.xlsx"), skip_lines=1)
    assert [row.id for row in read_rows] == ["T1", "T2"]
    assert [(damage.row, damage.line, damage.column) for damage in source.findings] == [(2, 5, "x")]


def test_short_and_overlong_rows_are_whole(write):
    rows = [HEADER, ["T1"], ["T2", "b@example.com", "x", (None, DATE)], ["T3", "c@example.com"], [None, (None, DATE)]]
    found, source = read(write(workbook({"A": sheet(rows)}), "x.xlsx"))
    assert [list(row.values.values()) for row in found] == [
        ["T1", "", ""], ["T2", "b@example.com", "x"], ["T3", "c@example.com", ""],
    ]  # fmt: skip
    assert source.findings == ()


def test_a_value_beside_the_header_costs_its_row(write):
    rows = [HEADER, ["T1", "a@example.com", "x", "stray"], ["T2", "b@example.com", "x"]]
    found, _ = read(write(workbook({"A": sheet(rows)}), "x.xlsx"))
    assert [row.problem is None for row in found] == [False, True]


def test_what_is_hidden_is_told(write):
    data = row_of(1, HEADER) + row_of(2, ["T1", "a@example.com", "x"], 'hidden="1"')
    text = (
        f'<worksheet xmlns="{MAIN}"><cols><col min="3" max="3" hidden="1"/></cols>'
        f"<sheetData>{data}</sheetData></worksheet>"
    )
    content = workbook({"A": text, "B": sheet([HEADER, ["T9"]])}, states={"B": "veryHidden"})
    found, source = read(write(content, "x.xlsx"))
    assert [row.id for row in found] == ["T1"]
    assert [(damage.kind, damage.line) for damage in source.findings] == [
        (DamageKind.HIDDEN, None), (DamageKind.HIDDEN, None), (DamageKind.HIDDEN, 2),
    ]  # fmt: skip
    assert read(write(content, "x.xlsx"), sheet="b")[0][0].id == "T9"


def test_a_workbook_whose_only_sheet_is_hidden_is_read(write):
    content = workbook({"A": sheet([HEADER, ["T1"]])}, states={"A": "hidden"})
    found, source = read(write(content, "x.xlsx"))
    assert [row.id for row in found] == ["T1"]
    assert [damage.message for damage in source.findings] == ["the sheet “A” is hidden, as all sheets are"]


def test_of_several_sheets_the_filled_one_is_read(write):
    content = workbook({"Notes": sheet([]), "Leads": sheet([HEADER, ["T1"]]), "Sheet3": sheet([[(None, DATE)]])})
    assert [row.id for row in read(write(content, "x.xlsx"))[0]] == ["T1"]


def test_several_filled_sheets_must_be_chosen_from(write):
    path = write(workbook({"May": sheet([HEADER, ["T1"]]), "June": sheet([HEADER, ["T2"]])}), "x.xlsx")
    with pytest.raises(TransactionsError, match="2 sheets that contain values: “May”, “June”") as caught:
        open_transactions([path])
    assert "--sheet 'May'" in caught.value.remedy
    assert [row.id for row in read(path, sheet="June")[0]] == ["T2"]
    with pytest.raises(UsageError, match="no sheet “July”") as wrong:
        open_transactions([path], options=SourceOptions(sheet="July"))
    assert "May, June" in wrong.value.remedy


BROKEN_XML = f'<worksheet xmlns="{MAIN}"><sheetData>'
ENTITIES = f'<!DOCTYPE x [<!ENTITY a "b">]><worksheet xmlns="{MAIN}"><sheetData/></worksheet>'


@pytest.mark.parametrize(
    "content",
    [
        workbook({"A": sheet([HEADER, ["T1"]])})[:-40],
        workbook({"A": sheet([HEADER])}, more={"xl/workbook.xml": "<nothing"}),
        workbook({"A": sheet([HEADER])}, more={"xl/_rels/workbook.xml.rels": "<none/>"}),
        workbook({"A": ENTITIES}),
        workbook({"A": BROKEN_XML}),
        workbook({"A": sheet([[b't="s"|<v>7</v>']])}, strings="<si><t>a</t></si>"),
        workbook({"A": BROKEN_XML + row_of(2, ["a"]) + row_of(1, ["b"])}),
        workbook({"A": BROKEN_XML + row_of(99_999_999, ["a"])}),
    ],
    ids=["cut off", "no xml", "no parts", "entities", "cut xml", "no such text", "out of order", "too many rows"],
)
def test_a_broken_workbook_is_an_error_with_a_remedy(write, content):
    with pytest.raises(TransactionsError) as caught:
        list(open_transactions([write(content, "x.xlsx")]))
    assert caught.value.exit_status == 3
    assert caught.value.remedy


def test_an_empty_sheet_has_no_rows(write):
    with pytest.raises(TransactionsError, match="the sheet is empty"):
        list(open_transactions([write(workbook({"A": sheet([])}), "x.xlsx")]))


def test_memory_does_not_grow_with_the_sheet(write):
    def peak(count):
        rows = [HEADER, *(["T1", "a@example.com", "x"] for _ in range(count))]
        path = write(workbook({"A": sheet(rows)}), "x.xlsx")
        tracemalloc.start()
        try:
            assert sum(1 for _ in open_transactions([path])) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    base = peak(3_000)
    assert peak(6_000) < base * 1.1 + 262_144


def test_a_merged_header_names_its_first_column(write):
    text = sheet(
        [["transactionid", "name", None, "email"], ["T1", "Ann", "Doe", "a@example.com"]],
        after='<mergeCells><mergeCell ref="B1:C1"/></mergeCells>',
    )
    (row,), source = read(write(workbook({"A": text}), "x.xlsx"))
    assert list(row.values.values()) == ["T1", "Ann", "Doe", "a@example.com"]
    (damage,) = source.findings
    assert (damage.kind, "merged cell" in damage.remedy) == (DamageKind.EMPTY_HEADER, True)
