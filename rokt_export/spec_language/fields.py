"""The field types of the spec language: convert written values (`10s`, `4xx`, `{{ email }}`) and check them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from rokt_export.redaction.display_text import cut
from rokt_export.redaction.spec_lines import masked_line
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.paths import PathProblem, compile_path
from rokt_export.spec_language.regexes import LARGEST_UNICODE, MOST_TOGETHER, RegexProblem, compile_regex, too_many
from rokt_export.spec_language.template import check_numbers, compile_template
from rokt_export.spec_language.template_places import EXPRESSION, TemplatePlace, TemplateProblem
from rokt_export.spec_language.urls import PROOF_REMEDY, forbidden_sign, proof_problem

_SHOWN = 38
"""Maximum characters of a value in a message about it."""


def problem(code: str, message: str, hint: str, **context: Any) -> PydanticCustomError:
    """Return a validation error with a finding's code, message and hint."""
    shown = {"message": message, "hint": hint, **context}
    return PydanticCustomError(code, "{message}", shown)


class Strict(BaseModel):
    """A mapping of the spec with known keys and frozen values.

    Each validation records which model read which mapping, so that a similar key can be suggested for an unknown one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, protected_namespaces=())
    shorthand: ClassVar[str | None] = None
    """The key that a scalar is short for (`staging: https://…` means `staging: {url: https://…}`)."""

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, Mapping):
            if cls.shorthand is None or data is None:
                raise problem("RX012", f"a mapping is expected here, not {kind_of(data)}", f"Write {cls.keys_text()}.")
            return {cls.shorthand: data}
        if isinstance(info.context, dict):
            info.context[id(data)] = cls
        return data

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Return the keys that this mapping may have, as they are written in a spec."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def keys_text(cls) -> str:
        """Return the keys as one text, for a hint."""
        return ", ".join(f"`{key}`" for key in cls.keys())  # noqa: SIM118


def kind_of(value: Any) -> str:
    """Return the kind of a value, for a person."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {cut(text_of(value), _SHOWN)}"
        case str():
            return f"the text `{cut(masked_line(value), _SHOWN)}`"
        case list() | tuple():
            return "a list"
        case _:
            return "a mapping"


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise problem(
            "RX012", f"text is expected here, not {kind_of(value)}", "Write text; quote it if it looks otherwise."
        )
    return text_of(value)


Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number"]})]
"""Text; an unquoted number keeps its written digits."""


def template_at(place: TemplatePlace) -> Callable[[str], str]:
    """Return a validator that a text is a template for a place."""

    def check(text: str) -> str:
        try:
            compile_template(text, place)
            check_numbers(text)
        except TemplateProblem as error:
            raise problem("RX020", str(error), error.remedy) from error
        return text

    return check


ValueTemplate = Annotated[Text, AfterValidator(template_at(TemplatePlace.VALUE))]


def _proved(text: str) -> str:
    try:
        found = proof_problem(text)
        check_numbers(text)
    except TemplateProblem as error:
        raise problem(
            "RX020", f"{error}; a placeholder such as `{{name}}` belongs outside templates", "Write `{{ attribute }}`."
        ) from error
    if found is not None:
        raise problem("RX150", found, PROOF_REMEDY)
    bad = forbidden_sign(EXPRESSION.sub("", text).strip())
    if bad is not None:
        raise problem(
            "RX012", f"a URL cannot contain {bad}", "Remove it, or percent-encode it (`#` is %23, a blank %20)."
        )
    return text


def without_rows(text: str) -> str:
    """Return a template that no row changes.

    Raises:
        PydanticCustomError: a row decides a part of it.
    """
    if compile_template(text).varies:
        raise problem(
            "RX151",
            "a row decides a part of this, which must be the same for all rows",
            "Use constants and `{{ env.NAME }}` only.",
        )
    return text


UrlTemplate = Annotated[Text, AfterValidator(template_at(TemplatePlace.URL)), AfterValidator(_proved)]
FixedTemplate = Annotated[ValueTemplate, AfterValidator(without_rows)]
"""A template of constants and environment variables, without attributes."""
FixedUrl = Annotated[FixedTemplate, AfterValidator(_proved)]
TextTemplate = Annotated[Text, AfterValidator(template_at(TemplatePlace.TEXT))]


def _regex(text: str, info: ValidationInfo) -> str:
    sizes: dict[str, int] = info.context.setdefault("regexes", {}) if isinstance(info.context, dict) else {}
    try:
        if text not in sizes and sum(sizes.values()) > MOST_TOGETHER:
            raise too_many()
        sizes[text] = LARGEST_UNICODE  # count the time of a refused expression too
        sizes[text] = compile_regex(text).size
    except RegexProblem as error:
        remedy = error.of_parameter if info.field_name == "pattern" else error.remedy
        raise problem(error.code, str(error), remedy) from error
    return text


