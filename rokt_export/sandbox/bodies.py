"""Decodes bodies, checks their Content-Type, and finds parameters in them by nested name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, assert_never

from rokt_export.request.encodings import body_encoding
from rokt_export.spec_language.encodings import ENCODINGS, charset_of, codec_of, media_type_of
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.parameter_names import Append, ElementMatch, Index, Key, NameStep, steps


class BodyProblem(ValueError):
    """A body is not valid in its encoding; the message says why."""


def read_body(encoding: str, body: bytes | str, content_type: str | None = None, *, exact: bool = False) -> Any:
    """Decode a body with the encoding's `read`, or with `read_exact`, which keeps all digits, if `exact`.

    Bytes are decoded in the charset of the Content-Type.

    Raises:
        BodyProblem: the body is not valid in that encoding.
    """
    reader = body_encoding(encoding)
    codec = codec_of(charset_of(content_type) or "utf-8")
    try:
        if isinstance(body, bytes) and codec not in (None, "utf-8"):
            body = body.decode(codec)
        return reader.read_exact(body) if exact else reader.read(body)
    except Exception as error:  # whatever a reader raises on a partner's bytes, they are not of its encoding
        raise BodyProblem(f"the body is not {ENCODINGS[encoding].title}: {error}") from error


def content_type_problem(encoding: str, stated: str | None, given: str | None) -> str | None:
    """Return what is wrong with a Content-Type header; None if it fits the encoding.

    Args:
        encoding: the expected encoding.
        stated: the content type that the spec states; None accepts all of the encoding.
        given: the header's value.
    """
    facts, media_type = ENCODINGS[encoding], media_type_of(given)
    if facts.content_type is None:
        return None
    wanted = media_type_of(stated if stated is not None else facts.content_type)
    if media_type == wanted or (stated is None and facts.owns(media_type)):
        return None
    return f"Content-Type is {f'`{media_type}`' if media_type else 'missing'}, wanted `{wanted}`"


FindInBody = Callable[[Any], list[Any]]
Lengths = Mapping[tuple[NameStep, ...], int]
"""Steps to an array, to the number of its places that the spec names."""


def array_lengths(names: Iterable[str]) -> dict[tuple[NameStep, ...], int]:
    """Return, for each array, how many of its places the nested names contain."""
    found: dict[tuple[NameStep, ...], int] = {}
    for name in names:
        path = steps(name)
        for at, step in enumerate(path):
            if isinstance(step, Index):
                found[path[:at]] = max(found.get(path[:at], 0), step.number + 1)
    return found


def finder(name: str, encoding: str, lengths: Lengths) -> FindInBody:
    """Return a function that finds all candidates for a body parameter's value; none if it is absent.

    There are several for `[]`, for repeated names, and for arrays that are shorter than in the spec: empty places are
    skipped, so an element's number is not reliable then.
    """
    grammar = ENCODINGS[encoding].names
    if grammar == "flat":
        return lambda data: data.get(name, []) if isinstance(data, dict) else []
    path = steps(name)
    if grammar == "json" and all(isinstance(step, Key) for step in path):
        return _members(tuple(step.name for step in path if isinstance(step, Key)))
    expand = _EXPAND[grammar]
    walks = [_walk(step, expand, lengths.get(path[:at], 0)) for at, step in enumerate(path)]

    def find(data: Any) -> list[Any]:
        if not isinstance(path[0], Key) and not isinstance(data, list):  # the root is an array
            return []
        nodes = [data]
        for walk in walks:
            nodes = [found for node in nodes for found in walk(node)]
        return [_leaf(item) for node in nodes for item in _elements(node)] if grammar == "xml" else nodes

    return find


def _members(names: tuple[str, ...]) -> FindInBody:
    def find(data: Any) -> list[Any]:
        for name in names:
            if not isinstance(data, dict) or name not in data:
                return []
            data = data[name]
        return [data]

    return find


def _walk(step: NameStep, expand: Callable[[Any, str], list[Any]], length: int) -> FindInBody:
    match step:
        case Key(name):
            return lambda node: expand(node, name)
        case Index(number):
            return lambda node: _place(_elements(node), number, length)
        case Append():
            return _elements
        case ElementMatch(key, value):
            return lambda node: [
                element
                for element in _elements(node)
                if any(text_of(_leaf(found)) == value for found in expand(element, key))
            ]
        case _:
            assert_never(step)


def _place(elements: list[Any], number: int, length: int) -> list[Any]:
    return elements[: number + 1] if len(elements) < length else elements[number : number + 1]


def _elements(node: Any) -> list[Any]:
    return node if isinstance(node, list) else [node]


def _json_key(node: Any, name: str) -> list[Any]:
    return [node[name]] if isinstance(node, dict) and name in node else []


def _xml_key(node: Any, name: str) -> list[Any]:
    """Return an element's children of a name, as one list if the name repeats, so that it can be indexed."""
    found: list[Any] = []
    for element in _elements(node):
        if isinstance(element, dict):
            key = name if name in element else _same_local_name(element, name)
            found += [element[key]] if key is not None else []
        elif name == "#text":
            found.append(element)
    return found


_EXPAND: Mapping[str, Callable[[Any, str], list[Any]]] = {"json": _json_key, "xml": _xml_key}


def _same_local_name(element: dict[str, Any], name: str) -> str | None:
    """Return the name of a child with the same local name; namespace prefixes may differ."""
    if name.startswith("@xmlns"):
        return None
    wanted = _without_prefix(name)
    return next((key for key in element if _without_prefix(key) == wanted), None)


def _without_prefix(name: str) -> str:
    sign = "@" if name.startswith("@") else ""
    return sign + name.removeprefix("@").rpartition(":")[2]


def _leaf(node: Any) -> Any:
    """Return an element's text; for an element with attributes, xmltodict returns a mapping."""
    return node.get("#text") if isinstance(node, dict) and ("#text" in node or _only_attributes(node)) else node


def _only_attributes(node: dict[str, Any]) -> bool:
    return all(key.startswith("@") for key in node)
