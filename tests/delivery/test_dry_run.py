"""A dry run shows `$NAME` in the place of each variable, and makes no signature up."""

from __future__ import annotations

import pytest
from commands.conftest import spec_text

from rokt_export.delivery.dry_run import SIGNED, dry_variables, with_places
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.redaction import Redactor
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction

ROW = Transaction(1, "tx-1", {"email": "jane.doe@example.com"}, invented=True)


def dry(authentication: str, url: str = "https://example.com", **at_hand: str) -> tuple[Request, Redactor]:
    spec = read_spec(parse("acme.yaml", spec_text(url, authentication=authentication))).spec
    variables, redactor = dry_variables(spec, "staging", at_hand)
    renderer = Renderer(spec, "staging", variables, plugins=None)
    return with_places(renderer.render(ROW), renderer, redactor), redactor


def shown(authentication: str, **at_hand: str) -> dict[str, str]:
    request, redactor = dry(authentication, **at_hand)
    return dict(redactor.headers(request.headers))


def test_a_variable_is_shown_by_its_name_though_its_value_is_known() -> None:
    request, redactor = dry("{type: bearer, token: '{{ env.ACME_KEY }}'}", ACME_KEY="s3cret")
    assert "s3cret" not in str(request)
    assert dict(redactor.headers(request.headers))["Authorization"] == "Bearer $ACME_KEY"


@pytest.mark.parametrize(
    ("authentication", "value"),
    [
        ("{type: oauth2, token_url: 'https://example.com/token', client_id: me, client_secret: '{{ env.S }}'}",
         "Bearer $ACCESS_TOKEN"),
        ("{type: digest, username: me, password: '{{ env.S }}'}", f"Digest {SIGNED}"),
        ("{type: custom, auth: 'signer:Signer'}", "[signed by signer:Signer]"),
    ],
)  # fmt: skip
def test_what_only_a_send_computes_has_a_stand_in(authentication: str, value: str) -> None:
    assert shown(authentication)["Authorization"] == value


def test_a_host_from_a_variable_is_its_value_where_there_is_one() -> None:
    assert dry("none", "https://{{ env.HOST }}", HOST="live.example.com")[0].url.startswith("https://live.example.com/")
