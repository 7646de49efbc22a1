"""Build the tree of a structured body from the nested names of its parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from rokt_export.errors import SpecError
from rokt_export.request.parameter_values import OMIT, CompiledParameter, ParameterValues, Take
from rokt_export.spec_language.parameter_names import Append, ElementMatch, Index, Key, NameStep, steps


@dataclass(slots=True)
class Leaf:
    """The place of one parameter's value."""

    field: CompiledParameter


@dataclass(slots=True)
class Members:
    """An object, or an XML element: names to nodes, in the order of the spec."""

    children: dict[str, BodyNode] = dataclasses.field(default_factory=dict)


@dataclass(slots=True)
class ArrayNode:
    """An array, or a repeated XML element: by index, appended, or matched by a member's value."""

    places: dict[object, BodyNode] = dataclasses.field(default_factory=dict)
    names: dict[object, tuple[str, str]] = dataclasses.field(default_factory=dict)


BodyNode: TypeAlias = Leaf | Members | ArrayNode


def build_tree(fields: Sequence[CompiledParameter]) -> Members | ArrayNode:
    """Return the tree of a body's parameters: an object, or an array where names start with `[`.

    Raises:
        SpecError: two names contradict each other (`a` is a value in one and an object in the other).
    """
    root = Members() if not fields or isinstance(steps(fields[0].name)[0], Key) else ArrayNode()
    for field in fields:
        _place(root, steps(field.name), field)
    return root


def _place(root: Members | ArrayNode, path: tuple[NameStep, ...], field: CompiledParameter) -> None:
    node: BodyNode = root
    for index, step in enumerate(path):
        following = path[index + 1] if index + 1 < len(path) else None
        node = _child(node, step, following, field)


def _child(node: BodyNode, step: NameStep, following: NameStep | None, field: CompiledParameter) -> BodyNode:
    made: BodyNode = Leaf(field) if following is None else Members() if isinstance(following, Key) else ArrayNode()
    if isinstance(step, Key) and isinstance(node, Members):
        if following is None and step.name in node.children:
            return _again(node, step.name, made, field)
        found = node.children.setdefault(step.name, made)
    elif isinstance(node, ArrayNode) and not isinstance(step, Key):
        found = node.places.setdefault(_slot(node, step), made)
    else:
        raise _conflict(field)
    if type(found) is not type(made) or (following is None and found is not made):
        raise _conflict(field)
    return found


def _again(node: Members, name: str, made: BodyNode, field: CompiledParameter) -> BodyNode:
    """Make an array of both values of a name that is used twice."""
    found = node.children[name]
    if isinstance(found, Leaf):
        found = node.children[name] = ArrayNode({"first": found})
    if not isinstance(found, ArrayNode):
        raise _conflict(field)
    found.places[("again", len(found.places))] = made
    return made


def _slot(node: ArrayNode, step: NameStep) -> object:
    match step:
        case Index(number=number):
            return number
        case ElementMatch(key=key, value=value):
            node.names[(key, value)] = (key, value)
            return (key, value)
        case Append() | Key():
            return ("append", len(node.places))


def _conflict(field: CompiledParameter) -> SpecError:
    return SpecError(
        f"parameter `{field.name}` contradicts another parameter's name",
        remedy="One name cannot be a value and contain further names, or be both an object and an array.",
    )


def in_order(node: ArrayNode) -> list[tuple[BodyNode, tuple[str, str] | None]]:
    """Return an array's nodes, numbered ones first, each with the member that names it."""
    numbered = sorted(key for key in node.places if isinstance(key, int))
    others = [key for key in node.places if not isinstance(key, int)]
    return [(node.places[key], node.names.get(key)) for key in [*numbered, *others]]


def anything_in(node: BodyNode) -> Callable[[ParameterValues], bool]:
    """Return the test whether an array's element is sent.

    An element of constants and attributes (`{name: email, value: {{ email }}}`) is omitted when all its attributes are;
    one of constants alone is always sent.
    """
    fields = list(_fields(node))
    varying: list[tuple[Any, Take]] = [(field.plain, field.take) for field in fields if not field.parameter.constant]
    if not varying or len(varying) == len(fields):
        return lambda _values: True
    return lambda values: any((values.get(plain) or take(values)) is not OMIT for plain, take in varying)


def _fields(node: BodyNode) -> Iterator[CompiledParameter]:
    match node:
        case Leaf(field=field):
            yield field
        case Members(children=children):
            for child in children.values():
                yield from _fields(child)
        case ArrayNode(places=places):
            for child in places.values():
                yield from _fields(child)
