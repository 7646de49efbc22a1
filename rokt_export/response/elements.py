"""The elements of a response that speak of single rows: which is whose, and what of the response concerns one row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from msgspec.structs import replace

from rokt_export.exchange.model import Response
from rokt_export.partner_spec.document import WrittenFloat
from rokt_export.response.body_reader import ComputedOnce, NoData, ResponseReader
from rokt_export.response.value_text import compact
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.paths import array_steps, compile_path
from rokt_export.spec_language.rules import Each
from rokt_export.transactions.transaction import Transaction

_NO_XML = NoData(None, "an element of the response has no paths of XML")


class ElementReader(ResponseReader):
    """Reads one element of a response as if it were the body; status and headers are the response's."""

    def __init__(self, whole: ResponseReader, element: Any) -> None:
        self.response = whole.response
        self.members = element if isinstance(element, dict) else None
        self.json = self.exact_json = self.mapping = self.data = self.exact_data = element
        self.roots = _NO_XML

    @ComputedOnce
    def text(self) -> str:
        """The element as JSON."""
        return compact(self.data) or ""


class EachElements:
    """The array that a rule's `each` names.

    Args:
        each: of the spec.
    """

    def __init__(self, each: Each) -> None:
        self.path = each.path
        self.steps = array_steps(each.path) or ()
        self._by = None
        if each.by is not None:
            ((path, attribute),) = each.by.items()
            self._by = compile_path(path).find, attribute

    def found(self, reader: ResponseReader) -> list[Any]:
        """Return the elements in a response; none where the array is not there, or the body cannot be read."""
        data = reader.exact_data
        for step in self.steps:
            if isinstance(data, dict) and isinstance(step, str):
                data = data.get(step)
            elif isinstance(data, list) and isinstance(step, int) and step < len(data):
                data = data[step]
            else:
                return []
        return data if isinstance(data, list) else []

    def first(self, reader: ResponseReader) -> ElementReader | None:
        """Return the reader of the first element: a response that is met without its rows speaks of one."""
        found = self.found(reader)
        return ElementReader(reader, found[0]) if found else None

    def of_rows(self, found: Sequence[Any], rows: Sequence[Transaction]) -> list[int | None]:
        """Return for each row which of the elements is its own, None where none is.

        In the order of the rows, an element for each: with more or fewer elements it is unknown whose they are. By a
        value that they repeat: several rows with one value have its elements in order, and share the last.
        """
        if self._by is None:
            return [*range(len(rows))] if len(found) == len(rows) else [None] * len(rows)
        find, attribute = self._by
        places: dict[str, list[int]] = {}
        for place, element in enumerate(found):
            for value in find(element)[:1]:
                places.setdefault(_key(value), []).append(place)
        owned: list[int | None] = []
        for row in rows:
            mine = places.get(_key(row.values.get(attribute)), [])
            owned.append(mine.pop(0) if len(mine) > 1 else mine[0] if mine else None)
        return owned

    def strays(self, found: Sequence[Any], rows: Sequence[Transaction]) -> list[int]:
        """Return which elements say something, and by `by` name none of the rows: whose they are is unknown."""
        if self._by is None:
            return []
        find, attribute = self._by
        known = {_key(row.values.get(attribute)) for row in rows}
        return [
            place
            for place, element in enumerate(found)
            if element is not None and not any(_key(value) in known for value in find(element)[:1])
        ]

    def missing(self, found: Sequence[Any], rows: int) -> str:
        """Return why a row has no element, for a person."""
        if self._by is not None:
            return f"no element of `{self.path}` names this row"
        return f"`{self.path}` has {len(found)} elements for {rows} {'row' if rows == 1 else 'rows'}"


def _key(value: Any) -> str:
    """Return what a value is known by: upper and lower case, and white space around it, do not count."""
    return (
        "\0" if value is None or isinstance(value, (dict, list)) or value == "" else text_of(value).strip().casefold()
    )


_MARK = re.compile(rb"\0(\d+)\0")


def responses_of_rows(
    reader: ResponseReader, owned: Mapping[EachElements, list[int | None]], rows: int
) -> Iterable[Response]:
    """Yield for each row the response with its own element alone in each array.

    What speaks of other rows is left out: their people's data is not this row's.

    Args:
        reader: of the response.
        owned: which element of each array is whose.
        rows: how many there are.
    """
    response, rest = reader.response, reader.exact_data
    arrays = [(each.found(reader), places) for each, places in owned.items()]
    if isinstance(rest, NoData):
        return [response] * rows
    for number, each in enumerate(owned):
        rest = _with_mark(rest, each.steps, number)
    try:
        parts = _MARK.split(_dumped(rest))
    except TypeError:  # the rest holds what only `compact` writes, which knows no marks
        return [replace(response, body=b"", size=None)] * rows
    if len(parts) == 1:  # no such array is in it, as in a web page
        return [response] * rows
    written = [[_dumped(element) for element in found] for found, _ in arrays]

    def body(row: int) -> bytes:
        pieces = list(parts)
        for place in range(1, len(parts), 2):
            number = int(parts[place])
            own = arrays[number][1][row]
            pieces[place] = b"[]" if own is None else b"[" + written[number][own] + b"]"
        return b"".join(pieces)

    return (replace(response, body=body(row), size=None) for row in range(rows))


def _with_mark(data: Any, steps: Sequence[str | int], number: int) -> Any:
    """Return data with a mark in place of the list at the end of some steps, where there is one."""
    if not steps:
        return orjson.Fragment(b"\0%d\0" % number) if isinstance(data, list) else data
    try:
        inner = _with_mark(data[steps[0]], steps[1:], number)
        copied = data.copy()
        copied[steps[0]] = inner
    except (TypeError, KeyError, IndexError, AttributeError):
        return data
    return copied


def _dumped(data: Any) -> bytes:
    try:
        return orjson.dumps(data, _written)
    except TypeError:  # an integer of more than 64 bits, a lone surrogate
        return (compact(data) or "").encode("utf-8", "replace")


def _written(value: Any) -> Any:
    if isinstance(value, WrittenFloat):
        return orjson.Fragment(value.written.encode())
    raise TypeError(type(value).__name__)
