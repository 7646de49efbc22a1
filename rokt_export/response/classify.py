"""Classify a response: the first rule that holds gives the outcome, its captures and the wait before a retry."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, assert_never

from msgspec.structs import replace

from rokt_export.exchange.model import AttemptResult, Fault, FaultKind, Outcome, OutcomeKind, Response
from rokt_export.redaction.display_text import KEPT, cut
from rokt_export.response.body_reader import (
    FindInResponse,
    NoData,
    ReadAs,
    ResponseReader,
    body_values,
    header_values,
    json_member,
)
from rokt_export.response.elements import EachElements, ElementReader, responses_of_rows
from rokt_export.response.rule_tree import (
    ConditionJudge,
    PlaceCondition,
    compile_rule,
    judge,
    reads_body,
    status_condition,
)
from rokt_export.response.value_text import clean, compact
from rokt_export.spec_language.fields import statuses_of
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.regexes import compile_regex
from rokt_export.spec_language.rules import After, CapturePath, Rule, rule_names
from rokt_export.transactions.transaction import Transaction

if TYPE_CHECKING:
    from rokt_export.response.explain import Explanation

LONGEST_WAIT = 86_400.0
"""Seconds of a wait, at most; a run that should wait longer is resumed later."""

_PAGE = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_WAIT_SHOWN = 40
"""Characters of a value that is not understood."""
_FAR = 100_000_000_000.0
"""Seconds since 1970, in the year 5138; as milliseconds, in 1973."""
_MOMENT = 1_000_000_000.0
"""Seconds since 1970, in the year 2001; as a wait, 31 years."""
Wait = Callable[[ResponseReader, float | None], float | None]
Unit = Literal["s", "ms", "epoch", "epoch_ms"]

_NUMBER = re.compile(r"(-?\d{1,15}(?:\.\d{1,9})?)(?:\s*(?:m?s|sec|seconds?))?", re.ASCII | re.IGNORECASE)
"""A number, which some vendors follow with its unit in words (`592 seconds`)."""


def compile_after(after: After) -> Wait:
    """Return the function from a reader and the moment of receipt (UTC seconds, None for now) to the seconds to wait.

    The first readable value of the header, else of the place in the body, counts, else the fixed `seconds`, else None.
    """
    finds = [header_values(after.header)] if after.header is not None else []
    finds += [body_values(after.body, None)] if after.body is not None else []

    def wait(reader: ResponseReader, received: float | None) -> float | None:
        for find in finds:
            for value in find(reader) or ():
                seconds = retry_after(_text(value), after.unit, received)
                if seconds is not None:
                    return seconds
        return None if after.seconds is None else _bounded(after.seconds)

    return wait


def retry_after(value: str, unit: Unit = "s", received: float | None = None) -> float | None:
    """Return the seconds that a header's value asks to wait, 0 to LONGEST_WAIT; None if it is unreadable.

    A number counts in its unit, unless it is plainly of another: a wait of more than 31 years is a moment, a moment
    before 2001 is a wait in seconds, one beyond the year 5000 is in milliseconds. Anything else may be a date of HTTP
    (RFC 9110, 10.2.3) or ISO 8601, whatever the unit.

    Args:
        value: the header's value.
        unit: `s`, `ms`, or a moment since 1970 in seconds (`epoch`) or milliseconds (`epoch_ms`).
        received: UTC seconds since 1970 when the answer came; now, if None.
    """
    text = value.strip()
    match = _NUMBER.fullmatch(text)
    if match is None:
        moment = _date(text)
        return None if moment is None else _bounded(moment - _now(received))
    number = float(match[1])
    match unit:
        case "s" | "epoch":
            seconds, moment = number, number >= _MOMENT
        case "ms":
            seconds, moment = number / 1000, number >= _FAR
        case "epoch_ms":
            seconds, moment = number / 1000, number >= _MOMENT
        case _:
            assert_never(unit)
    if not moment:
        return _bounded(seconds)
    return _bounded((number / 1000 if number >= _FAR else number) - _now(received))


def _now(received: float | None) -> float:
    return time.time() if received is None else received


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _date(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if text[:4].isdecimal() else parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()  # HTTP dates are UTC
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None


Captured = Callable[[ResponseReader], str | None]


def compile_capture(places: Sequence[CapturePath], read_as: ReadAs) -> Captured | None:
    """Return the function that captures the first text found; None where no place is given.

    The text is not cut, because it must be redacted first. Numbers keep their written digits, lists and mappings become
    compact JSON, null and white space are skipped.
    """
    takers = [_taker(place, read_as) for place in places]
    if not takers:
        return None
    if len(takers) == 1:
        return takers[0]

    def first(reader: ResponseReader) -> str | None:
        for take in takers:
            text = take(reader)
            if text is not None:
                return text
        return None

    return first


def _taker(place: CapturePath, read_as: ReadAs) -> Captured:
    find, part = place_of(place, read_as), None if place.regex is None else compile_regex(place.regex).part
    member = None if place.path is None or part is not None else json_member(place.path, read_as)

    def take(reader: ResponseReader) -> str | None:
        if member is not None and (members := reader.members):  # nearly always, and a text is found there
            found = members.get(member)
            if found.__class__ is str and (found := found.strip()):
                return clean(found[:KEPT])
        for value in find(reader) or ():
            text: str | None = value if value.__class__ is str else _text(value)
            if part is not None and text:
                text = part(text)
            if text and (text := text.strip()):
                return clean(text[:KEPT])
        return None

    return take


def place_of(place: CapturePath, read_as: ReadAs) -> FindInResponse:
    """Return the function that finds the values at the place of a capture."""
    if place.header is not None:
        return header_values(place.header)
    if place.path is not None:
        return body_values(place.path, read_as)
    return lambda reader: (reader.text,)


def _text(value: Any) -> str:
    return compact(value) or "" if isinstance(value, (list, dict)) else text_of(value)


class CompiledRule:
    """One compiled rule.

    Attributes:
        name: what reports call it.
        kind: its outcome.
        after: where a response says when to try again.
        capture: what it captures, from a body that is read as `read_as`.
        status: its condition on the status, if it has one.
        statuses: the statuses that it accepts; None for all.
        each: the array whose elements it judges, each as a body; None for the whole response.
        test: its other conditions.
        holds: from a reader to whether all its other conditions hold; None where that cannot be decided.
        reads_json: whether one of them looks into the body as JSON.
    """

    __slots__ = (
        "_by_body",
        "_code",
        "_fixed",
        "_reason",
        "_reference",
        "_retry",
        "_says_why",
        "_wait",
        "after",
        "capture",
        "each",
        "holds",
        "kind",
        "name",
        "read_as",
        "reads_json",
        "status",
        "statuses",
        "test",
    )

    def __init__(self, name: str, rule: Rule, each: EachElements | None = None) -> None:
        self.name = name
        self.each = each
        self.kind = OutcomeKind(rule.outcome)
        self.status: PlaceCondition | None = status_condition(rule)
        self.statuses = None if rule.status is None else statuses_of(rule.status)
        self.test = compile_rule(rule)
        self.holds: ConditionJudge = judge(self.test) if each is None else self._in_element(judge(self.test))
        self.after = rule.after
        self._retry = rule.retry
        self._wait: Wait | None = None if rule.after is None else compile_after(rule.after)
        self.capture = rule.capture
        self.read_as: ReadAs = rule.as_
        self._reason = compile_capture(rule.capture.reason, rule.as_)
        self._reference = compile_capture(rule.capture.reference, rule.as_)
        self._code = compile_capture(rule.capture.code, rule.as_)
        # The reason of an unexpected outcome that nothing captures is the body's own words.
        self._says_why = self.kind is not OutcomeKind.DELIVERED

        self._by_body = each is not None or reads_body(self.test)
        self.reads_json = self._by_body and rule.as_ in (None, "json")
        self._fixed: Outcome | None = None
        if not (self._says_why or self._wait or self._reason or self._reference or self._code):
            self._fixed = Outcome(self.kind, name, retry=rule.retry, by_body=self._by_body)

    def accepts(self, status: int) -> bool:
        """Return whether its condition on the status, if any, holds."""
        return self.statuses is None or status in self.statuses

    def reader(self, reader: ResponseReader) -> ResponseReader | None:
        """Return what reads the part of a response that it judges; None where there is no such part."""
        return reader if self.each is None or isinstance(reader, ElementReader) else self.each.first(reader)

    def _in_element(self, holds: ConditionJudge) -> ConditionJudge:
        def in_element(reader: ResponseReader) -> bool | None:
            mine = self.reader(reader)
            return False if mine is None else holds(mine)

        return in_element

    def outcome(self, reader: ResponseReader, received: float | None = None) -> Outcome:
        """Return the outcome that it gives, with what it captures."""
        if self._fixed is not None:
            return self._fixed
        if self.each is not None:
            reader = self.reader(reader) or reader
        reason = self._reason and self._reason(reader)
        if reason is None and self._says_why:
            reason = first_words(reader)
        return Outcome(
            self.kind,
            self.name,
            reason,
            self._reference and self._reference(reader),
            self._code and self._code(reader),
            self._retry,
            self._wait and self._wait(reader, received),
            self._by_body,
        )


class Classifier:
    """A partner's compiled rules, which classify responses.

    Attributes:
        names: the rules' names, in order.
        rules: the compiled rules, in order.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.names: tuple[str, ...] = rule_names(tuple(rules))
        elements = {repr(rule.each): EachElements(rule.each) for rule in rules if rule.each is not None}
        self.rules = tuple(
            CompiledRule(name, rule, elements.get(repr(rule.each)))
            for name, rule in zip(self.names, rules, strict=True)
        )
        self._of_status = {
            status: tuple(rule for rule in self.rules if rule.accepts(status)) for status in range(100, 600)
        }
        self._of_any_status = tuple(rule for rule in self.rules if rule.statuses is None)
        self._reads_json = any(rule.reads_json for rule in self.rules)

    def classify(self, result: AttemptResult, *, received: float | None = None) -> Outcome:
        """Return the outcome of a response or fault; never raises.

        The first rule that holds decides. Where none does, the outcome is `unclassified`: no status means anything by
        itself. A fault is `failed` if nothing was sent, else `unknown`.

        Args:
            result: what the attempt brought back.
            received: UTC seconds since 1970 when it came, to which dates in its headers are related; now, if None.
        """
        if isinstance(result, Fault):
            return outcome_of_fault(result)
        reader = ResponseReader(result, self._reads_json)
        for rule in self._of_status.get(result.status, self._of_any_status):
            if rule.holds(reader):
                outcome = rule.outcome(reader, received)
                return _explained(outcome, result) if result.unreadable else outcome
        return unclassified(reader)

    def classify_rows(
        self, result: AttemptResult, rows: Sequence[Transaction]
    ) -> tuple[list[Outcome], Iterable[AttemptResult]]:
        """Return the outcome of each row of one request, and of the response what concerns that row.

        A rule with `each` decides by the row's own element, any other by the whole response, for all rows alike. Where
        such a rule holds for an element that names none of the rows, each row without an element is `unclassified`.
        """
        rules = () if isinstance(result, Fault) else self._of_status.get(result.status, self._of_any_status)
        arrays = {rule.each: None for rule in rules if rule.each is not None}
        if isinstance(result, Fault) or not arrays:
            return [self.classify(result)] * len(rows), [result] * len(rows)
        whole = ResponseReader(result)
        found = {each: each.found(whole) for each in arrays}
        owned = {each: each.of_rows(found[each], rows) for each in arrays}
        readers = {each: [ElementReader(whole, element) for element in found[each]] for each in arrays}
        shared: dict[CompiledRule, Outcome | None] = {}

        def by(rule: CompiledRule, row: int) -> Outcome | None:
            if rule.each is None:
                if rule not in shared:
                    shared[rule] = rule.outcome(whole) if rule.holds(whole) else None
                return shared[rule]
            place = owned[rule.each][row]
            if place is None:
                if rule not in shared:
                    strays = [readers[rule.each][each] for each in rule.each.strays(found[rule.each], rows)]
                    shared[rule] = _doubtful(rule, rule.each, strays)
                return shared[rule]
            mine = readers[rule.each][place]
            return rule.outcome(mine) if rule.holds(mine) else None

        def unmatched(row: int) -> Outcome:
            own = next((readers[each][place] for each in arrays if (place := owned[each][row]) is not None), None)
            if own is not None or isinstance(whole.data, NoData):
                return unclassified(own or whole)
            why = " and ".join(each.missing(found[each], len(rows)) for each in arrays)
            return Outcome(OutcomeKind.UNCLASSIFIED, reason=f"no rule matched: status {result.status}, {why}")

        outcomes = [
            next(filter(None, (by(rule, row) for rule in rules)), None) or unmatched(row) for row in range(len(rows))
        ]
        return outcomes, responses_of_rows(whole, owned, len(rows))

    def unread_wait(self, response: Response, rule: str | None) -> str | None:
        """Return in words where a response asks for a wait that is not understood; None where it asks for none.

        The place is the one that the rule states, else `Retry-After`. A value of the body is not shown: it may be a
        person's.

        Args:
            response: one without a wait.
            rule: the rule that decided.
        """
        after = next((each.after for each in self.rules if each.name == rule), None)
        reader = ResponseReader(response)
        if after is not None and after.body is not None and body_values(after.body, None)(reader):
            return f"at `{after.body}` of the body"
        name = "Retry-After" if after is None else after.header
        value = None if name is None else response.header(name)
        return f"as `{name}: {cut(clean(value), _WAIT_SHOWN)}`" if value and retry_after(value) is None else None

    def explain(self, response: Response, *, received: float | None = None) -> Explanation:
        """Return the outcome and a trace of every rule."""
        from rokt_export.response.explain import explain  # a thousand rows are classified for one that is explained

        return explain(self.rules, self.classify(response, received=received), response)


