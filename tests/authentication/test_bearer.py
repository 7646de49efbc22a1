"""A bearer token, of the spec or of one environment."""

from __future__ import annotations

import pytest

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction
from tests.request.rendering import URL, request


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        ("{type: bearer, token: t}", "Authorization", "Bearer t"),
    ],
)
def test_standing_credentials(authentication: str, header: str, value: str | None) -> None:
    sent = request(f"parameters: [{{name: a, attribute: a}}]\nauthentication: {authentication}\n", {"a": "1"})
    assert sent.header(header) == value


def test_an_environment_may_have_credentials_of_its_own() -> None:
    own = f"{{url: '{URL}', authentication: {{type: bearer, token: own}}}}"
    loaded = read_spec(
        parse(
            "spec.yaml",
            f"spec_version: 1\npartner: acme\nendpoint: {{staging: {own}, production: '{URL}'}}\n"
            "authentication: {type: bearer, token: shared}\nparameters: [{name: a, attribute: a}]\n"
            "responses: [{outcome: delivered, status: 2xx}]\n",
        )
    )
    row = Transaction(1, "1", {"a": "1"})
    sent = {name: Renderer(loaded.spec, name, {}).render(row) for name in ("staging", "production")}
    assert sent["staging"].header("Authorization") == "Bearer own"
    assert sent["production"].header("Authorization") == "Bearer shared"
