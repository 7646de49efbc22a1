"""Files whose rows are not what they seem: rows inside a cell, a header elsewhere, cells that a program has changed."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.commands.conftest import CommandLine, Partner

HEADER = "transactionid,email,firstname,zipcode"


def _line(number: int, **quotes: str) -> str:
    email = quotes.get("email", f"p{number}@example.com")
    return f"t{number},{email},{quotes.get('firstname', 'Jane')},12345"


def _sent(partner: Partner) -> str:
    return b"\n".join(heard.body for heard in partner.heard).decode()


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize("swallowed", [1, 2, 400])
def test_rows_inside_a_cell_are_never_sent(
    cli: CommandLine, partner: Partner, spec: Path, swallowed: int, environment: str
) -> None:
    last = 2 + swallowed
    lines = [_line(1), _line(2, email='"p2@example.com'), *map(_line, range(3, last))]
    lines += [_line(last, email=f'p{last}@example.com"'), _line(last + 1)]
    rows = cli.write("rows.csv", "\n".join([HEADER, *lines]) + "\n")
    done = cli(
        "replay", spec, rows, "-e", environment, "--confirm", "acme", "--all", "--output", "json",
        "--stop-in-a-row", "9", "--expect", "delivered",
    )  # fmt: skip
    outcomes = [each["outcome"] for each in done.json["deliveries"]]
    assert (done.status, outcomes) == (1, ["delivered", "invalid", "delivered"]), done.err
    reason = done.json["deliveries"][1]["reason"]
    for part in (
        f"{swallowed:,} line" if swallowed > 1 else "a line",
        "opens in line 3 of",
        "rows.csv",
        f"closes in line {last + 1}",
    ):
        assert part in reason
    assert "p2@" not in _sent(partner)


@pytest.mark.parametrize(
    "rows",
    [
        'email,firstname\n"a@example.com,Ann\nb@example.com",Bob\n',
        'transactionid,email,firstname\nt1,"a@example.com,Ann\nt2,b@example.com",Bob\n',
        'firstname;email\n"Ann;a@example.com\nBob";b@example.com\n',
        'email,firstname\n"a@example.com,Ann\nb@example.com,Bob\n',  # never closed
        'email,firstname\n"a@example.com \\"A\\"",Ann\n',
        'email,firstname,zipcode\n"a@example.com,Ann",12345\n',
        'email\n"a@example.com\nb@example.com"\n',
        'email,firstname\na@example.com,"Ann\nb@example.com,Bob"smith\n',
    ],
)
def test_a_stray_quote_makes_its_row_invalid(cli: CommandLine, partner: Partner, spec: Path, rows: str) -> None:
    done = cli("replay", spec, cli.write("rows.csv", rows), "--output", "json")
    assert done.json["counts"] == {"invalid": 1}, done.out
    assert partner.heard == []


@pytest.mark.parametrize(
    ("rows", "delivered", "invalid"),
    [
        (
            'transactionid,email,firstname\nT1,a@example.org,"Jo\nT2,b@example.org\nT3,c@example.org"\n'
            "T4,d@example.org,X\n",
            1,
            1,
        ),
        ('transactionid,email,firstname\nT1,"a@example.org\nT2,b@example.org\nT3,c@example.org",Jo\n', 0, 1),
        ('transactionid,email,firstname\n"T9,a@example.org\nT10,b@example.org",c@example.org,Jo\n', 0, 1),
        ('email,firstname,lastname\na@example.org,"Jo\nb@example.org\nc@example.org",X\n', 0, 1),
        ('uuid,email,note\n0aee-41ff-9,a@example.org,"Jo\n77be-11aa-2,b@example.org"\n', 0, 1),
        ('uuid,mobile,email,note\n0aee41ff9,5551234567,a@example.org,"Jo\n77be11aa2,5557654321"\n', 0, 1),
        ('email;zipcode;firstname\na@example.org;12345;"Jo\nb@example.org;54321"\n', 0, 1),
    ],
)
def test_shorter_rows_inside_a_cell_are_never_sent(
    cli: CommandLine, partner: Partner, spec: Path, rows: str, delivered: int, invalid: int
) -> None:
    done = cli("replay", spec, cli.write("rows.csv", rows), "--output", "json")
    expected = {"delivered": delivered, "invalid": invalid}
    assert done.json["counts"] == {name: count for name, count in expected.items() if count}, done.out
    assert len(partner.heard) == delivered


@pytest.mark.parametrize(
    "cell",
    [
        "Contacts:\nAnn, ann@example.org\nBob, bob@example.org",
        "Ann,ann@example.org\nBob,bob@example.org",
        "ann@example.org\nbob@example.org",
        "2026-01-02,called\n2026-01-03,no answer",
        "12 Main St\n62701,Springfield",
        'Beam 5"" Main\nof steel, 2,40 m',
        "1,2\n3,4",
        "rang T2,asked for b@example.org\nand T3",
    ],
)
def test_a_note_of_several_lines_is_sent(cli: CommandLine, partner: Partner, spec: Path, cell: str) -> None:
    rows = cli.write("rows.csv", f'transactionid,email,firstname,note\nT1,a@example.org,Jo,"{cell}"\n')
    done = cli("replay", spec, rows, "--output", "json")
    assert (done.status, done.json["counts"]) == (0, {"delivered": 1}), done.out


@pytest.mark.parametrize(
    "cell",
    [
        "12 Main St\nSpringfield, IL",
        "12 Main St, Apt 4\r\nSpringfield, IL, 62701",
        "red, green, blue, and white\nand, perhaps, some, grey",
        "one\ntwo\nthree\n\nfour",
    ],
)
@pytest.mark.parametrize("header", ["email,firstname", "transactionid,email,firstname", HEADER])
def test_a_text_of_several_lines_is_sent(
    cli: CommandLine, partner: Partner, spec: Path, cell: str, header: str
) -> None:
    values = {"email": "a@example.com", "firstname": f'"{cell}"', "transactionid": "t1", "zipcode": "62701"}
    row = ",".join(values[name] for name in header.split(","))
    done = cli("replay", spec, cli.write("rows.csv", f"{header}\n{row}\n"), "--output", "json")
    assert (done.status, done.json["counts"]) == (0, {"delivered": 1}), done.err


TITLED = "Export of yesterday\n\nemail,firstname\na@example.com,Ann\nb@example.com,\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", TITLED),
        ("rows.csv.gz", gzip.compress(TITLED.encode())),
        ("rows.csv", TITLED.replace("\n", "\r\n").encode("utf-16")),
        ("rows.csv", "[Export]\n" + TITLED.partition("\n")[2]),
        ("rows.csv", "sent,by,us\n" + TITLED.partition("\n")[2]),
    ],
    ids=["plain", "gz", "utf-16", "bracket", "columns"],
)
def test_a_header_further_down_is_named_and_found(
    cli: CommandLine, partner: Partner, spec: Path, name: str, content: str | bytes
) -> None:
    rows = cli.write(name, content)
    done = cli("replay", spec, rows)
    assert done.status == 3, done.err
    assert partner.heard == []
    if name != "rows.csv" or not str(content).startswith("["):
        assert "Line 3 looks like the header: `--skip-lines 2`." in done.err
    done = cli("replay", spec, rows, "--skip-lines", 2, "--all", "--output", "json")
    assert (done.status, [each["row"] for each in done.json["deliveries"]]) == (0, [1, 2]), done.err
    done = cli("replay", spec, "-", "--skip-lines", 2, "--output", "json", stdin=Path(rows).read_bytes())
    assert (done.status, done.json["counts"]) == (0, {"delivered": 2}), done.err


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize("title", ["Email,November 2026", "Email list,", "email,,", "\n\nEmail,November 2026"])
def test_a_title_that_names_an_attribute_is_no_header(
    cli: CommandLine, partner: Partner, spec: Path, title: str, environment: str
) -> None:
    spec.write_text(spec.read_text().replace("  - {name: firstname, attribute: firstname}\n", ""))
    rows = cli.write("rows.csv", f"{title}\ntransactionid,email\nT1,a@example.org\n")
    done = cli("replay", spec, rows, "-e", environment, "--confirm", "acme")
    assert done.status == 3, done.err
    at = title.count("\n") + 2
    assert f"Line {at} looks like the header: `--skip-lines {at - 1}`." in done.err
    assert partner.heard == []
    done = cli("replay", spec, rows, "--skip-lines", at - 1, "--output", "json")
    assert done.json["counts"] == {"delivered": 1}, done.err


def test_a_row_of_columns_names_is_invalid(cli: CommandLine, partner: Partner, spec: Path) -> None:
    people = "".join(f"p{number}@example.org,T{number},email,Mobile\n" for number in range(12))
    rows = f"email,transactionid,channel,device\n{people}Email,Transaction ID,Channel,Device\n"
    done = cli("replay", spec, cli.write("rows.csv", rows), "--output", "json", "--all")
    assert done.json["counts"] == {"delivered": 12, "invalid": 1}, done.err
    assert "names of columns" in done.json["deliveries"][-1]["reason"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", "email,firstname,other\na@example.org,Ann,1\n,,2\n3 rows,,\n"),
        ("rows.ndjson", '{"email": "a@example.org", "other": 1}\n{"email": "", "other": 2}\n{"firstname": null}\n'),
    ],
)
def test_a_row_without_any_value_that_is_sent_is_invalid(
    cli: CommandLine, partner: Partner, spec: Path, name: str, content: str
) -> None:
    spec.write_text(spec.read_text().replace("attribute: email, required: true", "attribute: email"))
    content = content.replace("3 rows,,", ",,3 rows")
    done = cli("replay", spec, cli.write(name, content), "--output", "json", "--all")
    assert done.json["counts"] == {"delivered": 1, "invalid": 2}, done.err
    assert "no value for anything that the spec sends" in done.json["deliveries"][-1]["reason"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", "Vorname,Anschrift\nAnn,here\n"),
        ("rows.ndjson", '{"Vorname": "Ann"}\n{"Nachname": "Doe"}\n'),
        ("rows.json", '[{"Vorname": "Ann"}]'),
    ],
)
@pytest.mark.parametrize("command", ["replay", "test", "stdin"])
def test_a_file_that_carries_nothing_is_not_sent(
    cli: CommandLine, partner: Partner, spec: Path, name: str, content: str, command: str
) -> None:
    text = spec.read_text().replace("attribute: email, required: true", "attribute: email")
    spec.write_text(text)
    rows = cli.write(name, content)
    if command == "stdin":
        done = cli("replay", spec, "-", stdin=content.encode())
    else:
        done = cli(command, spec, rows)
    assert done.status == 3, done.err
    assert "contains an attribute that the spec sends" in done.err
    assert "--map" in done.err
    good = cli.write("good.csv", "email\na@example.com\n")
    assert cli("replay", spec, good, rows).status == 3
    assert partner.heard == []
    if name != "rows.json":
        done = cli("replay", spec, rows, "--map", "Vorname=firstname", "--output", "json")
        assert done.json["counts"]["delivered"] == 1


def test_a_spec_of_constants_takes_any_file(cli: CommandLine, partner: Partner, spec: Path) -> None:
    text = (
        spec.read_text()
        .replace("attribute: email, required: true", "value: a")
        .replace("attribute: firstname", "value: b")
    )
    spec.write_text(text)
    done = cli("replay", spec, cli.write("rows.csv", "Vorname\nAnn\n"), "--output", "json")
    assert done.json["counts"] == {"delivered": 1}


def test_skipped_lines_are_remembered_and_counted(cli: CommandLine, partner: Partner, spec: Path) -> None:
    people = "".join(f"p{number}@example.com,Ann\n" for number in range(40))
    rows = cli.write("rows.csv", f"title\n\nemail,firstname\n{people}x,y,z\n")
    stopped = cli("replay", spec, rows, "--skip-lines", 2, "--expect", "failed", "--stop-after", 1, "--concurrency", 1)
    assert stopped.status == 1
    flags = ("--expect", "delivered", "--workers", 2, "--output", "json")
    done = cli.process("replay", spec, "--resume", "last", *flags)
    assert done.json["counts"] == {"delivered": 40, "invalid": 1}, done.err
    (bad,) = [each for each in done.json["deliveries"] if each["outcome"] == "invalid"]
    assert bad["row"] == 41
    assert "line 44" in bad["reason"]


DAMAGES = {
    "exponent": ("email,firstname\na@example.com,2.12555E+09\n", "firstname"),
    "exponent-id": ("email,firstname,transactionid\n9.00720E+15,Ann,t1\n", "email"),
    "mojibake": ("email,firstname\na@example.com,JosÃ©\n", "firstname"),
    "lost": ("email,firstname\na@example.com,Jos\ufffd\n", "firstname"),
    "leftover": ("email,firstname\n#N/A,Ann\n", "email"),
    "reference": ("email,firstname\na@example.com,#REF!\n", "firstname"),
    "guessed": ("email,firstname\na@example.com,José\n".encode("cp1252"), "firstname"),
    "json": ('{"email": "a@example.com", "firstname": "2.12555E+09"}\n', "firstname"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_value_is_not_sent_to_a_guarded_environment(
    cli: CommandLine, partner: Partner, spec: Path, name: str
) -> None:
    content, column = DAMAGES[name]
    rows = cli.write("rows.csv", content)
    for command in ("replay", "test"):
        flags = (command, spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
        done = cli(*flags)
        (one,) = done.json["deliveries"]
        assert (done.status, one["outcome"]) == (1, "invalid")
        for part in ("line 2" if name != "json" else "line 1", f"column {column}", "--send-damaged"):
            assert part in one["reason"]
        assert partner.heard == []
    shown = cli("render", spec, rows, "-e", "production")
    words = " ".join((shown.out + shown.err).split())
    assert (shown.status, f"column {column}" in words, "would be invalid" in words) == (1, True, False)
    staging = cli("replay", spec, rows, "--output", "json")
    assert (staging.json["counts"], len(partner.heard)) == ({"delivered": 1}, 1)
    assert "in a guarded environment 1 row of 1 would be invalid, unless --send-damaged" in " ".join(
        staging.err.split()
    )
    done = cli(*flags, "--send-damaged")
    assert done.json["counts"] == {"delivered": 1}, done.err


def test_a_rehearsal_says_how_many_rows_production_would_refuse_for_a_guessed_encoding(
    cli: CommandLine, spec: Path
) -> None:
    rows = cli.write("rows.csv", "")
    rows.write_bytes("email,firstname\na@example.com,Zoë\nb@example.com,Bo\nc@example.com,Renée\n".encode("latin-1"))
    for command in ("replay", "test"):
        said = " ".join(cli(command, spec, rows, "--output", "json").err.split())
        assert "in a guarded environment 2 rows of 3 would be invalid" in said
        assert "If names with accents are right, confirm it by --encoding cp1252" in said
    said = cli("replay", spec, rows, "--encoding", "cp1252").err
    assert "would be invalid" not in said


def test_damage_that_is_not_sent_keeps_no_row_back(cli: CommandLine, partner: Partner, spec: Path) -> None:
    rows = cli.write("rows.csv", "email,mobile,firstname\na@example.com,2.12555E+09,#N/A\n")
    flags = ("replay", spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    assert cli(*flags).json["counts"] == {"invalid": 1}
    assert cli(*flags, "--set", "firstname=Ann").json["counts"] == {"delivered": 1}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("confirmationref", "4.90E2"),
        ("confirmationref", "1.5E+3"),
        ("firstname", "1.5E+30"),
        ("firstname", "MAÇÃ” x"),
        ("firstname", "“IRMÃ”"),
        ("firstname", "IRMÃ\u00a0MARIA"),
    ],
)
def test_a_value_that_only_looks_damaged_is_sent(
    cli: CommandLine, partner: Partner, spec: Path, column: str, value: str
) -> None:
    spec.write_text(spec.read_text().replace("attribute: firstname", f"attribute: {column}"))
    rows = cli.write("rows.csv", f"email,{column}\na@example.com,{value}\n")
    done = cli("replay", spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    assert done.json["counts"] == {"delivered": 1}, done.out


@pytest.mark.parametrize("value", ["JOSÃ‰", "CÃ”TE", "ESPAÃ‘A", "voilÃ\u00a0", "Itâ€™s", "Ã€ la"])
def test_a_value_that_was_decoded_wrongly_is_not(cli: CommandLine, partner: Partner, spec: Path, value: str) -> None:
    rows = cli.write("rows.csv", f"email,firstname\na@example.com,{value}\n")
    done = cli("replay", spec, rows, "-e", "production", "--confirm", "acme", "--output", "json")
    assert done.json["counts"] == {"invalid": 1}, done.out
