"""Files as exports, spreadsheets and databases write them: what is sent of them, and what is told."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import CommandLine, Partner, clear
from tests.workbooks import sheet, workbook

HEADER = "email,firstname,mobile,transactionid"
ROW = "a@example.com,Ann,2125550100,T1"
SENT = {"email": "a@example.com", "name": "Ann", "phone": "2125550100", "ref": "T1"}


@pytest.fixture
def spec(spec: Path) -> Path:
    more = "  - {name: phone, attribute: mobile}\n  - {name: ref, attribute: transactionid}\nresponses:"
    text = spec.read_text().replace("required: true", "required: true, format: email").replace("responses:", more, 1)
    spec.write_text(text)
    return spec


def rendered(cli: CommandLine, spec: Path, *arguments: object) -> tuple[list[Any], str]:
    """Return the body of each row, or why it cannot be sent, and what is told besides."""
    done = cli("render", spec, *arguments, "--count", 9, "--output", "ndjson", "--show-personal-data")
    assert done.status in (0, 1), done.err
    return [each["body"] or each["problems"][0] for each in done.lines], done.err


def by(delimiter: str, *, end: str = "\n") -> str:
    return f"{HEADER}\n{ROW}{end}".replace(",", delimiter)


SAME = {
    "quoted sep=": '"sep=;"\r\n' + by(";"),
    "SEP= with delimiters behind it": "SEP=;;;;\r\n" + by(";"),
    "sep= in UTF-16": ("sep=\t\r\n" + by("\t")).encode("utf-16"),
    "Ctrl-Z behind the last line": by(",") + "\x1a",
    "Ctrl-Z in the last line": by(",", end="\x1a"),
    "||": by("||"),
    "~|~": by("~|~"),
    "::": by("::"),
    "^": by("^"),
    "U+0001": by("\x01"),
    "|| with quotes": by("||").replace("Ann", '"Ann"'),
    "formula around a value": by(",").replace("T1", '="T1"'),
    "formula around a value, quoted": by(",").replace("2125550100", '"=""2125550100"""'),
    "apostrophe before a number": by(",").replace("2125550100", "'2125550100"),
    "U+001F before digits": by(",").replace("2125550100", "\x1f2125550100"),
    "tab before digits": by(",").replace("2125550100", "\t2125550100"),
    "direction marks": by(",").replace("2125550100", "\u202a2125550100\u202c"),
    "no-break space behind it": by(",").replace("Ann", "Ann\u00a0"),
    "zero-width space before it": by(",").replace("a@", "\u200ba@"),
    "rows that end in a delimiter": by(";", end=";\n"),
    "workbook": workbook({"Leads": sheet([HEADER.split(","), ROW.split(",")])}),
}


@pytest.mark.parametrize("name", SAME)
def test_a_file_of_any_make_gives_the_same_row(cli: CommandLine, spec: Path, name: str) -> None:
    bodies, told = rendered(cli, spec, cli.write("rows.csv", SAME[name]))
    assert bodies == [SENT], told


@pytest.mark.parametrize("command", ["replay", "test", "render", "diff"])
def test_a_delimiter_of_several_characters_can_be_given(
    cli: CommandLine, partner: Partner, spec: Path, command: str
) -> None:
    rows = cli.write("rows.csv", f"{HEADER},note\n{ROW},a|b\n".replace(",", "<>"))
    more = ("--between", "staging", "production", "--confirm", "acme") if command == "diff" else ()
    done = cli(command, spec, rows, "--delimiter", "<>", "--test-data", *more)
    assert done.status == 0, done.err
    assert [json.loads(heard.body) for heard in partner.heard] == [SENT] * {"render": 0, "diff": 2}.get(command, 1)