RegexText = Annotated[Text, AfterValidator(_regex)]


def _path(text: str) -> str:
    try:
        compile_path(text)
    except PathProblem as error:
        raise problem(
            "RX022", str(error), "Write JSONPath (`$.errors[0].code`) or an XML path (`/Response/Code`)."
        ) from error
    return text


BodyPathText = Annotated[Text, AfterValidator(_path)]

LONGEST = 10 * 365 * 86_400
"""Maximum seconds of a duration: ten years."""
MOST = 1_000_000_000
"""Maximum of a count or a rate: sends per second, characters of a value."""
LARGEST = 1_000_000_000_000
"""Maximum bytes of a size: 1,000 GB."""


def _named(value: Any) -> str:
    return f"`{cut(text_of(value), _SHOWN)}`"


_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)?\s*")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(value: Any) -> float:
    """Return the seconds of `10s`, `500ms`, `2m`, `1h` or a number of seconds.

    Raises:
        ValueError: the value is none of these, zero, or more than `LONGEST`.
    """
    match = _DURATION.fullmatch(text_of(value)) if isinstance(value, (str, int, float)) else None
    if match is None or isinstance(value, bool) or not float(match[1]):
        raise ValueError(f"{_named(value)} is not a duration")
    seconds = float(match[1]) * _SECONDS[match[2] or "s"]
    if seconds > LONGEST:
        raise ValueError(f"{_named(value)} is too long: a duration is at most 10 years")
    return seconds


_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*([1-9]\d*)?\s*(s|m|h|d)\s*")
_SPANS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Rate(NamedTuple):
    """A maximum number of sends in any span of time.

    Attributes:
        sends: the number of sends.
        seconds: the length of the span.
    """

    sends: float
    seconds: float

    @property
    def per_second(self) -> float:
        """Sends per second."""
        return self.sends / self.seconds

    def __str__(self) -> str:
        spans = ((name, span) for name, span in reversed(_SPANS.items()) if self.seconds % span == 0)
        name, span = next(spans, ("s", 1.0))
        number = "" if self.seconds == span else f"{self.seconds / span:g} "
        return f"{self.sends:.10g}/{number}{name}"


def rate(value: Any) -> Rate:
    """Return the rate of `10/s`, `600/m`, `190/10s` or `1000000/d`.

    Raises:
        ValueError: the value is none of these, zero, more than `MOST` sends per second, or of a span above `LONGEST`.
    """
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not float(match[1]):
        raise ValueError(f"{_named(value)} is not a rate")
    found = Rate(float(match[1]), float(match[2] or 1) * _SPANS[match[3]])
    if found.seconds > LONGEST:
        raise ValueError(f"the span of {_named(value)} is too long: it is at most 10 years")
    if found.per_second > MOST:
        raise ValueError(f"{_named(value)} is too fast: a rate is at most {MOST:,} requests per second")
    return found


