"""Walk two trees side by side, shape before values, and hand what differs to the places where it does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from rokt_export.diff.column import Order
from rokt_export.diff.places import ELEMENT, ComparedPlace
from rokt_export.diff.result import Sample
from rokt_export.diff.side import Side
from rokt_export.redaction.well_formed import NUMBER_MARK
from rokt_export.response.value_text import abridged
from rokt_export.spec_language.filters import text_of

MOST_VALUES: Final = 100_000
"""Values compared in one pair of bodies; more are left out, and reported."""
_MOST_DEPTH = 100
_LEAST_PATH = 4
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
    """Two responses to one transaction while they are compared.

    Attributes:
        number: counts the pairs.
        transaction: what both sides call it.
        a, b: the sides.
        reported: pairs of texts that an earlier section has reported.
        reference: what was captured as the reference on each side.
        left: values that may still be compared.
    """

    __slots__ = ("a", "b", "left", "number", "reference", "reported", "transaction")

    def __init__(self, number: int, transaction: str, a: Side, b: Side) -> None:
        self.number = number
        self.transaction = transaction
        self.a = a
        self.b = b
        self.reported: list[tuple[str, str]] = []
        self.reference: tuple[str, str] | None = None
        self.left = MOST_VALUES

    def sample(self, a: Any, b: Any) -> Callable[[], Sample]:
        """Return what makes a sample of two values, if one is wanted."""
        return lambda: Sample(self.transaction, shown(a), shown(b))

    def is_reported(self, a: str, b: str) -> bool:
        """Return whether two texts differ only by what an earlier section tells."""
        return any(_changed_alone(a, b, of_a, of_b) for of_a, of_b in self.reported)


def _changed_alone(a: str, b: str, of_a: str, of_b: str) -> bool:
    """Whether two texts differ only in that one has `of_a` where the other has `of_b`."""
    return of_a in a and of_b in b and a.replace(of_a, of_b) == b


class AbsentSample:
    """Stands for what is not there, in samples."""


ABSENT: Final = AbsentSample()


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
    if value.__class__ is _Container:
        return str(value)
    found = _TYPES.get(value.__class__)
    if found == "string" and value.endswith(NUMBER_MARK):
        return "number"
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

    def compare(self, pair: Pair, place: ComparedPlace, a: Any, b: Any, *, xml: bool) -> None:
        """Compare two trees below a place.

        Args:
            pair: which they belong to.
            place: where they stand.
            a: data of JSON, or of XML as xmltodict maps it.
            b: the same of the other side.
            xml: whether it is XML, which knows text only, and no difference between one element and a list of one.
        """
        self._node(pair, place, a, b, xml, 0)

    def _node(self, pair: Pair, place: ComparedPlace, a: Any, b: Any, xml: bool, depth: int) -> None:
        pair.left -= 1
        kind = a.__class__
        if kind is b.__class__ and kind in _SCALARS and a == b and not (place.ignored or xml):
            place.column.add(pair.number, a, b, True, None)  # as most do
        elif place.ignored:
            if not _same(a, b):
                place.leave_out(pair.number)
        else:
            self._unlike(pair, place, *(_as_xml(a, b) if xml else (a, b)), xml, depth)

    def _unlike(self, pair: Pair, place: ComparedPlace, a: Any, b: Any, xml: bool, depth: int) -> None:
        type_a, type_b = type_of(a), type_of(b)
        if type_a != type_b:
            place.column.add(pair.number, _scalar(a, type_a), _scalar(b, type_b), False, pair.sample(a, b))
        elif type_a not in ("object", "array"):
            self.leaf(pair, place, a, b)
        else:
            place.column.add(pair.number, CONTAINERS[type_a], CONTAINERS[type_a], True, None)
            if depth >= _MOST_DEPTH:
                self._deep(pair, place, a, b)
            elif type_a == "object":
                self._members(pair, place, a, b, xml, depth)
            else:
                self._elements(pair, place, a, b, xml, depth)

    def _deep(self, pair: Pair, place: ComparedPlace, a: Any, b: Any) -> None:
        """What is nested deeper than any real response is compared as a whole."""
        if self._values and canonical(a) != canonical(b):
            place.child(ELEMENT).column.add(pair.number, "one", "another", False, pair.sample(a, b))

    def leaf(self, pair: Pair, place: ComparedPlace, a: Any, b: Any) -> None:
        """Compare two scalars of one type; each environment's own host and path count as the same."""
        if place.tolerance and abs(a_number(a) - a_number(b)) <= place.tolerance:
            b = a
        equal = bool(a == b)
        sample = None
        if not equal:
            if pair.reported and pair.is_reported(text_of(a), text_of(b)):
                place.column.seen += 1
                return
            if pair.reference is not None and _changed_alone(text_of(a), text_of(b), *pair.reference):
                place.reference = True
            sample = pair.sample(a, b)
            a, b = _without_own(a, pair.a), _without_own(b, pair.b)
            equal = bool(a == b)
        elif a.__class__ is not b.__class__ and shown(a) != shown(b):
            place.rewrite(pair.number, pair.sample(a, b))
        place.column.add(pair.number, a, b, equal, sample)

    def _members(
        self, pair: Pair, place: ComparedPlace, a: dict[str, Any], b: dict[str, Any], xml: bool, depth: int
    ) -> None:
        place.objects += 1
        if a.keys() != b.keys() or place.key_lengths:
            a, b = self._folded(pair, place, a, b, xml, depth)
            self._lone_members(pair, place, a, b)
        for key, value in a.items():
            if pair.left < 0:
                return
            if key in b:
                self._node(pair, place.child(key), value, b[key], xml, depth + 1)

    def _folded(
        self, pair: Pair, place: ComparedPlace, a: dict[str, Any], b: dict[str, Any], xml: bool, depth: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Compare members that have identifiers for names at one place, and return the others."""
        new_a, new_b = ([key for key in side if not place.has(key)] for side in (a, b))
        lone_a, lone_b = [key for key in new_a if key not in b], [key for key in new_b if key not in a]
        place.key_lengths |= _identifier_lengths(lone_a, lone_b)
        of_a, of_b = ([key for key in new if len(key) in place.key_lengths] for new in (new_a, new_b))
        if not of_a and not of_b:
            return a, b
        if self._values:
            place.counted.add(pair.number, len(of_a), len(of_b), len(of_a) == len(of_b), pair.sample(a, b))
        child = place.child("*")
        common = [key for key in of_a if key in b]
        rest_a, rest_b = [key for key in of_a if key not in b], [key for key in of_b if key not in a]
        for one, other in [*zip(common, common, strict=True), *zip(rest_a, rest_b, strict=False)]:
            self._node(pair, child, a[one], b[other], xml, depth + 1)
        return (
            {key: value for key, value in a.items() if key not in of_a},
            {key: value for key, value in b.items() if key not in of_b},
        )

    def _lone_members(self, pair: Pair, place: ComparedPlace, a: dict[str, Any], b: dict[str, Any]) -> None:
        for key in [key for key in a if key not in b]:
            self._lone(pair, place.child(key), a[key], ABSENT)
        if self._strict:
            for key in [key for key in b if key not in a]:
                self._lone(pair, place.child(key), ABSENT, b[key])

    def _lone(self, pair: Pair, child: ComparedPlace, a: Any, b: Any) -> None:
        if child.ignored:
            child.leave_out(pair.number)
            return
        child.be_alone(pair.number, pair.sample(a, b), missing=b is ABSENT)

    def _elements(self, pair: Pair, place: ComparedPlace, a: list[Any], b: list[Any], xml: bool, depth: int) -> None:
        child = place.child(ELEMENT)
        if self._values and (self._strict or len(b) <= len(a)):
            equal = len(a) == len(b)
            place.counted.add(pair.number, len(a), len(b), equal, None if equal else pair.sample(a, b))
        if len(a) != len(b):
            a, b = _without_equals(pair, a, b)
        elif place.unordered:
            a, b = _sorted(*_without_equals(pair, a, b))
        elif len(a) > 1 and self._values:
            if _same(a, b):
                if place.order is not None:
                    place.order.same += 1
            elif _reordered(pair, place, a, b):
                return
        for one, other in zip(a, b, strict=False):
            if pair.left < 0:
                return
            self._node(pair, child, one, other, xml, depth + 1)


class _Container(str):
    """Stands for an object or an array among values."""

    __slots__ = ()


CONTAINERS: Final = {name: _Container(name) for name in ("object", "array")}
_SURE_IDENTIFIER = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-|\d{5}|.@|(?i:person-)|^(?=.*\d)[0-9a-f]{10,}$", re.ASCII)
_TURN = re.compile(r"\d(?=[a-zA-Z])|[a-zA-Z](?=\d)", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.IGNORECASE)


def _identifier_lengths(a: list[str], b: list[str]) -> set[int]:
    """Lengths of members' names that are no names but identifiers, of names that only one side has.

    They have many digits, or letters and digits that change often; or each side has other hexadecimal ones of a length.
    """
    keys = [*a, *b]
    found = {len(key) for key in keys if _is_identifier(key)}
    digits = "".join(keys)
    if a and b and len({*map(len, keys)}) == 1 and _HEX.fullmatch(digits) and not digits.isalpha():
        found.add(len(keys[0]))
    return found


def _is_identifier(key: str) -> bool:
    if _SURE_IDENTIFIER.search(key) is not None:
        return True
    return len(key) >= 8 and len(_TURN.findall(key)) >= 3


def _scalar(value: Any, kind: str) -> Any:
    return CONTAINERS.get(kind, value)


def _without_own(value: Any, side: Side) -> Any:
    """A text in which the environment's own host, and the path that was sent to, are marked."""
    if value.__class__ is not str or ("/" not in value and "." not in value):
        return value
    folded = value.lower()
    for host in side.hosts:
        if host in folded:
            value = re.sub(re.escape(host), "‹host›", value, flags=re.IGNORECASE)
            folded = value.lower()
    path = side.sent.path if "/" in value else ""
    if len(path) >= _LEAST_PATH and path in value:
        start = value.find(path)
        if value[:start].endswith("‹host›") or not start:
            value = value[:start] + "‹path›" + value[start + len(path) :]
    return value


def a_number(value: Any) -> float:
    """Return the number that a scalar is or says, not-a-number where it is none."""
    try:
        return float(value) if not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _same(a: Any, b: Any) -> bool:
    """Whether two trees are the same, `1` and `true` apart; False where that cannot be decided at such depth."""
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


def canonical(value: Any) -> str:
    """Return a text that is the same for two trees that differ in nothing but keys' order."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
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


def _reordered(pair: Pair, place: ComparedPlace, a: list[Any], b: list[Any]) -> bool:
    """Note whether two arrays hold the same in another order; return whether they do."""
    pair.left -= len(a) + len(b)
    of_a, of_b = [canonical(item) for item in a], [canonical(item) for item in b]
    if of_a == of_b or Counter(of_a) != Counter(of_b):
        return False
    if place.order is None:
        place.order = Order()
    order = place.order
    order.other.add(pair.number, pair.sample(a, b))
    places = {text: place for place, text in enumerate(of_b)}
    order.moves.setdefault(len(of_a), set()).add(hash(tuple(places[text] for text in of_a)))
    for side, texts in enumerate((of_a, of_b)):
        order.sorted[side] += texts == sorted(texts)
    return True


def _without_equals(pair: Pair, a: list[Any], b: list[Any]) -> tuple[list[Any], list[Any]]:
    """What is left of two arrays without the elements that stand in both."""
    pair.left -= len(a) + len(b)
    of_a, of_b = [canonical(item) for item in a], [canonical(item) for item in b]
    common = Counter(of_a) & Counter(of_b)
    return list(_rest(a, of_a, common)), list(_rest(b, of_b, common))


def _rest(items: list[Any], keys: list[str], common: Counter[str]) -> Iterator[Any]:
    left = common.copy()
    for item, key in zip(items, keys, strict=True):
        if left[key] > 0:
            left[key] -= 1
        else:
            yield item


def _sorted(a: list[Any], b: list[Any]) -> tuple[list[Any], list[Any]]:
    return sorted(a, key=canonical), sorted(b, key=canonical)
