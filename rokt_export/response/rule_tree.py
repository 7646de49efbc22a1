"""Turn a rule's test into a tree that says of a response: it holds, it does not, or it cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rokt_export.partner_spec.paths import compile_path
from rokt_export.partner_spec.responses import Condition, Rule, Test
from rokt_export.response.body_reader import (
    Find,
    NoData,
    ReadAs,
    Reading,
    Values,
    body_values,
    header_values,
    media_type,
)
from rokt_export.response.comparisons import is_empty
from rokt_export.response.conditions import Predicate, asks_emptiness, compile_condition
from rokt_export.response.value_text import described, statuses_text

Place = Literal["status", "header", "content type", "text", "empty", "body"]
Judge: TypeAlias = Callable[[Reading], bool | None]
"""From a reading to whether something holds there; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition on one place of a response.

    Attributes:
        place: the kind of place.
        key: the header's name or the body path; else nothing.
        wanted: the condition in words.
        find: from a reading to the values there; None where that cannot be told.
        accepts: whether the values satisfy the condition.
        condition: the condition, where it is one of the spec's.
        statuses: the ranges of a status condition.
        read_as: how the rule has the body read.
    """

    place: Place
    key: str
    wanted: str
    find: Find
    accepts: Predicate
    condition: Condition | None = None
    statuses: tuple[tuple[int, int], ...] = ()
    read_as: ReadAs = None

    @property
    def what(self) -> str:
        """What is looked at, in words."""
        return f"{self.place} {self.key}".rstrip()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Nodes that must all hold."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Nodes of which one must hold."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NotOf:
    """A node that must not hold; what cannot be told stays untold, so that a broken body proves nothing."""

    node: Node


Node = Leaf | AllOf | AnyOf | NotOf


def judge(node: Node) -> Judge:
    """Return the function from a reading to whether a node holds there."""
    match node:
        case Leaf():
            return _holding(node.find, node.accepts)
        case AllOf(nodes):
            return _all([judge(each) for each in nodes])
        case AnyOf(nodes):
            return _any([judge(each) for each in nodes])
        case NotOf(inner):
            return _contrary(judge(inner))


def _holding(find: Find, accepts: Predicate) -> Judge:
    def holds(reading: Reading) -> bool | None:
        values = find(reading)
        return None if values is None else accepts(values)

    return holds


def _all(judges: Sequence[Judge]) -> Judge:
    """False if one does not hold, else None if one cannot be told, else True."""
    if len(judges) == 1:
        return judges[0]

    def holds(reading: Reading) -> bool | None:
        held: bool | None = True
        for each in judges:
            one = each(reading)
            if one is False:
                return False
            if one is None:
                held = None
        return held

    return holds


def _any(judges: Sequence[Judge]) -> Judge:
    """True if one holds, else None if one cannot be told, else False."""
    if len(judges) == 1:
        return judges[0]

    def holds(reading: Reading) -> bool | None:
        held: bool | None = False
        for each in judges:
            one = each(reading)
            if one:
                return True
            if one is None:
                held = None
        return held

    return holds


def _contrary(inner: Judge) -> Judge:
    def holds(reading: Reading) -> bool | None:
        held = inner(reading)
        return None if held is None else not held

    return holds


def compile_rule(rule: Rule) -> AllOf:
    """Return the tree of a rule's conditions, its status apart from it (see `status_leaf`)."""
    return AllOf(tuple(_nodes(rule, rule.as_, rule.strict)))


def status_leaf(test: Test) -> Leaf | None:
    """Return the condition on the status, if there is one."""
    if test.status is None:
        return None
    accepted = statuses_of(test.status)
    return Leaf(
        "status",
        "",
        statuses_text(test.status),
        lambda reading: (reading.response.status,),
        lambda values: values[0] in accepted,
        statuses=test.status,
    )


def statuses_of(ranges: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Return the statuses in inclusive ranges."""
    return frozenset(status for low, high in ranges for status in range(low, high + 1))


def _nodes(test: Test, read_as: ReadAs, strict: bool) -> Iterator[Node]:
    for name, condition in test.headers.items():
        yield _leaf("header", name, header_values(name), condition, strict)
    if test.content_type is not None:
        yield _leaf("content type", "", media_type, test.content_type, strict)
    if test.empty is not None:
        yield _emptiness(test.empty)
    for path, condition in test.body.items():
        find = body_values(path, read_as)
        if path.startswith("/") and asks_emptiness(condition):
            find = _telling_parents(path, find)
        yield _leaf("body", path, find, condition, strict, read_as)
    if test.text is not None:
        yield _leaf("text", "", lambda reading: (reading.text,), test.text, strict)
    for each in test.all:
        yield _whole(each, read_as, strict)
    if test.any:
        yield AnyOf(tuple(_whole(each, read_as, strict) for each in test.any))
    if test.not_ is not None:
        yield NotOf(_whole(test.not_, read_as, strict))


def _whole(test: Test, read_as: ReadAs, strict: bool) -> AllOf:
    status = status_leaf(test)
    return AllOf((*((status,) if status else ()), *_nodes(test, read_as, strict)))


def _leaf(place: Place, key: str, find: Find, condition: Condition, strict: bool, read_as: ReadAs = None) -> Leaf:
    accepts = compile_condition(condition, strict=strict)
    return Leaf(place, key, described(condition), find, accepts, condition, read_as=read_as)


def _emptiness(wanted: bool) -> Leaf:
    return Leaf(
        "empty",
        "",
        "an empty body" if wanted else "a body",
        lambda reading: (reading.text,),
        lambda values: is_empty(values[0]) is wanted,
    )


_HAS_CHILDREN = {"*": None}


def _telling_parents(path: str, find: Find) -> Find:
    """Where emptiness is asked: an element without text but with elements inside is not empty.

    Which of several elements without text has the others inside does not matter: a condition holds of one value, or of
    each, and they are all alike.
    """
    if path.rpartition("/")[2].startswith(("@", "text()")):
        return find
    with_children = compile_path(f"{path}[{{*}}*]").find

    def found(reading: Reading) -> Values:
        values = find(reading)
        if not values or isinstance(reading.roots, NoData):
            return values
        left = sum(1 for root in reading.roots for text in with_children(root) if not text)
        told: list[Any] = []
        for value in values:
            parent = left > 0 and not value
            left -= parent
            told.append(_HAS_CHILDREN if parent else value)
        return told

    return found
