"""What a comparison of two sides' answers came to: differences by section, what cannot be judged, what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from rokt_export.delivery.run_counts import Latencies
from rokt_export.exchange.model import OutcomeKind

OPTIONAL: Final = "optional"
"""What `diff: varies:` says before the form of a field that is there at random; alone, its values still count."""
MOST_LISTED: Final = 1_000
"""Transactions of a difference that JSON lists."""


class Section(StrEnum):
    """The order in which answers are compared: what an earlier section explains, a later one does not repeat."""

    OUTCOMES = "outcomes"
    REASONS = "reasons and codes"
    ANSWERS = "status and headers"
    SHAPE = "body shape"
    VALUES = "values"


class DifferenceKind(StrEnum):
    """What kind of difference; seen from A, so `missing` is what B lacks and `extra` what only B has."""

    OUTCOME = "outcome"
    RULE = "rule"
    REASON = "reason"
    CODE = "code"
    REFERENCE = "reference"
    STATUS = "status"
    HEADER = "header"
    FORMAT = "format"
    MISSING = "missing"
    EXTRA = "extra"
    TYPE = "type"
    ORDER = "order"
    LENGTH = "length"
    VALUE = "value"
    BINARY = "binary"


_SECTIONS: Mapping[DifferenceKind, Section] = {
    DifferenceKind.OUTCOME: Section.OUTCOMES,
    DifferenceKind.RULE: Section.REASONS,
    DifferenceKind.REASON: Section.REASONS,
    DifferenceKind.CODE: Section.REASONS,
    DifferenceKind.REFERENCE: Section.REASONS,
    DifferenceKind.STATUS: Section.ANSWERS,
    DifferenceKind.HEADER: Section.ANSWERS,
    DifferenceKind.FORMAT: Section.SHAPE,
    DifferenceKind.MISSING: Section.SHAPE,
    DifferenceKind.EXTRA: Section.SHAPE,
    DifferenceKind.TYPE: Section.SHAPE,
    DifferenceKind.ORDER: Section.SHAPE,
    DifferenceKind.LENGTH: Section.SHAPE,
    DifferenceKind.VALUE: Section.VALUES,
    DifferenceKind.BINARY: Section.VALUES,
}


_BROAD: Final = ("any", "list")
"""Forms that give way to a more exact one of the same field."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One transaction in which a difference shows.

    Attributes:
        transaction: what both sides call it.
        a, b: what each side answered, fit for a line; None where it answered nothing there.
        lines: of two texts, their difference line by line (unified: ` `, `-` for A, `+` for B).
    """

    transaction: str
    a: str | None
    b: str | None
    lines: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        found: dict[str, object] = {"transaction": self.transaction, "a": self.a, "b": self.b}
        return {**found, "lines": list(self.lines)} if self.lines else found


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference at one place, in however many transactions.

    Attributes:
        kind: what kind.
        path: where: a body path (`$.items[*].id`), `line 3` of a text, `header location`, or a name such as `status`.
        count: transactions in which it shows.
        detail: the change, as `number → string`; empty where the samples say it best.
        samples: up to five of them.
        certain: whether more transactions could not change the verdict; else it is likely noise.
        affected: what the transactions have in common that show it, such as `country=DE`; empty for nothing.
        bound: whether values that belong to their transactions differ, which no run of one side does by itself.
        others_vary: whether the values of the other rows are unequal too, without a difference in their form.
        transactions: those in which it shows, as far as they are kept.
        sentence: what differs, in plain English.
    """

    kind: DifferenceKind
    path: str
    count: int
    detail: str = ""
    samples: tuple[Sample, ...] = ()
    certain: bool = True
    affected: str = ""
    bound: bool = False
    others_vary: bool = False
    transactions: tuple[str, ...] = ()
    sentence: str = ""

    @property
    def section(self) -> Section:
        """Where it belongs."""
        return _SECTIONS[self.kind]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {
            "section": str(self.section),
            "kind": str(self.kind),
            "path": self.path,
            "count": self.count,
            "sentence": self.sentence,
            "detail": self.detail,
            "samples": [sample.as_json() for sample in self.samples],
            "transactions": list(self.transactions[:MOST_LISTED]),
            "certain": self.certain,
            "affected": self.affected,
        }


