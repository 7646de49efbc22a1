"""Compiles a body path (`$.errors[0].code`, `/Response/Code/@id`) to a function that finds its values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element

from rokt_export.redaction.display_text import cut
from rokt_export.spec_language.regexes import RegexProblem, compile_regex

FindByPath = Callable[[Any], list[Any]]
MOST_STEPS = 100
"""Maximum steps and tests of a path: the libraries that search with it go down step by step."""
MAX_TEXT = 10_000_000
"""Maximum characters of all texts that an XML path finds."""


class PathProblem(ValueError):
    """A path is not valid; the message says why."""


@dataclass(frozen=True, slots=True)
class BodyPath:
    """A compiled path.

    Attributes:
        source: the path as written.
        xml: whether it is an XML path (`/…`) and not JSONPath (`$…`).
        find: takes the parsed body (JSON data, or the root element) and returns the values found in document order; for
            an XML element, its text.
        member: the name, if the path is a member of the top-level object (`$.status`); else None.
        searches: whether its time grows with the size of the body.
        descents: number of steps that visit all descendants (`..`, `//`).
        nested: number of filters that search the whole body again (`[?$..x]`).
        branches: how often it may select the same place (`[*, *]`).
    """

    source: str
    xml: bool
    find: FindByPath = field(repr=False, compare=False)
    member: str | None = None
    searches: bool = False
    descents: int = 0
    nested: int = 0
    branches: int = 1


_STEP_SIGN = re.compile(r"\.\.?|//?|\[")
_SHOWN = 38


@lru_cache(maxsize=2048)
def compile_path(source: str) -> BodyPath:
    """Compile a path: `$…` is JSONPath (RFC 9535), `/…` an XML path, which ignores namespaces.

    Plain members and indexes, the usual case, become a loop of lookups (0.3 us instead of 8 us).

    Raises:
        PathProblem: the path is neither, its syntax is wrong, or it has too many steps.
    """
    if len(_STEP_SIGN.findall(source)) > MOST_STEPS + 1:  # a condition on emptiness adds a test, in rule_tree.py
        raise PathProblem(f"`{cut(source, _SHOWN)}` is nested too deeply: a path has at most {MOST_STEPS} steps")
    if source.startswith("$"):
        return _json_path(source)
    if source.startswith("/"):
        descents = source.count("//")
        return BodyPath(source, True, _xml_find(source), searches=descents > 0, descents=descents)
    raise PathProblem(f"`{source}` is not a path: it must start with `$` (JSON) or `/` (XML)")


_PLAIN = re.compile(
    r"""\$(?:\.[^\W\d][\w-]*|\[(?:0|[1-9][0-9]{0,14})\]|\['[^'\\\x00-\x1f]*'\]|\["[^"\\\x00-\x1f]*"\])*"""
)
PATH_STEP = re.compile(r"""\.([^\W\d][\w-]*)|\[(\d+)\]|\['([^'\\]*)'\]|\["([^"\\]*)"\]""")
"""A plain step of a JSONPath: a member or an index."""


def array_steps(source: str) -> tuple[str | int, ...] | None:
    """Return the plain steps to the array whose elements a path finds (`$.a.b[*]`); None for any other path."""
    array = source.removesuffix("[*]")
    if array == source or not _PLAIN.fullmatch(array):
        return None
    return tuple(
        int(index) if index else name or single or double for name, index, single, double in PATH_STEP.findall(array)
    )


def _json_path(source: str) -> BodyPath:
    if not _PLAIN.fullmatch(source):
        return BodyPath(
            source,
            False,
            _jsonpath(source),
            searches=True,
            descents=source.count(".."),
            nested=source.count("$") - 1,
            branches=2 ** source.count(","),
        )
    steps: list[str | int] = []
    for name, index, single, double in PATH_STEP.findall(source):
        steps.append(int(index) if index else name or single or double)
    member = steps[0] if len(steps) == 1 and isinstance(steps[0], str) else None
    return BodyPath(source, False, _lookups(steps), member)


def _lookups(steps: list[str | int]) -> FindByPath:
    kinds = [(step, dict if isinstance(step, str) else list) for step in steps]

    def find(data: Any) -> list[Any]:
        for step, kind in kinds:
            if data.__class__ is not kind:
                return []
            try:
                data = data[step]  # type: ignore[index]
            except (KeyError, IndexError):
                return []
        return [data]

    return find


def _jsonpath(source: str) -> FindByPath:
    from jsonpath import JSONPathEnvironment, JSONPathError

    environment = JSONPathEnvironment(strict=True)
    if "match(" in source or "search(" in source:
        environment.function_extensions |= _linear_functions()
    try:
        query = environment.compile(source)
    except JSONPathError as error:
        reason = str(error).splitlines()[0]
        raise PathProblem(f"`{source}` is not JSONPath (RFC 9535): {reason}") from error

    def find(data: Any) -> list[Any]:
        return list(query.findall(data)) if isinstance(data, (dict, list)) else []

    return find


