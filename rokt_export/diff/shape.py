"""Walk two trees side by side, shape before values, and hand what differs to the places where it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import orjson

from rokt_export.diff.echoes import IDENTIFIER, Placeholders, same_but_for_identifiers
from rokt_export.diff.evidence import Presence
from rokt_export.diff.model import Kind, Sample
from rokt_export.diff.places import ELEMENT, Place
from rokt_export.partner_spec.filters import text_of
from rokt_export.response.value_text import abridged

MOST_VALUES: Final = 100_000
"""Values compared in one pair of bodies; more are left out, and told."""
_MOST_DEPTH = 100
_SHOWN = 200
"""Characters of a value in a sample."""

_TYPES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    type(None): "null",
    int: "number",
    float: "number",
}

_SCALARS = frozenset({str, int, float, bool, type(None)})


class Pair:
    """Two answers to one transaction while they are compared.

    Attributes:
        number: counts the pairs.
        transaction: what both sides call it.
        a, b: write placeholders into each side's texts.
        told: pairs of texts that an earlier section has told the difference of.
        reference: what was captured as the reference on each side.
        left: values that may still be compared.
    """

    __slots__ = ("a", "b", "left", "number", "reference", "told", "transaction")

    def __init__(self, number: int, transaction: str, a: Placeholders, b: Placeholders) -> None:
        self.number = number
        self.transaction = transaction
        self.a = a
        self.b = b
        self.told: list[tuple[str, str]] = []
        self.reference: tuple[str, str] | None = None
        self.left = MOST_VALUES

    def sample(self, a: Any, b: Any) -> Callable[[], Sample]:
        """Return what makes a sample of two values, if one is wanted."""
        return lambda: Sample(self.transaction, shown(a), shown(b))

    def is_told(self, a: str, b: str) -> bool:
        """Return whether two texts differ only by what an earlier section tells."""
        return any(_changed_alone(a, b, of_a, of_b) for of_a, of_b in self.told)


def _changed_alone(a: str, b: str, of_a: str, of_b: str) -> bool:
    """Whether two texts differ only in that one has `of_a` where the other has `of_b`."""
    return of_a in a and of_b in b and a.replace(of_a, of_b) == b


class Absent:
    """Stands for what is not there, in samples."""


ABSENT: Final = Absent()


def shown(value: Any) -> str | None:
    """Return a value as JSON fit for a line of a report; None for what is not there."""
    if value is ABSENT:
        return None
    if isinstance(value, str):
        value = value[: _SHOWN * 2]
    elif isinstance(value, list):
        value = value[:20]
    try:
        text = orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, RecursionError):
        text = text_of(value) if not isinstance(value, (dict, list)) else f"{type_of(value)} of {len(value):,}"
    return abridged(text, _SHOWN)


def type_of(value: Any) -> str:
    """Return the JSON type of a value."""
    found = _TYPES.get(value.__class__)
    return found or ("number" if isinstance(value, (int, float)) else "string")


class Shape:
    """Compares trees.

    Args:
        strict: forgive nothing that B has more.
        values: compare values, lengths and order too.
    """

    def __init__(self, *, strict: bool, values: bool) -> None:
        self._strict = strict
        self._values = values

    def compare(self, pair: Pair, place: Place, a: Any, b: Any, *, xml: bool) -> None:
        """Compare two trees below a place.

        Args:
            pair: which they belong to.
            place: where they stand.
            a: data of JSON, or of XML as xmltodict maps it.
            b: the same of the other side.
            xml: whether it is XML, which knows text only, and no difference between one element and a list of one.
        """
        self._node(pair, place, a, b, xml, 0)

    def _node(self, pair: Pair, place: Place, a: Any, b: Any, xml: bool, depth: int) -> None:
        pair.left -= 1
        kind = a.__class__
        if kind is b.__class__ and kind in _SCALARS and a == b and not place.evidence:
            return  # as most do
        if place.ignored:
            if not _same(a, b):
                place.leave_out(pair.number)
        else:
            self._unlike(pair, place, *(_as_xml(a, b) if xml else (a, b)), xml, depth)

    def _unlike(self, pair: Pair, place: Place, a: Any, b: Any, xml: bool, depth: int) -> None:
        type_a, type_b = type_of(a), type_of(b)
        evidence = place.evidence
        if type_a != type_b:
            place.of(Kind.TYPE).differ(pair.number, type_a, type_b, pair.sample(a, b))
            return
        if evidence and (types := evidence.get(Kind.TYPE)) is not None:
            types.agree(type_a)
        if type_a not in ("object", "array"):
            if self._values:
                self.leaf(pair, place, a, b)
        elif depth >= _MOST_DEPTH:
            self._deep(pair, place, a, b)
        elif type_a == "object":
            self._members(pair, place, a, b, xml, depth)
        else:
            self._elements(pair, place, a, b, xml, depth)

    def _deep(self, pair: Pair, place: Place, a: Any, b: Any) -> None:
        """What is nested deeper than any real answer is compared as a whole."""
        if self._values and (of_a := canonical(a, pair.a)) != (of_b := canonical(b, pair.b)):
            place.of(Kind.VALUE).differ(pair.number, of_a, of_b, pair.sample(a, b))

    def leaf(self, pair: Pair, place: Place, a: Any, b: Any, kind: Kind = Kind.VALUE) -> None:
        """Compare two scalars of one type; of two texts, with placeholders in them."""
        evidence = place.evidence.get(kind)
        if a == b:
            if evidence is not None:
                evidence.agree(a if a.__class__ is str else text_of(a))
            return
        if place.tolerance and abs(a_number(a) - a_number(b)) <= place.tolerance:
            if evidence is not None:
                evidence.agree(text_of(a))
            return
        text_a, text_b = (a, b) if a.__class__ is b.__class__ is str else (text_of(a), text_of(b))
        if pair.told and pair.is_told(text_a, text_b):
            return
        filled_a, filled_b = pair.a.fill(text_a), pair.b.fill(text_b)
        if filled_a == filled_b:
            if evidence is not None and IDENTIFIER not in filled_a:  # identifiers are no more alike than others are
                evidence.agree(filled_a)
            return
        if len(text_a) == len(text_b) and same_but_for_identifiers(filled_a, filled_b):
            return
        if pair.reference is not None and _changed_alone(text_a, text_b, *pair.reference):
            place.reference = True
        place.of(kind).differ(pair.number, filled_a, filled_b, pair.sample(a, b))

    def _members(self, pair: Pair, place: Place, a: Any, b: Any, xml: bool, depth: int) -> None:
        before = place.objects
        place.objects += 1
        if a.keys() != b.keys():
            a, b = _with_keys(a, pair.a), _with_keys(b, pair.b)
            self._lone_members(pair, place, before, a, b)
        for key, value in a.items():
            if pair.left < 0:
                return
            if key in b:
                child = place.child(key)
                if child.presence is not None:
                    child.presence.both += 1
                self._node(pair, child, value, b[key], xml, depth + 1)

    def _lone_members(self, pair: Pair, place: Place, before: int, a: dict[str, Any], b: dict[str, Any]) -> None:
        for key in [key for key in a if key not in b]:
            self._lone(pair, place.child(key), before, a[key], ABSENT)
        if self._strict:
            for key in [key for key in b if key not in a]:
                self._lone(pair, place.child(key), before, ABSENT, b[key])

    def _lone(self, pair: Pair, child: Place, before: int, a: Any, b: Any) -> None:
        if child.ignored:
            child.leave_out(pair.number)
            return
        if child.presence is None:
            child.presence = Presence(before)
        side = child.presence.missing if b is ABSENT else child.presence.extra
        side.differ(pair.number, "", "", pair.sample(a, b))

    def _elements(self, pair: Pair, place: Place, a: list[Any], b: list[Any], xml: bool, depth: int) -> None:
        child = place.child(ELEMENT)
        if len(a) != len(b):
            self._length(pair, place, a, b)
            a, b = _without_equals(pair, a, b)
        else:
            if (lengths := place.evidence.get(Kind.LENGTH)) is not None:
                lengths.agree(str(len(a)))
            if place.unordered:
                a, b = _sorted(*_without_equals(pair, a, b), pair)
            elif len(a) > 1 and self._values and not _same(a, b) and _reordered(pair, a, b):
                place.of(Kind.ORDER).differ(pair.number, "", "", pair.sample(a, b))
                return
        for one, other in zip(a, b, strict=False):
            if pair.left < 0:
                return
            self._node(pair, child, one, other, xml, depth + 1)

    def _length(self, pair: Pair, place: Place, a: list[Any], b: list[Any]) -> None:
        if self._values and (self._strict or len(b) < len(a)):
            place.of(Kind.LENGTH).differ(pair.number, str(len(a)), str(len(b)), pair.sample(a, b))


def a_number(value: Any) -> float:
    """Return the number that a scalar is or says, not-a-number where it is none."""
    try:
        return float(value) if not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _same(a: Any, b: Any) -> bool:
    """Whether two trees are the same, `1` and `true` apart; False where that cannot be told at such depth."""
    try:
        return bool(a == b) and repr(a) == repr(b)
    except RecursionError:
        return False


def _as_xml(a: Any, b: Any) -> tuple[Any, Any]:
    """Nodes of XML made alike: nothing is empty text, a text is an element's, one element is a list of one."""
    a, b = "" if a is None else a, "" if b is None else b
    if a.__class__ is b.__class__:
        return a, b
    if isinstance(a, list) or isinstance(b, list):
        return a if isinstance(a, list) else [a], b if isinstance(b, list) else [b]
    return _as_element(a), _as_element(b)


