"""Write an observed operation as a commented spec: what is sure as it is, what is doubtful marked, the rest named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from rokt_export.onboarding.drafts.matching import LIKELY, OF_A_PERSON, SURE, AttributeMatch, match_all, split
from rokt_export.onboarding.drafts.observed import (
    ObservedParameter,
    Operation,
    ServerAddress,
    env_template,
    is_template,
    slug,
)
from rokt_export.onboarding.drafts.rules import DraftRule, rules_of
from rokt_export.partner_spec.attributes import canonical, is_personal
from rokt_export.partner_spec.checklist import UNKNOWN_ENDPOINT
from rokt_export.partner_spec.model import Environment, Parameter
from rokt_export.redaction.display_text import cut, one_line
from rokt_export.redaction.sensitive_names import is_sensitive

SCHEMA_FILE = "partner-spec.schema.json"
"""The JSON Schema that editors read, beside the spec."""
HINT = f"# yaml-language-server: $schema={SCHEMA_FILE}"
_PLAIN = re.compile(r"[A-Za-z$/][\w./@-]*", re.ASCII)
_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])
_WIDE = 118
_MOST_LEFT = 15
_ID = re.compile(r"(?:^|[^a-z])(?:id|ids|key|uuid|guid|token|code)$")
_FREE = {"email": "email", "firstname": "firstname", "lastname": "lastname", "phone": "mobile"}
"""Members that an object without named ones may have, as most partners call them."""
_FILLER = re.compile(r"^[<{\[]|your|xxx|changeme|replace|1234", re.IGNORECASE)
_VERSION = re.compile(r"version|revision", re.IGNORECASE)
"""Headers that choose a version: without one, a partner responds as its newest does."""
_PLACE = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")


@dataclass(slots=True)
class Draft:
    """A spec in the making.

    Attributes:
        lines: of the file.
        mapped: parameters that carry an attribute.
        doubtful: parameters that are sent by a guess, or members that are proposed.
        commented: optional parameters that are not sent: a comment proposes what they may mean.
        left: other optional parameters that are not sent.
        variables: environment variables that it names.
    """

    lines: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    commented: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The file."""
        return "\n".join(self.lines) + "\n"

    @property
    def variables(self) -> list[str]:
        """Environment variables that it names, in their order."""
        live = "\n".join(line for line in self.lines if not line.lstrip().startswith("#"))
        return list(dict.fromkeys(re.findall(r"\{\{ env\.(\w+) \}\}", live)))

    @property
    def checks(self) -> list[tuple[int, str]]:
        """Line and text of each guess that a person should confirm."""
        marked = ((number, line.partition("# check: ")) for number, line in enumerate(self.lines, start=1))
        return [(number, parts[2]) for number, parts in marked if parts[1]]


def write_draft(operation: Operation, sent: Iterable[str] = ()) -> Draft:
    """Return the draft of a spec.

    Args:
        operation: what the source says.
        sent: values of a recorded request, which leave the examples of its response.
    """
    return _Writer(operation).draft(sent)


