"""Which credentials the engine must ask for: those that stand on the rendered request already need no look."""

from __future__ import annotations

import pytest

from rokt_export.delivery.credentials import Credentials
from rokt_export.transactions.model import Transaction
from tests.exchange.rendering import renderer

OAUTH = "{type: oauth2, token_url: 'https://id.example.com/token', client_id: a, client_secret: '{{ env.K }}'}"


@pytest.mark.parametrize(
    ("authentication", "standing", "renews"),
    [
        ("{type: none}", True, False),
        ("{type: basic, username: a, password: '{{ env.K }}'}", True, False),
        ("{type: bearer, token: '{{ env.K }}'}", True, False),
        ("{type: api_key, in: query, name: key, value: '{{ env.K }}'}", True, False),
        ("{type: hmac, secret: '{{ env.K }}', header: X-Signature}", False, False),
        ("{type: wsse, username: a, password: '{{ env.K }}'}", False, False),
        ("{type: digest, username: a, password: '{{ env.K }}'}", False, True),
        (OAUTH, False, True),
    ],
)
def test_what_stands(authentication: str, standing: bool, renews: bool) -> None:
    made = renderer(f"authentication: {authentication}\nencoding: none", variables={"K": "k"})
    credentials = Credentials(made, {"K": "k"})
    assert (credentials.standing, credentials.renews) == (standing, renews)
    if standing:
        request = made.render(Transaction(1, "1", {}))
        assert credentials.on(request) is request
