"""Compile a parameter of the spec into a function from a transaction to the value to send, or to a refusal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, assert_never

from msgspec import Struct

from rokt_export.partner_spec.model import Parameter, RequiredWhen
from rokt_export.redaction import OwnWords
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.filters import ABSENT, FilterError, Number, boolean, number, read_date, text_of
from rokt_export.spec_language.formats import matches
from rokt_export.spec_language.regexes import compile_regex
from rokt_export.spec_language.template import Template, attribute_template, compile_template, constant_template
from rokt_export.spec_language.template_places import EXPRESSION, TemplatePlace

ParameterValues = Mapping[str, Any]
Take = Callable[[ParameterValues], Any]


class Omit:
    """The type of `OMIT`, the value of a parameter that is not sent."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "OMIT"


OMIT: Final = Omit()


class RefusedError(ValueError):
    """A row that cannot satisfy one parameter; the message names the parameter and the reason.

    Values of the row are between backticks. A message without any is an `OwnWords`.
    """

    @property
    def message(self) -> str:
        """The message, as it was given."""
        message: str = self.args[0]
        return message


class MalformedError(RefusedError):
    """A value that its filter, type or checks refuse, and that `invalid: omit` leaves out."""


@dataclass(frozen=True, slots=True)
class CompiledParameter:
    """A compiled parameter.

    Attributes:
        name: the partner's name.
        parameter: the model it was compiled from.
        take: from a transaction's values to the value to send: text, `Number`, bool, None (null), a list, a mapping, or
            `OMIT`. Raises `RefusedError`.
        fixed: whether all rows have the same value.
        plain: the attribute whose value is sent unchanged, unless it is absent, null or empty; else None.
            `values.get(plain) or take(values)` is the value to send, mostly without a call.
    """

    name: str
    parameter: Parameter
    take: Take
    fixed: bool = False
    plain: str | None = None


def compile_field(
    parameter: Parameter, env: Mapping[str, str], omitted: Counter[str] | None = None
) -> CompiledParameter:
    """Compile a parameter for an environment's variables.

    Args:
        parameter: the model.
        env: values of the variables.
        omitted: counts the values that `invalid: omit` leaves out, by the parameter's name.
    """
    take = _take(parameter, env, omitted)
    fixed = isinstance(take, _Constant)
    return CompiledParameter(parameter.name, parameter, take, fixed, None if fixed else _plain(parameter))


class _Constant(Struct, frozen=True):
    """A `take` of a constant."""

    value: Any

    def __call__(self, _values: ParameterValues) -> Any:
        return self.value


def _plain(parameter: Parameter) -> str | None:
    if isinstance(parameter.value, tuple) or _finished(parameter) is not _same:
        return None
    return _template(parameter).attribute


def _take(parameter: Parameter, env: Mapping[str, str], omitted: Counter[str] | None) -> Take:
    if isinstance(parameter.value, tuple):
        return _several(parameter, env, omitted)
    if parameter.constant and not isinstance(parameter.value, str):
        return _same_for_all(lambda: _constant(parameter))
    template = _template(parameter)
    if template.constant:
        return _same_for_all(lambda: _finished(parameter)(template.fill({}, env)))
    take = _filled(parameter, template, env, omitted)
    if template.varies:
        return take
    try:
        value = take({})
    except (RefusedError, KeyError):  # refused for each row, as any other value
        return take
    return take if value is OMIT else _Constant(value)


def _same_for_all(make: Callable[[], Any]) -> Take:
    """Return the `take` of a constant; one that its own checks refuse is refused for each row."""
    try:
        return _Constant(make())
    except RefusedError:
        return lambda _values: make()


def _template(parameter: Parameter) -> Template:
    if parameter.attribute is not None:
        return attribute_template(parameter.attribute)
    if not isinstance(parameter.value, str):
        return constant_template(parameter.value)
    return compile_template(parameter.value, TemplatePlace.PARTS if _has_parts(parameter) else TemplatePlace.VALUE)


def _has_parts(parameter: Parameter) -> bool:
    """Return whether a header's value has parts (cookies, lists), which a row's value must not extend."""
    if parameter.in_ != "header":
        return False
    own = EXPRESSION.sub("", str(parameter.value)) if parameter.attribute is None else ""
    return parameter.name.lower() == "cookie" or any(sign in own for sign in ';,"')


