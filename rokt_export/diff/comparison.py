"""Compare two sides' responses to the same transactions: outcomes, reasons, status, headers, shape, then values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice
from math import comb
from typing import Final, TypeVar

from rokt_export.delivery.run_counts import Latencies
from rokt_export.diff.bodies import BodyFormat, ParsedBody, binary_facts, read_body
from rokt_export.diff.column import MOST_SAMPLES, Column, Evidence
from rokt_export.diff.echoes import OTHER_PERSON
from rokt_export.diff.findings import PlaceFinding, findings_of
from rokt_export.diff.forms import skeleton
from rokt_export.diff.other_people import OtherPeople, hidden, of_samples
from rokt_export.diff.places import ComparedPlace, Places
from rokt_export.diff.result import (
    Difference,
    DifferenceKind,
    DiffResult,
    Latency,
    Sample,
    Section,
    Undecided,
    UnmatchedTransactions,
)
from rokt_export.diff.sentences import ARROW, NAME_A, NAME_B, SentenceNames, of_difference, of_undecided, plural
from rokt_export.diff.shape import ABSENT, MOST_VALUES, Pair, Shape
from rokt_export.diff.shown_values import scalar_text
from rokt_export.diff.side import Side
from rokt_export.diff.statistics import ENOUGH, SKIMMED, settling
from rokt_export.partner_spec.model import DiffSettings
from rokt_export.response.value_text import abridged

_ORDER: Final = {kind: place for place, kind in enumerate(DifferenceKind)}
"""Kinds are in the order of their sections."""
_CHOICES: Final = 100
"""Ways to choose so many rows of all, from which on something that they share is no chance."""
_MOST_CHANGES: Final = 200
_MOST_NOTES: Final = 20
_MOST_LINES: Final = 200
"""Lines of a text that have a place of their own."""
_DIFF_LINES: Final = 1_000
_SHOWN_LINES: Final = 20
_SHOWN_TEXT: Final = 200
_OF_THE_CONNECTION: Final = frozenset(
    {"date", "connection", "keep-alive", "transfer-encoding", "content-length", "age", "set-cookie", "alt-svc", "via"}
)
"""Headers that no partner's code writes, and those that the journal redacts."""
_NAMESPACE: Final = re.compile(rb"xmlns(?::[\w.-]+)?\s*=\s*[\"']([^\"']*)[\"']")
_LEFT_OUT: Final = f"is not compared beyond the first {MOST_VALUES:,} values of a response"
_CUT: Final = "is not compared: it was cut when it was recorded"
_ONE_SIDED: Final = "is not compared: only one side's response was recorded"
_NO_FILES: Final = (
    "The files or the spec of the runs have changed or cannot be read, so that people of other rows are not known: "
    "in fields of many words the values are hidden."
)
_FEW_WORDS: Final = 3
_REWRITTEN: Final = "Equal numbers are written in two ways at {}: {} → {}, in {}."
_HEADER: Final = "Header {} differs, which is not under `diff: headers:` and does not count: {}"


