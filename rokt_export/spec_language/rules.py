"""The model of response rules: their conditions, captures, waits and examples."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from rokt_export.spec_language.fields import (
    LONGEST,
    BodyPathText,
    RegexText,
    Status,
    Strict,
    Text,
    kind_of,
    one_or_many,
    problem,
)
from rokt_export.spec_language.paths import array_steps

Scalar = Any
"""Text, number, boolean or null from YAML; numbers keep their written text."""

OUTCOMES = ("delivered", "duplicate", "rejected", "failed")


class Condition(Strict):
    """A condition on a value; every key that is given must hold.

    Short forms: a scalar is `equals`, a list is `one_of`. Text and numbers with the same digits are equal (`"7"` and
    `7`), unless `strict`.

    Attributes:
        equals: the value.
        one_of: the allowed values.
        contains: a text that it contains.
        prefix: the text that it starts with.
        suffix: the text that it ends with.
        regex: a regular expression found in it.
        exists: whether there is a value at all.
        absent: whether there is none.
        empty: whether it is an empty text, list or mapping.
        compare: an operator and a number, such as `>= 5`.
        not_: a condition that must not hold.
        any: a condition that one of several values must satisfy, which is the default.
        every: a condition that each of several values must satisfy.
        ignore_case: whether upper and lower case are equal.
        strict: whether `"7"` and `7` differ.
    """

    equals: Scalar = None
    one_of: tuple[Scalar, ...] | None = None
    contains: Text | None = None
    prefix: Text | None = None
    suffix: Text | None = None
    regex: RegexText | None = None
    exists: bool | None = None
    absent: bool | None = None
    empty: bool | None = None
    compare: Annotated[Text, Field(pattern=r"^\s*(==|!=|>=|<=|>|<)\s*-?\d+(\.\d+)?\s*$")] | None = None
    not_: Condition | None = Field(None, alias="not")
    any: Condition | None = None
    every: Condition | None = None
    ignore_case: bool = False
    strict: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:  # runs before Strict._read, which then gets a mapping
        if isinstance(data, dict):
            if not data:
                raise problem("RX012", "this condition is empty", f"Give one of {cls.keys_text()}.")
            return data
        return {"one_of": data} if isinstance(data, list) else {"equals": data}

    @property
    def has_equals(self) -> bool:
        """Whether `equals` is given; `equals: null` is a condition too."""
        return "equals" in self.model_fields_set


class Test(Strict):
    """Conditions on one response; every key that is given must hold.

    Attributes:
        status: inclusive ranges.
        headers: name (without regard to case) to condition on its value.
        content_type: condition on the media type, without parameters, lower case.
        text: condition on the whole body as text.
        empty: whether the body is empty; white space does not count.
        body: path to condition; if there are several values, one of them must satisfy it, unless `every`.
        all: tests that must all hold.
        any: tests of which one must hold.
        not_: a test that must not hold.
    """

    __test__: ClassVar[bool] = False  # so that pytest does not collect it

    status: Status | None = None
    headers: dict[Text, Condition] = Field(default_factory=dict)
    content_type: Condition | None = None
    text: Condition | None = None
    empty: bool | None = None
    body: dict[BodyPathText, Condition] = Field(default_factory=dict)
    all: tuple[Test, ...] = ()
    any: tuple[Test, ...] = ()
    not_: Test | None = Field(None, alias="not")


class CapturePath(Strict):
    """The place of a captured text.

    Attributes:
        path: body path; without one, the text of the whole body is searched.
        header: a header instead of the body.
        regex: the part to keep: its group named `value`, else its first group, else the whole match.
    """

    shorthand = "path"
    path: BodyPathText | None = None
    header: Text | None = None
    regex: RegexText | None = None

    def __str__(self) -> str:
        """Return the place as a report names it."""
        place = f"`{self.path}`" if self.path else f"header `{self.header}`" if self.header else "the body"
        return place if self.regex is None else f"`{self.regex}` in {place}"


def _captures(value: Any) -> Any:
    if isinstance(value, str) and not value.startswith(("$", "/")):
        raise problem("RX022", f"`{value}` is not a path", "Write `$.id`, `/Result/Id`, or {regex: …}.")
    return one_or_many(value)


Captures = Annotated[tuple[CapturePath, ...], BeforeValidator(_captures)]
"""One place or several; the first with a text is used."""


class Capture(Strict):
    """What is kept of a response.

    Attributes:
        reason: the partner's words, for a person.
        reference: the partner's identifier of the record.
        code: the partner's own code.
    """

    reason: Captures = ()
    reference: Captures = ()
    code: Captures = ()


class After(Strict):
    """When to try again.

    Attributes:
        header: the header with the wait: a number, or a date in HTTP's or ISO 8601's form.
        body: the place of the wait in the body, if no header has it.
        unit: the unit of a number: `s`, `ms`, or a moment since 1970 in seconds (`epoch`) or milliseconds (`epoch_ms`).
        seconds: a fixed wait, if neither has one.
    """

    header: Text | None = None
    body: BodyPathText | None = None
    unit: Literal["s", "ms", "epoch", "epoch_ms"] = "s"
    seconds: Annotated[float, Field(le=LONGEST, allow_inf_nan=False)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"header": "Retry-After" if data == "header" else data}
        return {"seconds": data} if isinstance(data, (int, float)) and not isinstance(data, bool) else data


def _example_body(value: Any) -> Any:
    if isinstance(value, (str, type(None))):
        return value or ""
    if isinstance(value, (dict, list)):
        import orjson

        return orjson.dumps(value).decode()
    raise problem("RX012", f"a body is text, a mapping or a list, not {kind_of(value)}", "Quote it.")


class Example(Strict):
    """An example response; this rule must be the first that matches it.

    Attributes:
        status: its HTTP status.
        headers: its headers.
        body: its text; a mapping or list is written as JSON.
        reason, reference, code: what the captures must find in it, if stated.
        illustrative: whether it was written from documentation, not observed.
    """

    status: Annotated[int, Field(ge=100, le=599)] = 200
    headers: dict[Text, Text] = Field(default_factory=dict)
    body: Annotated[
        str, BeforeValidator(_example_body), WithJsonSchema({"type": ["string", "object", "array", "null"]})
    ] = ""
    reason: Text | None = None
    reference: Text | None = None
    code: Text | None = None
    illustrative: bool = False


class Each(Strict):
    """Where a response that speaks of several rows has an element for each.

    Attributes:
        path: the array: members and indexes, then `[*]`.
        by: a path in an element to the attribute whose value it repeats; without it, the elements are in the order of
            the rows, one for each.
    """

    shorthand = "path"
    path: BodyPathText
    by: Annotated[dict[BodyPathText, Text], Field(min_length=1, max_length=1)] | None = None

    @field_validator("path")
    @classmethod
    def _array(cls, path: str) -> str:
        if array_steps(path) is None:
            raise problem(
                "RX022",
                f"`{path}` is not the path of an array's elements",
                "Write members and indexes, then `[*]`: `$.results[*]`, or `$[*]`.",
            )
        return path


class Rule(Test):
    """A response rule; the first rule whose conditions hold gives the outcome.

    Attributes:
        outcome: delivered, duplicate, rejected or failed.
        name: its name in reports; default: `<outcome>`, `<outcome>-2` and so on.
        each: the elements of the response for single rows; a row's element is its body for this rule.
        as_: how to read the body, for servers with a wrong content type.
        strict: whether `"7"` and `7` differ.
        capture: what is kept of the response.
        retry: whether another attempt may help.
        after: when to make another attempt.
        provisional: the partner has accepted the request and decides later (an import job, an inbox).
        description: what it means, for the tech contact.
        examples: the partner's own responses.
    """

    outcome: Literal["delivered", "duplicate", "rejected", "failed"]
    name: Text | None = None
    each: Each | None = None
    as_: Literal["json", "xml", "text"] | None = Field(None, alias="as")
    strict: bool = False
    capture: Capture = Capture()
    retry: bool = False
    after: After | None = None
    provisional: bool = False
    description: Text | None = None
    examples: tuple[Example, ...] = ()


def rule_of(test: Test, name: str | None = None) -> Rule:
    """Return a rule that holds where a test does, for what classifies or makes up responses."""
    own = {key: getattr(test, key) for key in Test.model_fields}
    return Rule.model_construct(outcome="delivered", name=name, **own)


def rule_names(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """Return the name of each rule: its own, else its outcome, with a number from the second on."""
    names: list[str] = []
    for rule in rules:
        base = rule.name or rule.outcome
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return tuple(names)
