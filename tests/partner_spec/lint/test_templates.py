"""Templates that take a text for a boolean or a number, or write a zone that the date does not have."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import Case, with_parameter

CASES = {
    "RX174-91": Case(
        "RX174",
        "parameters",
        with_parameter("{name: a, value: ^\"{{ transactiondatetime | date('%Y-%m-%dT%H:%M:%SZ') }}\"}"),
        with_parameter("{name: a, value: \"{{ dob | date('%H:%MZ', utc=true) }}{{ now | date('%HZ') }}\"}"),
    ),
    "RX174-92": Case(
        "RX174",
        "parameters",
        with_parameter("{name: a, value: ^\"{{ dob | date('%H:%M GMT', tz='Europe/Berlin') }}\"}"),
        with_parameter("{name: a, value: \"{{ dob | date('%H:%MZ', tz='UTC') }}\"}"),
    ),
    "RX174-93": Case(
        "RX174",
        "parameters",
        with_parameter("{name: a, value: ^\"{{ dob | date('%H:%M') }}Z\"}"),
        with_parameter("{name: a, value: \"{{ dob | date('%H:%M', utc=true) }}Z{{ dob | date('%Y') }}Z\"}"),
    ),
    "RX174-94": Case(
        "RX174",
        "parameters",
        with_parameter("{name: a, value: ^\"{{ dob | date('%H:%M-05:00', utc=true) }}\"}"),
        with_parameter("{name: a, value: \"{{ dob | date('%H:%M+00:00', utc=true) }}{{ dob | date('%d.%m-2024') }}\"}"),
    ),
    "RX174-95": Case(
        "RX174",
        "parameters",
        with_parameter("{name: a, attribute: dob, type: date, date_format: ^'%Y-%m-%dT%H:%M:%S+00:00'}"),
        with_parameter("{name: a, attribute: dob, type: date, date_format: '%Y-%m-%dT%H:%M:%S%z'}"),
    ),
    "RX175-96": Case(
        "RX175",
        "parameters",
        with_parameter("{name: a, value: ^'{{ not optin }}'}"),
        with_parameter("{name: a, value: '{{ not (optin | boolean) }}{% if firstname %}x{% endif %}'}"),
    ),
    "RX175-97": Case(
        "RX175",
        "parameters",
        with_parameter("{name: a, value: ^\"{{ 'y' if firstname and optin else 'n' }}\"}"),
        with_parameter("{name: a, value: \"{{ 'y' if optin == 'true' else 'n' }}\"}"),
    ),
    "RX194-98": Case(
        "RX194",
        "parameters",
        with_parameter('{name: a, value: ^"{{ amount == 5 }}"}'),
        with_parameter('{name: a, value: "{{ (amount | number) == 5 }}"}'),
    ),
    "RX194-99": Case(
        "RX194",
        "parameters",
        with_parameter("{name: a, value: ^\"{{ 'y' if optin == true else 'n' }}\"}"),
        with_parameter("{name: a, value: \"{{ 'y' if optin == 'true' else 'n' }}\"}"),
    ),
    "RX194-100": Case(
        "RX194",
        "parameters",
        with_parameter('{name: a, value: ^"{{ optin is true }}"}'),
        with_parameter('{name: a, value: "{{ (optin | boolean) is true }}"}'),
    ),
    "RX194-101": Case(
        "RX194",
        "parameters",
        with_parameter('{name: a, value: ^"{{ amount + amount }}"}'),
        with_parameter("{name: a, value: \"{{ firstname + ' ' + lastname }}{{ amount + ' EUR' }}\"}"),
    ),
    "RX194-102": Case(
        "RX194",
        "parameters",
        with_parameter("{name: a, value: ^\"{{ 'y' if amount >= '5' else 'n' }}\"}"),
        with_parameter("{name: a, value: \"{{ 'y' if zipcode >= '10000' else 'n' }}{{ dob < '20000101' }}\"}"),
    ),
    "RX194-103": Case(
        "RX194",
        "parameters",
        with_parameter('{name: a, value: ^"{{ (amount | trim) == 5 }}"}'),
        with_parameter("{name: a, value: \"{{ amount == '5' }}\"}"),
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []
