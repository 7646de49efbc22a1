"""Find regular expressions that a hostile or broken text can make run for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from rokt_export.spec.document import DataPath
from rokt_export.spec.findings import Finding, Severity
from rokt_export.spec.lint.backtracking import can_explode
from rokt_export.spec.lint.subject import Subject


def exploding_regexes(subject: Subject) -> Iterator[Finding]:
    """RX113: expressions whose time is exponential in the length of the text."""
    for placed in subject.parameters():
        if placed.parameter.pattern is not None:
            yield from _checked(subject, (*placed.path, "pattern"), placed.parameter.pattern)
    for index, rule in enumerate(subject.spec.responses):
        for path, pattern in _patterns(rule, ("responses", index)):
            yield from _checked(subject, path, pattern)


def _patterns(node: Any, path: DataPath) -> Iterator[tuple[DataPath, str]]:
    if isinstance(node, BaseModel):
        for name, field in type(node).model_fields.items():
            here = (*path, field.alias or name)
            value = getattr(node, name)
            if name == "regex" and value is not None:
                yield here, value
            elif name != "examples":
                yield from _patterns(value, here)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _patterns(value, (*path, key))
    elif isinstance(node, tuple):
        for index, value in enumerate(node):
            yield from _patterns(value, (*path, index))


def _checked(subject: Subject, path: DataPath, pattern: str) -> Iterator[Finding]:
    if can_explode(pattern):
        yield subject.finding(
            "RX113",
            Severity.WARNING,
            path,
            "this regular expression can take exponential time: one of its loops reads the same text in many ways",
            "Let no repeated part hold another repeat of the same signs: `(a+)+` is `a+`, `(\\w+ ?)*` is `[\\w ]*`.",
            of_value=True,
        )