NOT_SENT = {
    "types": (f"{HEADER}\nvarchar(50),string,phone_t,char(12)\n{ROW}\n", 1, "types or units"),
    "units": (f"{HEADER}\n,,(E.164),\n{ROW}\n", 1, "types or units"),
    "line of dashes": (f"{HEADER}\n-----,----,----,---\n{ROW}\n", 1, "types or units"),
    "comment": (f"{HEADER}\n{ROW}\n# exported in May, by us\n", 2, "is a comment"),
    "total": (f"{HEADER}\n{ROW}\nTotal,,,2\n", 2, "is a total"),
    "total further on": (f"{HEADER}\n{ROW}\n,,Grand total:,2\n", 2, "is a total"),
    "ragged by a comma in the only name": (
        "firstname,email,mobile,note\nDoe,Jane,b@example.com,2125550101,\n", 1, "5 cells where",
    ),
    "ragged by a comma in a name": (f"{HEADER}\n{ROW}\nb@example.com,Doe, Jane,2125550101,\n", 2, "5 cells where"),
    "total of a workbook": (
        workbook({"A": sheet([HEADER.split(","), ROW.split(","), ["Total", None, None, 2]])}), 2, "is a total",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_SENT)
def test_a_line_that_is_no_transaction_is_told_and_not_sent(
    cli: CommandLine, partner: Partner, spec: Path, name: str
) -> None:
    content, row, reason = NOT_SENT[name]
    rows = cli.write("rows.csv", content)
    done = cli("replay", spec, rows, "--all", "--output", "json")
    found = [(each["row"], each["reason"] or "") for each in done.json["deliveries"] if each["outcome"] == "invalid"]
    assert (done.status, [number for number, _ in found]) == (1, [row]), done.err
    assert reason in found[0][1]
    assert f"rows.csv:{row + 1}, row {row}" in done.err
    assert [json.loads(heard.body) for heard in partner.heard] == ([] if "only" in name else [SENT])
    assert cli("replay", spec, rows, "--strict").status == 3


@pytest.mark.parametrize("value", ["NULL", "(null)", "None", "undefined", "[object Object]", "<NA>", "\\N", "NaN"])
def test_a_word_for_no_value_is_told(cli: CommandLine, spec: Path, value: str) -> None:
    rows = cli.write("rows.csv", f"{HEADER}\n{ROW.replace('Ann', value)}\n{ROW.replace('a@example.com', value)}\n")
    bodies, told = rendered(cli, spec, rows)
    assert bodies[0]["name"] == value  # a name may be one; a guarded environment would refuse most
    assert "is not of the format email" in bodies[1]
    assert "line 2, row 1, column firstname" in told.replace("rows.csv:", "line ")
    assert "row 2, column email" in told


@pytest.mark.parametrize("character", ["\u200b", "\u200d", "\u2060", "\u202e", "\ufeff", "\u00ad"])
def test_an_invisible_character_within_an_address_is_refused(cli: CommandLine, spec: Path, character: str) -> None:
    rows = cli.write("rows.csv", f"{HEADER}\n{ROW.replace('a@', f'a{character}b@')}\n")
    bodies, told = rendered(cli, spec, rows)
    assert "is not of the format email" in bodies[0]
    assert "invisible character" in told or character == "\u200d"


@pytest.mark.parametrize(
    ("name", "encoding", "read_as"),
    [
        ("Łukasz", "cp1250", "cp1250"),
        ("Paweł", "cp1250", "cp1250"),
        ("Żaneta", "cp1250", "cp1250"),
        ("Dvořák Růžena", "cp1250", "cp1250"),
        ("Zoë Lefèvre", "cp1252", "cp1252"),
        ("Jürgen Müßig", "cp1252", "cp1252"),
        ("Mª José Núñez", "cp1252", "cp1252"),
        ("João Simões", "cp1252", "cp1252"),
        ("12 m³, £5", "cp1252", "cp1252"),
        ("Bjørn Håkon", "cp1252", "cp1252"),
    ],
)
def test_a_guessed_encoding_follows_the_letters(
    cli: CommandLine, spec: Path, name: str, encoding: str, read_as: str
) -> None:
    rows = cli.write("rows.csv", f"{HEADER}\n{ROW.replace('Ann', name.replace(',', ''))}\n".encode(encoding))
    bodies, told = rendered(cli, spec, rows)
    assert bodies[0]["name"] == name.replace(",", "")
    assert f"it is read as {read_as}" in told
    assert "--encoding" in told
    assert "it is read as" not in rendered(cli, spec, rows, "--encoding", encoding)[1]


def test_columns_can_be_named_on_the_command_line(cli: CommandLine, partner: Partner, spec: Path) -> None:
    rows = cli.write("rows.csv", f"title\n{ROW}\n")
    done = cli("replay", spec, rows, "--skip-lines", 1)
    assert (done.status, "--header a,b,c" in done.err) == (3, True)
    flags = ("--skip-lines", 1, "--header", "email, firstname,mobile,transactionid")
    assert rendered(cli, spec, rows, *flags)[0] == [SENT]
    stopped = cli("replay", spec, rows, *flags, "--expect", "failed", "--stop-after", 1)
    assert stopped.status == 1
    assert cli("replay", spec, rows, "--resume", "last", "--expect", "delivered").status == 0
    whole = cli.write("book.xlsx", workbook({"A": sheet([ROW.split(",")]), "B": sheet([["x"]])}))
    assert rendered(cli, spec, whole, "--sheet", "A", "--header", HEADER)[0] == [SENT]


@pytest.mark.parametrize(
    ("name", "content", "arguments", "status", "words"),
    [
        ("rows.csv", by(","), ("--header", "a,,b"), 2, "does not name each column once"),
        ("rows.csv", by(","), ("--header", "a,a"), 2, "does not name each column once"),
        ("rows.csv", by(","), ("--header", ""), 2, "does not name each column once"),
        ("rows.csv", by(","), ("--delimiter", ""), 2, "is not a delimiter"),
        ("rows.csv", by(","), ("--sheet", "A"), 2, "rows.csv has no sheets"),
        (
            "rows.ndjson",
            '{"email": "a@example.com"}\n',
            ("--header", "a,b"),
            2,
            "has the names of the values in each row",
        ),
        ("rows.csv", by(","), ("--header", "a,b,c,d"), 3, "no column contains"),
        ("rows.csv", "foo,bar\n1,2\n", (), 3, "Columns found: foo, bar. Every row needs email. Map a column"),
        ("rows.csv", "foo|bar\n1|2\n", ("--delimiter", ","), 3, "Try --delimiter '|'."),
        ("book.xlsx", workbook({"A": sheet([["email"], ["a@example.com"]])}), ("--sheet", "B"), 2, "Its sheets: A."),
        ("book.xls", b"\xd0\xcf\x11\xe0" + bytes(99), (), 3, "old Excel workbook (.xls)\nIn Excel, save it as .xlsx."),
        ("book.xlsx", b"\xd0\xcf\x11\xe0" + bytes(99), (), 3, "has a password"),
        ("book.xls", b"\xef\xbb\xbf<html><table>", (), 3, "a web page"),
        ("book.xls", b'<?xml version="1.0"?><Workbook/>', (), 3, "an XML document"),
    ],
)
def test_what_cannot_be_read_so_is_refused_with_a_remedy(
    cli: CommandLine, partner: Partner, spec: Path, name: str, content: str | bytes, arguments: Any, status: int,
    words: str,
) -> None:  # fmt: skip
    for command in ("replay", "render"):
        done = cli(command, spec, cli.write(name, content), *arguments)
        assert (done.status, words in done.err) == (status, True), done.err
    assert partner.heard == []


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["mimetype", "content.xml"], "OpenDocument"),
        (["Index/Document.iwa"], "Numbers"),
        (["[Content_Types].xml", "xl/workbook.bin"], ".xlsb"),
        (["word/document.xml"], "Word"),
        (["leads.csv"], "name the file in it: leads.csv"),
    ],
)
def test_other_archives_are_refused_by_name(cli: CommandLine, spec: Path, parts: list[str], words: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    done = cli("replay", spec, cli.write("rows.xlsx", packed.getvalue()))
    assert (done.status, words in done.err) == (3, True), done.err


def test_a_workbook_is_not_read_from_a_stream(cli: CommandLine, spec: Path) -> None:
    done = cli("replay", spec, "-", stdin=SAME["workbook"])
    assert (done.status, "name the .xlsx file" in done.err) == (3, True), done.err


@pytest.mark.soak
def test_a_workbook_takes_little_more_memory_than_csv(cli: CommandLine, partner: Partner, spec: Path) -> None:
    texts = [
        [f"p{number}@example.com", f"Ann{number % 999}", f"+1212{number:07}", f"T{number}"] for number in range(100_000)
    ]
    shared = "".join(f"<si><t>{text}</t></si>" for row in texts for text in row)
    places = [[f't="s"|<v>{4 * row + at}</v>'.encode() for at in range(4)] for row in range(len(texts))]
    header = HEADER.split(",")
    paths = [
        cli.write("rows.csv", "\n".join([HEADER, *map(",".join, texts)]) + "\n"),
        cli.write("rows.xlsx", workbook({"A": sheet([header, *places])}, strings=shared)),
    ]
    # A process has had as much in memory as the one that started it, so a small one starts it.
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    flags = ("--test-data", "--again", "--record", "none", "--output", "json", "--quiet")
    peaks = []
    for path in paths:
        command = [sys.executable, "-c", measure, sys.executable, "-m", "rokt_export", "replay", spec, path, *flags]
        done = subprocess.run(
            [str(part) for part in command], env=cli.environment(), capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout))
    assert len(partner.heard) == 200_000
    assert peaks[1] < 1.2 * peaks[0], peaks


@pytest.mark.parametrize("name", ["z.parquet", "z.pq"])
@pytest.mark.parametrize("content", [b"email\na@example.com\n", b"[1]"])
def test_a_file_that_is_called_parquet_and_is_not_is_refused(
    cli: CommandLine, spec: Path, name: str, content: bytes
) -> None:
    (cli.folder / name).write_bytes(content)
    clear(cli("replay", spec, name), 3, name, "not a Parquet file", "Export it again as Parquet")