@dataclass(frozen=True, slots=True)
class Undecided:
    """A place that varies on both sides, so that nobody can say whether they agree.

    Attributes:
        kind, path: what varies where.
        count: transactions in which the sides are unequal.
        reason: why it cannot be judged.
        form: what `diff: varies:` calls its form; empty where the spec has no word for the place.
        samples: two of them.
        enough: transactions that would settle it; 0 where more do not help.
        sentence: why it cannot be judged, in plain English.
    """

    kind: DifferenceKind
    path: str
    count: int
    reason: str
    form: str = ""
    samples: tuple[Sample, ...] = ()
    enough: int = 0
    sentence: str = ""

    @property
    def entry(self) -> str:
        """What `diff: varies:` calls the place; empty where it has no word for it."""
        if not self.form or not self.path.startswith(("$", "header ")):
            return ""
        return self.path.removeprefix("header ")

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {
            "kind": str(self.kind),
            "path": self.path,
            "count": self.count,
            "sentence": self.sentence,
            "reason": self.reason,
            "form": self.form,
            "samples": [sample.as_json() for sample in self.samples],
        }


@dataclass(frozen=True, slots=True)
class UnmatchedTransactions:
    """Transactions that only one side has.

    Attributes:
        count: how many.
        samples: the first five.
    """

    count: int = 0
    samples: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {"count": self.count, "samples": list(self.samples)}


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds within which half, 95 % and 99 % of one side's answers came (to 1 %); None where none did."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @classmethod
    def of(cls, latencies: Latencies) -> Latency:
        """Return the percentiles of latencies."""
        return cls(*(latencies.percentile(share) for share in (0.50, 0.95, 0.99)))

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {"p50": self.p50, "p95": self.p95, "p99": self.p99}


