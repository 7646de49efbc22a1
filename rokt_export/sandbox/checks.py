"""Makes checks of received requests from the spec's parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct
from multidict import CIMultiDict

from rokt_export.authentication.base import ReceivedRequest
from rokt_export.partner_spec.attributes import canonical
from rokt_export.partner_spec.model import Parameter, RequiredWhen
from rokt_export.request.parameter_values import condition_of, text_checks
from rokt_export.sandbox.bodies import BodyProblem, FindInBody, array_lengths, finder, read_body
from rokt_export.sandbox.recordings import SandboxRecording
from rokt_export.sandbox.url_patterns import EndpointUrl, UrlPattern
from rokt_export.spec_language.encodings import ENCODINGS, nests
from rokt_export.spec_language.filters import ABSENT, text_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace

Seek = Callable[[ReceivedRequest], list[Any]]
"""Returns the candidates for a parameter's value in a request; none if it is absent."""
ParameterTest = Callable[[Any], str | None]
"""Returns what is wrong with a value, as the end of a sentence; None if nothing is."""

_TYPED = ("number", "integer", "boolean")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
_TEXT_TYPES: Mapping[str, re.Pattern[str]] = {
    "number": _NUMBER,
    "integer": re.compile(r"[+-]?\d+"),
    "boolean": re.compile(r"true|false|yes|no|on|off|y|n|t|f|1|0", re.IGNORECASE),
}


class LocatedParameter(Struct, frozen=True):
    """A parameter and where to find it; `outer` is the label of the form field that contains it, if any."""

    label: str
    parameter: Parameter
    encoding: str
    seek: Seek
    outer: str


class ParameterCheck(Struct, frozen=True):
    """The checks of one parameter."""

    place: LocatedParameter
    required: Callable[[ReceivedRequest], bool]
    tests: tuple[ParameterTest, ...]
    inner: str | None

    def problems(self, received: ReceivedRequest) -> Iterator[str]:
        """Yield the problems of the parameter, without its value, which may be personal."""
        label, parameter = self.place.label, self.place.parameter
        candidates = self.place.seek(received)
        if not candidates:
            if self.required(received):
                yield f"`{label}` is missing"
            return
        said = [_emptiness(parameter, value) for value in candidates]
        filled = [value for value, empty in zip(candidates, said, strict=True) if empty is None]
        if not filled:
            if self.required(received) and said[0]:
                yield f"`{label}` is {said[0]}"
            return
        for test in self.tests:
            wrong = [test(item) for item in filled]
            if all(wrong):
                yield f"`{label}` {wrong[0]}"
        if self.inner is not None:
            try:
                read_body(self.inner, text_of(filled[0]))
            except BodyProblem as error:
                yield f"`{label}`: {error}"


def places(parameters: Iterable[Parameter], encoding: str, *, exact: bool = False) -> list[LocatedParameter]:
    """Return every parameter of a spec with its place; those inside a form field follow their field.

    Args:
        parameters: the parameters.
        encoding: the encoding of the body.
        exact: whether numbers inside a form field keep all digits.
    """
    return list(_places(tuple(parameters), encoding, lambda received: received.data, "", exact))


class ParameterReader:
    """Extracts the parameters of recorded requests, with all digits, by their names in the spec.

    Args:
        parameters: the spec's parameters.
        encoding: the encoding of the body.
        url: the endpoint's URL.
        whole: the pattern of a body that is one template; then its attributes are extracted.
    """

    def __init__(
        self, parameters: tuple[Parameter, ...], encoding: str, url: EndpointUrl, whole: UrlPattern | None
    ) -> None:
        self._places = places(parameters, encoding, exact=True)
        self._encoding = encoding
        self._url = url
        self._whole = whole

    def __call__(self, recorded: SandboxRecording) -> Mapping[str, Any]:
        """Return name to value; numbers of a JSON body are int or Decimal, so that no digit is lost."""
        headers = CIMultiDict(recorded.headers)
        received = ReceivedRequest(recorded.method, recorded.path, recorded.query, headers, recorded.body)
        received.path_values = self._url.match(recorded.path) or {}
        values: dict[str, Any] = dict(received.path_values)
        if self._whole is not None:
            values |= self._whole.read(recorded.body.decode("utf-8", "replace")) or {}
        with suppress(BodyProblem):
            received.data = read_body(self._encoding, recorded.body, headers.get("Content-Type"), exact=True)
        fields = {"": values}
        for place in self._places:
            found = _found(place, received) if place.outer in fields else []
            if found and place.parameter.encoding:
                fields[place.outer][place.parameter.name] = fields[place.label] = {}
            elif found:
                fields[place.outer][place.parameter.name] = found[0] if len(found) == 1 else found
        return values


def _found(place: LocatedParameter, received: ReceivedRequest) -> list[Any]:
    try:
        return place.seek(received)
    except ValueError:  # a query with too many fields
        return []


def checks(found: list[LocatedParameter]) -> list[ParameterCheck]:
    """Return the checks of parameters, without those that accept everything."""
    carried = _carriers(found)
    made = []
    for place in found:
        tests = tuple(_tests(place.parameter, place.encoding))
        if tests or place.parameter.required or place.parameter.encoding:
            made.append(ParameterCheck(place, _requirement(place, carried), tests, place.parameter.encoding))
    return made