def _as_element(node: Any) -> Any:
    return node if isinstance(node, dict) else {"#text": node} if node else {}


def _with_keys(data: dict[str, Any], placeholders: Placeholders) -> dict[str, Any]:
    """An object whose keys have placeholders too, as one that maps identifiers to things has."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = filled = placeholders.fill(key) if any(sign.isdigit() or sign == "@" for sign in key) else key
        number = 1
        while name in found:
            number += 1
            name = f"{filled}{number}"
        found[name] = value
    return found


def canonical(value: Any, placeholders: Placeholders) -> str:
    """Return a text that is the same for two trees that differ in nothing but keys' order and placeholders."""
    try:
        return orjson.dumps(_filled(value, placeholders), option=orjson.OPT_SORT_KEYS).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return _spelled(value)


def _spelled(value: Any) -> str:
    """A tree that is nested deeper than Python recurses, as text."""
    parts: list[str] = []
    waiting: list[Any] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            parts.append("{")
            waiting += [part for key in sorted(node) for part in (node[key], key)]
        elif isinstance(node, list):
            parts.append("[")
            waiting += node
        else:
            parts.append(f"{type_of(node)} {node}")
    return "\n".join(parts)


def _filled(value: Any, placeholders: Placeholders) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, placeholders) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, placeholders) for item in value]
    if value is None or isinstance(value, bool):
        return value
    text = text_of(value)
    filled = placeholders.fill(text)
    return value if filled == text else filled


