import datetime
import hashlib
import ipaddress
import re
from itertools import islice

import phonenumbers
import pytest

from rokt_export.partner_spec.attributes import ATTRIBUTES
from rokt_export.partner_spec.model import Parameter
from rokt_export.request.parameter_values import OMIT, compile_field
from rokt_export.spec_language.formats import FORMATS
from rokt_export.transactions.test_people import LASTNAME, generate


def people(count, attributes=ATTRIBUTES, **options):
    return list(generate(count, attributes=attributes, **options))


def test_every_known_attribute_has_a_value_in_its_format():
    today = datetime.datetime.now(datetime.UTC).date()
    for person in people(50):
        values = person.values
        assert set(values) == set(ATTRIBUTES) and all(values.values())
        assert values["email"].endswith("@example.com") and values["email"].startswith("rokt-test-")
        assert values["lastname"] == LASTNAME
        born = datetime.datetime.strptime(values["dob"], "%Y%m%d").date()
        assert 18 <= int(values["age"]) <= 120
        assert (today - born).days // 366 <= int(values["age"]) <= (today - born).days // 365
        assert values["mobile"][3:8] == "55501" and len(values["mobile"]) == 10
        assert phonenumbers.is_valid_number(phonenumbers.parse(values["mobile"], "US"))
        assert ipaddress.ip_address(values["ipaddress"]) in ipaddress.ip_network("203.0.113.0/24")
        assert len(values["zipcode"]) == 5 and values["country"] == "us"
        assert {"F": "Ms", "M": "Mr"}[values["gender"]] == values["title"]
        assert values["emailmd5"] == hashlib.md5(values["email"].encode()).hexdigest()
        assert values["emailsha256"] == hashlib.sha256(values["email"].encode()).hexdigest().upper()
        assert person.invented and person.id == values["transactionid"]


@pytest.mark.parametrize("name", [name for name in ATTRIBUTES if name != "cartitems"])
def test_each_value_has_the_attributes_format(name):
    attribute = ATTRIBUTES[name]
    assert attribute.accepts(attribute.example) and all(map(attribute.accepts, attribute.specimens))
    for person in people(30, [name]):
        assert attribute.accepts(person.values[name])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("dob", "15/12/1983"),
        ("gender", "female"),
        ("emailmd5", "x"),
        ("ccbin", "3728"),
        ("country", "USA"),
        ("age", "x"),
    ],
)
def test_a_format_refuses_other_texts(name, wrong):
    assert not ATTRIBUTES[name].accepts(wrong)


def test_the_hashes_are_those_of_the_test_vector():
    (person,) = people(1, overrides={"email": " John.Smith@Rokt.com "})
    assert person.values["emailsha256"] == ATTRIBUTES["emailsha256"].example
    assert person.values["emailmd5"] == ATTRIBUTES["emailmd5"].example


def test_everybody_can_be_looked_up():
    for person in people(2, attributes=["sku"]):
        assert set(person.values) == {"transactionid", "email", "confirmationref", "sku"}


def test_each_run_has_fresh_people_and_a_seed_the_same_ones():
    first, second = people(20), people(20)
    for name in ("transactionid", "email", "confirmationref"):
        assert len({person.values[name] for person in first + second}) == 40
    names = ["firstname", "dob", "zipcode", "colour"]
    assert people(5, names, seed=7) == people(5, names, seed=7)
    assert people(5, names, seed=7)[:2] == people(2, names, seed=7)
    assert people(1, names, seed=7) != people(1, names, seed=8)


def test_the_names_of_later_pages_are_understood_and_custom_ones_recognisable():
    (person,) = people(1, ["billingzipcode", "zipcode", "shoe_size"])
    assert person.values["billingzipcode"] == person.values["zipcode"]
    assert person.values["shoe_size"] == "test-shoe_size-1"


@pytest.mark.parametrize(
    "checks",
    [
        *({"format": form} for form in FORMATS),
        *({"type": kind} for kind in ("string", "number", "integer", "boolean", "date")),
        {"choices": ("gold", "silver")},
        {"max_length": 5},
        {"min_length": 30},
    ],
    ids=str,
)
def test_a_custom_attribute_fits_the_parameter_that_sends_it(checks):
    parameter = Parameter(name="own", attribute="own", **checks)
    take = compile_field(parameter, {}).take
    made = people(20, ["own"], parameters={"own": parameter})
    assert all(take(person.values) not in (None, OMIT, "") for person in made)
    if "choices" in checks or "max_length" in checks:
        assert len({person.values["own"] for person in made}) > 1


def test_values_can_be_set_and_unset():
    (person,) = people(
        1, ["dob", "age", "sku"], overrides={"dob": "20100101", "extra": "x", "sku": None}, unset=["email", "nothing"]
    )
    assert int(person.values["age"]) < 30
    assert person.values["extra"] == "x" and person.values["sku"] is None
    assert "email" not in person.values
    (nameless,) = people(1, [], unset=["transactionid"])
    assert nameless.id == nameless.values["confirmationref"]


@pytest.mark.parametrize("dob", ["1983-12-15", "", None])
def test_a_date_of_birth_in_another_format_is_no_fault(dob):
    (person,) = people(1, ["age"], overrides={"dob": dob})
    assert person.values["dob"] == dob and person.values["age"]


def test_people_are_made_one_at_a_time():
    assert [person.row for person in islice(generate(10**12, attributes=[]), 3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("example", "form"),
    [
        ("AB-1", "[A-Z]{2}-[0-9]"),
        ("ORD-000123", "ORD-[0-9]{6}"),
        ("a7-Zz", "[a-z][0-9]-[A-Z][a-z]"),
        ("é-1", "é-[0-9]"),
    ],
)
def test_an_example_of_an_identifier_differs_per_person_in_its_own_form(example, form):
    found = [person.values["confirmationref"] for person in people(10, examples={"confirmationref": example})]
    assert len(set(found)) == 10
    assert all(re.fullmatch(form, each) for each in found)


def test_examples_of_two_runs_differ():
    runs = [people(1, examples={"transactionid": "ORDER-000001"})[0].values["transactionid"] for _ in range(5)]
    assert len(set(runs)) == 5


def test_an_example_is_kept_where_no_other_value_is_taken_and_of_what_identifies_nobody():
    only = {"confirmationref": "AB-1", "newsletter": "daily1", "email": "a1@example.com"}
    for person in people(3, [*only], examples=only, accepts=lambda name, value: value == "AB-1"):
        assert {name: person.values[name] for name in only} == only
    for person in people(3, [*only], examples=only):
        assert (person.values["newsletter"], person.values["email"]) == ("daily1", "a1@example.com")


def test_digits_alone_are_incremented_where_letters_are_refused():
    found = people(3, examples={"confirmationref": "AB-1"}, accepts=lambda _, value: value.startswith("AB-"))
    assert len({person.values["confirmationref"] for person in found}) == 3
    assert all(person.values["confirmationref"].startswith("AB-") for person in found)


def test_what_the_command_line_sets_is_the_same_for_all():
    found = people(2, examples={"confirmationref": "AB-1"}, overrides={"confirmationref": "X-1"})
    assert {person.values["confirmationref"] for person in found} == {"X-1"}
