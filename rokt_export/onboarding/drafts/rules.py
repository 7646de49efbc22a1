"""Turn the responses that a source describes into ordered rules, the specific before the general."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from rokt_export.exchange.model import Response
from rokt_export.onboarding.drafts.invented import invented
from rokt_export.onboarding.drafts.observed import (
    DescribedResponse,
    ObservedBody,
    ObservedParameter,
    Operation,
    is_template,
    json_path,
)
from rokt_export.onboarding.drafts.schemas import values_of
from rokt_export.response.classify import Classifier
from rokt_export.spec_language.paths import PathProblem, compile_path
from rokt_export.spec_language.rules import Rule
from rokt_export.spec_language.statuses import BUSY, SETUP_FAULTS, SETUP_OF_RULES

_LARGEST_EXAMPLE = 20_000
"""Characters of a body that may become an example."""
_GENERATED = re.compile(r"\"<(?:string|dateTime|uuid|integer|number|boolean|long)>\"")
"""What Postman writes for a value where a document has no example."""
_LONG = 400
"""Characters from which an example is shortened."""
_EXISTS = re.compile(r"already|duplicat|exist|conflict|taken|registered|on the list", re.IGNORECASE)
_NOT_THERE = re.compile(r"not exist|n't exist|no such|not found|must exist|does not", re.IGNORECASE)
_OF_THE_SETUP = re.compile(r"lock|version|busy|in progress|concurren|idempoten", re.IGNORECASE)
_REASONS = [
    "detail", "errormessage", "message", "msg", "errordescription", "description", "userfacingmessage", "reason",
    "title", "errors", "error", "text",
]  # fmt: skip
"""Names of members that contain a partner's words, the best first; `_CODES` of those that contain its code."""
_CODES = ["code", "errorcode", "errorkey", "errortype", "category", "status", "type"]
_GOOD = {"success", "ok", "accepted", "created", "queued", "matched", "succeeded", "updated", "stored"}
_BAD = {"error", "failure", "failed", "rejected", "invalid", "unmatched", "skipped"}


@dataclass(slots=True)
class DraftRule:
    """A rule of a draft.

    Attributes:
        keys: the rule in the form of the spec.
        check: what a reader should check about it; empty where the source says it.
        shown: bodies of the source with their statuses, which may become its examples.
    """

    keys: dict[str, Any]
    check: str = ""
    shown: list[tuple[int, ObservedBody]] = field(default_factory=list)


def rules_of(operation: Operation, known: Iterable[str]) -> list[DraftRule]:
    """Return the rules for the responses of an operation.

    Args:
        operation: it, with its replies.
        known: values that were sent, which leave the examples.
    """
    replies = {reply.status: reply for reply in operation.replies}
    errors = [reply for status, reply in replies.items() if not status.startswith(("1", "2", "3"))]
    general = replies.get("default") or replies.get("4xx") or next(iter(errors), None)
    documented = [reply for reply in operation.replies if reply.outcome]
    rules = [
        *(_documented(documented) if documented else _documented_by_body(errors)),
        *([] if documented else _successes([reply for status, reply in replies.items() if status.startswith("2")])),
        *([] if documented else _conflicts(replies)),
        *_setup(replies, general),
        *_busy(replies, general),
        *([] if "rejected" in {reply.outcome for reply in documented} else _rejections(replies, general)),
        *_failures(replies, general),
    ]
    shown = [(_code(reply.status), each) for reply in operation.replies for each in reply.shown]
    _attach(rules, [(status, each) for status, each in shown if status], set(known))
    return rules


