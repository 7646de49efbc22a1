"""Read headers, text, JSON and XML of a response for its rules: each once, and only when a rule needs it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError

import orjson

from rokt_export.exchange.model import Response
from rokt_export.partner_spec.document import WrittenFloat
from rokt_export.response.body_limits import MAX_DEPTH, MAX_NODES, MAX_VISITS, json_refusal, visits, xml_refusal
from rokt_export.response.charset import decode
from rokt_export.response.value_text import clean
from rokt_export.spec_language.paths import BodyPath, PathProblem, compile_path

T = TypeVar("T")
ReadAs: TypeAlias = Literal["json", "xml", "text"] | None
FoundValues: TypeAlias = Sequence[Any] | None
"""The values at a place of a response, in order; None where the body cannot be read that way."""
FindInResponse: TypeAlias = "Callable[[ResponseReader], FoundValues]"


class NoData:
    """The data of an empty or unreadable body.

    Attributes:
        values: the result of every path: nothing in an empty body, None (undecidable) in an unreadable one.
        reason: why there is no data, for a person.
    """

    __slots__ = ("reason", "values")

    def __init__(self, values: FoundValues, reason: str) -> None:
        self.values = values
        self.reason = reason


_EMPTY = NoData((), "the body is empty")
_AS_TEXT = NoData(None, "the rule says `as: text`: the body has no paths")
_JSON_STARTS = frozenset('{["-0123456789tfnNI')
_LOSES_DIGITS = re.compile(rb"\d\.\d|\d[eE]|\d{19}")


class ComputedOnce(Generic[T]):
    """A property that is computed at its first use and then stored on its object as a plain attribute.

    `functools.cached_property` takes a lock until Python 3.12, which takes as long as reading a short body.
    """

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self._name = read.__name__
        self.__doc__ = read.__doc__

    def __get__(self, reader: Any, _owner: type) -> T:
        value = self._read(reader)
        setattr(reader, self._name, value)
        return value


class ResponseReader:
    """One response while it is classified.

    A body that a path cannot read (JSON for `$…`, XML for either), or beyond the limits of `body_limits`, is
    *unreadable*: it satisfies no condition on a path, neither `exists` nor `absent` nor `not`. In an *empty* body
    (white space at most) no path finds anything.

    Args:
        response: the response.
        at_once: whether to read a short object of JSON at once, because a rule asks for it.

    Attributes:
        response: the response.
        members: that object's; None if the body is not read, or is anything else.
    """

    _tolerant = False
    _visits_left = MAX_VISITS

    def __init__(self, response: Response, at_once: bool = False) -> None:
        self.response = response
        body = response.body
        members: dict[str, Any] | None = None
        if at_once and body[:1] == b"{" and len(body) <= MAX_NODES and not response.unreadable:
            try:
                members = orjson.loads(body)
            except orjson.JSONDecodeError:
                members = None  # it is read when asked for, tolerantly
        self.members = members
        if response.unreadable:
            nothing = NoData(None, f"the body cannot be read: {response.unreadable}")
            known = ("json", "exact_json", "roots", "mapping", "data", "exact_data")
            self.__dict__ |= dict.fromkeys(known, nothing) | {"text": ""}

    @ComputedOnce
    def _found(self) -> dict[str, FoundValues]:
        """What searching paths have found, by path."""
        return {}

    def search(self, path: BodyPath, data: Any, find: Callable[[], FoundValues]) -> FoundValues:
        """Return the values of a searching path; None where it would exceed the visits left for this response.

        Args:
            path: the path.
            data: what it walks.
            find: follows it.
        """
        key = path.source if self.__dict__.get("mapping") is not data else f"xml {path.source}"
        if key not in self._found:
            cost = visits(path, data)
            affordable = cost <= self._visits_left
            self._visits_left -= cost if affordable else 0
            self._found[key] = find() if affordable else None
        return self._found[key]

    @ComputedOnce
    def text(self) -> str:
        """The body as text, without white space at its ends."""
        return decode(self.response.body, self.response.header("content-type")).strip()

    @ComputedOnce
    def json(self) -> Any:
        """The body's JSON data, or NoData."""
        if self.members is not None:
            return self.members
        body = self.response.body
        if len(body) > MAX_NODES and (refusal := json_refusal(body)):
            return NoData(None, f"the body is not read as JSON: {refusal}")
        try:
            # bytes that are JSON in UTF-8 are just that (RFC 8259, 8.1), whatever charset the header names
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            self._tolerant = True
            return _tolerant_json(self.text)  # without a byte order mark

    @ComputedOnce
    def exact_json(self) -> Any:
        """The JSON data with every digit: `1.10` keeps its text, and integers beyond 64 bits do not become floats."""
        plain, body = self.json, self.response.body
        if plain.__class__ is NoData or self._tolerant:
            return plain
        # In a large body the search takes longer than parsing it once more.
        if len(body) <= MAX_NODES and not _LOSES_DIGITS.search(body):
            return plain
        return _tolerant_json(body.decode().strip())

    @ComputedOnce
    def roots(self) -> list[ElementTree.Element] | NoData:
        """The body's root element; of a fragment (`<status>rejected</status>Reason`) each element at the top."""
        return _xml_roots(self.text)

    @ComputedOnce
    def mapping(self) -> Any:
        """An XML body as the mapping that xmltodict makes of it, names without namespace prefix; or NoData."""
        return self.roots if isinstance(self.roots, NoData) else _xml_mapping(self.text)

    @ComputedOnce
    def data(self) -> Any:
        """What `$` means where the rule does not say: the XML mapping of a body that starts with `<`, else JSON."""
        data = self.json
        if data.__class__ is NoData and data is not _EMPTY and self.text.startswith("<"):
            return self.mapping
        return data

    @ComputedOnce
    def exact_data(self) -> Any:
        """As `data`, with every digit."""
        return self.exact_json if self.data is self.json else self.data


