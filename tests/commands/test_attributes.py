"""`attributes`: the search, the filters, and what `validate` makes of the formats."""

from __future__ import annotations

import re

import pytest

from commands.conftest import CommandLine
from rokt_export.partner_spec.attributes import ATTRIBUTES
from rokt_export.spec_language.filters import EXAMPLES, FILTERS


def names(cli: CommandLine, *words: str) -> list[str]:
    done = cli("attributes", *words, "--output", "json")
    return [row["name"] for row in done.json]


def test_all_attributes_and_filters_are_listed(cli: CommandLine) -> None:
    rows = cli("attributes", "--output", "json").json
    assert [row["name"] for row in rows] == [*ATTRIBUTES, *FILTERS]
    assert {row["name"] for row in rows if row["group"] == "filter"} == set(FILTERS) == set(EXAMPLES)
    assert len({tuple(row) for row in rows}) == 1
    by_name = {row["name"]: row for row in rows if row["group"] == "filter"}
    assert by_name["phone"]["example"] == "{{ mobile | phone(region='US') }} → +17327572923"
    assert by_name["date"]["format"] == "(form, given, tz, utc)"
    # Each example differs from what goes in, so that it shows something.
    assert all("→ " in row["example"] and row["description"] for row in by_name.values())
    csv = cli("attributes", "--output", "csv").out
    assert len(csv.splitlines()) == len(rows) + 1


FOUND: dict[tuple[str, ...], set[str]] = {
    ("postal",): {"zipcode"},  # a meaning
    ("Givenname",): {"firstname"},  # another name
    ("HX99",): {"sku", "replace"},  # an example
    ("3166",): {"country"},  # a format
    ("date", "birth"): {"dob"},
    ("percent-encoded",): {"urlencode"},
    # The names of columns are not searched.
    ("aliases",): set(),
    ("personal",): set(),
}


def test_a_word_is_found_in_what_a_row_says(cli: CommandLine) -> None:
    assert {words: set(names(cli, *words)) for words in FOUND} == FOUND


def test_nothing_found_says_what_to_do(cli: CommandLine) -> None:
    done = cli("attributes", "nothing-like-it")
    assert done.status == 2 and "declare it in the spec, `attributes: {nothinglikeit: what it means}`" in done.err
    done = cli("attributes", "emial", "--output", "json")
    assert done.status == 2 and done.json == [] and "Did you mean `email`?" in done.err


@pytest.mark.parametrize("columns", [40, 80])
def test_no_name_is_cut_in_a_narrow_terminal(cli: CommandLine, columns: int) -> None:
    done = cli("attributes", env={"COLUMNS": str(columns)})
    assert max(map(len, done.out.splitlines())) <= columns
    for name in (*ATTRIBUTES, *FILTERS):
        assert any(line.split()[:1] == [name] for line in done.out.splitlines()), name


PARAMETERS = (
    ("attribute: email, format: digits", "`email` (email address) passes: it: `john.smith@rokt.com` is not of the"),
    ("attribute: gender, choices: [male, female]", "`gender` (M or F) passes: it: `M` is none of male, female"),
    ("attribute: dob, pattern: '\\d\\d/\\d\\d/\\d{4}'", "`dob` (yyyymmdd) passes"),
    ("attribute: optin, type: integer", "`optin` (true or false) passes: it: `true` is not an integer"),
    ('value: "{{ currency | date }}"', "`currency` (ISO 4217) passes: it: `USD` is not a date"),
    ("attribute: country, pattern: '[A-Z]{3}'", "`country`"),
    ("value: \"{{ gender | map(equal={'M': 'male', 'F': 'female'}) }}\", choices: [male, female]", None),
    ("attribute: dob, type: date, date_format: '%d/%m/%Y', pattern: '\\d\\d/\\d\\d/\\d{4}'", None),
    ("attribute: country, pattern: '[A-Z]{2}'", None),  # some spell it so
    ("value: \"{{ mobile | phone(region='SG') }}\"", None),  # numbers have other lengths there
    ("attribute: zipcode, pattern: '[A-Z]{1,2}\\d.*'", None),  # any text may come
    ("attribute: language, min_length: 3", None),  # the spec's own example says otherwise
    ('value: "{{ email }}-{{ env.X }}", format: email', None),
)
SPEC = """\
spec_version: 1
partner: acme
endpoint: {staging: https://staging.example.com/leads}
attributes: {language: {example: english}}
responses: [{outcome: delivered, status: 2xx}]
encoding: form
parameters:
"""


def test_a_check_that_refuses_the_attributes_format_is_a_finding(cli: CommandLine) -> None:
    lines = "".join(f"  - {{name: it, {parameter}}}\n" for parameter, _ in PARAMETERS)
    done = cli("validate", cli.write("acme.yaml", SPEC + lines), "--output", "json")
    found = {each["line"]: each for each in done.json if each["code"] == "RX131"}
    told = {number: says for number, (_, says) in enumerate(PARAMETERS, start=SPEC.count("\n") + 1) if says}
    assert set(found) == set(told)
    for line, says in told.items():
        assert says in found[line]["message"] and found[line]["severity"] == "warning"


ORDER = r"  - {name: orderId, attribute: confirmationref, required: true, pattern: '[A-Z]+-\d+'}" + "\n"


def test_test_people_that_no_send_could_use_are_a_finding_and_told_by_test(cli: CommandLine) -> None:
    spec = cli.write("acme.yaml", SPEC + ORDER)
    (found,) = (each for each in cli("validate", spec, "--output", "json").json if each["code"] == "RX199")
    assert (found["severity"], found["line"]) == ("warning", SPEC.count("\n") + 1)
    assert re.search(r"no test person passes: orderId: `TEST-[0-9A-F]{12}-1` does not match", found["message"])
    remedy = "`attributes: {confirmationref: {example: …}}`"
    assert remedy in found["hint"]
    tested = cli("test", spec, "--sandbox")
    assert (tested.status, remedy in tested.err) == (1, True)
    assert remedy not in cli("test", spec, "--sandbox", "--set", "confirmationref=AB-1").err


def test_the_remedy_gives_each_test_person_an_identifier(cli: CommandLine) -> None:
    text = SPEC.replace("language: {example: english}", "confirmationref: {example: AB-1}")
    spec = cli.write("acme.yaml", text + ORDER)
    assert "RX199" not in cli("validate", spec).out
    done = cli("test", spec, "--sandbox", "--count", "3", "--output", "json")
    assert done.json["counts"] == {"delivered": 3}, done.out


def test_a_constant_that_its_own_check_refuses_makes_each_row_invalid(cli: CommandLine) -> None:
    spec = cli.write("acme.yaml", SPEC + "  - {name: kind, value: lead, pattern: '[0-9]+'}\n")
    assert "no row passes: kind: `lead` does not match" in cli("validate", spec).out
    done = cli("test", spec, "--sandbox", "--output", "json")
    assert (done.status, done.json["counts"]) == (1, {"invalid": 1}), done.err