def _documented(replies: Sequence[DescribedResponse]) -> list[DraftRule]:
    """Return a rule for each reply whose outcome is known; the distinguishing part of the body comes first."""
    rules = []
    for reply in replies:
        others = [other for other in replies if other is not reply and other.status == reply.status]
        keys: dict[str, Any] = {"outcome": reply.outcome, "status": _code(reply.status)}
        condition = _difference(reply, others) if others else {}
        if reply.status == "202" and reply.outcome == "delivered":
            keys["provisional"] = True
        names = ("reference",) if reply.outcome == "delivered" else ("reason", "code")
        check = "which part of the body identifies it is a guess" if condition else ""
        if others and not condition:
            check = "nothing in the bodies distinguishes it from the others of its status"
        rules.append(DraftRule(_capturing(keys | condition, reply, *names), check))
    return sorted(rules, key=lambda rule: not ({"body", "text"} & rule.keys.keys()))


def _difference(reply: DescribedResponse, others: Sequence[DescribedResponse]) -> dict[str, Any]:
    """Return the condition that a reply's body meets and those of others do not; none if there is none."""
    bodies = [each.body for other in others for each in other.shown]
    for shown in reply.shown:
        try:
            leaves = [(json_path(name), value) for name, value in values_of(orjson.loads(shown.body)) if name != "$"]
        except orjson.JSONDecodeError:
            return {} if shown.body in bodies or is_template(shown.body) else {"text": {"contains": shown.body[:80]}}
        others_values = [_values(body) for body in bodies]
        shared = [leaf for leaf in leaves if all(leaf[0] in values for values in others_values)]
        for path, value in [*shared, *sorted(leaves, key=lambda leaf: len(str(leaf[1])))]:
            if (
                _compiles(path)
                and not is_template(value)
                and all(values.get(path) != value for values in others_values)
            ):
                return {"body": {path: value}}
    return {}


def _values(body: str) -> dict[str, Any]:
    try:
        return {json_path(name): value for name, value in values_of(orjson.loads(body)) if name != "$"}
    except orjson.JSONDecodeError:
        return {}


def _code(status: str) -> int:
    """Return a status as a number: of a range the first, of `default` none."""
    text = status.replace("x", "0")
    return int(text) if text.isdigit() and 100 <= int(text) <= 599 else 0


def _successes(replies: Sequence[DescribedResponse]) -> Iterator[DraftRule]:
    for reply in replies:
        code = _code(reply.status)
        if not code:
            continue
        status: int | str = reply.status if "x" in reply.status else code
        keys: dict[str, Any] = {"outcome": "delivered", "status": status}
        check = ""
        verdict = _verdict(reply)
        if verdict is not None:
            path, good, bad = verdict
            keys["body"] = {path: good}
            check = f"`{path}` says success is a guess"
            refused: dict[str, Any] = {"outcome": "rejected", "status": status, "body": {path: bad}}
            yield DraftRule(_capturing(refused, reply, "reason", "code"), "by the same guess")
        if code == 202:
            keys["provisional"] = True
            check = check or "202: accepted now, decided later"
        yield DraftRule(_capturing(keys, reply, "reference"), check)
    if not replies:
        yield DraftRule({"outcome": "delivered", "status": "2xx"}, "the source shows no success: a guess")


def _verdict(reply: DescribedResponse) -> tuple[str, Any, Any] | None:
    """Return the path that distinguishes success from failure under one status, with its values."""
    for path, each in reply.leaves.items():
        last = re.sub("[^a-z]", "", each.keys[-1].lower())
        if path.count(".") > 1 or "[" in path or not _compiles(path):
            continue
        if each.kind == "boolean" and last in ("success", "ok", "issuccess", "isvalid", "issuccessful", "succeeded"):
            return path, True, False
        words = {str(choice).lower(): choice for choice in each.choices}
        good, bad = [words[w] for w in words if w in _GOOD], [words[w] for w in words if w in _BAD]
        if good and bad:
            return path, good if len(good) > 1 else good[0], bad if len(bad) > 1 else bad[0]
    return None


def _documented_by_body(errors: Sequence[DescribedResponse]) -> Iterator[DraftRule]:
    """Yield rules for duplicates that an example's text distinguishes from other errors of its status."""
    for reply in errors:
        code = _code(reply.status)
        if code in (0, 409, *SETUP_FAULTS) or not 400 <= code < 500:
            continue
        for each in reply.shown:
            if condition := _duplicate_in(each.body):
                keys: dict[str, Any] = {"outcome": "duplicate", "status": code, "body": condition}
                yield DraftRule(_capturing(keys, reply, "reason"), "a duplicate by an example's words")
                break


