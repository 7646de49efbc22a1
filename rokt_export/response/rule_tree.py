"""Compile a rule's test to a tree that judges a response: it holds, it does not, or it is undecidable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias, assert_never

from msgspec import Struct

from rokt_export.response.body_reader import (
    FindInResponse,
    FoundValues,
    NoData,
    ReadAs,
    ResponseReader,
    body_text,
    body_values,
    header_values,
    json_member,
    media_type,
)
from rokt_export.response.conditions import (
    Accept,
    Predicate,
    asks_emptiness,
    compile_condition,
    compile_value_test,
    is_empty,
)
from rokt_export.response.value_text import described, statuses_text
from rokt_export.spec_language.fields import statuses_of
from rokt_export.spec_language.paths import compile_path
from rokt_export.spec_language.rules import Condition, Rule, Test

ConditionPlace = Literal["status", "header", "content type", "text", "empty", "body"]
ConditionJudge: TypeAlias = Callable[[ResponseReader], bool | None]
"""From a reader to whether something holds there; None where that cannot be decided."""


class PlaceCondition(Struct, frozen=True):
    """One condition on one place of a response.

    Attributes:
        place: the kind of place.
        key: the header's name or the body path; else nothing.
        wanted: the condition in words.
        find: from a reader to the values there; None where that cannot be decided.
        accepts: whether the values satisfy the condition.
        test: whether a single value does, where the condition asks no more.
        condition: the condition, where it is one of the spec's.
        statuses: the ranges of a status condition.
        read_as: how the rule has the body read.
    """

    place: ConditionPlace
    key: str
    wanted: str
    find: FindInResponse
    accepts: Predicate
    test: Accept | None = None
    condition: Condition | None = None
    statuses: tuple[tuple[int, int], ...] = ()
    read_as: ReadAs = None

    @property
    def what(self) -> str:
        """What is looked at, in words."""
        return f"{self.place} {self.key}".rstrip()


class AllOf(Struct, frozen=True):
    """Nodes that must all hold."""

    nodes: tuple[ConditionNode, ...]


class AnyOf(Struct, frozen=True):
    """Nodes of which one must hold."""

    nodes: tuple[ConditionNode, ...]


class NotOf(Struct, frozen=True):
    """A node that must not hold; an undecidable one stays so, because a broken body proves nothing."""

    node: ConditionNode


ConditionNode = PlaceCondition | AllOf | AnyOf | NotOf


def reads_body(node: ConditionNode) -> bool:
    """Return whether a condition in a node looks into the body, or at its content type."""
    match node:
        case PlaceCondition():
            return node.place in ("body", "text", "empty", "content type")
        case AllOf(nodes) | AnyOf(nodes):
            return any(map(reads_body, nodes))
        case NotOf(inner):
            return reads_body(inner)
        case _:
            assert_never(node)


def judge(node: ConditionNode) -> ConditionJudge:
    """Return the function from a reader to whether a node holds there."""
    match node:
        case PlaceCondition():
            return _holding(node)
        case AllOf(nodes):
            return _all([judge(each) for each in nodes])
        case AnyOf(nodes):
            return _any([judge(each) for each in nodes])
        case NotOf(inner):
            return _contrary(judge(inner))


def _holding(node: PlaceCondition) -> ConditionJudge:
    find, accepts = node.find, node.accepts

    def holds(reader: ResponseReader) -> bool | None:
        values = find(reader)
        return None if values is None else accepts(values)

    member = json_member(node.key, node.read_as) if node.place == "body" else None
    return holds if member is None or node.test is None else _holding_text(member, node.test, holds)


def _holding_text(member: str, test: Accept, otherwise: ConditionJudge) -> ConditionJudge:
    """A fast path for a text in JSON, at the place of the most frequent conditions."""

    def holds(reader: ResponseReader) -> bool | None:
        members = reader.members
        if members:
            value = members.get(member)
            if value.__class__ is str:
                return test(value)
        return otherwise(reader)

    return holds


def _all(judges: Sequence[ConditionJudge]) -> ConditionJudge:
    """False if one does not hold, else None if one cannot be decided, else True."""
    if len(judges) == 1:
        return judges[0]

    def holds(reader: ResponseReader) -> bool | None:
        held: bool | None = True
        for each in judges:
            one = each(reader)
            if one is False:
                return False
            if one is None:
                held = None
        return held

    return holds


def _any(judges: Sequence[ConditionJudge]) -> ConditionJudge:
    """True if one holds, else None if one cannot be decided, else False."""
    if len(judges) == 1:
        return judges[0]

    def holds(reader: ResponseReader) -> bool | None:
        held: bool | None = False
        for each in judges:
            one = each(reader)
            if one:
                return True
            if one is None:
                held = None
        return held

    return holds


def _contrary(inner: ConditionJudge) -> ConditionJudge:
    def holds(reader: ResponseReader) -> bool | None:
        held = inner(reader)
        return None if held is None else not held

    return holds


def compile_rule(rule: Rule) -> AllOf:
    """Return the tree of a rule's conditions, its status apart from it (see `status_condition`)."""
    return AllOf(tuple(_nodes(rule, rule.as_, rule.strict)))


def status_condition(test: Test) -> PlaceCondition | None:
    """Return the condition on the status, if there is one."""
    if test.status is None:
        return None
    accepted = statuses_of(test.status)
    return PlaceCondition(
        "status",
        "",
        statuses_text(test.status),
        lambda reader: (reader.response.status,),
        lambda values: values[0] in accepted,
        statuses=test.status,
    )


def _nodes(test: Test, read_as: ReadAs, strict: bool) -> Iterator[ConditionNode]:
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
        yield _leaf("text", "", body_text, test.text, strict)
    for each in test.all:
        yield _whole(each, read_as, strict)
    if test.any:
        yield AnyOf(tuple(_whole(each, read_as, strict) for each in test.any))
    if test.not_ is not None:
        yield NotOf(_whole(test.not_, read_as, strict))


def _whole(test: Test, read_as: ReadAs, strict: bool) -> AllOf:
    status = status_condition(test)
    return AllOf((*((status,) if status else ()), *_nodes(test, read_as, strict)))


def _leaf(
    place: ConditionPlace, key: str, find: FindInResponse, condition: Condition, strict: bool, read_as: ReadAs = None
) -> PlaceCondition:
    accepts, test = compile_condition(condition, strict=strict), compile_value_test(condition, strict=strict)
    return PlaceCondition(place, key, described(condition), find, accepts, test, condition, read_as=read_as)


def _emptiness(wanted: bool) -> PlaceCondition:
    return PlaceCondition(
        "empty",
        "",
        "an empty body" if wanted else "a body",
        body_text,
        lambda values: is_empty(values[0]) is wanted,
    )


_HAS_CHILDREN = {"*": None}


def _telling_parents(path: str, find: FindInResponse) -> FindInResponse:
    """Where emptiness is asked: an element without text but with elements inside is not empty.

    Which of several elements without text has the others inside does not matter: a condition holds of one value, or of
    each, and they are all alike.
    """
    if path.rpartition("/")[2].startswith(("@", "text()")):
        return find
    with_children = compile_path(f"{path}[{{*}}*]").find

    def found(reader: ResponseReader) -> FoundValues:
        values = find(reader)
        if not values or isinstance(reader.roots, NoData):
            return values
        left = sum(1 for root in reader.roots for text in with_children(root) if not text)
        kinds: list[Any] = []
        for value in values:
            parent = left > 0 and not value
            left -= parent
            kinds.append(_HAS_CHILDREN if parent else value)
        return kinds

    return found
