"""Makes an example response from a response rule's conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import orjson

from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.regexes import compile_regex
from rokt_export.spec_language.rules import Condition, Example, Rule, Test

SAMPLE = "sandbox"
"""The value for a condition that only requires a value."""

_STATUS = {"delivered": 200, "duplicate": 200, "rejected": 400, "failed": 503}
_JSON_STEP = re.compile(
    r"""\.\.?(?P<name>[^\W\d][\w-]*)|\[(?P<index>\d+)\]|\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]"""
    r"""|\[\?\s*\(?\s*@\.(?P<key>[\w-]+)\s*==\s*(?P<string>['"]?)(?P<value>[^'"\])]*)(?P=string)\s*\)?\s*\]"""
    r"""|(?P<each>\[\*\]|\.\*)"""
)


def synthesise(rule: Rule) -> Example:
    """Return a response that satisfies a rule, on a best-effort basis: `not` and negated conditions are ignored."""
    tests = list(_together(rule))
    wanted = {path: condition for test in tests for path, condition in test.body.items()}
    body = _body(wanted, rule, tests)
    headers = {name: _value_text(condition) for test in tests for name, condition in test.headers.items()}
    for capture in rule.capture.reference:
        if capture.header is not None:
            headers.setdefault(capture.header, "sandbox-100000001")
    for test in tests:
        if test.content_type is not None:
            headers["Content-Type"] = _value_text(test.content_type)
    return Example(status=_status(rule, tests), headers=headers, body=body, illustrative=True)


def value_of(condition: Condition) -> Any:
    """Return a value that satisfies a condition; None if only an absent value does."""
    if condition.has_equals:
        return condition.equals
    if condition.one_of:
        return condition.one_of[0]
    inner = condition.any or condition.every
    if inner is not None:
        return value_of(inner)
    if condition.compare is not None:
        return _compared(condition.compare)
    if condition.regex is not None:
        return _after_regex(condition.regex)
    if condition.empty:
        return ""
    text = "".join(part or "" for part in (condition.prefix, condition.contains, condition.suffix))
    return text or SAMPLE


def _together(test: Test) -> Iterator[Test]:
    """Yield the tests to satisfy: the test, all of its `all`, and the first of its `any`."""
    yield test
    for inner in (*test.all, *test.any[:1]):
        yield from _together(inner)


def _status(rule: Rule, tests: list[Test]) -> int:
    return next((test.status[0][0] for test in tests if test.status), _STATUS[rule.outcome])


def _body(wanted: Mapping[str, Condition], rule: Rule, tests: list[Test]) -> str:
    if any(test.empty for test in tests):
        return ""
    paths = [*wanted, *(c.path for c in (*rule.capture.reference, *rule.capture.reason) if c.path)]
    xml = [path for path in paths if path.startswith("/")]
    if xml:
        return _xml_body(dict.fromkeys(xml) | {path: wanted[path] for path in xml if path in wanted})
    if paths:
        json = dict.fromkeys(paths) | dict(wanted)
        return orjson.dumps(_json_body(json)).decode()
    return next((_value_text(test.text) for test in tests if test.text is not None), "")


def _json_body(wanted: Mapping[str, Condition | None]) -> Any:
    root: Any = None
    for path, condition in wanted.items():
        steps = list(_json_steps(path))
        if _absent(condition):
            steps.pop()
            root = _put(root, steps, {}) if root is None else root
        else:
            root = _put(root, steps, SAMPLE if condition is None else _plain(value_of(condition)))
    return {} if root is None else root


def _absent(condition: Condition | None) -> bool:
    return condition is not None and bool(condition.absent or condition.exists is False)


def _plain(value: Any) -> Any:
    """Return a YAML number that kept its digits as a plain number."""
    if value is None or isinstance(value, (bool, int, float)) or type(value) is str:
        return value
    written = text_of(value)
    try:
        return orjson.loads(written)
    except ValueError:
        return written


def _json_steps(path: str) -> Iterator[str | int | tuple[str, Any]]:
    for match in _JSON_STEP.finditer(path):
        if match["index"] is not None:
            yield int(match["index"])
        elif match["each"]:
            yield 0
        elif match["key"]:
            yield 0
            if match["value"]:
                yield (match["key"], match["value"] if match["string"] else orjson.loads(match["value"]))
        else:
            yield match["name"] or match["quoted"] or ""


def _put(node: Any, steps: list[str | int | tuple[str, Any]], value: Any) -> Any:
    """Return a node with a value at the end of some steps; a (member, value) step selects an element."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, tuple):
        member = {**(node if isinstance(node, dict) else {}), step[0]: step[1]}
        return _put(member, rest, value) if rest else member
    if isinstance(step, int):
        items = list(node) if isinstance(node, list) else []
        items += [None] * (step + 1 - len(items))
        items[step] = _put(items[step], rest, value)
        return items
    members = dict(node) if isinstance(node, dict) else {}
    members[step] = _put(members.get(step), rest, value)
    return members


def _xml_body(wanted: Mapping[str, Condition | None]) -> str:
    root: Element | None = None
    for path, condition in wanted.items():
        names = [name.rpartition(":")[2] if "@" not in name else name for name in _xml_names(path)]
        attribute = names.pop().lstrip("@") if names[-1].startswith("@") else None
        if names[-1] == "text()":
            names.pop()
        if path.startswith("//") and (root is None or names[0] != root.tag):
            names.insert(0, "response" if root is None else root.tag)
        if _absent(condition) and attribute is None:
            names.pop()
        if not names:
            continue
        root = Element(names[0]) if root is None else root
        element = _descend(root, names[1:])
        if _absent(condition):
            continue
        text = SAMPLE if condition is None else _value_text(condition)
        if attribute is None:
            element.text = text
        else:
            element.set(attribute.rpartition(":")[2], text)
    return ElementTree.tostring(root if root is not None else Element("response"), encoding="unicode")


def _xml_names(path: str) -> list[str]:
    names = re.sub(r"\[[^\]]*\]", "", path).strip("/")
    return [SAMPLE if name == "*" else name for name in re.split(r"/+", names)]


def _descend(root: Element, names: list[str]) -> Element:
    for name in names:
        child = root.find(name)
        root = child if child is not None else ElementTree.SubElement(root, name)
    return root


def _value_text(condition: Condition) -> str:
    return text_of(value_of(condition))


def _compared(text: str) -> int | float:
    match = re.fullmatch(r"\s*(==|!=|>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*", text)
    if match is None:
        return 1
    number = float(match[2]) if "." in match[2] else int(match[2])
    return number + {">": 1, "!=": 1, "<": -1}.get(match[1], 0)


_CLASSES = {r"\d": "1", r"\w": "a", r"\s": " ", r"\b": "", r"\A": "", r"\Z": "", r"\S": "a"}


def _after_regex(pattern: str) -> str:
    """Return a text that a simple pattern matches, with one character per class; without a match, the sample."""
    text = re.sub(
        r"\(\?(?:[aiLmsux]+\)|[aiLmsux]*:|P<\w+>)|[()^$]", lambda m: "(" if m[0].startswith("(") else m[0], pattern
    )
    text = text.split("|")[0]
    text = re.sub(r"\\[dwsbAZS]", lambda m: _CLASSES[m[0]], text)
    text = re.sub(r"\[\^?([^\]])[^\]]*\]", r"\1", text)
    text = re.sub(r"(?<!\\)(?:\.[*?]\??|[+*?]\??|\{\d+(?:,\d*)?\}|[()^$])", "", text)
    text = re.sub(r"(?<!\\)\.", "a", text)
    text = re.sub(r"\\(.)", r"\1", text)
    return text if compile_regex(pattern).found(text) else SAMPLE