def _duplicate_in(body: str) -> dict[str, Any] | None:
    try:
        leaves = list(values_of(orjson.loads(body)))
    except orjson.JSONDecodeError:
        return None
    texts = [(name, text) for name, text in leaves if isinstance(text, str) and not is_template(text)]
    words = [(name, t) for name, t in texts if _EXISTS.search(t) and not _NOT_THERE.search(t) and name != "$"]
    words = [(name, text) for name, text in words if _compiles(json_path(name))]
    for name, text in sorted(words, key=lambda pair: (" " in pair[1], len(pair[1]))):
        if re.fullmatch(r"[\w.-]{4,60}", text) or len(text) < 30:
            return {json_path(name): text}
        phrase = re.search(r"(?:is )?already [a-z]+(?: [a-z]+)?|duplicate [a-z]+|conflict[a-z]* [a-z]+", text)
        if phrase:
            return {json_path(name): {"contains": phrase[0]}}
    return None


def _conflicts(replies: Mapping[str, DescribedResponse]) -> Iterator[DraftRule]:
    reply = replies.get("409")
    if reply is None:
        return
    text = f"{reply.description} {' '.join(each.body for each in reply.shown)}"
    if _OF_THE_SETUP.search(text) and not re.search(r"already|duplicat", text, re.I):
        yield DraftRule(
            _capturing({"outcome": "failed", "status": 409}, reply, "reason", "code"), "409 may be a duplicate"
        )
        return
    documented = re.search(r"already|duplicat", text, re.I)
    check = "" if documented else "409 is a conflict: that it means a duplicate is a guess"
    yield DraftRule(_capturing({"outcome": "duplicate", "status": 409}, reply, "reason", "code"), check)


def _setup(replies: Mapping[str, DescribedResponse], general: DescribedResponse | None) -> Iterator[DraftRule]:
    documented = [code for code in SETUP_OF_RULES if str(code) in replies]
    reply = next((replies[str(code)] for code in documented), general)
    keys: dict[str, Any] = {"name": "setup", "outcome": "failed", "status": list(SETUP_OF_RULES)}
    keys["description"] = "our set-up is wrong, not the row"
    yield DraftRule(_capturing(keys, reply, "reason"), "" if documented else "the source names none of these statuses")


def _busy(replies: Mapping[str, DescribedResponse], general: DescribedResponse | None) -> Iterator[DraftRule]:
    documented = [code for code in sorted(BUSY) if str(code) in replies]
    reply = replies.get("429") or next((replies[str(code)] for code in documented), None)
    keys: dict[str, Any] = {
        "name": "busy",
        "outcome": "failed",
        "status": documented if len(documented) > 1 else (documented or [429])[0],
    }
    keys |= {"retry": True, "after": "header"}
    waits = [name for name in (reply.headers if reply else ()) if re.search(r"retry-after|reset", name, re.I)]
    reset = next((name for name in waits if "reset" in name.lower()), "")
    if reset and not any(name.lower() == "retry-after" for name in waits):
        keys["after"] = {"header": reset}
        check = "whether it is seconds or a moment (`unit: epoch`) is a question"
    else:
        check = "" if documented else "the source does not name it: a guess"
    yield DraftRule(_capturing(keys, reply or general, "reason"), check)


def _rejections(replies: Mapping[str, DescribedResponse], general: DescribedResponse | None) -> Iterator[DraftRule]:
    documented = [s for s in replies if re.fullmatch(r"4\d\d", s) and int(s) not in (*SETUP_FAULTS, *BUSY, 409)]
    if documented:
        reply = max((replies[status] for status in documented), key=lambda each: len(each.leaves))
        statuses = [int(status) for status in documented]
        keys: dict[str, Any] = {"outcome": "rejected", "status": statuses if len(statuses) > 1 else statuses[0]}
        yield DraftRule(_capturing(keys, reply, "reason", "code"))
    if not documented or "4xx" in replies:
        keys = {"outcome": "rejected", "status": "4xx"}
        yield DraftRule(_capturing(keys, general, "reason", "code"), "" if "4xx" in replies else "a guess")