def body_text(reader: ResponseReader) -> FoundValues:
    """Return the body as text; None where it cannot be read."""
    return None if reader.response.unreadable else (reader.text,)


def header_values(name: str) -> FindInResponse:
    """Return what finds the values of a header, by name without regard to case."""
    wanted = name.lower()

    def find(reader: ResponseReader) -> FoundValues:
        return [value.strip() for key, value in reader.response.headers if key.lower() == wanted]

    return find


def media_type(reader: ResponseReader) -> FoundValues:
    """Return the media type without parameters, lower case, where the response names one."""
    found = reader.response.header("content-type")
    return [] if found is None else [found.partition(";")[0].strip().lower()]


def body_values(path: str, read_as: ReadAs) -> FindInResponse:
    """Return what finds a body path's values.

    `/…` walks XML. `$…` walks JSON, or the mapping of a body that starts with `<`. Where the rule says `as`, nothing
    else than that is tried.
    """
    compiled = compile_path(path)
    if read_as == "text" or (compiled.xml and read_as == "json"):
        return lambda _reader: None
    if compiled.xml:
        return _in_xml(compiled)
    return _in_data(compiled, read_as)


def why_unreadable(reader: ResponseReader, path: str, read_as: ReadAs) -> str:
    """Return why a body path finds no answer, for a person."""
    if read_as == "text":
        return _AS_TEXT.reason
    if path.startswith("/") and read_as == "json":
        return f"`{path}` walks XML, and the rule says `as: json`"
    data = source(reader, path, read_as)
    if isinstance(data, NoData):
        return data.reason
    return f"`{path}` is not followed: the body is nested too deeply, or the path would visit too much of it"


def source(reader: ResponseReader, path: str, read_as: ReadAs) -> Any:
    """Return what a body path walks: JSON data, a mapping, root elements, or NoData."""
    if path.startswith("/"):
        return reader.roots
    return {"json": reader.exact_json, "xml": reader.mapping}[read_as] if read_as in ("json", "xml") else reader.data


def _in_xml(path: BodyPath) -> FindInResponse:
    find = path.find

    def follow(roots: list[ElementTree.Element]) -> FoundValues:
        try:
            return find(roots[0]) if len(roots) == 1 else [value for root in roots for value in find(root)]
        except PathProblem:
            return None

    def found(reader: ResponseReader) -> FoundValues:
        roots = reader.roots
        if isinstance(roots, NoData):
            return roots.values
        return reader.search(path, roots, lambda: follow(roots)) if path.searches else follow(roots)

    return found


_COARSE = frozenset({float, list, dict})


