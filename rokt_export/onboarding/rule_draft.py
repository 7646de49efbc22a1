"""Draft a response rule from one recorded response: conditions, captures, and the response as its example."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from pydantic import TypeAdapter

from rokt_export.exchange.model import OutcomeKind, Response
from rokt_export.journal.recording import Recording
from rokt_export.onboarding.response_signs import GOOD_WORDS, telling_headers
from rokt_export.reports.reasons import fixed_parts
from rokt_export.response.body_reader import NoData, ResponseReader
from rokt_export.response.classify import Classifier
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.paths import local_name
from rokt_export.spec_language.rules import OUTCOMES, Rule
from rokt_export.spec_language.statuses import BUSY

MOST_EXAMPLE = 4_000
"""Characters of a body that becomes an example; a longer one would bury the rules."""
_MOST_LEAVES = 200
_HIDDEN = re.compile(r"person-[0-9a-f]{10}|\$[A-Z_][A-Z0-9_]*")
_CODE_KEYS = re.compile(
    r"(?:^|_)(?:code|errorcode|error|errors|faultcode|type|status|state|result|success|ok|reason|outcome)$",
    re.IGNORECASE,
)
_TEXT_KEYS = re.compile(r"message|detail|description|error|reason|title|text|msg|fault", re.IGNORECASE)
_ID_KEYS = re.compile(r"(?:^|_)(?:id|uuid|reference|ref)$|Id$", re.ASCII)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,59}|\d{1,5}", re.ASCII)
_GENERIC = GOOD_WORDS | {"error", "fail", "failed", "failure", "false", "no", "null", "unknown", "client", "server"}
"""Codes that many different responses share: a condition on one alone would be too wide."""
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_SHORTEST = 4
"""Characters of a text that is looked for, at least."""
_SHORTEST_SENT = 3
"""Characters of a value of the request that is recognised in a response."""

Keys: TypeAlias = dict[str, Any]
"""A part of a rule, as the spec has it."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A scalar of a body, with the path that finds it."""

    path: str
    key: str
    value: Any

    @property
    def text(self) -> str:
        return text_of(self.value)

    @property
    def generic(self) -> bool:
        """Whether many different responses have this value; a SOAP fault's code has a prefix."""
        return self.text.rpartition(":")[2].lower() in _GENERIC


