"""Turn the parameters of a JSON body into a function from a transaction to its bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from rokt_export.exchange.carrying import OMIT, Carrier, Values
from rokt_export.exchange.tree import Elements, Leaf, Members, Node, anything_in, build_tree, in_order
from rokt_export.spec.filters import Number

_Build = Callable[[Values], Any]


def json_encoder(carriers: Sequence[Carrier]) -> Callable[[Values], bytes]:
    """Return the encoder of a JSON object.

    Objects and arrays that stay empty are left out, save the body itself. Numbers keep the digits of the row.

    Raises:
        SpecError: the parameters' names contradict each other.
    """
    build = _members(build_tree(carriers))
    dumps = orjson.dumps

    def encode(values: Values) -> bytes:
        data = build(values)
        return b"{}" if data is OMIT else dumps(data, _default)

    return encode


def _default(value: Any) -> Any:
    """Orjson writes str subclasses through here only when told; anything else is a programming error."""
    raise TypeError(type(value).__name__)


def _node(node: Node) -> _Build:
    match node:
        case Leaf(carrier=carrier):
            return _leaf(carrier)
        case Members():
            return _members(node)
        case Elements():
            return _elements(node)


def _leaf(carrier: Carrier) -> _Build:
    take = carrier.take

    def build(values: Values) -> Any:
        value = take(values)
        if value.__class__ is str or value is OMIT:
            return value
        return json_value(value)

    return build


def json_value(value: Any) -> Any:
    """Return a carried value as orjson writes it: a `Number` with its very digits, text subclasses as text."""
    if isinstance(value, Number):
        return orjson.Fragment(value.encode())
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [json_value(item) for item in value]
    return value


def _members(node: Members) -> Callable[[Values], Any]:
    parts = [(name, _node(child)) for name, child in node.children.items()]

    def build(values: Values) -> Any:
        found = {}
        for name, part in parts:
            value = part(values)
            if value is not OMIT:
                found[name] = value
        return found or OMIT

    return build


def _elements(node: Elements) -> _Build:
    parts = [(_node(child), anything_in(child), named) for child, named in in_order(node)]

    def build(values: Values) -> Any:
        found: list[Any] = []
        for part, anything, named in parts:
            value: Any = part(values) if anything(values) else OMIT
            if value is not OMIT:
                found.append({named[0]: named[1], **value} if named else value)
        return found or OMIT

    return build
