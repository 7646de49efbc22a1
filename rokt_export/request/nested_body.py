"""Build the tree of a structured body from the nested names of its parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from rokt_export.errors import SpecError
from rokt_export.request.parameter_values import OMIT, Field, Take, Values
from rokt_export.spec_language.parameter_names import Append, Index, Key, Match, Step, steps


@dataclass(slots=True)
class Leaf:
    """The place of one parameter's value."""

    field: Field


@dataclass(slots=True)
class Members:
    """An object, or an XML element: names to nodes, in the order of the spec."""

    children: dict[str, Node] = dataclasses.field(default_factory=dict)


@dataclass(slots=True)
class Elements:
    """An array, or a repeated XML element: by index, appended, or matched by a member's value."""

    places: dict[object, Node] = dataclasses.field(default_factory=dict)
    names: dict[object, tuple[str, str]] = dataclasses.field(default_factory=dict)


Node: TypeAlias = Leaf | Members | Elements


def build_tree(fields: Sequence[Field]) -> Members | Elements:
    """Return the tree of a body's parameters: an object, or an array where names start with `[`.

    Raises:
        SpecError: two names contradict each other (`a` is a value in one and an object in the other).
    """
    root = Members() if not fields or isinstance(steps(fields[0].name)[0], Key) else Elements()
    for field in fields:
        _place(root, steps(field.name), field)
    return root


def _place(root: Members | Elements, path: tuple[Step, ...], field: Field) -> None:
    node: Node = root
    for index, step in enumerate(path):
        following = path[index + 1] if index + 1 < len(path) else None
        node = _child(node, step, following, field)


def _child(node: Node, step: Step, following: Step | None, field: Field) -> Node:
    made: Node = Leaf(field) if following is None else Members() if isinstance(following, Key) else Elements()
    if isinstance(step, Key) and isinstance(node, Members):
        if following is None and step.name in node.children:
            return _again(node, step.name, made, field)
        found = node.children.setdefault(step.name, made)
    elif isinstance(node, Elements) and not isinstance(step, Key):
        found = node.places.setdefault(_slot(node, step), made)
    else:
        raise _conflict(field)
    if type(found) is not type(made) or (following is None and found is not made):
        raise _conflict(field)
    return found


def _again(node: Members, name: str, made: Node, field: Field) -> Node:
    """Make an array of both values of a name that is used twice."""
    found = node.children[name]
    if isinstance(found, Leaf):
        found = node.children[name] = Elements({"first": found})
    if not isinstance(found, Elements):
        raise _conflict(field)
    found.places[("again", len(found.places))] = made
    return made


def _slot(node: Elements, step: Step) -> object:
    match step:
        case Index(number=number):
            return number
        case Match(key=key, value=value):
            node.names[(key, value)] = (key, value)
            return (key, value)
        case Append() | Key():
            return ("append", len(node.places))


def _conflict(field: Field) -> SpecError:
    return SpecError(
        f"parameter `{field.name}` contradicts another parameter's name",
        remedy="One name cannot be a value and contain further names, or be both an object and an array.",
    )


def in_order(node: Elements) -> list[tuple[Node, tuple[str, str] | None]]:
    """Return an array's nodes, numbered ones first, each with the member that names it."""
    numbered = sorted(key for key in node.places if isinstance(key, int))
    others = [key for key in node.places if not isinstance(key, int)]
    return [(node.places[key], node.names.get(key)) for key in [*numbered, *others]]


def anything_in(node: Node) -> Callable[[Values], bool]:
    """Return the test whether an array's element is sent.

    An element of constants and attributes (`{name: email, value: {{ email }}}`) is omitted when all its attributes are;
    one of constants alone is always sent.
    """
    fields = list(_fields(node))
    varying: list[tuple[Any, Take]] = [(field.plain, field.take) for field in fields if not field.parameter.constant]
    if not varying or len(varying) == len(fields):
        return lambda _values: True
    return lambda values: any((values.get(plain) or take(values)) is not OMIT for plain, take in varying)


def _fields(node: Node) -> Iterator[Field]:
    match node:
        case Leaf(field=field):
            yield field
        case Members(children=children):
            for child in children.values():
                yield from _fields(child)
        case Elements(places=places):
            for child in places.values():
                yield from _fields(child)
