"""Makes the test people of a spec, and finds the parameters that none of them can satisfy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from rokt_export.partner_spec.document import DataPath
from rokt_export.partner_spec.model import Parameter, PartnerSpec
from rokt_export.partner_spec.references import (
    attribute_names,
    attributes_of,
    every_parameter,
    examples_of,
    sole_parameters,
)
from rokt_export.redaction import OwnWords
from rokt_export.request.parameter_values import RefusedError, Take, compile_field
from rokt_export.transactions.test_people import generate
from rokt_export.transactions.transaction import Transaction, Value

_LOOKED_AT = 50
"""Test people that are tried. A parameter may take some cities or one gender only; then one of these fits it."""


def people(
    spec: PartnerSpec,
    count: int,
    *,
    attributes: Collection[str] | None = None,
    seed: int | None = None,
    overrides: Mapping[str, Value] | None = None,
    unset: Collection[str] = (),
) -> Iterator[Transaction]:
    """Yield test people for a spec: with its examples, in the shapes of its parameters; see `generate`.

    Args:
        attributes: what they have; None for what the spec uses.
    """
    return generate(
        count,
        attributes=attribute_names(spec) if attributes is None else attributes,
        parameters=sole_parameters(spec),
        seed=seed,
        examples=examples_of(spec),
        accepts=_acceptance(spec),
        overrides=overrides,
        unset=unset,
    )


def _acceptance(spec: PartnerSpec) -> Callable[[str, str], bool]:
    """Return the test whether each parameter that sends only one attribute takes a value of it."""
    takes: dict[str, list[Take]] = {}
    for parameter in every_parameter(spec.parameters):
        names = attributes_of(parameter)
        if len(names) == 1:
            takes.setdefault(next(iter(names)), []).append(compile_field(parameter, {}).take)

    def accepts(attribute: str, value: str) -> bool:
        return not any(_refusal(take, {attribute: value}) for take in takes.get(attribute, ()))

    return accepts


def _refusal(take: Take, values: Mapping[str, Value]) -> str | None:
    """Return why a parameter refuses values; None if it takes them, or needs a variable that is not known here."""
    try:
        take(values)
    except RefusedError as error:
        return error.message
    except KeyError:
        return None
    return None


class UnmetParameter(Struct, frozen=True):
    """A parameter that no test person satisfies.

    Attributes:
        path: its path in the spec.
        message: why, with the value of the first test person.
        remedy: what to do about it.
    """

    path: DataPath
    message: str
    remedy: str


def unmet(spec: PartnerSpec, given: Collection[str] = ()) -> Iterator[UnmetParameter]:
    """Yield the parameters that no test person satisfies, so that each `test` without a file is invalid.

    Args:
        given: attributes that the command line sets or leaves out: their parameters are not looked at.
    """
    asked = [
        (path, each, compile_field(each, {}).take)
        for path, each in placed_parameters(spec.parameters, ("parameters",))
        if not each.parameters and attributes_of(each).isdisjoint(given)
    ]
    reasons: dict[DataPath, str] = {}
    for number, person in enumerate(people(spec, _LOOKED_AT, seed=1)):
        found = {path: why for path, _, take in asked if (why := _refusal(take, person.values)) is not None}
        reasons = {path: reasons.get(path, why) for path, why in found.items() if path in reasons or not number}
        if not reasons:
            return
    for path, parameter, _ in asked:
        if path in reasons:
            message = f"no {'test person' if attributes_of(parameter) else 'row'} passes: {reasons[path]}"
            if parameter.attribute is not None and parameter.attribute not in examples_of(spec):
                message = OwnWords(message)  # the value is generated: it is no secret of the spec
            yield UnmetParameter(path, message, _remedy(spec, parameter))


def _remedy(spec: PartnerSpec, parameter: Parameter) -> str:
    names = sorted(attributes_of(parameter))
    if not names:
        return "Correct its value, or what the parameter demands."
    if known := [name for name in names if name in examples_of(spec)]:
        return f"Correct the example of `{known[0]}`, or what the parameter demands."
    return (
        f"Declare a value that passes, which test people then carry: `attributes: {{{names[0]}: {{example: …}}}}`;"
        f" or send rows of a file."
    )


def placed_parameters(parameters: Iterable[Parameter], path: DataPath) -> Iterator[tuple[DataPath, Parameter]]:
    """Yield each parameter with its path in the spec, inner ones after the outer one."""
    for index, parameter in enumerate(parameters):
        yield (*path, index), parameter
        yield from placed_parameters(parameter.parameters, (*path, index, "parameters"))