def _doubtful(rule: CompiledRule, each: EachElements, strays: Sequence[ElementReader]) -> Outcome | None:
    """Return the outcome of a row without an element where the rule holds for one that may be meant for any row."""
    if not any(rule.holds(stray) for stray in strays):
        return None
    why = f"an element of `{each.path}` names no row of the request, and may be this row's"
    return Outcome(OutcomeKind.UNCLASSIFIED, reason=f"no rule is certain: {why}")


def outcome_of_fault(fault: Fault) -> Outcome:
    """Return the outcome of a fault; each kind of fault is decided here only.

    Once bytes may have reached the partner, the outcome is `unknown`, which is not repeated by itself. A timeout or
    reset after sending and a response that is too large are `unknown` whatever `sent` says; any other fault that was
    not `sent` is `failed`. Another attempt may help unless the cause is trust, the protocol or our own decision.
    """
    kind = OutcomeKind.UNKNOWN if fault.sent else OutcomeKind.FAILED
    match fault.kind:
        case FaultKind.DNS | FaultKind.CONNECT | FaultKind.TIMEOUT_BEFORE_SEND:
            return Outcome(kind, reason=fault.message, retry=not fault.sent)
        case FaultKind.TLS | FaultKind.PROTOCOL | FaultKind.CANCELLED:
            return Outcome(kind, reason=fault.message)
        case FaultKind.TIMEOUT_AFTER_SEND | FaultKind.RESET_AFTER_SEND | FaultKind.TOO_LARGE:
            # A response that is too large did come: the partner had the request, whatever `sent` says.
            return Outcome(OutcomeKind.UNKNOWN, reason=fault.message)
        case _:
            assert_never(fault.kind)


