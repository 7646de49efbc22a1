"""OAuth 2 client credentials (RFC 6749, 4.4); `delivery/oauth2.py` fetches the tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from rokt_export.authentication.base import (
    Authentication,
    BodyFinder,
    CredentialUse,
    FetchedToken,
    FillText,
    IssuedToken,
    Public,
    Secret,
)
from rokt_export.authentication.token_response import ResponseField
from rokt_export.spec_language.fields import (
    BodyPathText,
    Duration,
    FixedUrl,
    HeaderName,
    Status,
    Strict,
    Text,
    ValueTemplate,
)
from rokt_export.spec_language.rules import Condition


class RefreshOn(Strict):
    """Responses that mean that a token is no longer valid, even with status 200.

    Attributes:
        status: the statuses that mean it.
        body: body path to a condition that means it: a value, a list of values, or a condition of the rules.
    """

    status: Status | None = None
    body: dict[BodyPathText, Condition] = Field(default_factory=dict)


class OAuth2(Authentication):
    """`type: oauth2`: client credentials (RFC 6749, 4.4). One token serves all requests, and is renewed before it
    expires.

    Attributes:
        type: which kind of authentication this is.
        token_url: template of the URL that issues tokens.
        client_id: template of the client's name.
        client_secret: template of the client's secret.
        secret_in: where name and secret are sent in the token request.
        method: the method of the token request.
        request_encoding: the encoding of the token request's body.
        scope: template of the requested scopes, separated by spaces.
        audience: template of the requested audience.
        parameters: further parameters of the token request, name to template.
        headers: further headers of the token request, name to template.
        token_field: the token's place in the response: a name, or names separated by dots.
        expires_field: the place of its lifetime in the response.
        expires_unit: unit of that lifetime: seconds, milliseconds or minutes.
        expires_after: its lifetime, which overrides the response's.
        prefix: text before the token, including a space if needed.
        header: the header of the token.
        refresh_on: responses after which a new token is fetched, once.
    """

    type: Literal["oauth2"]
    token_url: Public[FixedUrl]
    client_id: Public[ValueTemplate]
    client_secret: Secret[ValueTemplate]
    secret_in: Literal["header", "body", "query"] = "header"
    method: Literal["POST", "GET"] = "POST"
    request_encoding: Literal["form", "json"] = "form"
    scope: Public[ValueTemplate | None] = None
    audience: Public[ValueTemplate | None] = None
    parameters: Public[dict[Text, ValueTemplate]] = Field(default_factory=dict)
    headers: Public[dict[HeaderName, ValueTemplate]] = Field(default_factory=dict)
    token_field: Public[ResponseField] = "access_token"
    expires_field: Public[ResponseField] = "expires_in"
    expires_unit: Literal["s", "ms", "m"] = "s"
    expires_after: Public[Duration | None] = None
    prefix: Public[Text] = "Bearer "
    header: Public[HeaderName] = "Authorization"
    refresh_on: Public[RefreshOn] = Field(default_factory=lambda: RefreshOn(status=[401]))

    def credential(self, fill: FillText) -> FetchedToken:  # noqa: ARG002 - filled where the token is fetched
        """Return that a token is fetched."""
        return FetchedToken(self)

    def verification(self, fill: FillText, body_finder: BodyFinder) -> IssuedToken:  # noqa: ARG002
        """Return that the sandbox issues tokens, and accepts only these."""
        return IssuedToken(self)

    def uses(self) -> Iterable[CredentialUse]:
        """Return the token request's URL: the endpoint receives only the token."""
        others = [self.client_id, self.client_secret, self.scope, self.audience, self.parameters, self.headers]
        return (
            CredentialUse(self.token_url, "URL of the token request", url=self.token_url),
            CredentialUse(others, "token request", url=self.token_url),
        )
