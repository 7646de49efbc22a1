"""Read the recorded responses of a run by another spec: what each row would be, with nothing sent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias, assert_never

from msgspec import Struct, structs

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import Outcome, OutcomeKind, Response
from rokt_export.journal import RowSet
from rokt_export.journal.recording import Recording
from rokt_export.redaction.display_text import MOST_SHOWN, cut
from rokt_export.response.body_reader import ResponseReader
from rokt_export.response.classify import Classifier, CompiledRule
from rokt_export.response.rule_tree import AllOf, AnyOf, ConditionNode, NotOf, PlaceCondition, reads_body
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.rules import Condition, Rule

_HIDDEN = re.compile(r"person-[0-9a-f]{10}|\$[A-Za-z_][A-Za-z0-9_]*")
"""What redaction put in a value's place."""
_FILLINGS = ("", "0", "x y")
"""Stand in for a hidden value: what holds with each of them holds whatever was there."""
_NOTHING_BUT_MARKS = " \t\r\n\"'.,;:()<>"


class UnchangedReason(StrEnum):
    """Why a row keeps its outcome without its response being read."""

    NO_RESPONSE = "no whole response came, or the row was not sent"
    NO_RECORDING = "the response was not recorded (--record all keeps each)"
    CUT = "the recorded body was cut, and a rule reads it"
    HIDDEN = "a rule looks at a value that is redacted"
    SHARED = "its request carried several rows, and a rule reads an array whose elements were not told apart then"
    CONFIRMED = "the partner decided later"


OutcomeChange: TypeAlias = tuple[OutcomeKind, str | None, OutcomeKind, str | None]
"""Outcome and rule before, outcome and rule after."""


class ReclassifiedRow(Struct, frozen=True, gc=False):
    """One row, before and after.

    Attributes:
        before: the row as it is in the journal.
        after: the row by the other spec; the same object where nothing changes.
        stays: why its response was not read; None where it was.
    """

    before: Delivery
    after: Delivery
    stays: UnchangedReason | None = None

    @property
    def changed(self) -> bool:
        """Whether outcome or rule are others."""
        return (self.before.outcome, self.before.rule) != (self.after.outcome, self.after.rule)


@dataclass(slots=True)
class Reclassified:
    """What a whole run comes to by the other spec.

    Attributes:
        matrix: outcome before and after to rows.
        changed: rows with another outcome or rule.
        reworded: rows of which only reason, reference or code are others.
        read: rows whose response was read.
        stays: why others were not, to rows.
        steps: the changes of outcome and rule, to the rows that change so.
    """

    matrix: Counter[tuple[OutcomeKind, OutcomeKind]] = field(default_factory=Counter)
    changed: int = 0
    reworded: int = 0
    read: int = 0
    stays: Counter[UnchangedReason] = field(default_factory=Counter)
    steps: dict[OutcomeChange, RowSet] = field(default_factory=dict)

    def add(self, one: ReclassifiedRow) -> None:
        """Count a row."""
        self.matrix[one.before.outcome, one.after.outcome] += 1
        if one.stays is not None:
            self.stays[one.stays] += 1
            return
        self.read += 1
        if one.changed:
            self.changed += 1
            step = one.before.outcome, one.before.rule, one.after.outcome, one.after.rule
            self.steps.setdefault(step, RowSet()).add(one.before.row)
        self.reworded += one.after is not one.before and not one.changed

    @property
    def responses(self) -> int:
        """Rows for which a whole response came."""
        return sum(self.matrix.values()) - self.stays[UnchangedReason.NO_RESPONSE]

    @property
    def after(self) -> dict[OutcomeKind, int]:
        """Outcome to rows by the other spec."""
        found: Counter[OutcomeKind] = Counter()
        for (_, outcome), rows in self.matrix.items():
            found[outcome] += rows
        return {kind: found[kind] for kind in OutcomeKind if found[kind]}