class RuleDraft:
    """A response rule in the making: conditions that one response satisfies, narrowed by others that it must not match.

    Values that are redacted, that were sent, ids, dates and numbers of many digits are no conditions.

    Args:
        response: the recorded one, redacted.
        outcome: of the rule.
        sent: the values of its request, which a response may repeat.
    """

    def __init__(self, response: Response, outcome: str, sent: Iterable[str] = ()) -> None:
        if outcome not in OUTCOMES:
            raise ValueError(f"a rule cannot give {outcome}")
        self._response, self._outcome = response, outcome
        self._sent = sorted({each for each in sent if len(each) >= _SHORTEST_SENT}, key=len, reverse=True)
        self._leaves = list(_leaves(response))
        first, self._word = self._first()
        self._conditions: Keys = first | {"status": response.status}
        self._compiled = _compiled(self._conditions)
        self._own = list(self._telling())
        self._candidates: dict[str, Classifier | None] = {}

    def matches(self, response: Response) -> bool:
        """Return whether the rule, as it is so far, matches a response."""
        return response.status == self._response.status and self._compiled.classify(response).rule is not None

    def avoid(self, other: Response, *, must: bool) -> bool:
        """Add the condition that tells the response from another one; return whether the rule passes it over now.

        Args:
            other: a response with another outcome, or with none.
            must: whether any difference will do; else only one of a code, a state or a header of the partner's own.
        """
        if not self.matches(other):
            return True
        for keys in (*self._own, *self._absent(other), *(self._any_difference() if must else ())):
            if self._separates(keys, other):
                for name, value in keys.items():
                    self._conditions[name] = {**self._conditions.get(name, {}), **value}
                self._conditions["status"] = self._conditions.pop("status")
                for name, value in keys.get("headers", {}).items():
                    self._word = f"{name} {value}" if isinstance(value, str) else self._word
                self._compiled = _compiled(self._conditions)
                return True
        return False

    def _separates(self, keys: Keys, other: Response) -> bool:
        """Return whether a condition holds for the response, and not for another one."""
        name = repr(keys)
        if name not in self._candidates:  # a run may have 100,000 responses that are alike
            compiled = _compiled(keys)
            self._candidates[name] = compiled if compiled.classify(self._response).rule else None
        candidate = self._candidates[name]
        return candidate is not None and candidate.classify(other).rule is None

    def rule(self, taken: Collection[str], name: str | None = None) -> dict[str, Any]:
        """Return the rule as the spec has it, the most specific condition first.

        Args:
            taken: names of the spec's rules.
            name: what it is called; None for a name made of what it looks for.
        """
        response, outcome = self._response, self._outcome
        named = name or _name(self._word or f"{outcome} {response.status}", taken)
        found: dict[str, Any] = {"name": named, "outcome": outcome} | self._conditions
        if outcome == OutcomeKind.FAILED and (response.status >= 500 or response.status in BUSY):
            found["retry"] = True
        if outcome == OutcomeKind.DELIVERED and response.status == 202:
            found["provisional"] = True
        if capture := _capture(self._leaves, outcome):
            found["capture"] = capture
        body = response.body.decode("utf-8", "replace")
        if len(body) <= MOST_EXAMPLE:
            kind = response.header("content-type")
            headers = {} if kind is None or "json" in kind else {"Content-Type": kind}
            wanted = self._conditions.get("headers", {}).items()
            headers |= {each: value for each, value in wanted if isinstance(value, str)}
            found["examples"] = [{"status": response.status, **({"headers": headers} if headers else {}), "body": body}]
        return found

    def _first(self) -> tuple[Keys, str | None]:
        """Return the most specific condition, and the word that it looks for."""
        if not self._response.body.strip():
            return {"empty": True}, None
        codes, messages = self._codes(), list(self._messages())
        for leaf in codes:
            if not leaf.generic:
                return {"body": {leaf.path: leaf.value}}, self._named(leaf)
        for path, part in messages if codes else ():
            if path != codes[0].path:
                return {"body": {codes[0].path: codes[0].value, path: {"contains": part}}}, part
        if codes:
            return {"body": {codes[0].path: codes[0].value}}, self._named(codes[0])
        for path, part in messages:
            return {"body": {path: {"contains": part}}}, part
        for leaf in self._leaves:
            if self._is_code(leaf) and not _ID_KEYS.search(leaf.key) and not leaf.text.isdigit():
                return {"body": {leaf.path: leaf.value}}, self._named(leaf)
        return self._whole(), None

    def _whole(self) -> Keys:
        """Return a condition on the body as a whole, where no value of it can be one."""
        if self._leaves:
            return {"body": {leaf.path: {"exists": True} for leaf in self._leaves[:3]}}
        text = " ".join(ResponseReader(self._response).text.split())
        if len(text) < _SHORTEST and text.isprintable():
            return {"text": {"equals": text}}
        if part := self._fixed(text[:300]):
            return {"text": {"contains": part}}
        kind = self._response.header("content-type")
        return {} if kind is None else {"content_type": kind.partition(";")[0].strip().lower()}

    def _codes(self) -> list[_Leaf]:
        return [leaf for leaf in self._leaves if _CODE_KEYS.search(leaf.key) and self._is_code(leaf)]

    def _messages(self) -> Iterator[tuple[str, str]]:
        """Yield path and fixed part of what reads like a sentence, messages by name first."""
        named = [leaf for leaf in self._leaves if _TEXT_KEYS.search(leaf.key)]
        others = [leaf for leaf in self._leaves if leaf not in named and " " in leaf.text.strip()]
        for leaf in (*named, *others):
            if isinstance(leaf.value, str) and (part := self._fixed(leaf.text)):
                yield leaf.path, part

    def _telling(self) -> Iterator[Keys]:
        """Yield the conditions on codes, states and the partner's own headers."""
        for leaf in self._codes():
            yield {"body": {leaf.path: leaf.value}}
        for name, value in telling_headers(self._response):
            yield {"headers": {name: value}}

    def _absent(self, other: Response) -> Iterator[Keys]:
        """Yield conditions that such codes and headers of another response are absent here."""
        for name, _ in telling_headers(other):
            if self._response.header(name) is None:
                yield {"headers": {name: {"absent": True}}}
        mine = {leaf.path for leaf in self._leaves}
        for leaf in _leaves(other):
            if leaf.path not in mine and _CODE_KEYS.search(leaf.key) and "[" not in leaf.path:
                yield {"body": {leaf.path: {"absent": True}}}

    def _any_difference(self) -> Iterator[Keys]:
        """Yield conditions on anything else that is no value of this one row."""
        for path, part in self._messages():
            yield {"body": {path: {"contains": part}}}
        for leaf in self._leaves:
            if not _ID_KEYS.search(leaf.key) and self._is_code(leaf):
                yield {"body": {leaf.path: leaf.value}}
        for leaf in self._leaves:
            yield {"body": {leaf.path: {"exists": True}}}

    def _is_code(self, leaf: _Leaf) -> bool:
        if isinstance(leaf.value, bool):
            return True
        if leaf.value is None or leaf.text in self._sent:
            return False
        return _CODE.fullmatch(leaf.text) is not None and not _HIDDEN.search(leaf.text)

    def _fixed(self, text: str) -> str | None:
        """Return the longest part of a text that holds no value, on one line and without a mark of redaction."""
        for each in self._sent:
            text = re.sub(rf"(?<!\w){re.escape(each)}(?!\w)", "`x`", text)
        parts = [part.strip(" \t.,:;'\"!") for part in fixed_parts(_HIDDEN.sub("`x`", text))]
        longest = max((part for part in parts if part.isprintable()), key=len, default="")
        return longest[:100].strip() if len(longest) >= _SHORTEST else None

    def _named(self, leaf: _Leaf) -> str:
        return f"{leaf.key} {leaf.text}" if leaf.text.isdigit() or leaf.generic else leaf.text