def _constant(parameter: Parameter) -> Any:
    """Return a constant: a number or boolean stays one; with a `type` its digits in the file are kept."""
    value = parameter.value
    if value is None or (isinstance(value, bool) and parameter.type in (None, "boolean")):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and parameter.type is None:
        return Number(str(int(value)) if isinstance(value, int) else repr(float(value)))
    return _finished(parameter)(text_of(value))


def _several(parameter: Parameter, env: Mapping[str, str], omitted: Counter[str] | None) -> Take:
    single = [parameter.model_copy(update={"value": item}) for item in parameter.value]
    takes = [_take(item, env, omitted) for item in single]
    if takes and all(isinstance(each, _Constant) for each in takes):
        return _Constant([each({}) for each in takes])

    def take(values: ParameterValues) -> Any:
        found = [value for each in takes if (value := each(values)) is not OMIT]
        return found if found else OMIT

    return take


def _filled(parameter: Parameter, template: Template, env: Mapping[str, str], omitted: Counter[str] | None) -> Take:
    fill, lone, name = template.fill, template.attribute, parameter.name
    finish = _finished(parameter)
    needed = _required(parameter)
    on_absent = _policy(parameter, "absent", needed)
    on_null = _policy(parameter, "null", needed) if parameter.null else on_absent
    on_empty = _policy(parameter, "empty", needed)
    attribute = parameter.attribute
    missing = f"the row has no `{attribute}`" if attribute else "an attribute of its template is absent"

    def take(values: ParameterValues) -> Any:
        try:
            value = fill(values, env) if lone is None else values.get(lone, ABSENT)
        except FilterError as error:
            raise MalformedError(f"{name}: {error}") from error
        if value is ABSENT:
            return on_absent(values, missing)
        if value is None:
            return on_null(values, "the value is null")
        if value == "":
            return on_empty(values, "the value is empty")
        return finish(value)

    return _forgiving(parameter, take, needed, template.attributes, omitted)


def _forgiving(
    parameter: Parameter,
    take: Take,
    needed: Callable[[ParameterValues], bool],
    attributes: frozenset[str],
    omitted: Counter[str] | None,
) -> Take:
    one_of = isinstance(parameter.required, RequiredWhen) and parameter.required.any_of is not None

    def without_malformed(values: ParameterValues) -> Any:
        try:
            return take(values)
        except MalformedError:
            if needed({**values, **dict.fromkeys(attributes, ABSENT)} if one_of else values):
                raise
            if omitted is not None:
                omitted[parameter.name] += 1
            return OMIT

    match parameter.invalid:
        case "refuse":
            return take
        case "omit":
            return without_malformed
        case _:
            assert_never(parameter.invalid)


_OnGap = Callable[[ParameterValues, str], Any]


def _required(parameter: Parameter) -> Callable[[ParameterValues], bool]:
    required = parameter.required
    if isinstance(required, bool):
        return lambda _values: required
    tests = [(name, condition_of(wanted)) for name, wanted in required.conditions.items()]
    return lambda values: all(test(values.get(name, ABSENT)) for name, test in tests)


def condition_of(wanted: Any) -> Callable[[Any], bool]:
    """Return the test of one attribute in `required: {when: …}`: `present`, `absent`, or one of some texts."""
    if wanted == "present":
        return lambda value: value is not ABSENT and value is not None and value != ""
    if wanted == "absent":
        return lambda value: value is ABSENT or value is None or value == ""
    choices = {text_of(item) for item in (wanted if isinstance(wanted, (list, tuple)) else [wanted])}
    return lambda value: value is not ABSENT and text_of(value) in choices