class Comparison:
    """Compares pair after pair, in memory that does not grow with them.

    Bodies are not kept: each place (a path of a body, a header) counts its differences and keeps a few samples and
    the values of up to 2,048 pairs. Once all pairs are in, each place is judged by the contract that its values keep on
    each side (`judging`).

    A pair with another outcome, or another rule, is compared no further: the rest of the response follows from that.

    Args:
        settings: the spec's `diff:`.
        a, b: what the sides are called.
        people: personal values of all rows, which are not shown; None where they are not known.
    """

    def __init__(
        self,
        settings: DiffSettings | None = None,
        *,
        a: str = "A",
        b: str = "B",
        people: Collection[str] | None = None,
    ) -> None:
        settings = settings or DiffSettings()
        self._names = (a, b)
        self._people = people
        self._values = settings.mode != "schema"
        self._strict = settings.mode != "subset"
        self._named: list[str] = []
        self._places = Places(settings)
        self._shape = Shape(strict=self._strict, values=self._values)
        names = dict.fromkeys(["content-type", *(name.strip().lower() for name in settings.headers)])
        self._headers = dict.fromkeys([*names, *(name.lower() for name in settings.varies if name[:1] not in "$/")])
        self._headed = 0
        self._changes: dict[tuple[DifferenceKind, str, str, str], Evidence] = {}
        self._outcomes: dict[tuple[str, str], int] = {}
        self._latencies = (Latencies(), Latencies())
        self._alone: tuple[list[str], list[str]] = ([], [])
        self._alone_counts = [0, 0]
        self._pairs = self._bodies = self._explained = 0
        self._not_compared: dict[str, int] = {}
        self._namespaces: dict[str, int] = {}
        self._notes: dict[str, None] = {}

    def add(self, transaction: str, a: Side, b: Side) -> None:
        """Compare two responses to one transaction; call it in the order in which the transactions were started."""
        self._pairs += 1
        self._named.append(transaction)
        outcomes = (a.outcome, b.outcome)
        self._outcomes[outcomes] = self._outcomes.get(outcomes, 0) + 1
        for side, histogram in zip((a, b), self._latencies, strict=True):
            if side.latency_ms is not None:
                histogram.add(side.latency_ms)
        self._places.rows.add(self._pairs, transaction, a, b)
        pair = Pair(self._pairs, transaction, a, b)
        if self._is_explained(pair, a, b):
            self._explained += a.body is not None and b.body is not None
            return
        if a.body is None or b.body is None:
            if (a.body is None) != (b.body is None):
                self._leave(_ONE_SIDED)
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
        others = OtherPeople(self._people)
        differences, undecided = self._judged(others)
        differences = [replace(one, sentence=of_difference(one, self._words(one))) for one in differences]
        differences.sort(key=lambda one: (not one.certain, _ORDER[one.kind], -one.count))
        undecided += [Undecided(DifferenceKind.FORMAT, "$", count, why) for why, count in self._not_compared.items()]
        undecided = [
            replace(one, sentence=of_undecided(one, SentenceNames(*self._names, one.count))) for one in undecided
        ]
        rewritten = [(place.path, place.rewritten) for place in self._places.all if place.rewritten is not None]
        for path, one in rewritten[:_MOST_NOTES]:
            self.note(_REWRITTEN.format(path, one.samples[0].a, one.samples[0].b, plural(one.count)))
        namespaces = [
            f"{count:,} transaction{'s' * (count != 1)}: the XML namespaces differ: {change}."
            for change, count in self._namespaces.items()
        ]
        return DiffResult(
            *self._names,
            pairs=self._pairs,
            outcomes=dict(self._outcomes),
            differences=tuple(differences),
            undecided=tuple(undecided),
            varying={
                others.without(place.path): unlike
                for place in self._places.all
                if (place.varies is not None or place.may_be_absent) and (unlike := place.unlike)
            },
            ignored={others.without(place.path): place.left_out for place in self._places.all if place.left_out},
            only_in_a=UnmatchedTransactions(self._alone_counts[0], tuple(self._alone[0])),
            only_in_b=UnmatchedTransactions(self._alone_counts[1], tuple(self._alone[1])),
            bodies=self._bodies,
            explained=self._explained,
            latency_a=Latency.of(self._latencies[0]),
            latency_b=Latency.of(self._latencies[1]),
            notes=tuple(others.without(note, ours=True) for note in (*self._notes, *namespaces)),
        )

    def _count_alone(self, side: int, transaction: str) -> None:
        self._alone_counts[side] += 1
        if len(self._alone[side]) < MOST_SAMPLES:
            self._alone[side].append(transaction)

    def _leave(self, why: str) -> None:
        """Count a transaction of which something was not compared, so that nobody takes it for agreement."""
        self._not_compared[why] = self._not_compared.get(why, 0) + 1

    def _is_explained(self, pair: Pair, a: Side, b: Side) -> bool:
        """Compare outcome, rule, reasons and status; return whether one of them explains all the rest."""
        if a.outcome != b.outcome:
            self._change(
                pair, DifferenceKind.OUTCOME, "outcome", (a.outcome, b.outcome), (_described(a), _described(b))
            )
            return True
        if a.rule != b.rule:
            rules = (a.rule or "none", b.rule or "none")
            self._change(pair, DifferenceKind.RULE, "rule", rules, (_described(a), _described(b)))
            return True
        self._compare_reasons(pair, a, b)
        if a.status == b.status:
            return False
        statuses = (str(a.status or "no response"), str(b.status or "no response"))
        self._change(pair, DifferenceKind.STATUS, "status", statuses, statuses)
        return a.rule is None

    def _compare_reasons(self, pair: Pair, a: Side, b: Side) -> None:
        recorded = a.body is not None and b.body is not None
        if a.reference is not None and b.reference is not None:
            pair.reference = (a.reference, b.reference)
        elif a.reference != b.reference and not recorded:
            captured = ("none" if a.reference is None else "captured", "none" if b.reference is None else "captured")
            self._change(pair, DifferenceKind.REFERENCE, "reference", captured, (a.reference, b.reference))
        if not self._values or (recorded and a.rule is None):
            return  # without a rule the reason is our own summary of the response
        self._compare_words(pair, DifferenceKind.REASON, (a.reason, b.reason), recorded=recorded)
        self._compare_words(pair, DifferenceKind.CODE, (a.code, b.code), recorded=recorded)

    def _compare_words(
        self, pair: Pair, kind: DifferenceKind, words: tuple[str | None, str | None], *, recorded: bool
    ) -> None:
        a, b = words
        place = self._places.named(str(kind), kind)
        if place.ignored:
            if a != b:
                place.leave_out(pair.number)
        elif a is not None and b is not None:
            self._shape.leaf(pair, place, a, b)
            if a != b:
                pair.reported.append((a, b))
        elif a != b and not recorded:  # else the body shows what is not there
            sample = pair.sample(ABSENT if a is None else a, ABSENT if b is None else b)
            place.column.add(pair.number, a, b, False, sample)

    def _compare_headers(self, pair: Pair, a: Side, b: Side) -> None:
        self._headed += 1
        of_a, of_b = _headers(a), _headers(b)
        for name in {**self._headers, **of_a, **of_b}:
            place = self._places.named(f"header {name}", DifferenceKind.HEADER)
            place.noted = name not in self._headers
            place.objects = self._headed
            value_a, value_b = of_a.get(name), of_b.get(name)
            if place.ignored:
                if value_a != value_b:
                    place.leave_out(pair.number)
            elif value_a is not None and value_b is not None:
                self._shape.leaf(pair, place, value_a, value_b)
            elif value_a != value_b and (self._strict or value_b is None):
                lone = (ABSENT if value_a is None else value_a, ABSENT if value_b is None else value_b)
                place.be_alone(pair.number, pair.sample(*lone), missing=value_b is None)

    def _compare_bodies(self, pair: Pair, a: Side, b: Side) -> None:
        root = self._places.body
        if root.ignored:
            if a.body != b.body:
                root.leave_out(pair.number)
            return
        if a.truncated or b.truncated:
            self._leave(_CUT)
            return
        self._bodies += 1
        body_a = read_body(a)
        body_b = body_a if a.body == b.body and a.header("content-type") == b.header("content-type") else read_body(b)
        if body_a.format is not body_b.format:
            self._compare_formats(pair, a, b, body_a, body_b)
            return
        match body_a.format:
            case BodyFormat.JSON | BodyFormat.XML | BodyFormat.FORM:
                self._shape.compare(pair, root, body_a.data, body_b.data, xml=body_a.format is BodyFormat.XML)
                if body_a.format is BodyFormat.XML:
                    self._compare_namespaces(a.body or b"", b.body or b"")
            case BodyFormat.TEXT if self._values:
                self._compare_texts(pair, body_a.data, body_b.data)
            case BodyFormat.BINARY if self._values and a.body != b.body:
                facts = (binary_facts(a.body or b""), binary_facts(b.body or b""))
                self._change(pair, DifferenceKind.BINARY, "$", ("bytes", "other bytes"), facts)
        if pair.left < 0:
            self._leave(_LEFT_OUT)

    def _compare_namespaces(self, a: bytes, b: bytes) -> None:
        of_a, of_b = ({name.decode(errors="replace") for name in _NAMESPACE.findall(raw)} for raw in (a, b))
        if of_a != of_b:
            change = " → ".join(abridged(", ".join(sorted(side))) or "none" for side in (of_a, of_b))
            self._namespaces[change] = self._namespaces.get(change, 0) + 1

    def _compare_formats(self, pair: Pair, a: Side, b: Side, of_a: ParsedBody, of_b: ParsedBody) -> None:
        if of_a.format is BodyFormat.EMPTY and not self._strict:
            return
        shown = (_start(of_a, a), _start(of_b, b))
        self._change(pair, DifferenceKind.FORMAT, "$", (str(of_a.format), str(of_b.format)), shown)

    def _compare_texts(self, pair: Pair, a: list[str], b: list[str]) -> None:
        lengths = self._places.named("lines", DifferenceKind.LENGTH).column
        if equal := len(a) == len(b):
            couples, lone = list(enumerate(zip(a, b, strict=True), 1)), list[str]()
        else:
            couples, lone = _aligned(a, b, pair.a.sent.words | pair.b.sent.words)
        for number, (line, other) in couples:
            path = f"line {number}" if number <= _MOST_LINES else f"after line {_MOST_LINES}"
            place = self._places.named(path)
            if not place.ignored:
                self._shape.leaf(pair, place, line, other)
            elif line != other:
                place.leave_out(pair.number)

        def sample() -> Sample:
            diff = tuple(abridged(line, _SHOWN_TEXT) for line in lone[:_SHOWN_LINES])
            return Sample(pair.transaction, f"{len(a):,} lines", f"{len(b):,} lines", diff)

        lengths.add(pair.number, len(a), len(b), equal, sample)

    def _change(
        self, pair: Pair, kind: DifferenceKind, path: str, change: tuple[str, str], shown: tuple[str | None, str | None]
    ) -> None:
        """Count a change of one of few possible values into another; each is a difference of its own."""
        key = (kind, path, *change)
        evidence = self._changes.get(key)
        if evidence is None:
            if len(self._changes) >= _MOST_CHANGES:
                key = (kind, path, "…", "…")
            evidence = self._changes.setdefault(key, Evidence())
        evidence.add(pair.number, lambda: Sample(pair.transaction, *shown))

    def _judged(self, others: OtherPeople) -> tuple[list[Difference], list[Undecided]]:
        differences = [
            self._difference(
                PlaceFinding(kind, True, one.count, f"{a} → {b}", True, "", one.numbers, tuple(one.samples)), path
            )
            for (kind, path, a, b), one in self._changes.items()
        ]
        undecided: list[Undecided] = []
        unknown = self._people is None and self._has_people()
        parents = {place.steps: place for place in self._places.all}
        notes = 0
        for place in self._places.all:
            parent = place if place.kind is DifferenceKind.HEADER else parents.get(place.steps[:-1])
            for one in findings_of(place, parent.objects if parent else 0, self._places.rows, values=self._values):
                one = self._hit(_without_others(one, others, place.column, words=unknown), place.column)
                if place.noted:
                    notes += one.differs
                    if one.differs and notes <= _MOST_NOTES:
                        self._note_header(place, one)
                elif one.differs:
                    differences.append(self._difference(one, place.path, place.column.numbers))
                else:
                    least = ENOUGH * (3 if one.kind in (DifferenceKind.MISSING, DifferenceKind.EXTRA) else 1)
                    enough = 0 if one.certain else settling(self._pairs, least)
                    why = self._with_names(one.why)
                    undecided.append(Undecided(one.kind, place.path, one.count, why, one.form, one.samples[:2], enough))
        undecided = _of_one_advice(undecided, self._pairs)
        if unknown:
            self.note(_NO_FILES)
            for place in self._places.all:
                if (parent := parents.get(place.steps[:-1])) is not None and place.is_rare_in(parent):
                    others.know(place.steps[-1])
        return (
            [replace(_shown(one, others), detail=others.without(one.detail, ours=True)) for one in differences],
            [
                replace(
                    _shown(one, others), reason=others.without(one.reason, ours=True), form=others.without(one.form)
                )
                for one in undecided
            ],
        )

    def _has_people(self) -> bool:
        """Whether rows are of real people, whose values are tokens in recordings."""
        some = islice(self._places.rows.kept.values(), SKIMMED)
        return any(word.startswith("person-") for row in some for word in row.a.sent.words)

    def _difference(self, one: PlaceFinding, path: str, among: Iterable[int] = ()) -> Difference:
        affected = self._affected(one.numbers, among)
        return Difference(
            one.kind,
            path,
            one.count,
            self._with_names(one.why),
            one.samples,
            one.certain or (affected.startswith("all ") and comb(self._pairs, one.count) >= _CHOICES**2),
            affected,
            one.bound,
            one.others_vary,
            tuple(self._named[number - 1] for number in one.numbers),
        )

    def _hit(self, one: PlaceFinding, column: Column) -> PlaceFinding:
        """Return a finding as a difference where it hits all rows with one sent value, which chance does not do."""
        if one.differs or len(one.numbers) < one.count or comb(len(column.numbers), one.count) < _CHOICES**3:
            return one
        if not self._affected(one.numbers, column.numbers).startswith("all "):
            return one
        return replace(one, differs=True, why="has other values", certain=True, bound=True)

    def _words(self, one: Difference) -> SentenceNames:
        """Return the names of the sides, and the rows in which a difference could show."""
        whole = one.section in (Section.OUTCOMES, Section.REASONS) or one.kind is DifferenceKind.STATUS
        rows = self._pairs if whole else self._headed if one.kind is DifferenceKind.HEADER else self._bodies
        return SentenceNames(*self._names, max(rows, one.count))

    def _with_names(self, why: str) -> str:
        return why.replace(NAME_A, self._names[0]).replace(NAME_B, self._names[1])

    def _note_header(self, place: ComparedPlace, one: PlaceFinding) -> None:
        change = self._with_names(one.why)
        if not change and one.samples:
            sides = ("absent" if text is None else text for text in (one.samples[0].a, one.samples[0].b))
            change = " → ".join(sides)
        self.note(_HEADER.format(place.path.removeprefix("header "), change) + ".")

    def _affected(self, numbers: Sequence[int], among: Iterable[int]) -> str:
        """What was sent in all transactions of some, and hardly in others: `country=DE`; empty for nothing."""
        kept = self._places.rows.kept
        hit = {number for number in numbers if number in kept}
        every = {number for number in among if number in kept} | hit if among else kept.keys()
        if len(hit) < 2 or len(hit) > 0.9 * len(every):
            return ""
        shared = set.intersection(*(set(kept[number].a.sent.values.items()) for number in list(hit)[:200]))
        if not shared:
            return ""
        counts: Counter[tuple[str, str]] = Counter()
        for number in every:
            counts.update(shared & kept[number].a.sent.values.items())
        name, value = min(shared, key=lambda one: (counts[one], "person-" in one[1].lower(), one))
        having = counts[name, value]
        if having >= len(every) or len(hit) < 0.5 * having:
            return ""
        every_one = len(hit) == having
        if comb(len(every), len(hit)) < _CHOICES or (len(hit) == 2 and not every_one):
            return ""  # few rows share something easily
        which = f"all {having:,}" if every_one else f"{len(hit):,} of the {having:,}"
        others = len(every) - having
        with_what = f"one {name} (hidden)" if "person-" in value.lower() else f"{name}={abridged(value, 60)}"
        return f"{which} rows with {with_what}, none of the other {others:,}"


