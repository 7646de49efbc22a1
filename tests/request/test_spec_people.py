"""Test people of a spec: their examples, and the parameters that none of them satisfies."""

from __future__ import annotations

import re

import pytest

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.request.spec_people import people, unmet

HEAD = """\
spec_version: 1
partner: acme
endpoint: {staging: https://staging.example.com/leads}
encoding: json
responses: [{outcome: delivered, status: 2xx}]
"""


def spec_with(*parameters: str, attributes: str = "{}") -> PartnerSpec:
    lines = "".join(f"  - {{name: p{number}, {each}}}\n" for number, each in enumerate(parameters))
    loaded = read_spec(parse("acme.yaml", f"{HEAD}attributes: {attributes}\nparameters:\n{lines}"))
    assert not loaded.findings
    return loaded.spec


REFUSED = (
    r"attribute: confirmationref, required: true, pattern: '[A-Z]+-\d+'",
    "attribute: confirmationref, max_length: 4",
    "attribute: transactionid, min_length: 60",
    "attribute: state, choices: [ZZ]",
    "attribute: firstname, type: integer",
    "attribute: shoe, pattern: '[0-9]{2}'",
    "value: '{{ firstname }}-{{ lastname }}', max_length: 3",
    "value: \"{{ gender | map({'X': '1'}, default='') }}\", required: true",
    "encoding: json, parameters: [{name: inner, attribute: confirmationref, format: uuid}]",
)


@pytest.mark.parametrize("parameter", REFUSED)
def test_a_parameter_that_no_test_person_satisfies_is_found(parameter: str) -> None:
    (found,) = unmet(spec_with("attribute: email", parameter))
    assert found.path[:2] == ("parameters", 1)
    assert found.message.startswith("no test person passes: ")
    assert "attributes: {" in found.remedy and "example" in found.remedy


@pytest.mark.parametrize(
    "parameter",
    [
        "attribute: state, choices: [NY]",  # some have it
        "attribute: confirmationref, pattern: 'TEST-.*'",
        "attribute: confirmationref, pattern: '[A-Z]+', invalid: omit",
        "attribute: shoe, choices: [red, green]",
        "value: '{{ email }}{{ env.X }}', format: email",  # a variable decides
        "attribute: dob, required: true",
    ],
)
def test_what_a_test_person_satisfies_is_none(parameter: str) -> None:
    assert not list(unmet(spec_with(parameter)))


@pytest.mark.parametrize(
    "constant", ["value: xyz", "value: 12.5, type: number", "value: [abc, '1']", "value: '{{ uuid }}'"]
)
def test_a_constant_that_its_own_check_refuses_is_told_as_that(constant: str) -> None:
    (found,) = unmet(spec_with(rf"{constant}, pattern: '\d'"))
    assert found.message.startswith("no row passes: ")
    assert found.remedy == "Correct its value, or what the parameter demands."


def test_an_example_cures_it_and_a_wrong_one_is_named() -> None:
    order = r"attribute: confirmationref, required: true, pattern: '[A-Z]+-\d+'"
    assert not list(unmet(spec_with(order, attributes="{confirmationref: {example: AB-1}}")))
    (found,) = unmet(spec_with(order, attributes="{confirmationref: {example: ab1}}"))
    assert found.remedy.startswith("Correct the example of `confirmationref`")


def test_what_the_command_line_gives_is_not_looked_at() -> None:
    assert not list(unmet(spec_with("attribute: confirmationref, max_length: 4"), ["confirmationref"]))


def test_people_differ_in_an_identifier_that_each_parameter_takes() -> None:
    spec = spec_with(
        r"attribute: confirmationref, pattern: 'ORD-\d+'",
        "value: '{{ confirmationref | lower }}', pattern: 'ord-.*'",
        attributes="{confirmationref: {example: ORD-7}}",
    )
    found = [person.values["confirmationref"] for person in people(spec, 5)]
    assert len(set(found)) == 5
    assert all(re.fullmatch(r"ORD-\d", str(each)) for each in found)
