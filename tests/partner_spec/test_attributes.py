"""Rokt's attributes: their names, aliases and nearest names, and which are personal."""

import pytest

from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical, is_personal, nearest


def test_the_catalogue_is_consistent():
    folded = [alias for attribute in ATTRIBUTES.values() for alias in (attribute.name, *attribute.aliases)]
    assert len(folded) == len(set(folded)), "an alias means two attributes"
    assert all(canonical(alias) is not None for alias in folded)
    assert all(name == attribute.name and attribute.description for name, attribute in ATTRIBUTES.items())


def test_names_that_partners_ask_for_are_known():
    assert "email" in ATTRIBUTES and "E-mail" not in ATTRIBUTES
    assert [nearest(name) for name in ("emial", "adress1", "E-Mail", "favourite_colour")] == [
        "email",
        "address1",
        "email",
        None,
    ]


@pytest.mark.parametrize("name", ["email", "E-Mail", "billingaddress1", "dob", "ipaddress", "alt_email", "homePhone"])
def test_personal_attributes_are_known_under_any_name(name):
    assert is_personal(name)


@pytest.mark.parametrize("name", ["amount", "sku", "title", "transactionid", "productname", "favourite_colour"])
def test_other_attributes_are_not_personal(name):
    assert not is_personal(name)