def _failures(replies: Mapping[str, DescribedResponse], general: DescribedResponse | None) -> Iterator[DraftRule]:
    documented = [status for status in replies if status.startswith("5")]
    reply = replies[documented[0]] if documented else general
    check = "" if documented else "the source names no 5xx: a guess"
    yield DraftRule(_capturing({"outcome": "failed", "status": "5xx", "retry": True}, reply, "reason"), check)


def _capturing(keys: dict[str, Any], reply: DescribedResponse | None, *names: str) -> dict[str, Any]:
    """Add to a rule the captures that the reply's places give."""
    found = {name: path for name in names if reply is not None and (path := _place(name, reply.leaves))}
    if found:
        keys["capture"] = found
    return keys


def _place(name: str, leaves: Mapping[str, ObservedParameter]) -> str | None:
    """Return the place of a reason, code or reference in a body."""
    ranked: list[tuple[tuple[int, int], str]] = []
    for path, each in leaves.items():
        last = re.sub("[^a-z]", "", each.keys[-1].lower())
        depth = path.count(".") + path.count("[")
        match name:
            case "reference" if each.kind in ("string", "integer") and _is_id(last) and depth < 5:
                ranked.append(((depth, 0 if last in ("id", "uuid") else 1), path))
            case "reason" if each.kind == "string" and last in _REASONS:
                ranked.append(((_REASONS.index(last), depth), path))
            case "code" if each.kind in ("string", "integer") and last in _CODES and depth < 5:
                ranked.append(((_CODES.index(last), depth), path))
    return next((path for _, path in sorted(ranked) if _compiles(path)), None)


def _compiles(path: str) -> bool:
    try:
        compile_path(path)
    except PathProblem:
        return False
    return True


def _is_id(name: str) -> bool:
    return name in ("id", "uuid", "jobid", "requestid", "reference", "referenceid", "key") or (
        name.endswith("id") and not name.endswith(("paid", "void", "valid", "grid", "accountid", "listid"))
    )


def _attach(rules: Sequence[DraftRule], shown: Iterable[tuple[int, ObservedBody]], known: set[str]) -> None:
    """Give each body that is shown to the rule that catches it; one that contradicts its rule's sense is left out."""
    try:
        models = TypeAdapter(tuple[Rule, ...]).validate_python([rule.keys for rule in rules])
    except ValidationError:
        return
    classifier = Classifier(models)
    for status, each in shown:
        if not each.body or len(each.body) > _LARGEST_EXAMPLE or _GENERATED.search(each.body):
            continue
        body = invented(each.body, known)
        seen = each.seen and body == each.body
        outcome = classifier.classify(Response(status, (), body.encode()))
        if outcome.rule is None:
            continue
        rule = rules[classifier.names.index(outcome.rule)]
        if len(rule.shown) < 2:
            short = shortened(body)
            if classifier.classify(Response(status, (), short.encode())) == outcome:
                body, seen = short, seen and short == body
            rule.shown.append((status, ObservedBody(body, each.content_type, seen)))


def shortened(body: str) -> str:
    """Return a JSON body without what is empty and, where it is still long, without what is deep."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if len(body) <= _LONG:
        return body
    short = _pruned(data, 9)
    text = orjson.dumps(short).decode()
    return text if len(text) <= _LONG else orjson.dumps(_pruned(short, 2)).decode()


def _pruned(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        kept = {
            key: _pruned(item, depth - 1) for key, item in value.items() if depth or not isinstance(item, dict | list)
        }
        return {key: item for key, item in kept.items() if item not in (None, "", [], {})}
    return [_pruned(item, depth) for item in value[:1]] if isinstance(value, list) else value
