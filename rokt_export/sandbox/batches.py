"""Requests that carry several rows, as the partner sees them: each record by itself, and a response of elements."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from rokt_export.authentication.base import ReceivedRequest
from rokt_export.exchange.model import Response
from rokt_export.partner_spec.attributes import canonical
from rokt_export.response.body_reader import ResponseReader
from rokt_export.response.elements import EachElements
from rokt_export.sandbox.checks import LocatedParameter, carried_attributes
from rokt_export.sandbox.example_responses import ExampleResponses
from rokt_export.sandbox.identity import Identity
from rokt_export.sandbox.synthetic_responses import synthesise
from rokt_export.spec_language.fields import statuses_of
from rokt_export.spec_language.parameter_names import Index, Key, steps
from rokt_export.spec_language.paths import array_steps
from rokt_export.spec_language.rules import Example, Rule

Split = Callable[[ReceivedRequest], list[ReceivedRequest]]


def splitter(array: str | None) -> Split:
    """Return the function from a request to one for each record of its array, as if the record came alone.

    A request without the array stays as it is.

    Args:
        array: its name; None where a request carries one row.
    """
    if array is None:
        return lambda received: [received]
    path = [step.name if isinstance(step, Key) else step.number for step in (steps(array) if array else ())
            if isinstance(step, Key | Index)]  # fmt: skip

    def split(received: ReceivedRequest) -> list[ReceivedRequest]:
        records = _at(received.data, path)
        if not isinstance(records, list) or not records:
            return [received]
        return [replace(received, data=_put(received.data, path, [record])) for record in records]

    return split


def _at(data: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        known = isinstance(data, dict) if isinstance(step, str) else isinstance(data, list)
        try:
            data = data[step] if known else None
        except (KeyError, IndexError):
            return None
    return data


def _put(data: Any, path: Sequence[str | int], value: Any) -> Any:
    """Return data with another value at a path, whose members are made where they are missing."""
    if not path:
        return value
    if isinstance(path[0], int):
        items = [*data] if isinstance(data, list) else []
        items += [None] * (path[0] + 1 - len(items))
        items[path[0]] = _put(items[path[0]], path[1:], value)
        return items
    members = data if isinstance(data, dict) else {}
    return {**members, path[0]: _put(members.get(path[0]), path[1:], value)}


@dataclass(frozen=True, slots=True)
class ReceivedRecord:
    """One record of a request, and what became of it.

    Attributes:
        received: the request as if the record came alone.
        identity: whom it is about.
        outcome: delivered, duplicate or rejected.
        reference: the partner's identifier of it, where it has one.
        problems: why it is rejected.
    """

    received: ReceivedRequest
    identity: Identity
    outcome: str
    reference: str | None = None
    problems: tuple[str, ...] = ()


class _ElementsOfRule:
    """The elements that one rule takes, after the first element of its example."""

    def __init__(self, rule: Rule, chance: random.Random) -> None:
        assert rule.each is not None
        self.rule = rule
        self.path = array_steps(rule.each.path) or ()
        own = rule.model_copy(update={"each": None, "examples": ()})
        example = next(iter(rule.examples), None)
        found: list[Any] = []
        self.envelope: Any = {}
        if example is not None:
            reader = ResponseReader(Response(example.status, tuple(example.headers.items()), example.body.encode()))
            found = EachElements(rule.each).found(reader)
            self.envelope = reader.json if found else {}
        example = example or synthesise(own)
        body = orjson.dumps(found[0]).decode() if found else synthesise(own).body
        self.status = example.status
        self.examples = ExampleResponses(own, Example(status=example.status, body=body), chance)

    def element(self, record: ReceivedRecord, values: Callable[[str], list[Any]]) -> Any:
        """Return the element of a record.

        Args:
            record: of the request.
            values: from an attribute to what the record says it is.
        """
        made = self.examples.make(
            email=record.identity.email, reference=record.reference, reason="; ".join(record.problems) or None
        )
        element = orjson.loads(made.body) if made.body else None
        by = (self.rule.each and self.rule.each.by) or {}
        for path, attribute in by.items():
            known = array_steps(f"{path}[*]")
            if known and (found := values(attribute)):
                element = _put(element, known, found[0])
        return element

    def accepts(self, status: int) -> bool:
        """Return whether the rule takes responses of a status."""
        return self.rule.status is None or status in statuses_of(self.rule.status)


class ElementResponses:
    """Responses with an element for each record.

    Args:
        rules: of the spec.
        located: where its parameters are.
        chance: for references.
    """

    def __init__(self, rules: Sequence[Rule], located: Sequence[LocatedParameter], chance: random.Random) -> None:
        own = [rule for rule in rules if rule.each is not None]
        best = sorted(own, key=lambda rule: not rule.examples)
        self._of: dict[str, _ElementsOfRule] = {rule.outcome: _ElementsOfRule(rule, chance) for rule in reversed(best)}
        self._seeks = {name: place.seek for place in reversed(located) for name in carried_attributes(place.parameter)}

    def __bool__(self) -> bool:
        return bool(self._of)

    def of(self, outcome: str) -> ExampleResponses | None:
        """Return what makes the elements of an outcome; None where no rule reads it by element."""
        return self._of[outcome].examples if outcome in self._of else None

    def make(self, records: Sequence[ReceivedRecord], whole: Response) -> Response:
        """Return the response to some records.

        Args:
            records: of the request, each with an outcome.
            whole: the response to a delivered request, for records that no element speaks of.
        """
        used = [self._of[outcome] for outcome in dict.fromkeys(each.outcome for each in records) if outcome in self._of]
        first = self._of.get("delivered") or next(iter(used), None)
        if first is None:
            return whole
        arrays: Mapping[tuple[str | int, ...], list[Any]] = {
            each.path: self._filled(each, records) for each in self._of.values()
        }
        data = first.envelope
        if "delivered" not in self._of and whole.body.lstrip().startswith((b"{", b"[")):
            data = ResponseReader(whole).json
        for path, elements in arrays.items():
            data = _put(data, path, elements)
        statuses = [each.status for each in used] or [whole.status]
        status = next((each for each in statuses if all(other.accepts(each) for other in used)), statuses[0])
        kept = [header for header in whole.headers if header[0].lower() != "content-type"]
        return Response(status, (*kept, ("Content-Type", "application/json")), orjson.dumps(data))

    def _filled(self, array: _ElementsOfRule, records: Sequence[ReceivedRecord]) -> list[Any]:
        """Return the elements of an array: in the order of the records, with null for those it does not speak of."""
        found: list[Any] = []
        for record in records:
            own = self._of.get(record.outcome)
            if own is not None and own.path == array.path:
                found.append(own.element(record, partial(self._values, record)))
            elif array.rule.each is not None and array.rule.each.by is None:
                found.append(None)
        return found

    def _values(self, record: ReceivedRecord, attribute: str) -> list[Any]:
        seek = self._seeks.get(canonical(attribute) or attribute)
        return [] if seek is None else seek(record.received)