_DOT = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\.", re.DOTALL)


def _line_dot(token: re.Match[str]) -> str:
    """Return a token with the meaning of `.` in an I-Regexp (RFC 9485, 5): any character except LF and CR."""
    return r"[^\n\r]" if token[0] == "." else token[0]


def _linear_functions() -> dict[str, Any]:
    """Return functions `match` and `search` (RFC 9535, 2.4.6 and 2.4.7) in linear time. The library's may backtrack.

    The pattern may come from the body. A value that is not text, or a pattern that does not compile, does not match.
    """
    from jsonpath.function_extensions import ExpressionType, FilterFunction

    class Matches(FilterFunction):
        arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - declared so by the library
        return_type = ExpressionType.LOGICAL

        def __init__(self, *, whole: bool) -> None:
            self._whole = whole

        def __call__(self, value: object, pattern: object) -> bool:
            if not isinstance(value, str) or not isinstance(pattern, str):
                return False
            try:
                regex = compile_regex(_DOT.sub(_line_dot, pattern))
            except RegexProblem:
                return False
            return regex.whole(value) if self._whole else regex.found(value)

    return {"match": Matches(whole=True), "search": Matches(whole=False)}


_XML_STEP = re.compile(r"(/{1,2})(text\(\)|\*|(?:@|[^\W\d])[\w.:-]*)((?:\[[^\]]+\])*)")
_CHILD_TEST = re.compile(r"\[\s*(?:[^\W\d][\w.-]*:)?([^\W\d][\w.-]*)\s*(?=[\]=!])")
"""The child element in a predicate: `[Code]`, `[Code='12']`."""


def _xml_find(source: str) -> FindByPath:
    parts: list[tuple[str, str, str]] = []
    at = 0
    while at < len(source):
        match = _XML_STEP.match(source, at)
        if match is None:
            raise PathProblem(f"`{source}` is not an XML path: it cannot be read from `{source[at:]}` on")
        parts.append((match[1], match[2].split(":")[-1], _CHILD_TEST.sub(r"[{*}\1", match[3])))
        at = match.end()
    last = parts[-1][1]
    attribute = ("@" + last.lstrip("@")) if parts[-1][1].startswith("@") else None
    if attribute or last == "text()":
        parts.pop()
    if not parts or any(name.startswith("@") for _, name, _ in parts):
        raise PathProblem(f"`{source}` is not an XML path: an attribute can only be at its end")
    walk = _walk(parts, source)
    wanted = attribute[1:] if attribute else None

    def find(root: Any) -> list[Any]:
        if not isinstance(root, Element):
            return []
        elements = walk(root)
        if wanted is None:
            return _texts(elements)
        return [value for element in elements for name, value in element.attrib.items() if local_name(name) == wanted]

    return find


def local_name(name: str) -> str:
    """Return the name of an XML element or attribute without its namespace."""
    return name.rpartition("}")[2]


def _texts(elements: list[Element]) -> list[Any]:
    """Return the text content of each element.

    Raises:
        PathProblem: the texts together are too long, as nested elements repeat text.
    """
    texts: list[Any] = []
    total = 0
    for element in elements:
        texts.append("".join(element.itertext()).strip())
        total += len(texts[-1])
        if total > MAX_TEXT and len(texts) > 1:
            raise PathProblem(f"the texts found have more than {MAX_TEXT:,} characters")
    return texts


def _walk(parts: list[tuple[str, str, str]], source: str) -> Callable[[Element], list[Element]]:
    """Return a search with ElementTree's XPath; the root gets a parent, so that the first step can name it."""
    steps = "".join(f"{slash}{'*' if name == '*' else '{*}' + name}{test}" for slash, name, test in parts)
    expression = "." + steps
    holder = Element("holder")
    try:
        holder.findall(expression)
    except (SyntaxError, KeyError) as error:
        raise PathProblem(f"`{source}` is not an XML path: {error}") from error
    first, *further = parts
    if _is_name(first) and all(_is_name(part) and part[0] == "/" for part in further):
        return _names_walk(first[0] == "//", [name for _, name, _ in parts])

    def walk(root: Element) -> list[Element]:
        above = Element("holder")
        above.append(root)
        return above.findall(expression)

    return walk


def _is_name(part: tuple[str, str, str]) -> bool:
    _, name, test = part
    return name not in ("*", "text()") and not test


def _names_walk(anywhere: bool, names: list[str]) -> Callable[[Element], list[Element]]:
    """Return a search for paths of names only (`/Response/Code`, `//Code`), which takes a third of the time."""
    (first, first_end), *further = [(name, "}" + name) for name in names]

    def walk(root: Element) -> list[Element]:
        tops = root.iter() if anywhere else (root,)
        found = [each for each in tops if each.tag == first or each.tag.endswith(first_end)]
        for name, end in further:
            found = [each for above in found for each in above if each.tag == name or each.tag.endswith(end)]
        return found

    return walk
