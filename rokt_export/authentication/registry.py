"""The registry of authentication types, for the spec's model, its JSON Schema, redaction and the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args

from pydantic import BeforeValidator, Field

from rokt_export.authentication.api_key import ApiKey
from rokt_export.authentication.base import Authentication, Credential, credential_of, filler
from rokt_export.authentication.basic import Basic
from rokt_export.authentication.bearer import Bearer
from rokt_export.authentication.custom import Custom
from rokt_export.authentication.digest import Digest
from rokt_export.authentication.hmac import Hmac
from rokt_export.authentication.mutual_tls import MutualTls
from rokt_export.authentication.none import NoAuthentication
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.authentication.wsse import Wsse
from rokt_export.spec_language.fields import kind_of, one_or_many, problem


def _by_name(*types: type[Authentication]) -> dict[str, type[Authentication]]:
    """Return name to type; mypy rejects a class that lacks an abstract method."""
    return {get_args(each.model_fields["type"].annotation)[0]: each for each in types}


TYPES = _by_name(NoAuthentication, Basic, Digest, ApiKey, Bearer, OAuth2, Hmac, Wsse, MutualTls, Custom)
"""Name to model of each authentication type, in the order of docs/spec.md."""


def credentials_of(authentications: Iterable[Authentication], variables: Mapping[str, str]) -> tuple[Credential, ...]:
    """Return the credentials of an environment's authentications, in the spec's order.

    Raises:
        ConfigurationError: a filter cannot convert a variable.
        TypeError: a type with secret fields puts nothing on a request.
    """
    fill = filler(variables)
    return tuple(credential_of(each, fill) for each in authentications)


def _typed(value: Any) -> Any:
    if not isinstance(value, dict) or "type" not in value:
        raise problem(
            "RX012",
            f"an authentication with a `type` is expected here, not {kind_of(value)}",
            f"Write `type: basic`, or another of {', '.join(TYPES)}.",
        )
    return value


def _several(value: Any) -> Any:
    return [{"type": "none"}] if value == "none" else one_or_many(value)


if TYPE_CHECKING:
    _AnyType = Authentication
else:
    _AnyType = Annotated[Union[tuple(TYPES.values())], Field(discriminator="type")]  # noqa: UP007 - made of a list
_Typed = Annotated[_AnyType, BeforeValidator(_typed)]
Authentications = Annotated[tuple[_Typed, ...], BeforeValidator(_several)]
"""One authentication or a list (for example a client certificate and a bearer token)."""