class _Writer:
    """Writes one draft, section by section in the order of the seed page."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.drafted = Draft()
        self.custom: dict[str, dict[str, str]] = {}
        self.matches = match_all(operation.fields)
        sure = [each for each in operation.fields if self._confidence(each) >= SURE or each.required]
        self.parts = {part for each in sure for part in _parts(each.name)} | {""}

    def _confidence(self, each: ObservedParameter) -> float:
        match = self.matches.get(each)
        return match.confidence if match is not None else 0.0

    def draft(self, sent: Iterable[str]) -> Draft:
        """Return the whole draft."""
        parameters = list(self._parameters())
        operation, add = self.operation, self.drafted.lines.append
        add(HINT)
        add(f"# A draft by `rokt-export init` from {said(operation.origin)}." + _sentence(operation.summary))
        add("# `# check` marks what is a guess: confirm or correct it, and take the mark away.")
        for note in operation.notes:
            add(f"# check: {said(note)}")
        add("spec_version: 1")
        add(f"partner: {scalar(operation.partner)}")
        if operation.title and not is_template(operation.title):
            add(f"title: {scalar(said(operation.title, 80))}")
        if operation.documentation:
            add(f"documentation: {scalar(operation.documentation)}")
        else:
            add("# documentation: https://…  # ask the partner")
        self.drafted.lines += self._document()
        if operation.contact:
            mark = f"  # check: {operation.contact_note}" if operation.contact_note else ""
            add(f"contact: {flow({key: said(text, 200) for key, text in operation.contact.items()})}{mark}")
        else:
            add("# contact: {name: …, role: …, email: …}  # ask the partner")
        self.drafted.lines += self._endpoint()
        add(f"method: {operation.method}")
        self.drafted.lines += self._authentication()
        self.drafted.lines += self._encoding()
        if self.custom:
            add("attributes:")
            self.drafted.lines += [f"  {scalar(name)}: {flow(about)}" for name, about in self.custom.items()]
        live = any(not line.lstrip().startswith("#") for line in parameters)
        add("parameters:" if live else "parameters: []")
        self.drafted.lines += parameters
        add("responses:")
        rules = rules_of(operation, sent)
        if not operation.idempotent and not any(rule.keys["outcome"] == "duplicate" for rule in rules):
            add("  # - {outcome: duplicate, status: 409}  # check: what is the response to an entry that exists?")
        for rule in rules:
            self.drafted.lines += _rule_lines(rule)
        if any("reference" in rule.keys.get("capture", {}) for rule in rules if rule.keys.get("provisional")):
            self.drafted.lines += self._confirmation()
        self.drafted.lines += self._limits()
        return self.drafted

    def _document(self) -> Iterator[str]:
        operation = self.operation
        if not operation.document or is_template(operation.document):
            return
        remote = "://" in operation.document
        source = operation.document.rpartition("/")[2].partition("?")[0] if remote else operation.document
        named = {} if is_template(operation.document_operation) else {"operation": operation.document_operation}
        about = flow({"document": source or "openapi.json", **named})
        yield f"# openapi: {about}  # check: download the document beside this file" if remote else f"openapi: {about}"

    def _endpoint(self) -> Iterator[str]:
        yield "endpoint:"
        environments = self.operation.environments
        if not any(each.name == "staging" for each in environments):
            yield "  # staging: https://…  # check: the source names no test endpoint: ask for one"
        for each in environments:
            url, note = self._filled(each)
            try:
                Environment.model_validate({"url": url})
            except ValidationError:
                shown = f"{UNKNOWN_ENDPOINT}: `{said(each.url, 80)}` cannot be sent to"
                url, note = "https://api.example.com/", shown if not note else f"{shown}; {note}"
            yield f"  {each.name}: {scalar(url)}" + (f"  # check: {said(note)}" if note else "")

    def _filled(self, each: ServerAddress) -> tuple[str, str]:
        """Return the URL with a variable for each path parameter that carries no attribute, and what to check."""
        notes = [each.note] if each.note else []
        known = {f.name: f for f in self.operation.fields if f.place == "path"}

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in known and self._confidence(known[name]) >= SURE:
                return found[0]
            about = known[name].description if name in known else ""
            notes.append(f"`{name}`" + (f": {said(about, 60)}" if about else " is yours"))
            return env_template(self.operation.partner, name)

        return _PLACE.sub(value, each.url), "; ".join(notes)

    def _authentication(self) -> Iterator[str]:
        operation = self.operation
        check = "; ".join(said(note) for note in operation.authentication_notes)
        mark = f"  # check: {check}" if check else ""
        if operation.authentication is None:
            yield "# authentication: …  # check: the source does not say how the partner knows us" + (
                f"; {check}" if check else ""
            )
        elif len(operation.authentication) == 1:
            only = operation.authentication[0]
            value = "none" if only["type"] == "none" else flow(only)
            if len(value) + len(mark) < _WIDE - 16:
                yield f"authentication: {value}{mark}"
                return
            yield f"authentication:{mark}"
            yield from (f"  {key}: {scalar(item)}" for key, item in only.items())
        else:
            yield f"authentication:{mark}"
            yield from (f"  - {flow(each)}" for each in operation.authentication)

    def _encoding(self) -> Iterator[str]:
        encoding, content_type = self.operation.encoding, self.operation.content_type
        yield f"encoding: {encoding}" if encoding else "# encoding: …  # ask the partner"
        if content_type:
            yield f"content_type: {scalar(content_type)}"

    def _parameters(self) -> Iterator[str]:
        proposed: list[str] = []
        for each in self.operation.fields:
            match = self.matches.get(each)
            if each.place == "path" and self._confidence(each) < SURE:
                continue  # the URL has a variable
            versioned = each.place == "header" and each.example is not None and _VERSION.search(each.name)
            needed = each.required or bool(versioned) or (each.within != each.name and each.within in self.parts)
            if (match is not None and match.confidence >= LIKELY and each.kind != "array") or self._confidence(
                each
            ) >= SURE:
                assert match is not None
                yield from self._matched(each, match, needed, proposed)
            elif each.kind == "object":
                proposed += self._free(each)
            elif needed:
                yield from self._needed(each)
            else:
                self.drafted.left.append(each.name)
        yield from proposed
        if self.drafted.left:
            names = [said(name, 40) for name in self.drafted.left if len(name) < 40][:_MOST_LEFT]
            more = len(self.drafted.left) - len(names)
            yield f"  # Not sent: {', '.join(names)}" + (f" and {more} more" if more else "")

    def _matched(
        self, each: ObservedParameter, match: AttributeMatch, needed: bool, proposed: list[str]
    ) -> Iterator[str]:
        keys: dict[str, Any] = {"name": each.name, **_place(each)}
        keys |= {"value": match.value} if match.value else {"attribute": match.attribute}
        if each.required:
            keys["required"] = True
        keys |= dict(match.more)
        if each.kind in ("integer", "number") and "type" not in keys:
            keys["type"] = each.kind
        if each.longest is not None and 0 < each.longest <= 500 and "format" not in keys:
            keys["max_length"] = each.longest
        live = match.confidence >= SURE or needed
        check = match.why
        if live and match.confidence < SURE:
            check = check or f"{match.attribute} is a guess"
        line = _line(keys, check, each)
        if line is None:
            self.drafted.left.append(each.name)
        elif live:
            (self.drafted.doubtful if match.confidence < SURE else self.drafted.mapped).append(each.name)
            yield f"  - {line}"
        else:
            self.drafted.commented.append(each.name)
            proposed.append(f"  # - {line}" if check else f"  # - {line}  # check: {match.attribute} is a guess")

    def _needed(self, each: ObservedParameter) -> Iterator[str]:
        """Write what must be sent and carries no attribute: a constant, a variable, or an attribute of its own."""
        keys: dict[str, Any] = {"name": each.name, **_place(each)}
        choices = ", ".join(said(str(choice), 30) for choice in each.choices[:8])
        fallback = each.example if each.example is not None else each.choices[0] if each.choices else None
        check = ""
        if each.constant is not None and (each.suggestion == "constant" or not is_template(each.constant)):
            keys["value"] = each.constant
            check = each.description if each.suggestion == "constant" else ""
        elif each.kind == "array" and not each.name.endswith("]"):
            self.drafted.doubtful.append(each.name)
            yield f"  # check: `{said(each.name, 60)}` is a list that must be there, and an empty one is not sent;"
            yield "  # name a member of it, or ask whether it may be left out"
            return
        elif is_sensitive(each.keys[-1]):
            keys["value"] = env_template(self.operation.partner, each.keys[-1])
            check = said(each.description, 70) or "a secret, from the partner"
        elif fallback is not None and not is_template(fallback) and self._may_stand(each, fallback):
            keys["value"] = fallback
            check = f"one of {choices}" if choices else said(each.description, 70) or "the source's example"
            if choices and fallback not in each.choices[:8]:
                check = f"one of {len(each.choices)} values; the source's example"
        elif each.kind == "boolean":
            keys["value"] = not re.search(r"^un|suppress|block|delet|test|disabl", each.keys[-1].lower())
            check = said(each.description, 70) or "true or false"
        elif _ID.search("_".join(split(each.keys[-1]))) and not OF_A_PERSON.search(each.keys[-1].lower()):
            keys["value"] = env_template(self.operation.partner, each.keys[-1])
            check = said(each.description, 70) or "yours, from the partner"
        else:
            check = self._own(each, keys)
        line = _line(keys, check, each)
        if line is None:
            self.drafted.left.append(each.name)
            return
        if check:
            self.drafted.doubtful.append(each.name)
        yield f"  - {line}"

    def _may_stand(self, each: ObservedParameter, value: Any) -> bool:
        """Return whether a value of the source may be sent for everybody: a choice or a number, no text of a person."""
        if not isinstance(value, str) or each.choices:
            return True
        if each.place == "header":
            return not _FILLER.search(value)
        return bool(re.fullmatch(r"[a-z][a-z_-]{1,20}", value)) and not is_personal(each.keys[-1])

    def _own(self, each: ObservedParameter, keys: dict[str, Any]) -> str:
        """Let a parameter carry an attribute of its own, and declare that."""
        name = slug(each.keys[-1]).replace("-", "_") or "value"
        if canonical(name) is not None:
            name = f"{slug(self.operation.partner).replace('-', '_')}_{name}"
        about = {"description": said(each.description, 100) or f"what {self.operation.partner} calls {each.name}"}
        self.custom.setdefault(name, about)
        keys["attribute"] = name
        if each.required:
            keys["required"] = True
        if each.kind in ("integer", "number"):
            keys["type"] = each.kind
        return "no attribute of Rokt's fits: your rows need a column for it, or write `value:`"

    def _free(self, each: ObservedParameter) -> list[str]:
        """Propose members of an object whose members the source does not name."""
        if not each.required or any(self._confidence(other) >= SURE for other in self.operation.fields):
            self.drafted.left.append(each.name)
            return []
        start = "" if each.name == "$" else f"{each.name}."
        lines = [f"  # check: the source names no members of `{said(each.name, 60)}`; these are a proposal"]
        for name, attribute in _FREE.items():
            self.drafted.doubtful.append(f"{start}{name}")
            lines.append(f"  # - {flow({'name': f'{start}{name}', 'attribute': attribute})}")
        return lines

    def _confirmation(self) -> Iterator[str]:
        asked = dict(self.operation.confirmation)
        if not asked:
            return
        yield "confirmation:  # check: the operation that tells what became of a job is a guess"
        rules = asked.pop("responses")
        yield from (f"  {key}: {flow(value)}" for key, value in asked.items())
        yield "  responses:"
        yield from (f"    - {flow(rule)}" for rule in rules)

    def _limits(self) -> Iterator[str]:
        operation = self.operation
        rate = operation.rates[0] if len(operation.rates) == 1 else list(operation.rates)
        limits = {key: value for key, value in (("rate", rate), ("timeout", operation.timeout)) if value}
        if limits:
            yield f"limits: {flow(limits)}" + (f"  # check: from {said(operation.rate_note)}" if rate else "")
        if operation.idempotency_header:
            yield f"idempotency: {scalar(operation.idempotency_header)}"
        elif operation.idempotent:
            yield f"idempotent: true  # check: {said(operation.idempotent)}"


def _parts(name: str) -> set[str]:
    """Return the names of the parts of the body that contain a value."""
    return {name[: found.start()] for found in re.finditer(r"[.\[]", name)} | {name}


def _place(each: ObservedParameter) -> dict[str, Any]:
    return {} if each.place == "body" else {"in": each.place}


def _line(keys: dict[str, Any], check: str, each: ObservedParameter) -> str | None:
    """Return a parameter as one line; None where the language cannot write it."""
    if is_template(each.constant) and each.suggestion != "constant":
        return None
    try:
        Parameter.model_validate(keys)
    except ValidationError:
        return None
    return flow(keys) + (f"  # check: {said(check)}" if check else "")


def _rule_lines(rule: DraftRule) -> Iterator[str]:
    keys = dict(rule.keys)
    first = flow(keys)
    mark = f"  # check: {said(rule.check)}" if rule.check else ""
    if not rule.shown and len(first) < _WIDE - 4:
        yield f"  - {first}{mark}"
        return
    for number, (key, value) in enumerate(keys.items()):
        yield f"  {'-' if number == 0 else ' '} {key}: {flow(value)}{mark if number == 0 else ''}"
    if rule.shown:
        yield "    examples:"
    for status, shown in rule.shown:
        example: dict[str, Any] = {"status": status}
        if not shown.seen:
            example["illustrative"] = True
        if "json" not in shown.content_type and shown.content_type:
            example["headers"] = {"Content-Type": shown.content_type}
        yield f"      - {flow(example | {'body': shown.body})}"


def scalar(value: Any) -> str:
    """Return a scalar as YAML; a text is quoted wherever it could be read as anything else."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS and not value.endswith(":"):
            return value
        if re.fullmatch(r"https?://[\w./?=&%:@-]*[\w/=]", value, re.ASCII):
            return value
        if re.fullmatch(r"\d+/[smhd]|\d+(?:ms|s|m|h)|[1-5]xx", value):
            return value
        return json.dumps(value, ensure_ascii=not value.isprintable())
    return json.dumps(value)


def flow(value: Any) -> str:
    """Return data as YAML in one line."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def said(text: str, most: int = 160) -> str:
    """Return a source's words fit for a comment: one line, cut, and nothing that steers a terminal."""
    return cut(one_line(" ".join(text.replace("{{", "{").split())), most)


def _sentence(text: str) -> str:
    return f" It says: {said(text, 80)}" if text else ""
