"""The places of bodies and headers: one node per path, with what the spec says of it and what was seen there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from rokt_export.diff.column import Column, Evidence, KeptPairs, Order
from rokt_export.diff.result import OPTIONAL, DifferenceKind, Sample
from rokt_export.partner_spec.model import DiffSettings
from rokt_export.response.value_text import clean

ELEMENT: Final = "[*]"
MOST_PLACES: Final = 2_000
"""Places known by name. An answer that makes up new names for ever fills them; the rest share `*` of their parent."""

_OTHERS: Final = "*"
_OUTSIDE: Final = "\0"
"""First step of what is no part of a body; no pattern has it."""
_LONGEST_NAME: Final = 200
_NAMED_AFTER = re.compile(r"(?i:person-[0-9a-f]{10})|.@.+\.|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-")
"""In the name of a member: a person, an address or a uuid. Such members of a map are one place."""
_PLAIN_NAME = re.compile(r"[@#]?[^\W\d][\w-]*|‹[\w:.-]+›")


class ComparedPlace:
    """One path.

    Attributes:
        path: as reports show it.
        steps: names and `[*]` from the root.
        kind: what a difference of its values is.
        ignored: the spec leaves it out, and all below.
        varies: the form in which the spec lets its values vary; None where it does not.
        may_be_absent: whether the spec lets it be there at random.
        unordered: an array whose order does not count.
        tolerance: the largest difference of two numbers that does not count.
        noted: a header that the spec does not name: what is found is a note.
        column: the values.
        lengths: of an array, or of an object keyed by identifiers, how many it holds.
        order: of an array, how its elements stand.
        missing, extra: the transactions in which only A has it, and only B; None where there is none.
        rewritten: the transactions in which equal numbers are written in two ways.
        objects: pairs of objects compared here.
        key_lengths: of an object that identifiers are keys of, how long these are; they share one place.
        left_out: transactions in which it differed although ignored.
        reference: what stands here was captured as the partner's reference.
    """

    __slots__ = (
        "_children",
        "_last_left_out",
        "_places",
        "column",
        "extra",
        "ignored",
        "key_lengths",
        "kind",
        "left_out",
        "lengths",
        "may_be_absent",
        "missing",
        "noted",
        "objects",
        "order",
        "path",
        "reference",
        "rewritten",
        "steps",
        "tolerance",
        "unordered",
        "varies",
    )

    def __init__(self, places: Places, path: str, steps: tuple[str, ...]) -> None:
        self._places = places
        self._children: dict[str, ComparedPlace] = {}
        self._last_left_out = -1
        self.path = path
        self.steps = steps
        self.kind = DifferenceKind.VALUE
        self.ignored = places.ignores(self)
        form = places.lets_vary(self)
        self.may_be_absent = form is not None and form.split()[0] == OPTIONAL
        self.varies = form.removeprefix(OPTIONAL).strip() or None if form is not None and self.may_be_absent else form
        self.unordered = any(pattern.matches(self) for pattern in places.unordered)
        self.tolerance = next((most for pattern, most in places.tolerance if pattern.matches(self)), 0.0)
        self.noted = False
        self.column = Column(places.rows)
        self.lengths: Column | None = None
        self.order: Order | None = None
        self.missing: Evidence | None = None
        self.extra: Evidence | None = None
        self.rewritten: Evidence | None = None
        self.objects = 0
        self.key_lengths: set[int] = set()
        self.left_out = 0
        self.reference = False

    def child(self, step: str) -> ComparedPlace:
        """Return the place of a member, or of all elements (`[*]`)."""
        found = self._children.get(step)
        return self._grown(step) if found is None else found

    def has(self, step: str) -> bool:
        """Return whether a member of this name was met before."""
        return step in self._children

    def _grown(self, step: str) -> ComparedPlace:
        full = len(self._places.all) >= MOST_PLACES or len(step) > _LONGEST_NAME
        if step != ELEMENT and (full or _NAMED_AFTER.search(step)):
            step = _OTHERS
            if step in self._children:
                return self._children[step]
        place = self._children[step] = self._places.add(self.path + _written(step), (*self.steps, step))
        return place

    @property
    def counted(self) -> Column:
        """The column of its lengths."""
        if self.lengths is None:
            self.lengths = Column(self._places.rows)
        return self.lengths

    def be_alone(self, number: int, sample: Callable[[], Sample], *, missing: bool) -> None:
        """Count a transaction in which it is there on one side alone."""
        if self.missing is None or self.extra is None:
            self.missing, self.extra = Evidence(), Evidence()
        (self.missing if missing else self.extra).add(number, sample)

    def rewrite(self, number: int, sample: Callable[[], Sample]) -> None:
        """Count a transaction in which one number is written in two ways, as 5 and 5.0."""
        if self.rewritten is None:
            self.rewritten = Evidence()
        self.rewritten.add(number, sample)

    @property
    def unlike(self) -> int:
        """Transactions in which its values, or how many they are, are unequal, or in which one side lacks it."""
        alone = [one.count for one in (self.missing, self.extra) if one is not None]
        return max(self.column.differing.count + sum(alone), self.lengths.unequal if self.lengths else 0)

    def is_rare_in(self, parent: ComparedPlace) -> bool:
        """Whether few of the objects have this member, so that its name may be a value."""
        alone = [one.count for one in (self.missing, self.extra) if one is not None]
        return self.column.seen + sum(alone) < 0.2 * parent.objects

    def leave_out(self, number: int) -> None:
        """Count a transaction that differs here though the spec ignores it."""
        if number != self._last_left_out:
            self._last_left_out = number
            self.left_out += 1


def _written(step: str) -> str:
    """A step as it is written in a path."""
    if step == ELEMENT:
        return step
    if step == _OTHERS or _PLAIN_NAME.fullmatch(step):
        return f".{step}"
    quote = '"' if "'" in step else "'"
    return f"[{quote}{clean(step)}{quote}]"


class Places:
    """All places of a comparison.

    Attributes:
        all: every place that was met, in that order.
        body: the root of bodies.
        rows: the pairs whose values are kept.
        unordered, tolerance: what the spec says of arrays and numbers.
    """

    def __init__(self, settings: DiffSettings) -> None:
        self._ignored = [PathPattern(text) for text in settings.ignore if text[:1] in ("$", "/")]
        self._names = frozenset(text.strip().lower() for text in settings.ignore)
        self._varies = [(PathPattern(text), form) for text, form in settings.varies.items() if text[:1] in ("$", "/")]
        self._varying_names = {text.strip().lower(): form for text, form in settings.varies.items()}
        self.rows = KeptPairs()
        self.unordered = [PathPattern(text) for text in settings.unordered]
        self.tolerance = [(PathPattern(text), most) for text, most in settings.tolerance.items()]
        self.all: list[ComparedPlace] = []
        self._named: dict[str, ComparedPlace] = {}
        self.body = self.add("$", ())

    def add(self, path: str, steps: tuple[str, ...] | None) -> ComparedPlace:
        """Return a new place."""
        place = ComparedPlace(self, path, steps if steps is not None else (_OUTSIDE, path))
        self.all.append(place)
        return place

    def named(self, path: str, kind: DifferenceKind = DifferenceKind.VALUE) -> ComparedPlace:
        """Return the place of something that is no part of a tree: `status`, `header location`, `line 3`."""
        found = self._named.get(path)
        if found is None:
            found = self._named[path] = self.add(path, None)
            found.kind = kind
        return found

    def ignores(self, place: ComparedPlace) -> bool:
        """Return whether the spec leaves a place out."""
        if place.path.removeprefix("header ").lower() in self._names:
            return True
        return any(pattern.matches(place) for pattern in self._ignored)

    def lets_vary(self, place: ComparedPlace) -> str | None:
        """Return the form in which the spec lets a place's values vary, None where it does not."""
        named = self._varying_names.get(place.path.removeprefix("header ").lower())
        return named or next((form for pattern, form in self._varies if pattern.matches(place)), None)


