"""Turn a spec into what it needs from outside: the environment variables and the attributes that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from rokt_export.spec.authentication import Authentication, Basic
from rokt_export.spec.model import Environment, Parameter, PartnerSpec, RequiredWhen
from rokt_export.spec.template import Template, TemplateProblem, compile_template


def templates(spec: PartnerSpec, environments: Iterable[str] | None = None) -> Iterator[Template]:
    """Yield each template of a spec that names something, for all its environments or those given."""
    names = spec.endpoint if environments is None else environments
    places: list[Any] = [spec.environment(name) for name in names]
    yield from _inside([*places, spec.parameters, spec.body, spec.idempotency])


def _inside(value: Any) -> Iterator[Template]:
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            try:
                yield compile_template(value)
            except TemplateProblem:
                return
        return
    for part in _parts(value):
        yield from _inside(part)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, BaseModel):
        return [getattr(value, name) for name in type(value).model_fields if name != "description"]
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, (list, tuple)) else ()


def variable_names(spec: PartnerSpec, environments: Iterable[str] | None = None) -> frozenset[str]:
    """Return the environment variables that a spec names (`{{ env.NAME }}`)."""
    return frozenset(name for template in templates(spec, environments) for name in template.env)


def names_in(value: Any) -> frozenset[str]:
    """Return the environment variables that a part of a spec names."""
    return frozenset(name for template in _inside(value) for name in template.env)


def attribute_names(spec: PartnerSpec, environments: Iterable[str] | None = None) -> frozenset[str]:
    """Return the attributes that a spec carries, requires or decides by."""
    found = {name for template in templates(spec, environments) for name in template.attributes}
    for parameter in every_parameter(spec.parameters):
        if parameter.attribute is not None:
            found.add(parameter.attribute)
        if isinstance(parameter.required, RequiredWhen):
            found.update(parameter.required.when)
    found.update(name for name, attribute in spec.attributes.items() if attribute.required)
    return frozenset(found)


def sent_attributes(spec: PartnerSpec) -> frozenset[str]:
    """Return the attributes whose values are sent, or decide what is sent."""
    found = {name for template in templates(spec) for name in template.attributes}
    found.update(each.attribute for each in every_parameter(spec.parameters) if each.attribute is not None)
    return frozenset(found)


def attributes_of(parameter: Parameter) -> frozenset[str]:
    """Return the attributes that a parameter carries."""
    if parameter.attribute is not None:
        return frozenset({parameter.attribute})
    return frozenset(name for template in _inside(parameter.value) for name in template.attributes)


def every_parameter(parameters: Iterable[Parameter]) -> Iterator[Parameter]:
    """Yield parameters and those of the bodies inside them."""
    for parameter in parameters:
        yield parameter
        yield from every_parameter(parameter.parameters)


def secret_names(spec: PartnerSpec, environments: Iterable[str] | None = None) -> frozenset[str]:
    """Return the environment variables whose values are secret: all but those that only a URL or a file path names.

    A list's id in a URL is shown to the tech contact; a variable that is also a credential stays secret.
    """
    names = spec.endpoint if environments is None else environments
    merged: list[Environment] = [spec.environment(name) for name in names]
    open_places: list[Any] = []
    secret_places: list[Any] = [spec.parameters, spec.body, spec.idempotency]
    for environment in merged:
        secret_places.append(environment.proxy)
        open_places.extend((environment.url, environment.tls))
        for authentication in environment.authentication or ():
            for name in type(authentication).model_fields:
                is_open = name in _OPEN and not (name == "username" and _is_key(authentication))
                (open_places if is_open else secret_places).append(getattr(authentication, name))
    secret = {name for template in _inside(secret_places) for name in template.env}
    in_url = {name for template in _inside(open_places) for name in template.env}
    return frozenset(secret | {name for name in in_url if _sounds_secret(name)})


_OPEN = frozenset({"username", "certificate", "key", "token_url", "client_id", "scope", "audience"})


def _is_key(authentication: Authentication) -> bool:
    """Whether the user name is the credential: some partners want the key there, and any password or none."""
    if not isinstance(authentication, Basic):
        return False
    return not any(template.env for template in _inside(authentication.password))


_SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD", "PASSWD", "KEY", "CREDENTIAL", "SIGNATURE")


def _sounds_secret(name: str) -> bool:
    return any(word in name.upper() for word in _SECRET_WORDS)