def _policy(parameter: Parameter, gap: str, needed: Callable[[ParameterValues], bool]) -> _OnGap:
    """Return the handler of an absent, empty or null value; the default omits it, or refuses a required parameter."""
    policies = {"absent": parameter.absent, "empty": parameter.empty, "null": parameter.null}
    policy = policies[gap]
    name = parameter.name
    any_of = parameter.required.any_of if isinstance(parameter.required, RequiredWhen) else None

    def refuse(_values: ParameterValues, why: str) -> Any:
        raise RefusedError(OwnWords(f"{name}: {why}"))

    def refuse_if_needed(values: ParameterValues, why: str) -> Any:
        if needed(values):
            one = f"one of {listed(any_of)} is required: the row has none" if any_of else f"{name} is required: {why}"
            raise RefusedError(OwnWords(one))
        return OMIT

    match policy:
        case "send_empty":
            return lambda _values, _why: ""
        case "send_null":
            return lambda _values, _why: None
        case "refuse":
            return refuse
        case "omit" | None:
            return refuse_if_needed
        case _:
            assert_never(policy)


def _same(value: Any) -> Any:
    return value


def _finished(parameter: Parameter) -> Callable[[Any], Any]:
    """Return the type's conversion and the checks of format, pattern, choices and length as one function."""
    steps: list[Callable[[Any], Any]] = []
    if parameter.type is not None:
        steps.append(_converter(parameter))
    steps.extend(_checks(parameter))
    if len(steps) < 2:
        return steps[0] if steps else _same

    def finish(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return finish


_INTEGER = re.compile(r"([+-]?)0*(\d+)", re.ASCII)
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def _converter(parameter: Parameter) -> Callable[[Any], Any]:
    name = parameter.name

    def to_string(value: Any) -> Any:
        return str(text_of(value))

    def to_number(value: Any) -> Any:
        text = text_of(value).strip()
        return Number(text) if _JSON_NUMBER.fullmatch(text) else number(text)

    def to_integer(value: Any) -> Any:
        text = text_of(value).strip()
        if (found := _INTEGER.fullmatch(text)) is None:
            raise FilterError(f"`{text}` is not an integer")
        sign, digits = found.groups()
        return Number(f"-{digits}" if sign == "-" and digits != "0" else digits)

    def to_date(value: Any) -> Any:
        return read_date(text_of(value)).strftime(parameter.date_format)

    kinds = {"string": to_string, "number": to_number, "integer": to_integer, "boolean": boolean, "date": to_date}
    convert = kinds[str(parameter.type)]

    def checked(value: Any) -> Any:
        try:
            return convert(value)
        except FilterError as error:
            raise MalformedError(f"{name}: {error}") from error

    return checked


def text_checks(parameter: Parameter) -> list[tuple[Callable[[str], Any], str]]:
    """Return the tests of a parameter's text, each with the end of its message.

    The renderer applies them before a request is sent, the sandbox to what it received.
    """
    checks: list[tuple[Callable[[str], Any], str]] = []
    if parameter.format is not None:
        form = str(parameter.format)
        checks.append((partial(matches, form), f"is not of the format {form}"))
    if parameter.pattern is not None:
        checks.append((compile_regex(parameter.pattern).whole, f"does not match `{parameter.pattern}`"))
    if parameter.choices is not None:
        choices = frozenset(parameter.choices)
        checks.append((choices.__contains__, f"is none of {', '.join(parameter.choices)}"))
    if parameter.min_length is not None:
        least = parameter.min_length
        checks.append((lambda text: len(text) >= least, f"is shorter than {least} characters"))
    if parameter.max_length is not None:
        most = parameter.max_length
        checks.append((lambda text: len(text) <= most, f"is longer than {most} characters"))
    return checks


def _checks(parameter: Parameter) -> list[Callable[[Any], Any]]:
    checks = text_checks(parameter)
    if parameter.attribute is not None and _has_parts(parameter):
        checks.insert(0, (lambda text: not re.search(r'[;,"\\]', text), "contains a separator of cookies"))
    return [_check(parameter.name, test, why) for test, why in checks]


def _check(name: str, test: Callable[[str], Any], why: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        for item in value if isinstance(value, list) else (value,):
            text = text_of(item)
            if not test(text):
                raise MalformedError(f"{name}: {named_value(text)} {why}")
        return value

    return check


_SHOWN_WHOLE = 60


def named_value(text: str) -> str:
    """Return a row's value for a message; a long one by its length, because a cut value could not be redacted."""
    return f"`{text}`" if len(text) <= _SHOWN_WHOLE else f"a value of {len(text)} characters"
