"""How a partner knows us: one model per authentication type of the spec language."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from rokt_export.spec.fields import Duration, Status, Strict, Text, ValueTemplate, kind_of, problem


class NoAuthentication(Strict):
    """`type: none`: the partner asks for no credentials."""

    type: Literal["none"]


class Basic(Strict):
    """`type: basic`: RFC 7617."""

    type: Literal["basic"]
    username: ValueTemplate
    password: ValueTemplate = ""


class Digest(Strict):
    """`type: digest`: RFC 7616; the first answer's challenge is met once."""

    type: Literal["digest"]
    username: ValueTemplate
    password: ValueTemplate


class ApiKey(Strict):
    """`type: api_key`: a key in a header, the query or the body."""

    type: Literal["api_key"]
    in_: Literal["header", "query", "body"] = Field("header", alias="in")
    name: Text
    value: ValueTemplate
    prefix: Text = ""


class Bearer(Strict):
    """`type: bearer`: RFC 6750, `Authorization: Bearer <token>`."""

    type: Literal["bearer"]
    token: ValueTemplate


class RefreshOn(Strict):
    """Answers that mean "your token is no longer good", also under a 200."""

    status: Status | None = None
    body: dict[Text, Any] = Field(default_factory=dict)


class OAuth2(Strict):
    """`type: oauth2`: client credentials (RFC 6749, 4.4); one token for all, fetched again before it expires."""

    type: Literal["oauth2"]
    token_url: ValueTemplate
    client_id: ValueTemplate
    client_secret: ValueTemplate
    secret_in: Literal["header", "body", "query"] = "header"
    method: Literal["POST", "GET"] = "POST"
    request_encoding: Literal["form", "json"] = "form"
    scope: ValueTemplate | None = None
    audience: ValueTemplate | None = None
    parameters: dict[Text, ValueTemplate] = Field(default_factory=dict)
    token_field: Text = "access_token"
    expires_field: Text = "expires_in"
    expires_unit: Literal["s", "ms", "m"] = "s"
    expires_after: Duration | None = None
    prefix: Text = "Bearer "
    header: Text = "Authorization"
    refresh_on: RefreshOn = Field(default_factory=lambda: RefreshOn(status=[401]))


class Hmac(Strict):
    """`type: hmac`: a signature over the request.

    `style: sailthru` signs as Sailthru does (md5 of the secret and the sorted values, before URL encoding, in the
    parameter `sig`); `style: header` signs `message` (of
    `{method}`, `{path}`, `{query}`, `{body}`, `{timestamp}`) into a header.
    """

    type: Literal["hmac"]
    style: Literal["header", "sailthru"] = "header"
    secret: ValueTemplate
    algorithm: Literal["sha256", "sha1", "sha512", "md5"] = "sha256"
    message: Text = "{timestamp}{body}"
    header: Text = "X-Signature"
    prefix: Text = ""
    digest: Literal["hex", "base64"] = "hex"
    timestamp_header: Text | None = None
    timestamp_unit: Literal["s", "ms"] = "s"
    parameter: Text = "sig"


class Wsse(Strict):
    """`type: wsse`: a UsernameToken digest in `X-WSSE` (Emarsys and others)."""

    type: Literal["wsse"]
    username: ValueTemplate
    password: ValueTemplate
    nonce_encoding: Literal["base64", "hex"] = "base64"
    digest_encoding: Literal["hex_base64", "base64"] = "hex_base64"


class MutualTls(Strict):
    """`type: mutual_tls`: a client certificate, as PEM files."""

    type: Literal["mutual_tls"]
    certificate: ValueTemplate
    key: ValueTemplate | None = None
    key_password: ValueTemplate | None = None


class Custom(Strict):
    """`type: custom`: an importable `requests.auth.AuthBase`, as `module:Class`, made with `options`."""

    type: Literal["custom"]
    auth: Annotated[Text, Field(pattern=r"^[\w.]+:\w+$")]
    options: dict[Text, ValueTemplate] = Field(default_factory=dict)


Authentication: TypeAlias = (
    NoAuthentication | Basic | Digest | ApiKey | Bearer | OAuth2 | Hmac | Wsse | MutualTls | Custom
)
MODELS: dict[str, type[Strict]] = {
    model.model_fields["type"].annotation.__args__[0]: model  # type: ignore[union-attr]
    for model in (NoAuthentication, Basic, Digest, ApiKey, Bearer, OAuth2, Hmac, Wsse, MutualTls, Custom)
}


def _several(value: Any) -> Any:
    if value == "none":
        return [{"type": "none"}]
    found = value if isinstance(value, list) else [value]
    for item in found:
        if not isinstance(item, dict) or "type" not in item:
            raise problem(
                "RX012",
                f"an authentication with a `type` is expected here, not {kind_of(item)}",
                f"Write `type: basic`, or another of {', '.join(MODELS)}.",
            )
    return found


Authentications = Annotated[
    tuple[Annotated[Authentication, Field(discriminator="type")], ...], BeforeValidator(_several)
]
"""One authentication or a list (a client certificate and a bearer token, say)."""
