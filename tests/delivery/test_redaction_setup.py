"""What must not be shown: credentials, what templates make of them, and the personal values of a row."""

from __future__ import annotations

import hashlib

import pytest
from commands.conftest import spec_text

from rokt_export.delivery.redaction_setup import PersonalData, before_path, holds_personal_data, redactor_for
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction

KEY = "sk_live_9aQ2mX7vB4nK8pL3wR6t"
VARIABLES = {"ACME_KEY": KEY, "LIST": "list"}
PARAMETERS = """parameters:
  - {name: list, in: query, value: "{{ env.LIST }}"}
  - {name: X-Sum, in: header, value: "{{ (env.ACME_KEY ~ email) | sha256 }}"}
  - {name: part, value: "{{ env.ACME_KEY | slice(0, 7) | upper }}"}
  - {name: X-Token, in: header, value: plain-literal-77, secret: true}
"""


@pytest.fixture
def spec() -> PartnerSpec:
    text = spec_text("https://example.com", authentication="{type: bearer, token: '{{ env.ACME_KEY }}'}")
    return read_spec(parse("acme.yaml", text.replace("parameters:\n", PARAMETERS))).spec


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"key {KEY}", "key $ACME_KEY"),
        ("SK_LIVE is no key", "$ACME_KEY is no key"),
        ("plain-literal-77", "$X_TOKEN"),
        ("the list does not exist", "the list does not exist"),
        ("list", "$LIST"),
    ],
)
def test_a_credential_is_hidden_everywhere_and_a_mere_word_where_it_stands_alone(
    spec: PartnerSpec, text: str, shown: str
) -> None:
    assert redactor_for(spec, "staging", VARIABLES).text(text) == shown


def test_what_a_template_makes_of_a_secret_and_a_row_is_known(spec: PartnerSpec) -> None:
    personal = PersonalData(spec, Renderer(spec, "staging", VARIABLES))
    row = Transaction(1, "tx-1", {"email": "jane.doe@example.com"})
    digest = hashlib.sha256(f"{KEY}jane.doe@example.com".lower().encode()).hexdigest()
    assert personal.derived.templated(row) == [digest]
    request = Request("POST", "https://example.com/", (("X-Sum", digest), ("Content-Type", "application/json")))
    assert personal.derived.of(request, row) == [digest]
    assert personal.derived.of(None, row) == []


def test_values_of_a_real_person_are_personal_and_those_of_test_data_are_not(spec: PartnerSpec) -> None:
    personal = PersonalData(spec, Renderer(spec, "staging", VARIABLES))
    values = {
        "email": "jane.doe@example.com",
        "amount": "see jane@example.org",
        "unheard_of": "R2D2",
        "currency": "USD",
    }
    found = personal.of(Transaction(1, "tx-1", values))
    assert {"jane.doe@example.com", "jane@example.org", "R2D2"} <= set(found)
    assert "USD" not in found
    assert personal.of(Transaction(1, "tx-1", values, invented=True)) == ()
    assert [holds_personal_data(name, spec) for name in ("email", "currency", "unheard_of")] == [True, False, True]


@pytest.mark.parametrize(
    ("url", "before"),
    [
        ("https://{{ env.HOST }}/leads", "{{ env.HOST }}"),
        ("{{ env.BASE }}/leads", "{{ env.BASE }}"),
        ("https://example.com", "example.com"),
    ],
)
def test_what_makes_the_host_of_a_url_is_told_from_its_path(url: str, before: str) -> None:
    assert before_path(url) == before