_TOKEN = re.compile(
    r"""(?P<deep>\.\.|//)?(?:
        (?P<name>[\w@\#‹›:-]+(?:\(\))?|\*)
        | \[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]
        | (?P<element>\[[^\]]*\])
    )|[./]""",
    re.VERBOSE,
)
_DEEP: Final = "…"
_ANY: Final = "*"


class PathPattern:
    """A path of the spec (`$.items[*].id`, `$..id`, `/Response/Code/@id`), matched against places.

    A pattern that says nothing of elements means them all: `$.items.id` is `$.items[*].id`, since whether an XML
    element is one or several is not for its path to know.
    """

    __slots__ = ("_of_elements", "_steps")

    def __init__(self, text: str) -> None:
        self._steps = tuple(_pattern_steps(text))
        self._of_elements = ELEMENT in self._steps

    def matches(self, place: ComparedPlace) -> bool:
        """Return whether a place is meant (not whether it lies below one that is)."""
        if place.steps[:1] == (_OUTSIDE,):
            return False
        steps = place.steps if self._of_elements else tuple(step for step in place.steps if step != ELEMENT)
        if not self._of_elements and place.steps[-1:] == (ELEMENT,):
            return False  # the array is meant, not its elements
        return _fits(self._steps, steps)


def _pattern_steps(text: str) -> Iterator[str]:
    xml = text.startswith("/")
    for match in _TOKEN.finditer(text.removeprefix("$")):
        if match["deep"]:
            yield _DEEP
        if match["element"]:
            inner = match["element"][1:-1].strip()
            yield ELEMENT if inner == "*" or inner.isdigit() or ":" in inner or inner.startswith("?") else inner
        elif (name := match["name"]) is not None:
            yield _local(name) if xml else name
        elif match["quoted"] is not None:
            yield match["quoted"]


def _local(name: str) -> str:
    """An XML name as xmltodict's mapping has it, without its namespace's prefix."""
    if name == "text()":
        return "#text"
    return "@" + name[1:].rpartition(":")[2] if name.startswith("@") else name.rpartition(":")[2]


def _fits(pattern: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    if not pattern:
        return not steps
    if pattern[0] == _DEEP:
        return any(_fits(pattern[1:], steps[skipped:]) for skipped in range(len(steps) + 1))
    return bool(steps) and pattern[0] in (steps[0], _ANY) and _fits(pattern[1:], steps[1:])
