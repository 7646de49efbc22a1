"""`init --openapi`: names of parameters are matched to attributes, and guesses are marked."""

from __future__ import annotations

import json

from commands.conftest import CommandLine

from onboarding.documents import SWAGGER
from onboarding.drafted import parameters_of, spec_of


def test_parameters_of_a_document(cli: CommandLine, acme: str) -> None:
    spec = spec_of(cli.folder / "acme.yaml")
    assert parameters_of(spec) == {
        "Acme-Version": "2026-01",
        "givenName": "firstname",
        "Nachname": "lastname",
        "email": "email",
        "kind": "contact",
        "tier": "free",
        "account_id": "{{ env.ACME_ACCOUNT_ID }}",
        "favourite": "favourite",
        "birthday": "{{ dob | date }}",
        "gender": "{{ gender | map(equal={'M': 'Male', 'F': 'Female'}) }}",
        "marketing_consent": "optin",
        "phone": "{{ mobile | phone(region='US') }}",
        "address.city": "city",
        "address.state": "state",
        "address.country": "{{ country | upper }}",
    }
    needed = {each.name for each in spec.parameters if each.required}
    assert needed == {"givenName", "email", "favourite"}
    assert {each.name: each.max_length for each in spec.parameters}["givenName"] == 40
    assert spec.attributes["favourite"].description == "The colour they like"


def test_a_guess_is_marked_and_a_false_friend_is_left_out(acme: str) -> None:
    line = {name: each for each in acme.splitlines() for name in ("tier", "phone", "kind") if f"name: {name}," in each}
    assert "# check: one of free, paid" in line["tier"]
    assert "# check: numbers without a country code" in line["phone"]
    assert "check" not in line["kind"]
    omitting = [each for each in acme.splitlines() if "invalid: omit" in each]
    assert {name for name in ("birthday", "phone", "address.country") for each in omitting if f"name: {name}," in each}
    assert all("a value that does not fit is left out" in each.partition("# check: ")[2] for each in omitting)
    left = next(each for each in acme.splitlines() if "Not sent" in each)
    assert "title" in left and "work_phone" in left
    assert "`parent` refers to itself" in acme
    assert "alternatives" in acme
    assert "readOnly" not in acme and "name: id" not in acme


def test_a_guess_says_what_it_is_about(cli: CommandLine) -> None:
    cli.write("a.json", json.dumps(SWAGGER).replace('"FNAME"', '"first"'))
    assert cli("init", "a.yaml", "--openapi", "a.json").status == 0
    draft = (cli.folder / "a.yaml").read_text()
    assert "# check: `first` may also mean something other than firstname" in draft
    assert "# check: the source names none of these statuses" in draft
