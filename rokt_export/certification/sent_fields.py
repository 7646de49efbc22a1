"""What a row decides of a request: the partner's names and the values that were sent, for people to look up."""

from __future__ import annotations

from collections.abc import Iterator

from rokt_export.partner_spec.model import Parameter
from rokt_export.partner_spec.references import attributes_of, every_parameter, names_in, templates_in
from rokt_export.request.parameter_values import OMIT, RefusedError, compile_field
from rokt_export.request.render import Renderer
from rokt_export.spec_language.filters import text_of
from rokt_export.transactions.transaction import Transaction


def fields_of(renderer: Renderer, transaction: Transaction) -> list[tuple[str, str]]:
    """Return name and value of each parameter that the row decides, in the spec's order; no credentials.

    Attributes in the URL or in a body that is one template have their own names.
    """
    return list(dict.fromkeys(_fields(renderer, transaction)))


def varying(parameter: Parameter) -> bool:
    """Return whether a row decides a parameter's value."""
    return not parameter.parameters and bool(attributes_of(parameter))


def _fields(renderer: Renderer, transaction: Transaction) -> Iterator[tuple[str, str]]:
    shown: set[str] = set()
    for parameter in every_parameter(renderer.spec.parameters):
        if not varying(parameter) or parameter.secret or names_in(parameter.value):
            continue
        shown |= attributes_of(parameter)
        try:
            value = compile_field(parameter, renderer.variables).take(transaction.values)
        except RefusedError:
            continue
        for item in value if isinstance(value, list) else [value]:
            if item is not OMIT and item is not None:
                yield parameter.name, str(text_of(item))
    places = (renderer.environment.url, renderer.spec.body)
    for name in sorted({name for template in templates_in(*places) for name in template.attributes} - shown):
        value = transaction.values.get(name)
        if isinstance(value, str) and value:
            yield name, value