def carried_attributes(parameter: Parameter) -> frozenset[str]:
    """Return the canonical names of the attributes in a parameter's value."""
    if parameter.attribute is not None:
        return frozenset({canonical(parameter.attribute) or parameter.attribute})
    if not isinstance(parameter.value, str):
        return frozenset()
    names = compile_template(parameter.value, TemplatePlace.VALUE).attributes
    return frozenset(canonical(name) or name for name in names)


def _places(
    parameters: tuple[Parameter, ...], encoding: str, data: Callable[[ReceivedRequest], Any], outer: str, exact: bool
) -> Iterator[LocatedParameter]:
    lengths = array_lengths(p.name for p in parameters if p.in_ == "body") if nests(encoding) else {}
    for parameter in parameters:
        seek = _seek(parameter, finder(parameter.name, encoding, lengths), data)
        label = f"{outer}: {parameter.name}" if outer else parameter.name
        place = LocatedParameter(label, parameter, encoding, seek, outer)
        yield place
        if parameter.encoding:
            inner = _inner_data(seek, parameter.encoding, exact)
            yield from _places(parameter.parameters, parameter.encoding, inner, label, exact)


def _seek(parameter: Parameter, find: FindInBody, data: Callable[[ReceivedRequest], Any]) -> Seek:
    name = parameter.name
    match parameter.in_:
        case "query":
            return lambda received: list(received.queried.get(name, ()))
        case "header":
            return lambda received: list(received.headers.getall(name, []))
        case "path":
            return lambda received: [received.path_values[name]] if name in received.path_values else []
        case _:
            return lambda received: find(data(received))


def _inner_data(seek: Seek, encoding: str, exact: bool) -> Callable[[ReceivedRequest], Any]:
    def data(received: ReceivedRequest) -> Any:
        for value in seek(received):
            try:
                return read_body(encoding, text_of(value), exact=exact)
            except BodyProblem:
                return None  # reported by the check of the field
        return None

    return data


def _emptiness(parameter: Parameter, value: Any) -> str | None:
    """Return `null` or `empty` for a value that is not allowed to be; else None."""
    if value is None:
        return None if "send_null" in (parameter.null, parameter.empty, parameter.absent) else "null"
    if value == "":
        return None if "send_empty" in (parameter.null, parameter.empty, parameter.absent) else "empty"
    return None


def _requirement(place: LocatedParameter, carried: Mapping[str, Seek]) -> Callable[[ReceivedRequest], bool]:
    required = place.parameter.required
    if not isinstance(required, RequiredWhen):
        # A parameter inside a field is missing only if the field is present: else the field is missing.
        return lambda _received: bool(required)
    conditions = []
    for name, wanted in required.conditions.items():
        seek = carried.get(canonical(name) or name)
        if seek is None:
            return lambda _received: False  # depends on an attribute that the partner does not receive
        conditions.append((seek, condition_of(wanted)))

    def needed(received: ReceivedRequest) -> bool:
        return all(any(map(holds, _filled(seek(received)) or [ABSENT])) for seek, holds in conditions)

    return needed


def _filled(candidates: list[Any]) -> list[Any]:
    return [value for value in candidates if value not in (None, "")]


def _carriers(found: list[LocatedParameter]) -> dict[str, Seek]:
    """Return attribute to the function that reads it; parameters that send it unchanged take precedence."""
    carriers: dict[str, Seek] = {}
    for place in sorted(found, key=lambda item: not _as_it_is(item.parameter)):
        names = carried_attributes(place.parameter)
        if len(names) == 1:
            carriers.setdefault(next(iter(names)), place.seek)
    return carriers


def _as_it_is(parameter: Parameter) -> bool:
    return parameter.attribute is not None or (isinstance(parameter.value, str) and "|" not in parameter.value)


def _tests(parameter: Parameter, encoding: str) -> Iterator[ParameterTest]:
    if parameter.type is not None:
        yield _each(_type_test(parameter, encoding))
    for accepts, wrong in text_checks(parameter):
        yield _texts(accepts, wrong)


def _each(test: ParameterTest) -> ParameterTest:
    """Return a test that is applied to every item of a list."""

    def apply(value: Any) -> str | None:
        if not isinstance(value, list):
            return test(value)
        return next((wrong for item in value if (wrong := test(item))), None)

    return apply


def _texts(accepts: Callable[[str], Any], wrong: str) -> ParameterTest:
    return _each(lambda value: None if value in (None, "") or accepts(text_of(value)) else wrong)


def _type_test(parameter: Parameter, encoding: str) -> ParameterTest:
    kind = str(parameter.type)
    wrong = f"is not a {kind}" if kind != "integer" else "is not an integer"
    if kind == "date":
        return lambda value: (
            None if _is_date(text_of(value), parameter.date_format) else f"{wrong} as `{parameter.date_format}`"
        )
    in_json = ENCODINGS[encoding].names == "json" and parameter.in_ == "body"
    if in_json:
        return lambda value: (
            None if value is None or _has_json_type(value, kind) else f"{wrong} but {_json_kind(value)}"
        )
    if kind not in _TYPED:
        return lambda _value: None
    pattern = _TEXT_TYPES[kind]
    return lambda value: None if not text_of(value) or pattern.fullmatch(text_of(value)) else wrong


def _has_json_type(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and (kind == "number" or abs(value) >= 2**63))


def _json_kind(value: Any) -> str:
    kinds = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return kinds.get(type(value), "null")


def _is_date(text: str, form: str) -> bool:
    if not text:
        return True
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    except re.error:  # a form that is written, such as `%d %d`, need not be one that can be read
        return True
    return True