def _explained(outcome: Outcome, response: Response) -> Outcome:
    """Return the outcome with the reason why the response's body was not read, where it has no other."""
    if outcome.reason:
        return outcome
    return replace(outcome, reason=f"{response.status} came, its body cannot be read: {response.unreadable}")


def unclassified(reader: ResponseReader) -> Outcome:
    """Return the outcome of a response that no rule matches, with the start of its body."""
    response = reader.response
    if response.unreadable:
        why = f"status {response.status}, its body cannot be read: {response.unreadable}"
        return Outcome(OutcomeKind.UNCLASSIFIED, reason=f"no rule matched: {why}")
    if 300 <= response.status < 400 and (target := response.header("location")):
        why = f"it redirects to {clean(target[:KEPT])}; redirects are not followed: put this URL into the spec"
        return Outcome(OutcomeKind.UNCLASSIFIED, reason=f"no rule matched: status {response.status}, {why}")
    words = first_words(reader)
    body = f'body "{words}"' if words else "empty body"
    if words and (broken := _why_broken(reader)):
        body = f"its body cannot be read: {broken}, {body}"
    return Outcome(OutcomeKind.UNCLASSIFIED, reason=f"no rule matched: status {reader.response.status}, {body}")


def _why_broken(reader: ResponseReader) -> str | None:
    """Return why a body that is called JSON or XML, or begins like one of them, is none: truncated, say."""
    media, text = reader.response.header("content-type") or "", reader.text
    if "json" in media or text[:1] in ("{", "["):
        data = reader.json
    elif "xml" in media or (text.startswith("<") and "html" not in media and not _PAGE.match(text)):
        data = reader.roots
    else:
        return None
    return data.reason.removeprefix("the body is ") if isinstance(data, NoData) else None


def first_words(reader: ResponseReader) -> str | None:
    """Return the start of a body on one line; None where it is empty or cannot be read."""
    return " ".join(clean(reader.text[:KEPT]).split()) or None
