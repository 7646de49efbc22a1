"""Draft a response rule from one recorded response: conditions, captures, and the response as its example."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from rokt_export.exchange.model import OutcomeKind, Response
from rokt_export.reports.reasons import fixed_parts
from rokt_export.response.body_reader import NoData, ResponseReader
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.rules import OUTCOMES

MOST_EXAMPLE = 4_000
"""Characters of a body that becomes an example; a longer one would bury the rules."""
_MOST_LEAVES = 200
_HIDDEN = re.compile(r"person-[0-9a-f]{10}|\$[A-Z_][A-Z0-9_]*")
_CODE_KEYS = re.compile(
    r"(?:^|_)(?:code|errorcode|error|errors|type|status|state|result|success|ok|reason|outcome)$", re.IGNORECASE
)
_TEXT_KEYS = re.compile(r"message|detail|description|error|reason|title|text|msg", re.IGNORECASE)
_ID_KEYS = re.compile(r"(?:^|_)(?:id|uuid|reference|ref)$|Id$", re.ASCII)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}|\d{1,5}", re.ASCII)
_DUPLICATE = re.compile(r"duplicate|already|exists?\b|known", re.IGNORECASE)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)
_SHORTEST = 4
"""Characters of a text that is looked for, at least."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A scalar of a body, with the path that finds it."""

    path: str
    key: str
    value: Any

    @property
    def text(self) -> str:
        return text_of(self.value)


def guessed_outcome(response: Response) -> str:
    """Return the outcome that a response suggests, by its status and words; a person decides."""
    text = ResponseReader(response).text
    if response.status >= 500 or response.status in (408, 429):
        return "failed"
    if response.status == 409 or _DUPLICATE.search(text):
        return "duplicate"
    return "delivered" if response.status < 300 else "rejected"


def draft(response: Response, outcome: str, taken: Collection[str], name: str | None = None) -> dict[str, Any]:
    """Return a rule as the spec has it, the most specific condition first.

    Values that are redacted, ids, dates and numbers of many digits are no conditions.

    Args:
        response: the recorded one, redacted.
        outcome: of the rule.
        taken: names of the spec's rules.
        name: what it is called; None for a name made of what it looks for.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"a rule cannot give {outcome}")
    leaves = list(_leaves(response))
    condition, word = _condition(response, leaves)
    found: dict[str, Any] = {"name": name or _name(word or f"{outcome} {response.status}", taken), "outcome": outcome}
    found |= condition
    found["status"] = response.status
    if outcome == OutcomeKind.FAILED and (response.status >= 500 or response.status in (408, 429)):
        found["retry"] = True
    if capture := _capture(leaves, outcome):
        found["capture"] = capture
    body = response.body.decode("utf-8", "replace")
    if len(body) <= MOST_EXAMPLE:
        kind = response.header("content-type")
        told = {} if kind is None or "json" in kind else {"headers": {"Content-Type": kind}}
        found["examples"] = [{"status": response.status, **told, "body": body}]
    return found


def _condition(response: Response, leaves: list[_Leaf]) -> tuple[dict[str, Any], str | None]:
    """Return the condition on the body, and the word that it looks for."""
    for leaf in leaves:
        if _CODE_KEYS.search(leaf.key) and _is_code(leaf):
            return {"body": {leaf.path: leaf.value}}, f"{leaf.key} {leaf.text}" if leaf.text.isdigit() else leaf.text
    for leaf in leaves:
        if _TEXT_KEYS.search(leaf.key) and isinstance(leaf.value, str) and (part := _fixed(leaf.text)):
            return {"body": {leaf.path: {"contains": part}}}, part
    for leaf in leaves:
        if _is_code(leaf) and not _ID_KEYS.search(leaf.key) and not leaf.text.isdigit():
            return {"body": {leaf.path: leaf.value}}, leaf.text
    if not response.body.strip():
        return {"empty": True}, None
    if not leaves and (part := _fixed(" ".join(ResponseReader(response).text.split())[:300])):
        return {"text": {"contains": part}}, part
    return {}, None


def _is_code(leaf: _Leaf) -> bool:
    if isinstance(leaf.value, bool):
        return True
    return leaf.value is not None and _CODE.fullmatch(leaf.text) is not None and not _HIDDEN.search(leaf.text)


def _fixed(text: str) -> str | None:
    """Return the longest part of a text that holds no value, on one line and without a mark of redaction."""
    parts = [part.strip(" \t.,:;'\"!") for part in fixed_parts(_HIDDEN.sub("`x`", text))]
    longest = max((part for part in parts if "\n" not in part), key=len, default="")
    return longest[:100].strip() if len(longest) >= _SHORTEST else None


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
        found = [(leaf.path.count("/"), leaf) for root in reader.roots for leaf in _of_xml(root, f"/{root.tag}")]
    yield from (leaf for _, leaf in sorted(found[:_MOST_LEAVES], key=lambda each: each[0]))


def _of_json(value: Any, path: str = "$", key: str = "") -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            step = f".{name}" if _PLAIN_KEY.fullmatch(name) else f"[{json.dumps(name, ensure_ascii=False)}]"
            yield from _of_json(inner, path + step, name)
    elif isinstance(value, list):
        for inner in value[:1]:
            yield from _of_json(inner, f"{path}[*]", key)
    elif path != "$":
        yield path, key, value


def _of_xml(element: Any, path: str) -> Iterator[_Leaf]:
    if "{" in path:  # a namespace: paths of the language have none
        return
    children = list(element)
    if not children and (element.text or "").strip():
        yield _Leaf(path, element.tag, element.text.strip())
    for child in children:
        if isinstance(child.tag, str):
            yield from _of_xml(child, f"{path}/{child.tag}")


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