def _canonicals(pair: Pair, a: Sequence[Any], b: Sequence[Any]) -> tuple[list[str], list[str]]:
    pair.left -= len(a) + len(b)
    return [canonical(item, pair.a) for item in a], [canonical(item, pair.b) for item in b]


def _reordered(pair: Pair, a: list[Any], b: list[Any]) -> bool:
    """Whether two arrays hold the same in another order."""
    of_a, of_b = _canonicals(pair, a, b)
    return of_a != of_b and Counter(of_a) == Counter(of_b)


def _without_equals(pair: Pair, a: list[Any], b: list[Any]) -> tuple[list[Any], list[Any]]:
    """What is left of two arrays without the elements that stand in both."""
    of_a, of_b = _canonicals(pair, a, b)
    common = Counter(of_a) & Counter(of_b)
    return list(_rest(a, of_a, common)), list(_rest(b, of_b, common))


def _rest(items: list[Any], keys: list[str], common: Counter[str]) -> Iterator[Any]:
    left = common.copy()
    for item, key in zip(items, keys, strict=True):
        if left[key] > 0:
            left[key] -= 1
        else:
            yield item


def _sorted(a: list[Any], b: list[Any], pair: Pair) -> tuple[list[Any], list[Any]]:
    return (
        sorted(a, key=lambda item: canonical(item, pair.a)),
        sorted(b, key=lambda item: canonical(item, pair.b)),
    )