def _of_one_advice(undecided: Sequence[Undecided], pairs: int) -> list[Undecided]:
    """Let all that is undecided of one place say the same of whether more rows help."""
    most: dict[str, int] = {}
    for one in undecided:
        before = most.get(one.path, one.enough)
        most[one.path] = max(before, one.enough) if pairs < ENOUGH else min(before, one.enough)
    return [replace(one, enough=most[one.path]) for one in undecided]


def _without_others(one: PlaceFinding, others: OtherPeople, column: Column, *, words: bool) -> PlaceFinding:
    """Hide what may be another person's data: partners mix rows up, and a row's redaction knows its own person.

    Args:
        words: hide values of letters too, where there are too many for the words of a partner.
    """
    texts = [(scalar_text(a), scalar_text(b)) for a, b in zip(column.a, column.b, strict=True) if a != b]
    most = max(_FEW_WORDS, len(column.numbers) / 10)
    words = words and max(len({pair[side] for pair in texts}) for side in (0, 1)) > most if texts else False
    hide = others.hiding([*of_samples(one.samples), *texts], words=words)
    why = _without_form(one.why, texts, hide, others)
    return replace(one, why=hide(why), samples=tuple(hidden(sample, hide) for sample in one.samples))


def _without_form(why: str, texts: Sequence[tuple[str, str]], hide: Callable[[str], str], others: OtherPeople) -> str:
    """Name values that are hidden as such, instead of by the characters that they happen to have."""
    parts = why.split(ARROW)
    if len(parts) != 2 or "the sent " not in why:
        return why
    for side, part in enumerate(parts):
        values = [pair[side] for pair in texts[:SKIMMED]]
        if _LOOSE.fullmatch(part) and values and all(_HIDDEN.fullmatch(hide(value)) for value in values):
            known = all(others.without(value) != value for value in values)
            parts[side] = OTHER_PERSON if known else "values that are hidden"
    return ARROW.join(parts)


