"""Counts settled exchanges: outcomes, rules, latencies; small and mergeable, however many rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import log
from typing import Any

from rokt_export.delivery.omitted_values import OmittedValues
from rokt_export.errors import ExitStatus
from rokt_export.exchange.delivery import Deliveries, Delivery, LeftOut

CLASS_WIDTH = math.log(1.02)
"""The logarithm of each class's width: 2 %, so that a percentile is right to one percent of itself."""
_SHORTEST = 0.001
"""Milliseconds: what is shorter has no place on a logarithmic axis."""


@dataclass(slots=True)
class Latencies:
    """Latencies of a run, in milliseconds.

    Attributes:
        lowest: the shortest; 0.0 where there is none.
        highest: the longest.
        classes: number of class to latencies in it.
    """

    lowest: float = 0.0
    highest: float = 0.0
    classes: Counter[int] = field(default_factory=Counter)

    def add(self, milliseconds: float) -> None:
        """Count one latency; zero counts as a microsecond."""
        self.update((milliseconds,))

    def update(self, latencies: Sequence[float]) -> None:
        """Count latencies, in milliseconds."""
        if not latencies:
            return
        lowest = max(min(latencies), _SHORTEST)
        self.lowest = min(self.lowest, lowest) if self.classes else lowest
        self.highest = max(self.highest, *latencies, _SHORTEST)
        self.classes.update(
            [round(log(value if value > _SHORTEST else _SHORTEST) / CLASS_WIDTH) for value in latencies]
        )

    def merge(self, other: Latencies) -> None:
        """Count another's latencies too."""
        if other.classes:
            self.lowest = min(self.lowest, other.lowest) if self.classes else other.lowest
            self.highest = max(self.highest, other.highest)
            self.classes.update(other.classes)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {"lowest": self.lowest, "highest": self.highest, "classes": sorted(self.classes.items())}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Latencies:
        """Return what `as_json` wrote."""
        return cls(data["lowest"], data["highest"], Counter(dict(map(tuple, data["classes"]))))

    @property
    def count(self) -> int:
        """How many latencies there are."""
        return self.classes.total()

    def percentile(self, share: float) -> float | None:
        """Return the milliseconds that a share (0.95) of the latencies do not exceed; None where there are none."""
        wanted = math.ceil(share * self.count)
        seen = 0
        for number in sorted(self.classes):
            seen += self.classes[number]
            if seen >= wanted:
                return round(min(max(math.exp(number * CLASS_WIDTH), self.lowest), self.highest), 3)
        return None

    def bars(self) -> Iterator[tuple[float, float, int]]:
        """Yield lower bound, upper bound and count of each bar of a histogram, gaps included.

        Bars are equally wide on a logarithmic axis. Each holds the same number of classes, so that none is high only
        for where its bounds fall.
        """
        if not self.classes:
            return
        first, last = min(self.classes), max(self.classes)
        width = -(-(last - first + 1) // _MOST_BARS)
        for start in range(first, last + 1, width):
            count = sum(self.classes[number] for number in range(start, start + width))
            yield math.exp((start - 0.5) * CLASS_WIDTH), math.exp((start + width - 0.5) * CLASS_WIDTH), count


_CAPTURED = ("reason", "reference", "code")
"""The attributes of `Delivery` that a rule captures."""
_MOST_BARS = 36
MOST_NAMED = 3
"""Rows that were left out whose numbers are kept, for each reason."""
_BATCH = 1000
"""Deliveries that are counted at a time."""


@dataclass(slots=True)
class RunFigures:
    """What reports say of all rows of a run, whether they were counted while it ran or read from the journal.

    Attributes:
        rows: deliveries.
        attempts: attempts on the wire.
        invented: deliveries of invented people.
        rules: rule to rows that it decided.
        latencies: of the last attempt of each row that was sent.
        first_sent: UTC seconds since the epoch of the first row's first attempt; None where nothing was sent.
        last_sent: the same of the last row.
        without: `reason`, `reference` or `code` to rule to rows that it decided, and that have none.
    """

    rows: int = 0
    attempts: int = 0
    invented: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)
    first_sent: float | None = None
    last_sent: float | None = None
    without: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in _CAPTURED})

    @classmethod
    def of(cls, deliveries: Iterable[Delivery]) -> RunFigures:
        """Return the figures of a run's deliveries."""
        figures, source = cls(), iter(deliveries)
        while batch := list(islice(source, _BATCH)):
            figures.add(
                [each.attempts for each in batch],
                [each.invented for each in batch],
                [each.rule for each in batch],
                [each.latency_ms for each in batch],
                [each.started for each in batch],
                {name: [getattr(each, name) for each in batch] for name in _CAPTURED},
            )
        return figures

    def add(
        self,
        attempts: list[int],
        invented: list[bool],
        rules: list[str | None],
        latencies: list[float | None],
        started: list[float],
        captured: Mapping[str, list[str | None]],
    ) -> None:
        """Count a batch of rows, each list in their order: the attributes of `Delivery`."""
        self.rows += len(attempts)
        self.attempts += sum(attempts)
        self.invented += sum(invented)
        decided = Counter([rule for rule in rules if rule is not None])
        self.rules.update(decided)
        for name, texts in captured.items():
            if (missing := texts.count(None)) == len(texts):
                self.without[name].update(decided)
            elif missing:
                self.without[name].update(
                    [rule for rule, text in zip(rules, texts, strict=True) if text is None and rule is not None]
                )
        self.latencies.update([latency for latency in latencies if latency is not None])
        if sent := [moment for moment in started if moment]:
            self._sent(min(sent), max(sent))

    def _sent(self, first: float, last: float) -> None:
        self.first_sent = first if self.first_sent is None else min(self.first_sent, first)
        self.last_sent = last if self.last_sent is None else max(self.last_sent, last)

    def merge(self, other: RunFigures) -> None:
        """Add another's counts to these."""
        self.rows += other.rows
        self.attempts += other.attempts
        self.invented += other.invented
        self.rules.update(other.rules)
        self.latencies.merge(other.latencies)
        for name, rules in other.without.items():
            self.without[name].update(rules)
        if other.first_sent is not None and other.last_sent is not None:
            self._sent(other.first_sent, other.last_sent)

    def as_json(self) -> dict[str, object]:
        """Return them as JSON data."""
        return {
            "rows": self.rows,
            "attempts": self.attempts,
            "invented": self.invented,
            "rules": dict(self.rules),
            "latencies": self.latencies.as_json(),
            "first_sent": self.first_sent,
            "last_sent": self.last_sent,
            "without": {name: dict(rules) for name, rules in self.without.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RunFigures:
        """Return what `as_json` wrote."""
        without = data.get("without") or {}
        return cls(
            **{
                **data,
                "rules": Counter(data["rules"]),
                "latencies": Latencies.from_json(data["latencies"]),
                "without": {name: Counter(without.get(name) or {}) for name in _CAPTURED},
            }
        )


@dataclass(slots=True)
class Tally:
    """The counts of a run so far.

    Attributes:
        outcomes: outcome to rows.
        retries: further attempts of a row.
        unreachable: rows that failed because the partner could not be reached.
        left_out: why rows of the input were not sent, to rows.
        first_left_out: the same, except `DONE_BEFORE`, to the numbers of the first of them, in order.
        omitted: values that `invalid: omit` left out of the requests of settled rows.
        notes: what the operator should know.
        figures: what reports say of all rows.
        detailed: whether `responses` are counted.
        responses: (outcome, rule, status) to rows; "" for no rule, "none" for no response.
        waited: seconds in which nothing was sent.
        journal: seconds spent on writing the journal.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    unreachable: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    first_left_out: dict[str, list[int]] = field(default_factory=dict)
    omitted: OmittedValues = field(default_factory=OmittedValues)
    notes: list[str] = field(default_factory=list)
    figures: RunFigures = field(default_factory=RunFigures)
    detailed: bool = False
    responses: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    waited: float = 0.0
    journal: float = 0.0

    def add(self, rows: Deliveries, unsent: int) -> None:
        """Count settled rows, of which some had a fault before anything was sent."""
        for kind, number in Counter(rows.outcome).items():
            self.outcomes[kind.value] += number
        self.retries += sum(rows.attempts) - len(rows) + rows.attempts.count(0)
        self.unreachable += unsent
        if self.detailed:
            self.responses.update(
                [
                    (kind.value, rule or "", str(status or "none"))
                    for kind, rule, status in zip(rows.outcome, rows.rule, rows.status, strict=True)
                ]
            )
        captured = {name: getattr(rows, name) for name in _CAPTURED}
        self.figures.add(rows.attempts, rows.invented, rows.rule, rows.latency_ms, rows.started, captured)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data, without what a person is told once: notes."""
        return {
            "outcomes": dict(self.outcomes),
            "retries": self.retries,
            "unreachable": self.unreachable,
            "left_out": dict(self.left_out),
            "first_left_out": self.first_left_out,
            "omitted": self.omitted.as_json(),
            "figures": self.figures.as_json(),
            "responses": [[*key, rows] for key, rows in self.responses.items()],
            "waited": self.waited,
            "journal": self.journal,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tally:
        """Return what `as_json` wrote."""
        return cls(
            Counter(data["outcomes"]),
            data["retries"],
            data["unreachable"],
            Counter(data["left_out"]),
            data["first_left_out"],
            OmittedValues.from_json(data["omitted"]),
            figures=RunFigures.from_json(data["figures"]),
            responses=Counter({(outcome, rule, status): rows for outcome, rule, status, rows in data["responses"]}),
            waited=data["waited"],
            journal=data["journal"],
        )

    def merge(self, other: Tally) -> None:
        """Add another's counts to these."""
        self.outcomes.update(other.outcomes)
        self.retries += other.retries
        self.unreachable += other.unreachable
        self.left_out.update(other.left_out)
        for why, rows in other.first_left_out.items():
            self._name_left_out(why, rows)
        self.omitted.merge(other.omitted)
        self.notes.extend(note for note in other.notes if note not in self.notes)
        self.figures.merge(other.figures)
        self.responses.update(other.responses)
        self.waited += other.waited
        self.journal += other.journal

    def leave_out(self, why: LeftOut, *rows: int) -> None:
        """Count rows of the input, in order, that are not sent."""
        self.left_out[why.value] += len(rows)
        if why is not LeftOut.DONE_BEFORE:
            self._name_left_out(why.value, rows)

    def _name_left_out(self, why: str, rows: Sequence[int]) -> None:
        named = self.first_left_out.setdefault(why, [])
        if len(named) < MOST_NAMED or rows[0] < named[-1]:
            named[:] = sorted({*named, *rows[:MOST_NAMED]})[:MOST_NAMED]

    def forget_left_out(self) -> None:
        """Forget the rows that were left out, but for those done before: who goes over the input again sees them."""
        self.left_out = Counter({why: rows for why, rows in self.left_out.items() if why == LeftOut.DONE_BEFORE})
        self.first_left_out = {}

    @property
    def skipped(self) -> int:
        """Rows of the input that were not sent, and are in no list of deliveries of this run for this time."""
        return self.left_out.total()

    @property
    def not_sent(self) -> dict[str, dict[str, object]]:
        """Why rows were left out, except `DONE_BEFORE`, to how many there are and the numbers of the first."""
        return {why: {"rows": self.left_out[why], "first": first} for why, first in self.first_left_out.items()}

    @property
    def known_before(self) -> dict[str, int]:
        """Rows that were not sent because production responded to them before, by that outcome."""
        beside = (LeftOut.DONE_BEFORE, LeftOut.REPEATED)
        return {str(why): self.left_out[why] for why in LeftOut if why not in beside and self.left_out[why]}

    @property
    def rows(self) -> int:
        """Rows settled."""
        return self.outcomes.total()

    def exit_status(self, expected: str) -> ExitStatus:
        """Return the exit status that the rows alone give: expected, findings, or unreachable."""
        if self.unreachable:
            return ExitStatus.UNREACHABLE
        has = {expected, LeftOut.DELIVERED, LeftOut.DUPLICATE, LeftOut.REPEATED, LeftOut.DONE_BEFORE}
        if any(rows and why not in has for why, rows in self.left_out.items()):
            return ExitStatus.FINDINGS
        as_expected = all(outcome == expected for outcome, rows in self.outcomes.items() if rows)
        return ExitStatus.OK if as_expected else ExitStatus.FINDINGS
