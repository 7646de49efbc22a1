"""Compare two sides' answers to the same transactions: outcomes, reasons, status, headers, body shape, then values."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from rokt_export.diff.bodies import Body, Format, binary_facts, read_body
from rokt_export.diff.echoes import Placeholders
from rokt_export.diff.evidence import KEPT, MOST_SAMPLES, Evidence
from rokt_export.diff.latency import LatencyHistogram
from rokt_export.diff.model import Difference, DiffResult, Kind, Sample, Unmatched, Volatile
from rokt_export.diff.places import Place, Places
from rokt_export.diff.shape import ABSENT, MOST_VALUES, Pair, Shape
from rokt_export.diff.side import Side
from rokt_export.diff.volatile import ENOUGH, why_at_times, why_volatile
from rokt_export.partner_spec.model import DiffSettings
from rokt_export.response.value_text import abridged

_ORDER: Final = {kind: place for place, kind in enumerate(Kind)}
"""Kinds stand in the order of their sections."""
_MAY_VARY: Final = (Kind.REASON, Kind.CODE, Kind.HEADER, Kind.TYPE, Kind.LENGTH, Kind.VALUE)
_MOST_CHANGES: Final = 200
_MOST_LINES: Final = 200
"""Lines of a text that have a place of their own."""
_DIFF_LINES: Final = 1_000
_SHOWN_LINES: Final = 20
_SHOWN_TEXT: Final = 200
_LEFT_OUT: Final = f"more than {MOST_VALUES:,} values in one answer: those beyond were not compared"
_TOO_FEW: Final = (
    f"With fewer than {ENOUGH} transactions, what varies by itself cannot always be told from a difference."
)
_CUT: Final = "the body was cut when it was recorded, and not compared"
_ONE_SIDED: Final = "only one side's answer was recorded, so that headers and bodies were not compared"


class Comparison:
    """Compares pair after pair, in memory that does not grow with them.

    Bodies are not kept: each place (a path of a body, a header) counts its differences and keeps a few samples and
    enough of its values to be judged when all are in. That is when volatile places are set apart, because only many
    transactions tell them.

    A pair with another outcome, or another rule, is compared no further: the rest of the answer follows from that.

    Args:
        settings: the spec's `diff:`.
        a, b: what the sides are called.
    """

    def __init__(self, settings: DiffSettings | None = None, *, a: str = "A", b: str = "B") -> None:
        settings = settings or DiffSettings()
        self._names = (a, b)
        self._values = settings.mode != "schema"
        self._strict = settings.mode != "subset"
        self._places = Places(settings)
        self._shape = Shape(strict=self._strict, values=self._values)
        self._headers = tuple(dict.fromkeys(["content-type", *(name.strip().lower() for name in settings.headers)]))
        self._changes: dict[tuple[Kind, str, str, str], Evidence] = {}
        self._outcomes: dict[tuple[str, str], int] = {}
        self._latencies = (LatencyHistogram(), LatencyHistogram())
        self._alone: tuple[list[str], list[str]] = ([], [])
        self._alone_counts = [0, 0]
        self._pairs = self._bodies = self._explained = 0
        self._caveats: dict[str, int] = {}
        self._notes: dict[str, None] = {}

    def add(self, transaction: str, a: Side, b: Side) -> None:
        """Compare two answers to one transaction; call it in the order in which the transactions were started."""
        self._pairs += 1
        outcomes = (a.outcome, b.outcome)
        self._outcomes[outcomes] = self._outcomes.get(outcomes, 0) + 1
        for side, histogram in zip((a, b), self._latencies, strict=True):
            if side.latency_ms is not None:
                histogram.add(side.latency_ms)
        pair = Pair(
            self._pairs,
            transaction,
            Placeholders(a.sent, a.hosts, a.started),
            Placeholders(b.sent, b.hosts, b.started),
        )
        if self._is_explained(pair, a, b):
            self._explained += a.body is not None and b.body is not None
            return
        if a.body is None or b.body is None:
            if (a.body is None) != (b.body is None):
                self._caveat(_ONE_SIDED)
            return
        self._compare_headers(pair, a, b)
        self._compare_bodies(pair, a, b)

    def only_in_a(self, transaction: str) -> None:
        """Count a transaction that B does not have."""
        self._count_alone(0, transaction)

    def only_in_b(self, transaction: str) -> None:
        """Count a transaction that A does not have."""
        self._count_alone(1, transaction)

    def note(self, sentence: str) -> None:
        """Tell the reader of the result something that it takes to judge it."""
        self._notes[sentence] = None

    def result(self) -> DiffResult:
        """Return what the pairs so far came to."""
        differences, volatile = self._judged()
        differences.sort(key=lambda one: (_ORDER[one.kind], -one.count))
        if self._pairs < ENOUGH and any(one.kind in _MAY_VARY for one in differences):
            self.note(_TOO_FEW)
        caveats = [f"{count:,} transaction{'s' if count > 1 else ''}: {text}." for text, count in self._caveats.items()]
        return DiffResult(
            *self._names,
            pairs=self._pairs,
            outcomes=dict(self._outcomes),
            differences=tuple(differences),
            volatile=tuple(volatile),
            ignored={place.path: place.left_out for place in self._places.all if place.left_out},
            only_in_a=Unmatched(self._alone_counts[0], tuple(self._alone[0])),
            only_in_b=Unmatched(self._alone_counts[1], tuple(self._alone[1])),
            bodies=self._bodies,
            explained=self._explained,
            latency_a=self._latencies[0].percentiles(),
            latency_b=self._latencies[1].percentiles(),
            notes=(*self._notes, *caveats),
        )

    def _count_alone(self, side: int, transaction: str) -> None:
        self._alone_counts[side] += 1
        if len(self._alone[side]) < MOST_SAMPLES:
            self._alone[side].append(transaction)

    def _caveat(self, text: str) -> None:
        self._caveats[text] = self._caveats.get(text, 0) + 1

    def _is_explained(self, pair: Pair, a: Side, b: Side) -> bool:
        """Compare outcome, rule, reasons and status; return whether one of them explains all the rest."""
        if a.outcome != b.outcome:
            self._change(pair, Kind.OUTCOME, "outcome", (a.outcome, b.outcome), (_told(a), _told(b)))
            return True
        if a.rule != b.rule:
            rules = (a.rule or "none", b.rule or "none")
            self._change(pair, Kind.RULE, "rule", rules, (_told(a), _told(b)))
            return True
        self._compare_reasons(pair, a, b)
        if a.status == b.status:
            return False
        statuses = (str(a.status or "no answer"), str(b.status or "no answer"))
        self._change(pair, Kind.STATUS, "status", statuses, statuses)
        return a.rule is None

    def _compare_reasons(self, pair: Pair, a: Side, b: Side) -> None:
        recorded = a.body is not None and b.body is not None
        if a.reference is not None and b.reference is not None:
            pair.reference = (a.reference, b.reference)
        elif a.reference != b.reference and not recorded:
            captured = ("none" if a.reference is None else "captured", "none" if b.reference is None else "captured")
            self._change(pair, Kind.REFERENCE, "reference", captured, (a.reference, b.reference))
        if not self._values or (recorded and a.rule is None):
            return  # without a rule the reason is our own summary of the answer
        self._compare_words(pair, Kind.REASON, (a.reason, b.reason), recorded=recorded)
        self._compare_words(pair, Kind.CODE, (a.code, b.code), recorded=recorded)

    def _compare_words(self, pair: Pair, kind: Kind, words: tuple[str | None, str | None], *, recorded: bool) -> None:
        a, b = words
        place = self._places.named(str(kind))
        if place.ignored:
            if a != b:
                place.leave_out(pair.number)
        elif a is not None and b is not None:
            self._shape.leaf(pair, place, a, b, kind)
            if a != b:
                pair.told.append((a, b))
        elif a != b and not recorded:  # else the body shows what is not there
            sample = pair.sample(ABSENT if a is None else a, ABSENT if b is None else b)
            place.of(kind).differ(pair.number, a or "", b or "", sample)

    def _compare_headers(self, pair: Pair, a: Side, b: Side) -> None:
        for name in self._headers:
            of_a, of_b = _header(a, name), _header(b, name)
            place = self._places.named(f"header {name}")
            if place.ignored:
                if of_a != of_b:
                    place.leave_out(pair.number)
            elif of_a is not None and of_b is not None:
                self._shape.leaf(pair, place, of_a, of_b, Kind.HEADER)
            elif of_a != of_b and (self._strict or of_b is None):
                sample = pair.sample(ABSENT if of_a is None else of_a, ABSENT if of_b is None else of_b)
                place.of(Kind.HEADER).differ(pair.number, of_a or "", of_b or "", sample)

    def _compare_bodies(self, pair: Pair, a: Side, b: Side) -> None:
        root = self._places.body
        if root.ignored:
            if a.body != b.body:
                root.leave_out(pair.number)
            return
        if a.truncated or b.truncated:
            self._caveat(_CUT)
            return
        self._bodies += 1
        body_a = read_body(a)
        body_b = body_a if a.body == b.body and a.header("content-type") == b.header("content-type") else read_body(b)
        if body_a.format is not body_b.format:
            self._compare_formats(pair, a, b, body_a, body_b)
            return
        match body_a.format:
            case Format.JSON | Format.XML:
                self._shape.compare(pair, root, body_a.data, body_b.data, xml=body_a.format is Format.XML)
            case Format.TEXT if self._values:
                self._compare_texts(pair, body_a.data, body_b.data)
            case Format.BINARY if self._values and a.body != b.body:
                facts = (binary_facts(a.body or b""), binary_facts(b.body or b""))
                root.of(Kind.BINARY).differ(pair.number, *facts, _sample(pair, facts))
        if pair.left < 0:
            self._caveat(_LEFT_OUT)

    def _compare_formats(self, pair: Pair, a: Side, b: Side, of_a: Body, of_b: Body) -> None:
        if of_a.format is Format.EMPTY and not self._strict:
            return
        shown = (_start(of_a, a), _start(of_b, b))
        self._change(pair, Kind.FORMAT, "$", (str(of_a.format), str(of_b.format)), shown)

    def _compare_texts(self, pair: Pair, a: list[str], b: list[str]) -> None:
        if len(a) == len(b):
            if (lengths := self._places.named("lines").evidence.get(Kind.LENGTH)) is not None:
                lengths.agree(str(len(a)))
            for number, (line, other) in enumerate(zip(a, b, strict=True), 1):
                path = f"line {number}" if number <= _MOST_LINES else f"after line {_MOST_LINES}"
                place = self._places.named(path)
                if not place.ignored:
                    self._shape.leaf(pair, place, line, other)
                elif line != other:
                    place.leave_out(pair.number)
            return
        lines = (str(len(a)), str(len(b)))

        def sample() -> Sample:
            diff = tuple(islice(_line_diff(pair, a, b), _SHOWN_LINES))
            return Sample(pair.transaction, f"{len(a):,} lines", f"{len(b):,} lines", diff)

        self._places.named("lines").of(Kind.LENGTH).differ(pair.number, *lines, sample)

    def _change(
        self, pair: Pair, kind: Kind, path: str, change: tuple[str, str], shown: tuple[str | None, str | None]
    ) -> None:
        """Count a change of one of few possible values into another; each is a difference of its own."""
        key = (kind, path, *change)
        evidence = self._changes.get(key)
        if evidence is None:
            if len(self._changes) >= _MOST_CHANGES:
                key = (kind, path, "…", "…")
            evidence = self._changes.setdefault(key, Evidence())
        evidence.differ(pair.number, "", "", _sample(pair, shown))

    def _judged(self) -> tuple[list[Difference], list[Volatile]]:
        differences = [
            _difference(kind, path, evidence, f"{a} → {b}") for (kind, path, a, b), evidence in self._changes.items()
        ]
        volatile: list[Volatile] = []
        parents = {place.steps: place for place in self._places.all}
        for place in self._places.all:
            found = [*_by_kind(place), *_by_presence(place, parents.get(place.steps[:-1]))]
            for difference, reason in found:
                if reason is None:
                    differences.append(difference)
                else:
                    volatile.append(Volatile(difference, reason, _ignore(place, difference.kind)))
        return differences, volatile


def _by_kind(place: Place) -> Iterator[tuple[Difference, str | None]]:
    for kind, evidence in place.evidence.items():
        if not evidence.differed:
            continue
        change = evidence.only_change
        detail = " → ".join(abridged(text, KEPT - 1) for text in change) if change and all(change) else ""
        reason = why_volatile(evidence, reference=place.reference) if kind in _MAY_VARY else None
        yield _difference(kind, place.path, evidence, detail), reason


def _by_presence(place: Place, parent: Place | None) -> Iterator[tuple[Difference, str | None]]:
    presence = place.presence
    if presence is None or parent is None:
        return
    reason = why_at_times(presence, parent.objects - presence.before)
    for kind, evidence in ((Kind.MISSING, presence.missing), (Kind.EXTRA, presence.extra)):
        if evidence.differed:
            yield _difference(kind, place.path, evidence), reason


def _difference(kind: Kind, path: str, evidence: Evidence, detail: str = "") -> Difference:
    return Difference(kind, path, evidence.transactions, detail, tuple(evidence.samples))


def _ignore(place: Place, kind: Kind) -> str | None:
    """What the spec calls a place; None where ignoring it would hide more than what is volatile."""
    if kind is Kind.LENGTH:
        return None
    if place.path.startswith("$"):
        return place.path
    return place.path.removeprefix("header ") if kind is Kind.HEADER else None


def _told(side: Side) -> str:
    """An outcome with what it was read from, fit for a line."""
    facts = ", ".join(str(fact) for fact in (side.status, side.rule) if fact is not None)
    reason = f": {abridged(side.reason)}" if side.reason else ""
    return f"{side.outcome}{f' ({facts})' if facts else ''}{reason}"


def _sample(pair: Pair, shown: tuple[str | None, str | None]) -> Any:
    return lambda: Sample(pair.transaction, *shown)


def _start(body: Body, side: Side) -> str:
    """What a body is, and how it starts."""
    if body.format is Format.EMPTY:
        return str(body.format)
    if body.format is Format.BINARY:
        return f"{body.described}: {binary_facts(side.body or b'')}"
    text = (side.body or b"")[: _SHOWN_TEXT * 4].decode(errors="replace")
    return f"{body.described}: {abridged(text, _SHOWN_TEXT)}"


def _header(side: Side, name: str) -> str | None:
    values = [value.strip() for key, value in side.headers if key.lower() == name]
    if not values:
        return None
    return _media_type(values[0]) if name == "content-type" else ", ".join(values)


@lru_cache(maxsize=256)
def _media_type(value: str) -> str:
    """A content type written in one way (RFC 9110, 8.3.1), without the boundary, which is new each time."""
    parts = [part.strip() for part in value.lower().split(";")]
    return "; ".join(
        [parts[0], *sorted(part.replace('"', "") for part in parts[1:] if not part.startswith("boundary"))]
    )


def _line_diff(pair: Pair, a: list[str], b: list[str]) -> Iterator[str]:
    of_a = [pair.a.fill(abridged(line, _SHOWN_TEXT)) for line in a[:_DIFF_LINES]]
    of_b = [pair.b.fill(abridged(line, _SHOWN_TEXT)) for line in b[:_DIFF_LINES]]
    return (line for line in unified_diff(of_a, of_b, lineterm="", n=1) if not line.startswith(("---", "+++", "@@")))
