"""Groups responses that no rule matches by their structure, and drafts a rule for each group."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rokt_export.exchange.model import Response
from rokt_export.journal.recording import Recording
from rokt_export.onboarding.response_signs import meaning_of
from rokt_export.onboarding.rule_draft import RuleDraft, as_yaml, sent_values
from rokt_export.redaction.display_text import cut
from rokt_export.response.body_reader import NoData, ResponseReader
from rokt_export.spec_language.paths import local_name

_MOST_NAMES = 12
_MOST_NODES = 2_000
_TITLE = re.compile(r"<title[^>]*>([^<]{1,80})", re.IGNORECASE)
_HTML = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class UnmatchedResponse:
    """One response that no rule matches.

    Attributes:
        row: of the run.
        recording: the exchange, redacted; it has a response.
        meant: the outcome that is expected of it, where that is known.
    """

    row: int
    recording: Recording
    meant: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Responses of one structure that one drafted rule matches.

    Attributes:
        structure: status, content type and names of members, as `400 application/json: error.code, error.message`.
        rows: of the run.
        example: the first of them, redacted.
        outcome: of the drafted rule.
        rule: the drafted rule as lines of YAML; empty where nothing of the response could be a condition.
    """

    structure: str
    rows: tuple[int, ...]
    example: Response
    outcome: str
    rule: tuple[str, ...]


def groups_of(unmatched: Iterable[UnmatchedResponse], taken: Collection[str]) -> list[Group]:
    """Return the groups, the largest first, each with a rule whose name no other has, and which matches all of it.

    Args:
        unmatched: the responses.
        taken: names of the spec's rules.
    """
    found: dict[str, list[UnmatchedResponse]] = {}
    for each in unmatched:
        if each.recording.response is not None:
            found.setdefault(structure_of(each.recording.response), []).append(each)
    names = set(taken)
    return [
        group
        for structure, members in sorted(found.items(), key=lambda item: -len(item[1]))
        for group in _groups(structure, members, names)
    ]


def _groups(structure: str, members: Sequence[UnmatchedResponse], names: set[str]) -> Iterator[Group]:
    while members:
        group = _group(structure, members, names)
        yield group
        members = [each for each in members if each.row not in group.rows]


def _group(structure: str, members: Sequence[UnmatchedResponse], names: set[str]) -> Group:
    """Return the group of the first of these responses."""
    first = members[0]
    response = first.recording.response
    assert response is not None
    outcome = meaning_of(response).certain or first.meant or ("failed" if response.status >= 500 else "rejected")
    draft = RuleDraft(response, outcome, sent_values(first.recording))
    rule = draft.rule(names)
    names.add(rule["name"])
    alike = (each for each in members[1:] if (other := each.recording.response) is not None and draft.matches(other))
    rows = (first.row, *(each.row for each in alike))
    return Group(structure, rows, response, outcome, tuple(as_yaml(rule)))


def structure_of(response: Response) -> str:
    """Return the structure of a response: status, media type and the names of what its body has, without values."""
    kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
    head = f"{response.status} {kind}".rstrip()
    reader = ResponseReader(response)
    text = reader.text
    if not text.strip():
        return f"{head}: empty"
    if _HTML.match(text):
        title = _TITLE.search(text)
        return f"{head}: a page" + (f' "{" ".join(title[1].split())}"' if title else "")
    if not isinstance(reader.json, NoData):
        names = _first(_members(reader.json))
    elif not isinstance(reader.roots, NoData):
        names = _first(_elements(reader.roots))
    else:
        return f"{head}: text"
    shown = ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
    return f"{head}: {cut(shown, 200) or 'a value'}"


def _first(names: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for count, name in enumerate(names):
        if count == _MOST_NODES:
            break
        found[name] = None
    return sorted(found)


def _members(data: Any, path: str = "") -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _members(value, f"{path}.{name}" if path else str(name))
    elif isinstance(data, list):
        for value in data or [None]:
            yield from _members(value, f"{path}[]")
    else:
        yield path


def _elements(roots: Iterable[Any]) -> Iterator[str]:
    for root in roots:
        for element in root.iter():
            if isinstance(element.tag, str) and not len(element):
                yield local_name(element.tag)