class RowReclassifier:
    """Reads recorded responses by the rules of a spec.

    Recordings are redacted. Where a rule looks at a value that is hidden, and the value could decide, the row is not
    judged.

    Args:
        rules: the spec's response rules.
        before: those that the run went with: of a request of several rows, a recording has only the row's own element
            of the arrays that they name.
    """

    def __init__(self, rules: Sequence[Rule], before: Sequence[Rule] = ()) -> None:
        self._classifier = Classifier(rules)
        self._arrays = {rule.each.path for rule in before if rule.each is not None}

    def read(self, one: Delivery, recording: Recording | None) -> ReclassifiedRow:
        """Return a row as these rules make it."""
        if one.first_outcome is not None:
            return ReclassifiedRow(one, one, UnchangedReason.CONFIRMED)
        if one.status is None:
            return ReclassifiedRow(one, one, UnchangedReason.NO_RESPONSE)
        response = None if recording is None else recording.response
        if recording is None or response is None:
            return ReclassifiedRow(one, one, UnchangedReason.NO_RECORDING)
        if recording.fault is not None:
            return ReclassifiedRow(one, one, UnchangedReason.NO_RESPONSE)
        outcome = self._classifier.classify(response, received=recording.started)
        body = recording.response_body
        if (
            body is not None
            and body.truncated
            and any(reads_body(rule.test) for rule in self._asked(response, outcome))
        ):
            return ReclassifiedRow(one, one, UnchangedReason.CUT)
        if recording.rows > 1 and any(
            rule.each is not None and rule.each.path not in self._arrays for rule in self._asked(response, outcome)
        ):
            return ReclassifiedRow(one, one, UnchangedReason.SHARED)
        if _is_redacted(recording, response) and self._rests_on_hidden(response, outcome):
            return ReclassifiedRow(one, one, UnchangedReason.HIDDEN)
        return ReclassifiedRow(one, _with(one, outcome))

    def _asked(self, response: Response, outcome: Outcome) -> Iterator[CompiledRule]:
        """Yield the rules that had a say: those of the status, up to the one that decided."""
        for rule in self._classifier.rules:
            if rule.accepts(response.status):
                yield rule
            if rule.name == outcome.rule:
                return

    def _rests_on_hidden(self, response: Response, outcome: Outcome) -> bool:
        whole = ResponseReader(response)
        asked = ((rule, rule.reader(whole)) for rule in self._asked(response, outcome))
        return any(
            _could_differ(leaf, reader)
            for rule, reader in asked
            if reader is not None
            for leaf in _conditions(rule.test)
        )


def _is_redacted(recording: Recording, response: Response) -> bool:
    """Whether anything of a response may be hidden; quick, for nearly all are not."""
    return recording.tokens or b"$" in response.body or any("$" in value for _, value in response.headers)


def _with(one: Delivery, outcome: Outcome) -> Delivery:
    """Return the row with another outcome; itself where nothing changes."""
    reason, reference, code = (
        text and cut(text, MOST_SHOWN) for text in (outcome.reason, outcome.reference, outcome.code)
    )
    before = (one.outcome, one.rule, one.reason, one.reference, one.code)
    if before == (outcome.kind, outcome.rule, reason, reference, code):
        return one
    return structs.replace(one, outcome=outcome.kind, rule=outcome.rule, reason=reason, reference=reference, code=code)


def _conditions(node: ConditionNode) -> Iterator[PlaceCondition]:
    match node:
        case PlaceCondition():
            yield node
        case AllOf(nodes) | AnyOf(nodes):
            for each in nodes:
                yield from _conditions(each)
        case NotOf(inner):
            yield from _conditions(inner)
        case _:
            assert_never(node)


def _could_differ(leaf: PlaceCondition, reader: ResponseReader) -> bool:
    """Whether a condition may have held otherwise when nothing was hidden."""
    if leaf.condition is None or _asks_presence_only(leaf.condition):
        return False
    values = leaf.find(reader)
    if not values:
        return False
    hidden = [text for text in map(_text, values) if _HIDDEN.search(text)]
    if not hidden:
        return False
    if any(not _HIDDEN.sub("", text).strip(_NOTHING_BUT_MARKS) for text in hidden):
        return True
    held = leaf.accepts(values)
    return any(leaf.accepts([_filled(value, filling) for value in values]) != held for filling in _FILLINGS)


def _asks_presence_only(condition: Condition) -> bool:
    asked = condition.model_fields_set - {"strict", "ignore_case"}
    return asked <= {"exists", "absent", "empty"}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, dict):
        return " ".join(_text(each) for pair in value.items() for each in pair)
    return "" if value is None else text_of(value)


def _filled(value: Any, filling: str) -> Any:
    if isinstance(value, str):
        return _HIDDEN.sub(filling, value)
    if isinstance(value, list):
        return [_filled(each, filling) for each in value]
    if isinstance(value, dict):
        return {_filled(name, filling): _filled(each, filling) for name, each in value.items()}
    return value
