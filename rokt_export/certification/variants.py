"""Requests that differ from a delivery in one thing: a parameter left out, other credentials, another content type."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from rokt_export.authentication.api_key import ApiKey
from rokt_export.authentication.base import Authentication, FillText, NotChecked, secret_fields, verification_of
from rokt_export.authentication.custom import Custom
from rokt_export.authentication.mutual_tls import MutualTls
from rokt_export.authentication.oauth2 import OAuth2
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.partner_spec.references import names_in
from rokt_export.spec_language.encodings import ENCODINGS, nests

EXTRA = "rokt_export_unknown"
"""The name of a parameter that no partner knows."""


@dataclass(frozen=True)
class Variant:
    """What a probe changes.

    Attributes:
        spec: the spec, with the change; None = unchanged.
        alters: changes a rendered request; None = leaves it.
        own_credentials: whether its credentials are not those of a delivery.
    """

    spec: PartnerSpec | None = None
    alters: Callable[[Request], Request] | None = None
    own_credentials: bool = False


UNCHANGED = Variant()


def without(spec: PartnerSpec, names: frozenset[tuple[str, str, str]]) -> Variant:
    """Leave parameters out.

    Args:
        names: `key_of` each.
    """
    return Variant(spec.model_copy(update={"parameters": _left(spec.parameters, names, "")}))


def key_of(parameter: Parameter, outer: str) -> tuple[str, str, str]:
    """Return what names a parameter in a spec: the field that holds it, if any, its place and its name."""
    return outer, parameter.in_, parameter.name


def _left(
    parameters: tuple[Parameter, ...], names: frozenset[tuple[str, str, str]], outer: str
) -> tuple[Parameter, ...]:
    found = []
    for each in parameters:
        if key_of(each, outer) in names:
            continue
        if each.parameters:
            each = each.model_copy(update={"parameters": _left(each.parameters, names, each.name)})
        found.append(each)
    return tuple(found)


def with_unknown(spec: PartnerSpec) -> Variant | str:
    """Add a parameter that the partner does not know; where none can be added, return why."""
    if spec.body is not None:
        return "the body is one template, which has no place for another parameter"
    of_body = [each for each in spec.parameters if each.in_ == "body"]
    if not of_body:
        extra = Parameter.model_validate({"name": EXTRA, "in": "query", "value": "x"})
    elif nests(spec.encoding):
        name = next((each.name for each in of_body if "@" not in each.name and "#" not in each.name), of_body[0].name)
        before = re.match(r"(.*[.\]])[^.\]]+$", name)
        joint = before[1] if before is not None else ""
        extra = Parameter.model_validate({"name": f"{joint}{EXTRA}", "value": "x"})
    else:
        extra = Parameter.model_validate({"name": EXTRA, "value": "x"})
    return Variant(spec.model_copy(update={"parameters": (*spec.parameters, extra)}))


def with_other_content_type(spec: PartnerSpec, *, has_body: bool) -> Variant | str:
    """State another content type than the body's; where there is none, return why."""
    facts = ENCODINGS[spec.encoding]
    if not has_body or facts.content_type is None:
        return "the request has no body"
    wrong = "application/octet-stream" if facts.content_type.startswith("text/plain") else "text/plain"

    def alter(request: Request) -> Request:
        headers = tuple((name, wrong if name.lower() == "content-type" else value) for name, value in request.headers)
        return replace(request, headers=headers)

    return Variant(alters=alter)


def without_credentials(spec: PartnerSpec, environment: str, place: int) -> Variant:
    """Leave one authentication out.

    Args:
        place: its number among the environment's.
    """
    own = spec.environment(environment).authentication or ()
    return _with_authentication(spec, environment, (*own[:place], *own[place + 1 :]))


def with_wrong_credentials(spec: PartnerSpec, environment: str, place: int, fill: FillText) -> Variant | str:
    """Make one authentication wrong, in the form of the right one; where that cannot be done, return why."""
    own = spec.environment(environment).authentication or ()
    wrong = _wrong(own[place], fill)
    if isinstance(wrong, str):
        return wrong
    return _with_authentication(spec, environment, (*own[:place], wrong, *own[place + 1 :]))


def is_unchecked(authentication: Authentication, fill: FillText) -> str:
    """Return why a sandbox accepts any credentials of this kind; empty where it checks them."""
    verification = verification_of(authentication, fill, lambda _name: lambda _data: ())
    return (verification.note or verification.reason) if isinstance(verification, NotChecked) else ""


def _with_authentication(spec: PartnerSpec, environment: str, authentication: tuple[Authentication, ...]) -> Variant:
    place = spec.endpoint[environment].model_copy(update={"authentication": authentication})
    changed = spec.model_copy(update={"endpoint": {**spec.endpoint, environment: place}})
    return Variant(changed, own_credentials=True)


def _wrong(authentication: Authentication, fill: FillText) -> Authentication | str:
    if isinstance(authentication, MutualTls):
        return "that needs a second certificate"
    if isinstance(authentication, Custom):
        return "a class makes the credentials, and nobody else knows how they may be wrong"
    if isinstance(authentication, OAuth2):  # at the endpoint: a token that its server never gave
        token = f"{authentication.prefix}{wrong_text('4f9c2b7e81d05a63')}"
        return ApiKey.model_validate({"type": "api_key", "in": "header", "name": authentication.header, "value": token})
    kind = type(authentication)
    secret = {name: value for name in secret_fields(kind) if (value := _text(authentication, name))}
    changes = secret or {
        name: value for name in kind.model_fields if (value := _text(authentication, name)) and names_in(value)
    }
    if not changes:
        return "it has no secret"
    return authentication.model_copy(
        update={name: wrong_text(fill(source), source) for name, source in changes.items()}
    )


def _text(authentication: Authentication, name: str) -> str:
    value = getattr(authentication, name)
    return value if isinstance(value, str) else ""


_ALPHABETS = (string.digits, string.digits + "abcdef", string.digits + "ABCDEF", string.digits + string.ascii_letters)
_KEPT = frozenset(" ._:=+/-")
"""Signs that stay, as base64 and prefixes need them."""


def wrong_text(right: str, source: str = "") -> str:
    """Return a random text of the same form as a credential: nothing of the right one can be read from it.

    Args:
        right: the credential. Digits, hex digits and base64 stay such.
        source: its template, whose own text before a variable stays, such as `Token `.
    """
    own = source.partition("{{")[0] if "{{" in source else ""
    start = len(own) if right.startswith(own) else 0
    rest = right[start:] or "wrong"
    letters = [sign for sign in rest if sign not in _KEPT]
    alphabet = next((each for each in _ALPHABETS if set(each).issuperset(letters)), _ALPHABETS[-1])
    while True:
        made = "".join(sign if sign in _KEPT else secrets.choice(alphabet) for sign in rest)
        if made != rest or not letters:
            return right[:start] + made
