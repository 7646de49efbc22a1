"""Tell whether a regular expression can take exponential time: whether one of its loops reads one text in many ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeAlias

# Private, and the only parser of Python's own dialect; the public `sre_parse` is the same module, deprecated in 3.11.
_parser: Any = import_module("re._parser")

Chars: TypeAlias = frozenset[str]

_LOOP = 6
"""Optional repeats from which a bounded quantifier counts as a loop: `{1,64}` is as bad as `+` in practice."""
_COPIES = 3
"""Copies of a part that must repeat; more change nothing about whether a loop is ambiguous."""
_MAX_PAIRS = 1_000_000
"""Pairs of steps in one loop beyond which they are not searched; a loop of thirty signs in any order has as many."""
_ALPHABET = frozenset(map(chr, range(128))) | frozenset("éßÅ中\u00a0\u2028")


@lru_cache(maxsize=512)
def can_explode(pattern: str) -> bool:
    """Return whether matching can take time exponential in the length of the text.

    The pattern is read as an automaton of its signs; it explodes when some sign can be reached from itself over the
    same text in two ways (Weber and Seidl's criterion EDA, 1991): `(a+)+`, `(a|a)*`, `(\\w+\\s?)*`, `(.*,)*`.
    Not seen: loops of very many signs, polynomial time (`.*.*x`), and what only look-arounds, anchors, back references
    or atomic groups prevent or cause. A loop that ends a search may be told though nothing after it
    can fail.

    Raises:
        re.error: it is not a regular expression.
    """
    parsed = _parser.parse(pattern)
    automaton = _Automaton(int(parsed.state.flags))
    start = automaton.node()
    automaton.sequence(parsed, start)
    return any(_ambiguous(automaton, loop) for loop in _loops(automaton))


@dataclass(slots=True)
class _Automaton:
    """Thompson's automaton: nodes, free moves between them, and at most one sign read at each."""

    flags: int
    free: list[list[int]] = field(default_factory=list)
    reads: dict[int, tuple[Chars, int]] = field(default_factory=dict)

    def node(self) -> int:
        self.free.append([])
        return len(self.free) - 1

    def sequence(self, items: Any, start: int) -> int:
        for operator, argument in items:
            start = self._item(str(operator), argument, start)
        return start

    def _item(self, operator: str, argument: Any, start: int) -> int:
        match operator:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._read(self._chars(operator, argument), start)
            case "BRANCH":
                end = self.node()
                for branch in argument[1]:
                    entry = self._free(start)
                    self.free[self.sequence(branch, entry)].append(end)
                return end
            case "SUBPATTERN":
                return self._group(argument[1], argument[2], argument[3], start)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(argument[0], argument[1], argument[2], start)
            case "POSSESSIVE_REPEAT":
                return self._read(self._all_chars(argument[2]), start)
            case "ATOMIC_GROUP":
                return self._read(self._all_chars(argument), start)
            case "GROUPREF_EXISTS":
                return self._item("BRANCH", (None, [part or [] for part in argument[1:]]), start)
            case _:  # anchors, look-arounds and back references read nothing
                return start

    def _group(self, added: int, taken: int, part: Any, start: int) -> int:
        outside = self.flags
        self.flags = (outside | added) & ~taken
        end = self.sequence(part, start)
        self.flags = outside
        return end

    def _free(self, start: int) -> int:
        entry = self.node()
        self.free[start].append(entry)
        return entry

    def _read(self, chars: Chars, start: int) -> int:
        here, end = self._free(start), self.node()
        self.reads[here] = (chars, end)
        return end

    def _repeat(self, least: int, most: Any, part: Any, start: int) -> int:
        for _ in range(min(least, _COPIES)):
            start = self.sequence(part, start)
        optional = int(most) - least
        if optional < _LOOP:
            end = self.node()
            self.free[start].append(end)
            for _ in range(optional):
                start = self.sequence(part, self._free(start))
                self.free[start].append(end)
            return end
        entry, end = self._free(start), self.node()
        # Not the way in again: two nodes let a new round follow an old one, but no round that read nothing.
        again = self._free(self.sequence(part, entry))
        self.free[again] += [entry, end]
        self.free[start].append(end)
        return end

    def _chars(self, operator: str, argument: Any) -> Chars:
        match operator:
            case "LITERAL":
                return self._cased({chr(argument)})
            case "NOT_LITERAL":
                return _ALPHABET - self._cased({chr(argument)})
            case "ANY":
                return _ALPHABET if self.flags & re.DOTALL else _ALPHABET - {"\n"}
            case "RANGE":
                return self._cased({sign for sign in _ALPHABET if argument[0] <= ord(sign) <= argument[1]})
            case "CATEGORY":
                return _CATEGORIES.get(str(argument), _ALPHABET)
            case _:
                negated = bool(argument) and str(argument[0][0]) == "NEGATE"
                found = frozenset().union(*(self._chars(str(op), value) for op, value in argument[negated:]))
                return _ALPHABET - found if negated else found

    def _cased(self, signs: set[str]) -> Chars:
        return (
            frozenset(signs | {sign.swapcase() for sign in signs}) if self.flags & re.IGNORECASE else frozenset(signs)
        )

    def _all_chars(self, part: Any) -> Chars:
        inner = _Automaton(self.flags)
        inner.sequence(part, inner.node())
        return frozenset().union(*(chars for chars, _ in inner.reads.values()))

    def following(self, sign: int) -> list[int]:
        """The signs that may be read next after one, each as often as there are ways of free moves to it."""
        found: list[int] = []
        stack: list[tuple[int, frozenset[int]]] = [(self.reads[sign][1], frozenset())]
        for _ in range(_MAX_MOVES):
            if not stack:
                break
            node, passed = stack.pop()
            if node in self.reads:
                found.append(node)
            stack.extend((following, passed | {node}) for following in self.free[node] if following not in passed)
        return found


_MAX_MOVES = 2_000
"""Free moves followed from one sign: ways multiply, and a pattern with more of them is caught by the first two."""
_CATEGORIES = {
    f"CATEGORY_{negation}{name}": frozenset(
        sign for sign in _ALPHABET if (re.fullmatch(shorthand, sign) is None) == bool(negation)
    )
    for name, shorthand in (("DIGIT", r"\d"), ("SPACE", r"\s"), ("WORD", r"\w"))
    for negation in ("", "NOT_")
}


def _loops(automaton: _Automaton) -> Iterator[dict[int, list[int]]]:
    """Yield the strongly connected parts of the graph of signs, each with its own edges."""
    edges = {sign: automaton.following(sign) for sign in automaton.reads}
    back: dict[int, list[int]] = {sign: [] for sign in edges}
    for sign, ends in edges.items():
        for end in ends:
            back[end].append(sign)
    left = set(edges)
    while left:
        sign = left.pop()
        members = _reachable(edges, [sign]) & _reachable(back, [sign])
        left -= members
        if members:
            yield {member: [end for end in edges[member] if end in members] for member in members}


def _reachable(edges: dict[Any, list[Any]], starts: list[Any]) -> set[Any]:
    """What can be reached from the starts in one step or more."""
    found: set[Any] = set()
    stack = list(starts)
    while stack:
        for end in edges.get(stack.pop(), ()):
            if end not in found:
                found.add(end)
                stack.append(end)
    return found


def _ambiguous(automaton: _Automaton, loop: dict[int, list[int]]) -> bool:
    if any(len(ends) != len(set(ends)) for ends in loop.values()):
        return True
    if sum(map(len, loop.values())) ** 2 > _MAX_PAIRS:
        return False
    chars = {sign: automaton.reads[sign][0] for sign in loop}
    pairs = {
        (first, second): [(one, other) for one in loop[first] for other in loop[second] if chars[one] & chars[other]]
        for first in loop
        for second in loop
    }
    back: dict[tuple[int, int], list[tuple[int, int]]] = {pair: [] for pair in pairs}
    for pair, ends in pairs.items():
        for end in ends:
            back[end].append(pair)
    same = [(sign, sign) for sign in loop]
    return any(first != second for first, second in _reachable(pairs, same) & _reachable(back, same))
