"""What a row decides of a request is told in the partner's names, and no credential."""

from __future__ import annotations

import pytest

from rokt_export.certification.sent_fields import fields_of, varying
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import Parameter
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction

SPEC = """\
spec_version: 1
partner: acme
endpoint: {staging: "https://api.example.com/{{ country }}/{{ env.ACME_LIST }}"}
parameters:
  - {name: source, value: rokt}
  - {name: key, value: "{{ env.ACME_KEY }}"}
  - {name: mail, attribute: email}
  - {name: person.name, value: "{{ firstname }} {{ lastname }}"}
  - {name: zip, attribute: zipcode, required: true}
  - {name: word, attribute: password, secret: true}
responses: [{outcome: delivered, status: 200}]
"""


def test_values_that_a_row_decides_are_told_in_the_order_of_the_spec() -> None:
    renderer = Renderer(read_spec(parse("acme.yaml", SPEC)).spec, "staging", {"ACME_KEY": "k-1", "ACME_LIST": "7"})
    row = {"email": "a@example.com", "firstname": "Jane", "lastname": "Doe", "country": "US", "password": "p"}
    assert fields_of(renderer, Transaction(1, "t-1", row)) == [
        ("mail", "a@example.com"),
        ("person.name", "Jane Doe"),
        ("country", "US"),
    ]


@pytest.mark.parametrize(
    ("parameter", "decided"),
    [
        ({"name": "a", "attribute": "email"}, True),
        ({"name": "a", "value": "{{ email | upper }}"}, True),
        ({"name": "a", "value": "rokt"}, False),
        ({"name": "a", "value": "{{ env.KEY }}"}, False),
    ],
)
def test_a_parameter_varies_where_a_row_decides_its_value(parameter: dict[str, str], decided: bool) -> None:
    assert varying(Parameter.model_validate(parameter)) is decided
