"""How a partner knows us: one model per authentication type of the spec language."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from rokt_export.partner_spec.fields import (
    BodyPath,
    Duration,
    FixedUrl,
    Status,
    Strict,
    Text,
    ValueTemplate,
    kind_of,
    one_or_many,
    problem,
)
from rokt_export.partner_spec.header_names import HeaderName, check_header_name
from rokt_export.partner_spec.responses import Condition
from rokt_export.partner_spec.template import compile_template


class NoAuthentication(Strict):
    """`type: none`: the partner asks for no credentials.

    Attributes:
        type: which kind of authentication this is.
    """

    type: Literal["none"]


class Basic(Strict):
    """`type: basic`: RFC 7617.

    Attributes:
        type: which kind of authentication this is.
        username: template of the name; some partners want the key here.
        password: template of the password; empty where the partner wants none.
    """

    type: Literal["basic"]
    username: ValueTemplate
    password: ValueTemplate = ""


class Digest(Strict):
    """`type: digest`: RFC 7616; the first answer's challenge is met once.

    Attributes:
        type: which kind of authentication this is.
        username: template of the name.
        password: template of the password.
    """

    type: Literal["digest"]
    username: ValueTemplate
    password: ValueTemplate


class ApiKey(Strict):
    """`type: api_key`: a key in a header, the query or the body.

    Attributes:
        type: which kind of authentication this is.
        in_: header, query or body.
        name: of the header or parameter that carries the key.
        value: template of the key.
        prefix: text before the key, its space included.
    """

    type: Literal["api_key"]
    in_: Literal["header", "query", "body"] = Field("header", alias="in")
    name: Text
    value: ValueTemplate
    prefix: Text = ""

    @model_validator(mode="after")
    def _named(self) -> ApiKey:
        if self.in_ == "header":
            check_header_name(self.name, fixed=not compile_template(self.value).varies)
        return self


class Bearer(Strict):
    """`type: bearer`: RFC 6750, `Authorization: Bearer <token>`.

    Attributes:
        type: which kind of authentication this is.
        token: template of the token.
    """

    type: Literal["bearer"]
    token: ValueTemplate


class RefreshOn(Strict):
    """Answers that mean "your token is no longer good", also under a 200.

    Attributes:
        status: the statuses that mean it.
        body: body path to a condition that means it: a value, a list of values, or a condition of the rules.
    """

    status: Status | None = None
    body: dict[BodyPath, Condition] = Field(default_factory=dict)


class OAuth2(Strict):
    """`type: oauth2`: client credentials (RFC 6749, 4.4); one token for all, fetched again before it expires.

    Attributes:
        type: which kind of authentication this is.
        token_url: template of the URL that issues tokens.
        client_id: template of the client's name.
        client_secret: template of the client's secret.
        secret_in: where name and secret stand in the token request.
        method: of the token request.
        request_encoding: of the token request's body.
        scope: template of the scopes asked for, with spaces between them.
        audience: template of the audience asked for.
        parameters: further parameters of the token request, name to template.
        token_field: where the token stands in the answer.
        expires_field: where its lifetime stands in the answer.
        expires_unit: unit of that lifetime: seconds, milliseconds or minutes.
        expires_after: its lifetime, where the answer does not say.
        prefix: text before the token, its space included.
        header: which carries the token.
        refresh_on: answers after which a new token is fetched, once.
    """

    type: Literal["oauth2"]
    token_url: FixedUrl
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
    header: HeaderName = "Authorization"
    refresh_on: RefreshOn = Field(default_factory=lambda: RefreshOn(status=[401]))


class Hmac(Strict):
    """`type: hmac`: a signature over the request.

    `style: sailthru` signs as Sailthru does (md5 of the secret and the sorted values, before URL encoding, in the
    parameter `sig`); `style: header` signs `message` (of
    `{method}`, `{path}`, `{query}`, `{body}`, `{timestamp}`) into a header.

    Attributes:
        type: which kind of authentication this is.
        style: `header` or `sailthru`.
        secret: template of the shared secret.
        algorithm: the hash of the signature.
        message: what is signed, of `{method}`, `{path}`, `{query}`, `{body}` and `{timestamp}`.
        header: which carries the signature.
        prefix: text before the signature.
        digest: how the signature is written.
        timestamp_header: which carries the moment of signing, where the partner wants it.
        timestamp_unit: unit of that moment, since 1970.
        parameter: which carries the signature in the style of Sailthru.
    """

    type: Literal["hmac"]
    style: Literal["header", "sailthru"] = "header"
    secret: ValueTemplate
    algorithm: Literal["sha256", "sha1", "sha512", "md5"] = "sha256"
    message: Text = "{timestamp}{body}"
    header: HeaderName = "X-Signature"
    prefix: Text = ""
    digest: Literal["hex", "base64"] = "hex"
    timestamp_header: HeaderName | None = None
    timestamp_unit: Literal["s", "ms"] = "s"
    parameter: Text = "sig"


class Wsse(Strict):
    """`type: wsse`: a UsernameToken digest in the header `X-WSSE`.

    The digest is SHA-1 over nonce, creation time and password: over the raw nonce sent in base64, or over the text of a
    hex nonce; written in base64, or as base64 of its hex text (as Emarsys reads it, with `nonce_encoding: hex`).

    Attributes:
        type: which kind of authentication this is.
        username: template of the name.
        password: template of the secret.
        nonce_encoding: how the nonce is written.
        digest_encoding: how the digest is written.
    """

    type: Literal["wsse"]
    username: ValueTemplate
    password: ValueTemplate
    nonce_encoding: Literal["base64", "hex"] = "base64"
    digest_encoding: Literal["base64", "hex_base64"] = "base64"


class MutualTls(Strict):
    """`type: mutual_tls`: a client certificate, as PEM files.

    Attributes:
        type: which kind of authentication this is.
        certificate: template of the certificate's path.
        key: template of the key's path; without one, the certificate's file holds it.
        key_password: template of the key's password.
    """

    type: Literal["mutual_tls"]
    certificate: ValueTemplate
    key: ValueTemplate | None = None
    key_password: ValueTemplate | None = None


class Custom(Strict):
    """`type: custom`: an importable `requests.auth.AuthBase`, as `module:Class`, made with `options`.

    Attributes:
        type: which kind of authentication this is.
        auth: `module:Class`.
        options: keyword arguments of the class, name to template.
    """

    type: Literal["custom"]
    auth: Annotated[Text, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$")]
    options: dict[Text, ValueTemplate] = Field(default_factory=dict)


Authentication: TypeAlias = (
    NoAuthentication | Basic | Digest | ApiKey | Bearer | OAuth2 | Hmac | Wsse | MutualTls | Custom
)
SECRET_FIELDS = frozenset({"password", "token", "client_secret", "secret", "key_password", "value"})
"""The fields of authentications that hold a credential, also where it is written out."""

MODELS: dict[str, type[Strict]] = {
    model.model_fields["type"].annotation.__args__[0]: model  # type: ignore[union-attr]
    for model in (NoAuthentication, Basic, Digest, ApiKey, Bearer, OAuth2, Hmac, Wsse, MutualTls, Custom)
}


def _typed(value: Any) -> Any:
    if not isinstance(value, dict) or "type" not in value:
        raise problem(
            "RX012",
            f"an authentication with a `type` is expected here, not {kind_of(value)}",
            f"Write `type: basic`, or another of {', '.join(MODELS)}.",
        )
    return value


def _several(value: Any) -> Any:
    return [{"type": "none"}] if value == "none" else one_or_many(value)


_Typed = Annotated[Annotated[Authentication, Field(discriminator="type")], BeforeValidator(_typed)]
Authentications = Annotated[tuple[_Typed, ...], BeforeValidator(_several)]
"""One authentication or a list (a client certificate and a bearer token, say)."""