_LOOSE: Final = re.compile(r"(?:base64|letters|letters and digits)(?: of \d+)?|something else")
_HIDDEN: Final = re.compile(r"hidden-\d+")


ShownT = TypeVar("ShownT", Difference, Undecided)


def _shown(one: ShownT, others: OtherPeople) -> ShownT:
    """Return a finding without personal values of any row."""
    samples = tuple(hidden(sample, others.without) for sample in one.samples)
    return replace(one, path=others.without(one.path), samples=samples)


def _described(side: Side) -> str:
    """An outcome with what it was read from, fit for a line."""
    status = f"HTTP {side.status}" if side.status is not None else None
    rule = f"rule {side.rule}" if side.rule is not None else None
    facts = ", ".join(fact for fact in (status, rule) if fact is not None)
    reason = f": {abridged(side.reason)}" if side.reason else ""
    return f"{side.outcome}{f' ({facts})' if facts else ''}{reason}"


def _start(body: ParsedBody, side: Side) -> str:
    """What a body is, and how it starts."""
    if body.format is BodyFormat.EMPTY:
        return str(body.format)
    if body.format is BodyFormat.BINARY:
        return f"{body.described}: {binary_facts(side.body or b'')}"
    text = (side.body or b"")[: _SHOWN_TEXT * 4].decode(errors="replace")
    return f"{body.described}: {abridged(text, _SHOWN_TEXT)}"


