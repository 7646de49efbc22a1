"""Environments: plain HTTP, shared credentials, missing guards, certificates that are not checked."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import OAUTH, Case

HTTP = "http://api.example.com/leads"

AUTH_2 = (
    "endpoint:\n"
    "  staging: {url: https://test.example.com, authentication: {type: bearer, token: '{{ env.%s }}'}}\n"
    "  production:\n"
    "    url: https://api.example.com\n"
    "    %sauthentication: {type: bearer, token: '{{ env.KEY }}'}\n"
)

CASES = {
    "RX104-7": Case("RX104", "endpoint", AUTH_2 % ("KEY", "^"), AUTH_2 % ("OTHER", "")),
    "RX105-8": Case(
        "RX105",
        "endpoint",
        f"endpoint: {{staging: https://test.example.com, production: ^{HTTP}}}\n",
        "endpoint: {staging: http://127.0.0.1:8080/a, production: https://api.example.com/a}\n",
        "error",
    ),
    "RX105-9": Case(
        "RX105",
        "endpoint",
        f"endpoint: {{staging: ^{HTTP}}}\n",
        "endpoint: {staging: http://localhost/a}\n",
    ),
    "RX124-10": Case("RX124", "authentication", OAUTH % "^http", OAUTH % "https", "error"),
    "RX125-48": Case(
        "RX125",
        "endpoint",
        "^endpoint: {production: https://api.example.com/a}\n",
        "endpoint: {staging: https://api.example.com/a}\n",
        "info",
    ),
    "RX130-49": Case(
        "RX130",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^eu-prod: https://api.example.com/a}\n",
        "endpoint: {staging: https://test.example.com/a, pre-prod: https://api.example.com/a}\n",
    ),
    "RX130-50": Case(
        "RX130",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^productoin: https://api.example.com/a}\n",
        "endpoint: {staging: https://test.example.com/a, prod: {url: https://api.example.com/a, guarded: true}}\n",
    ),
    "RX141-51": Case(
        "RX141",
        "endpoint",
        "endpoint: {production: {url: https://api.example.com/a, guarded: ^false}}\n",
        "endpoint: {eu: {url: https://api.example.com/a, guarded: false}}\n",
    ),
    "RX142-52": Case(
        "RX142",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^eu: https://api.example.com/a}\n",
        "endpoint: {eu: {url: https://api.example.com/a, guarded: true}, eu-qa2: https://test.example.com/a}\n",
        "info",
    ),
    "RX143-53": Case(
        "RX143",
        "endpoint",
        "endpoint: {eu: {url: https://api.example.com/a, tls: {verify: ^false}}}\n",
        "endpoint: {eu: {url: https://api.example.com/a, tls: {verify: true}}}\ntls: {verify: false}\n",
        "error",
    ),
    "RX143-54": Case(
        "RX143",
        "endpoint",
        "endpoint: {staging: https://api.example.com/a}\ntls: {verify: ^false}\n",
        "endpoint: {staging: https://api.example.com/a}\ntls: {verify: true}\n",
    ),
    "RX130-55": Case(
        "RX130",
        "endpoint",
        "endpoint: {staging: https://test.example.com/a, ^live2: https://api.example.com/a}\n",
        "endpoint: {staging: https://test.example.com/a, delivery: https://api.example.com/a}\n",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []
