"""OAuth 2.0 client credentials: the token request alone carries them, to the host of its own URL."""

from __future__ import annotations

from rokt_export.authentication.base import FetchedToken, IssuedToken
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.partner_spec.references import names_in

URL = "https://{{ env.LOGIN }}.example.com/token"
SETTINGS = OAuth2.model_validate(
    {
        "type": "oauth2",
        "token_url": URL,
        "client_id": "{{ env.ID }}",
        "client_secret": "{{ env.SECRET }}",
        "scope": "{{ env.SCOPE }}",
        "audience": "{{ env.AUDIENCE }}",
        "parameters": {"resource": "{{ env.RESOURCE }}"},
        "headers": {"X-Tenant": "{{ env.TENANT }}"},
    }
)


def test_a_token_is_fetched_and_only_issued_tokens_are_accepted() -> None:
    assert SETTINGS.credential(str) == FetchedToken(SETTINGS)
    assert SETTINGS.verification(str, lambda *_: iter(())) == IssuedToken(SETTINGS)


def test_credentials_go_to_the_url_of_tokens_only() -> None:
    uses = list(SETTINGS.uses())
    assert {use.url for use in uses} == {URL}
    assert {use.place: names_in(use.part) for use in uses} == {
        "URL of the token request": {"LOGIN"},
        "token request": {"ID", "SECRET", "SCOPE", "AUDIENCE", "RESOURCE", "TENANT"},
    }


def test_the_secret_of_the_client_alone_is_secret() -> None:
    assert [source for _, source in SETTINGS.secrets()] == ["{{ env.SECRET }}"]