def _headers(side: Side) -> dict[str, str]:
    """The headers that a partner writes, by lower-case name."""
    found: dict[str, str] = {}
    for key, value in side.headers:
        name = key.lower()
        if name not in _OF_THE_CONNECTION:
            found[name] = f"{found[name]}, {value.strip()}" if name in found else value.strip()
    if "content-type" in found:
        found["content-type"] = _media_type(found["content-type"])
    return found


@lru_cache(maxsize=256)
def _media_type(value: str) -> str:
    """A content type written in one way (RFC 9110, 8.3.1), without the boundary, which is new each time."""
    parts = [part.strip() for part in value.lower().split(";")]
    return "; ".join(
        [parts[0], *sorted(part.replace('"', "") for part in parts[1:] if not part.startswith("boundary"))]
    )


def _aligned(a: list[str], b: list[str], sent: frozenset[str]) -> tuple[list[tuple[int, tuple[str, str]]], list[str]]:
    """Return the lines of two texts that stand for each other, with their number in `a`, and those of one text alone.

    Lines are alike if they are but for identifiers, numbers, times and what was sent.
    """
    couples: list[tuple[int, tuple[str, str]]] = []
    lone: list[str] = []
    of_a, of_b = ([skeleton(line, sent)[0] for line in side[:_DIFF_LINES]] for side in (a, b))
    for _, start, end, other, last in SequenceMatcher(None, of_a, of_b, autojunk=False).get_opcodes():
        both = min(end - start, last - other)
        couples += [(start + at + 1, (a[start + at], b[other + at])) for at in range(both)]
        lone += [f"-{line}" for line in a[start + both : end]] + [f"+{line}" for line in b[other + both : last]]
    return couples, lone