def rates(value: Any) -> tuple[Rate, ...]:
    """Return one rate, several that all hold, or none for a key without a value.

    Raises:
        ValueError: one is no rate, or of several one is no whole number of sends.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return (rate(value),)
    if not isinstance(value, (list, tuple)) or not value:
        raise ValueError(f"{_named(value)} is not a rate")
    found = tuple(each if isinstance(each, Rate) else rate(each) for each in value)
    if len(found) > 1 and (broken := next((each for each in found if each.sends % 1), None)) is not None:
        raise ValueError(f"`{broken}` is not a whole number of requests")
    return found


_SIZE = re.compile(r"\s*(\d+)\s*(B|KB|MB|GB)?\s*", re.IGNORECASE)
_BYTES = {"B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def size(value: Any) -> int:
    """Return the bytes of `500KB`, `10MB` or a number of bytes.

    Raises:
        ValueError: the value is none of these, or more than `LARGEST`.
    """
    match = _SIZE.fullmatch(text_of(value)) if isinstance(value, (str, int)) else None
    if match is None or isinstance(value, bool):
        raise ValueError(f"{_named(value)} is not a size")
    scale = _BYTES[(match[2] or "B").upper()]
    if float(match[1]) * scale > LARGEST:
        raise ValueError(f"{_named(value)} is too large: a size is at most {LARGEST // _BYTES['GB']:,} GB")
    return int(match[1]) * scale


def _as_field(parse: Callable[[Any], Any], hint: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise problem("RX012", str(error), hint) from error

    return BeforeValidator(check)


def _written(pattern: re.Pattern[str]) -> str:
    """Return a pattern for JSON Schema, whose dialect (ECMA-262) has no flags."""
    text = pattern.pattern.replace("B|KB|MB|GB", "[KMGkmg]?[Bb]") if pattern is _SIZE else pattern.pattern
    return f"^{text}$"


Duration = Annotated[
    float,
    _as_field(duration, "Write `10s`, `500ms` or `2m`."),
    WithJsonSchema({"type": ["string", "number"], "pattern": _written(_DURATION), "exclusiveMinimum": 0}),
]
_RATE_TEXT = {"type": "string", "pattern": _written(_RATE)}
Rates = Annotated[
    tuple[Rate, ...],
    _as_field(rates, "Write `10/s`, `600/m`, `190/10s` or `1000000/d`, or a list of them."),
    WithJsonSchema({"anyOf": [_RATE_TEXT, {"type": "array", "items": _RATE_TEXT, "minItems": 1}, {"type": "null"}]}),
]
Size = Annotated[
    int,
    _as_field(size, "Write `500KB` or `10MB`."),
    WithJsonSchema({"type": ["string", "integer"], "pattern": _written(_SIZE), "minimum": 0}),
]

StatusRanges = tuple[tuple[int, int], ...]


def status_ranges(value: Any) -> StatusRanges:
    """Return the inclusive ranges of `200`, `200-299`, `4xx` or a list of these.

    Raises:
        ValueError: the value is none of these, or outside 100 to 599.
    """
    if isinstance(value, (list, tuple)) and value:
        return tuple(found for item in value for found in status_ranges(item))
    text = text_of(value).strip()
    if match := re.fullmatch(r"([1-5])[xX]{2}", text):
        found = (int(match[1]) * 100, int(match[1]) * 100 + 99)
    elif match := re.fullmatch(r"(\d{3})(?:\s*-\s*(\d{3}))?", text):
        found = (int(match[1]), int(match[2] or match[1]))
    else:
        raise ValueError(f"`{text}` is not an HTTP status")
    if not 100 <= found[0] <= found[1] <= 599:
        raise ValueError(f"`{text}` is not an HTTP status: they run from 100 to 599")
    return (found,)


def statuses_of(ranges: StatusRanges) -> frozenset[int]:
    """Return the statuses in inclusive ranges."""
    return frozenset(status for low, high in ranges for status in range(low, high + 1))


_STATUS_ITEM = {
    "type": ["integer", "string"],
    "minimum": 100,
    "maximum": 599,
    "pattern": r"^\s*([1-5][xX]{2}|[1-5]\d\d(\s*-\s*[1-5]\d\d)?)\s*$",
}
Status = Annotated[
    StatusRanges,
    _as_field(status_ranges, "Write `200`, `200-299`, `4xx`, or a list of them."),
    WithJsonSchema({"anyOf": [_STATUS_ITEM, {"type": "array", "items": _STATUS_ITEM, "minItems": 1}]}),
]


def one_or_many(value: Any) -> Any:
    """Return a list unchanged, and any other value as a list of one."""
    return value if isinstance(value, (list, tuple)) else [value]


def listed(names: Iterable[str]) -> str:
    """Return names as a text: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = frozenset(("content-length", "transfer-encoding", "trailer", "upgrade"))
_HOP_BY_HOP = frozenset(("connection", "keep-alive", "te", "expect"))
ROUTING = frozenset((
    "host", "forwarded", "x-forwarded-host", "x-forwarded-server", "x-original-host", "x-host", "x-host-override",
    "x-http-host-override", "x-real-host", "x-proxy-host", "x-original-url", "x-rewrite-url", "x-forwarded-url",
    "x-forwarded-uri", "x-envoy-original-path",
))  # fmt: skip
"""Headers that name a host or a path, by which servers and proxies select a site."""


def check_header_name(name: str, *, fixed: bool) -> None:
    """Check that a request may have a header of this name.

    Args:
        name: the name in the spec.
        fixed: whether its value consists of constants and environment variables.

    Raises:
        PydanticCustomError: it may not (RFC 9110, 5.1 and 7.6.1), or its value must not depend on a row.
    """
    lower = name.lower()
    if not _TOKEN.fullmatch(name):
        raise problem(
            "RX154",
            "this is not the name of a header: it may have letters, digits and !#$%&'*+-.^_`|~ only",
            "Write the name alone, as in `X-Api-Key`; what follows its `:` is the value.",
        )
    if lower in _FRAMING or (not fixed and (lower in _HOP_BY_HOP or lower.startswith("proxy-"))):
        raise problem(
            "RX153",
            f"`{name}` controls how the request itself is sent; it is not a partner's parameter",
            "Remove it: the request is framed as it is sent.",
        )
    if lower in ROUTING and not fixed:
        raise problem(
            "RX150",
            f"a row decides the `{name}` header, by which a server chooses among its hosts and paths",
            "Write the value out, or take it from `{{ env.NAME }}`.",
        )


def _varying(name: str) -> str:
    check_header_name(name, fixed=False)
    return name


HeaderName = Annotated[Text, AfterValidator(_varying)]
"""The name of a header whose value may depend on the row."""
