"""Credentials with a scheme joined to the token or stated twice, and signatures that cover nothing."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import OAUTH, Case, with_parameter

CASES = {
    "RX172-71": Case(
        "RX172",
        "authentication",
        "authentication: {type: api_key, name: X, value: '{{ env.KEY }}', prefix: ^Klaviyo-API-Key}\n",
        "authentication: {type: api_key, name: X, value: '{{ env.KEY }}', prefix: 'Klaviyo-API-Key '}\n",
    ),
    "RX172-72": Case(
        "RX172",
        "authentication",
        OAUTH.replace("{type", "{prefix: ^Token, type") % "https",
        OAUTH.replace("{type", "{prefix: 'token=', type") % "https",
    ),
    "RX172-73": Case(
        "RX172",
        "authentication",
        "authentication: {type: api_key, name: Authorization, value: ^'Bearer{{ env.KEY }}'}\n",
        "authentication: {type: api_key, name: Authorization, value: 'Bearer {{ env.KEY }}'}\n",
    ),
    "RX172-74": Case(
        "RX172",
        "parameters",
        with_parameter("{name: Authorization, in: header, value: ^'Token{{ env.KEY }}'}"),
        with_parameter("{name: X-Key, in: header, value: 'Tokenize {{ env.KEY }}'}"),
    ),
    "RX176-76": Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^body}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{timestamp}', timestamp_header: X-T}\n",
    ),
    "RX176-77": Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^'{{body}}'}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{method}\\n{body}'}\n",
    ),
    "RX176-78": Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^'{header:X-A}{body}'}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{header:Content-Type}{header:X-Id}', "
        "id_header: x-id}\n",
    ),
    "RX188-79": Case(
        "RX188",
        "authentication",
        "authentication: {type: bearer, token: ^'Bearer {{ env.KEY }}'}\n",
        "authentication: {type: bearer, token: '{{ env.KEY }}'}\n",
    ),
    "RX176-80": Case(
        "RX176",
        "authentication",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: ^'{uuid}.{timestamp}.{body}'}\n",
        "authentication: {type: hmac, secret: '{{ env.KEY }}', message: '{id}{header:X-Id}{body}', id_header: X-Id}\n",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []
