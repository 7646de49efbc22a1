"""JSON objects, from parameters whose names are paths, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

import orjson

from rokt_export.request.encodings import BodyEncoding, Encode
from rokt_export.request.nested_body import ArrayNode, BodyNode, Leaf, Members, anything_in, build_tree, in_order
from rokt_export.request.parameter_values import OMIT, CompiledParameter, ParameterValues, Take
from rokt_export.response.body_limits import json_refusal
from rokt_export.spec_language.filters import Number


def json_encoder(fields: Sequence[CompiledParameter]) -> Callable[[ParameterValues], bytes]:
    """Return the encoder of a JSON object, or of an array where the names start with `[`.

    Objects and arrays that stay empty are left out, save the body itself. Numbers keep the digits of the row.

    Raises:
        SpecError: the parameters' names contradict each other.
    """
    tree = build_tree(fields)
    build, empty = _node(tree), b"[]" if isinstance(tree, ArrayNode) else b"{}"
    dumps = orjson.dumps

    def encode(values: ParameterValues) -> bytes:
        data = build(values)
        return empty if data is OMIT else dumps(data, _written, orjson.OPT_PASSTHROUGH_SUBCLASS)

    return encode


def json_value(value: Any) -> bytes:
    """Return a parameter's value as JSON."""
    return orjson.dumps(value, _written, orjson.OPT_PASSTHROUGH_SUBCLASS)


def _written(value: Any) -> Any:
    """Convert subclasses of str for orjson: a `Number` keeps its digits. Any other type is a bug here."""
    if isinstance(value, Number):
        return orjson.Fragment(value.encode())
    if isinstance(value, str):
        return str(value)
    raise TypeError(type(value).__name__)


def _node(node: BodyNode) -> Take:
    match node:
        case Leaf(field=field):
            return field.take
        case Members():
            return _members(node)
        case ArrayNode():
            return _elements(node)


def _members(node: Members) -> Take:
    parts: list[tuple[str, Any, Take]] = [(name, _plain(child), _node(child)) for name, child in node.children.items()]

    def build(values: ParameterValues) -> Any:
        get = values.get
        found = {}
        for name, plain, part in parts:
            if (value := get(plain)) or (value := part(values)) is not OMIT:
                found[name] = value
        return found or OMIT

    return build


def _plain(node: BodyNode) -> str | None:
    return node.field.plain if isinstance(node, Leaf) else None


def _elements(node: ArrayNode) -> Take:
    parts = [(_node(child), anything_in(child), named) for child, named in in_order(node)]

    def build(values: ParameterValues) -> Any:
        found: list[Any] = []
        for part, anything, named in parts:
            value: Any = part(values) if anything(values) else OMIT
            if value is not OMIT:
                found.append({named[0]: named[1], **value} if named else value)
        return found or OMIT

    return build


class JsonEncoding(BodyEncoding):
    """`application/json` (RFC 8259), in UTF-8."""

    def encoder(self, parameters: Sequence[CompiledParameter]) -> Encode:
        """Return the function that encodes a JSON object."""
        return json_encoder(parameters)

    def shell_escape(self, before: str) -> str:  # noqa: ARG002
        """Return a filter that escapes quotes and backslashes."""
        return r"""sed 's/[\\"]/\\&/g'"""

    def read(self, body: bytes | str) -> Any:
        """Return the JSON data."""
        if refusal := json_refusal(body):
            raise ValueError(refusal)
        return orjson.loads(body)

    def read_exact(self, body: bytes | str) -> Any:
        """Return the JSON data, its numbers as int and Decimal."""
        if refusal := json_refusal(body):
            raise ValueError(refusal)
        return json.loads(body, parse_float=Decimal)


ENCODING: Final = JsonEncoding()