def sent_values(recording: Recording) -> list[str]:
    """Return the texts that a recorded request of JSON or a form carried."""
    body = recording.request_body
    if body is None or body.binary:
        return []
    text = str(body.text)
    try:
        return [text_of(value) for value in _scalars(json.loads(text)) if value is not None]
    except ValueError:
        return [value for _, value in parse_qsl(text)]


def _scalars(data: Any) -> Iterator[Any]:
    if isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _scalars(value)
    else:
        yield data


def _compiled(conditions: Keys) -> Classifier:
    return Classifier((TypeAdapter(Rule).validate_python({"outcome": "failed"} | conditions),))


def _capture(leaves: list[_Leaf], outcome: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for leaf in leaves:
        if isinstance(leaf.value, str) and " " in leaf.text.strip() and _TEXT_KEYS.search(leaf.key):
            found.setdefault("reason", leaf.path)
        elif leaf.key.lower() in ("code", "errorcode", "error_code") and not isinstance(leaf.value, bool):
            found.setdefault("code", leaf.path)
        elif outcome in ("delivered", "duplicate") and _ID_KEYS.search(leaf.key) and leaf.text:
            found.setdefault("reference", leaf.path)
    return found


def _name(word: str, taken: Collection[str]) -> str:
    base = "_".join(re.findall(r"[a-z0-9]+", word.lower())[:4]) or "rule"
    names = (base if number == 1 else f"{base}_{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _leaves(response: Response) -> Iterator[_Leaf]:
    """Yield the scalars of a JSON or XML body, those near the top first."""
    reader = ResponseReader(response)
    found: list[tuple[int, _Leaf]] = []
    if not isinstance(reader.json, NoData):
        found = [
            (path.count(".") + path.count("["), _Leaf(path, key, value)) for path, key, value in _of_json(reader.json)
        ]
    elif not isinstance(reader.roots, NoData):
        found = [
            (leaf.path.count("/"), leaf) for root in reader.roots for leaf in _of_xml(root, f"/{local_name(root.tag)}")
        ]
    yield from (leaf for _, leaf in sorted(found[:_MOST_LEAVES], key=lambda each: each[0]))


def _of_json(value: Any, path: str = "$", key: str = "") -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            step = f".{name}" if _PLAIN_KEY.fullmatch(name) else f"[{json.dumps(name, ensure_ascii=False)}]"
            yield from _of_json(inner, path + step, name)
    elif isinstance(value, list):
        for inner in value[:1]:
            yield from _of_json(inner, f"{path}[*]", key)
    elif value is not None:
        yield path, key, value


def _of_xml(element: Any, path: str) -> Iterator[_Leaf]:
    children = list(element)
    if not children and (element.text or "").strip():
        yield _Leaf(path, local_name(element.tag), element.text.strip())
    for child in children:
        if isinstance(child.tag, str):
            yield from _of_xml(child, f"{path}/{local_name(child.tag)}")


_PLAIN = re.compile(r"[$/A-Za-z_][\w$./@-]*(?: [\w$./@-]+)*", re.ASCII)
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def as_yaml(rule: dict[str, Any]) -> list[str]:
    """Return a rule as the lines of an item of a block list, without indentation."""
    lines: list[str] = []
    for key, value in rule.items():
        if key == "examples":
            lines.append("examples:")
            for example in value:
                inner = [f"{name}: {flow(each)}" for name, each in example.items()]
                lines += [f"  {'- ' if place == 0 else '  '}{line}" for place, line in enumerate(inner)]
        else:
            lines.append(f"{key}: {flow(value)}")
    return [("- " if place == 0 else "  ") + line for place, line in enumerate(lines)]


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(str(key))}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    if value.isprintable() and value == value.strip() and value:
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value)