@dataclass(frozen=True, slots=True)
class DiffResult:
    """How the answers of side B differ from those of side A.

    Attributes:
        a, b: what the sides are called.
        partner: whose responses are compared; empty where it is not known.
        pairs: transactions compared.
        outcomes: (A's outcome, B's outcome) to transactions: the confusion table.
        differences: all that count, in the order of their sections, the most frequent first.
        undecided: places that cannot be judged.
        varying: place that the spec lets vary to transactions in which it was unequal.
        ignored: place that the spec ignores to transactions in which it differed.
        only_in_a, only_in_b: transactions without a counterpart.
        bodies: pairs whose bodies were compared.
        explained: pairs whose bodies were not, because another outcome or rule explains all that differs.
        latency_a, latency_b: how fast each side answered.
        notes: what a reader must know to judge all this, one sentence each.
        runs: the runs compared, to be named in a command.
        spec, events: the spec file and the files of transactions, to be named in a command.
        between: the environments, where they are not what the sides are called.
        journal_flag: ` --journal …` for a command, where the journal is not the usual one.
        send_flags: what a command that sends again needs; None where one command cannot.
        guarded: whether such a command sends to a guarded environment: it is never printed with its confirmation, as
            it sends more rows than were confirmed.
        count: the `--count` of a command that sends enough of the files' rows to both sides, by the ledger; None where
            they have too few, or nothing was sent.
        listing: the JSON report that is written, which lists all rows; empty for none.
        invalid: why rows could not be sent to A, and how many, the most frequent reason first.
    """

    a: str
    b: str
    pairs: int = 0
    outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    varying: Mapping[str, int] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=dict)
    only_in_a: UnmatchedTransactions = UnmatchedTransactions()
    only_in_b: UnmatchedTransactions = UnmatchedTransactions()
    bodies: int = 0
    explained: int = 0
    latency_a: Latency = Latency()
    latency_b: Latency = Latency()
    notes: tuple[str, ...] = ()
    runs: tuple[str, str] = ("A", "B")
    spec: str = "SPEC"
    events: tuple[str, ...] = ("EVENTS",)
    between: tuple[str, str] | None = None
    partner: str = ""
    journal_flag: str = ""
    send_flags: tuple[str, ...] | None = ()
    guarded: bool = False
    count: int | None = None
    listing: str = ""
    invalid: tuple[tuple[str, int], ...] = ()

    @property
    def differing(self) -> int:
        """Transactions in which at least one difference shows, as far as they are kept."""
        known = {name for one in self.differences for name in one.transactions}
        return max(len(known), *(one.count for one in self.differences), 0) if self.differences else 0

    @property
    def differs(self) -> bool:
        """Whether any transaction was answered differently."""
        return bool(self.differences)

    @property
    def unsent(self) -> int:
        """Pairs that neither side was sent: the row cannot satisfy the spec, and no answer could be compared."""
        return self.outcomes.get((OutcomeKind.INVALID, OutcomeKind.INVALID), 0)

    @property
    def unanswered(self) -> int:
        """Pairs for which neither side's response arrived whole, so that there was nothing to compare."""
        return self.outcomes.get((OutcomeKind.UNKNOWN, OutcomeKind.UNKNOWN), 0)

    @property
    def compared(self) -> int:
        """Pairs of which at least one side responded."""
        return self.pairs - self.unsent - self.unanswered

    @property
    def alone(self) -> int:
        """Transactions without a counterpart, on either side."""
        return self.only_in_a.count + self.only_in_b.count

    @property
    def agrees(self) -> bool:
        """Whether both sides responded alike to all that was sent; no response at all proves nothing."""
        return not self.differences and not self.alone and not self.unanswered and self.compared > 0

    @property
    def enough(self) -> int:
        """Transactions that would settle all places for which more of them help; 0 where there is none."""
        return max((one.enough for one in self.undecided), default=0)

    @property
    def learned(self) -> dict[str, str]:
        """What `diff: varies:` would say so that every undecided place is declared: place to form."""
        forms: dict[str, list[str]] = {}
        for one in self.undecided:
            if one.entry:
                forms.setdefault(one.entry, []).append(one.form)
        learned = {}
        for entry, found in forms.items():
            of_values = sorted((form for form in set(found) if form != OPTIONAL), key=_BROAD.__contains__)
            learned[entry] = " ".join([*[OPTIONAL] * (OPTIONAL in found), *of_values[:1]])
        return learned

    def without(self, varying: Mapping[str, str]) -> DiffResult:
        """Return the result without differences that one side shows by itself, which become undecided.

        Args:
            varying: place to what a control run of side A did there.
        """
        moved = [one for one in self.differences if one.path in varying and not one.bound]
        undecided = tuple(
            Undecided(
                one.kind,
                one.path,
                one.count,
                f"{self.a} varies by itself: {varying[one.path]}",
                samples=one.samples[:2],
                sentence=f"{one.sentence} But {self.a} differs from its own control run in this place as well.",
            )
            for one in moved
        )
        kept = tuple(one for one in self.differences if one not in moved)
        return replace(self, differences=kept, undecided=self.undecided + undecided)

    def section(self, section: Section) -> tuple[Difference, ...]:
        """Return the differences of one section."""
        return tuple(one for one in self.differences if one.section is section)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {
            "a": self.a,
            "b": self.b,
            "agrees": self.agrees,
            "differs": self.differs,
            "pairs": self.pairs,
            "outcomes": [{"a": a, "b": b, "count": count} for (a, b), count in self.outcomes.items()],
            "differences": [one.as_json() for one in self.differences],
            "undecided": [one.as_json() for one in self.undecided],
            "varying": dict(self.varying),
            "ignored": dict(self.ignored),
            "only_in_a": self.only_in_a.as_json(),
            "only_in_b": self.only_in_b.as_json(),
            "bodies": self.bodies,
            "explained": self.explained,
            "latency_ms": {"a": self.latency_a.as_json(), "b": self.latency_b.as_json()},
            "notes": list(self.notes),
        }