def _in_data(path: BodyPath, read_as: ReadAs) -> FindInResponse:
    find, as_xml = path.find, read_as == "xml"

    def follow(reader: ResponseReader, data: Any) -> FoundValues:
        try:
            found = find(data)
            for value in found:
                if value.__class__ in _COARSE:
                    return find(reader.mapping if as_xml else reader.exact_data)
        except _path_errors():
            return None
        return found

    def found(reader: ResponseReader) -> FoundValues:
        data = reader.mapping if as_xml else reader.json if read_as else reader.data
        if data.__class__ is NoData:
            values: FoundValues = data.values
            return values
        return reader.search(path, data, lambda: follow(reader, data)) if path.searches else follow(reader, data)

    return found


def json_member(path: str, read_as: ReadAs) -> str | None:
    """Return `name` if a path is `$.name` and may find a text in JSON: most do, and need no walk through the data."""
    return None if read_as in ("xml", "text") else compile_path(path).member


def _path_errors() -> tuple[type[Exception], ...]:
    """The exceptions that a path raises in hostile data; imported only when one was raised."""
    from jsonpath import JSONPathError

    return JSONPathError, RecursionError


def _tolerant_json(text: str) -> Any:
    """The data of text that orjson refuses, or reads coarsely: lone surrogates, NaN, integers of any length."""
    if not text:
        return _EMPTY
    if text[0] not in _JSON_STARTS:
        return NoData(None, f"the body is not JSON: it starts with `{clean(text[0])}`")
    if refusal := json_refusal(text):  # the bytes were of another charset than UTF-8
        return NoData(None, f"the body is not read as JSON: {refusal}")
    try:
        return json.loads(text, parse_float=_written, parse_int=_integer)
    except json.JSONDecodeError as error:
        return NoData(None, f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")
    except RecursionError:
        return NoData(None, "the body is not read as JSON: it is nested too deeply")


def _written(text: str) -> float:
    number = WrittenFloat(text)
    number.written = text
    return number


def _integer(text: str) -> float:
    try:
        return int(text)
    except ValueError:  # more digits than Python turns into an integer: thousands
        return _written(text)


_JUNK_AFTER_ROOT = 9
_PROLOGUE = re.compile(r"\s*(?:<\?xml[^>]*\?>)?\s*(?:<!DOCTYPE[^>\[]*>)?")


def _xml_roots(text: str) -> list[ElementTree.Element] | NoData:
    if not text:
        return _EMPTY
    if not text.startswith("<"):
        return NoData(None, f"the body is not XML: it starts with `{clean(text[0])}`")
    if refusal := xml_refusal(text):
        return NoData(None, f"the body is not read as XML: {refusal}")
    try:
        roots = [ElementTree.fromstring(text)]
    except ElementTree.ParseError as error:
        roots = _fragments(text) if error.code == _JUNK_AFTER_ROOT else []
        if not roots:
            return NoData(None, f"the body is not XML: {error}")
    except ValueError as error:  # a character that no XML may hold
        return NoData(None, f"the body is not XML: {error}")
    if text.count("</") > MAX_DEPTH and _deeper(roots, MAX_DEPTH):
        return NoData(None, f"the body is not read as XML: it is nested more than {MAX_DEPTH} levels deep")
    return roots


def _deeper(elements: list[ElementTree.Element], levels: int) -> bool:
    for _ in range(levels):
        elements = [child for element in elements for child in element]
    return bool(elements)


def _fragments(text: str) -> list[ElementTree.Element]:
    """The elements at the top of text that is XML but for having one root."""
    try:
        return list(ElementTree.fromstring(_held(text)))
    except (ElementTree.ParseError, ValueError):
        return []


def _held(text: str) -> str:
    return f"<holder>{_PROLOGUE.sub('', text, count=1)}</holder>"


def _xml_mapping(text: str) -> Any:
    """The mapping of text that is known to be XML, or fragments of it."""
    import xmltodict

    try:
        return xmltodict.parse(text, postprocessor=_without_namespace)
    except ExpatError:
        return xmltodict.parse(_held(text), postprocessor=_without_namespace)["holder"]


def _without_namespace(_path: object, key: str, value: Any) -> Any:
    if key.startswith("@xmlns"):
        return None
    at = "@" if key.startswith("@") else ""
    return at + key.removeprefix("@").rpartition(":")[2], value
