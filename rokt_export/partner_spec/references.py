"""Turn a spec into what it needs from outside: the environment variables and the attributes that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from rokt_export.partner_spec.model import Parameter, PartnerSpec, RequiredWhen
from rokt_export.spec_language.template import Template, TemplateProblem, compile_template


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


def templates_in(*places: Any) -> Iterator[Template]:
    """Yield each template of parts of a spec that names something."""
    yield from _inside(places)


def variable_names(spec: PartnerSpec, environments: Iterable[str] | None = None) -> frozenset[str]:
    """Return the environment variables that a spec names (`{{ env.NAME }}`); the value of each is secret."""
    return frozenset(name for template in templates(spec, environments) for name in template.env)


def names_in(value: Any) -> frozenset[str]:
    """Return the environment variables that a part of a spec names."""
    return frozenset(name for template in _inside(value) for name in template.env)


def credential_variables(spec: PartnerSpec, environment: str) -> frozenset[str]:
    """Return the environment variables that an environment's authentications name."""
    authentications = spec.environment(environment).authentication or ()
    return frozenset(name for template in _inside(authentications) for name in template.env)


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
