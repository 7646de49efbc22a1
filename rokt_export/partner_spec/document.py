"""Parses a YAML 1.2 or JSON file into data with the position of every node, and places findings in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from rokt_export.errors import SpecError, near_file
from rokt_export.read_whole import read_whole
from rokt_export.redaction.display_text import OwnWords
from rokt_export.redaction.spec_lines import masked_line, masked_spec, variables_in

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node, ScalarNode


class Severity(StrEnum):
    """The severity of a finding. An error stops every command; a warning fails with `--strict`."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Position(Struct, frozen=True):
    """A place in a file; line and column are 1-based."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding in a spec, with its position and remedy.

    Attributes:
        code: stable, documented in docs/findings.md (`RX101`).
        severity: error, warning or info.
        file: the file as the user named it.
        line: 1-based line.
        column: 1-based column.
        message: what is wrong.
        hint: what to do about it.
        source: the text of the line, shown with a marker at the column.

    Literal secrets are masked in all of its texts, unless a text is `OwnWords`.
    """

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    message: str
    hint: str
    source: str = ""

    def __post_init__(self) -> None:
        """Mask literal secrets."""
        for name in ("message", "hint", "source"):
            text = getattr(self, name)
            object.__setattr__(self, name, str(text) if isinstance(text, OwnWords) else masked_line(text))

    @property
    def where(self) -> str:
        """`file:line:column`, which terminals and editors open."""
        return f"{self.file}:{self.line}:{self.column}"

    def as_json(self) -> dict[str, object]:
        """Return the contract's form of `validate --output json`."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "hint": self.hint,
        }


DataPath: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 1_048_576
"""Maximum size of a spec file. The largest known spec has less than 100 KB."""
MAX_NODES = 50_000
"""Maximum number of nodes after aliases are resolved, as a limit against YAML bombs."""


_SURROGATE = re.compile("[\ud800-\udfff]")


class WrittenInt(int):
    """An integer whose text in the file (`00123`) differs from `str` of its value."""

    written: str


class WrittenFloat(float):
    """A float whose text in the file (`1.10`) differs from `str` of its value."""

    written: str


class Document(Struct, frozen=True):
    """A parsed file.

    Attributes:
        file: the name as the user gave it.
        text: the whole text.
        data: mappings, lists and scalars; a number whose text differs from its value is `WrittenInt` or `WrittenFloat`.
        positions: path of keys and indexes to the position of the key or list item.
        value_positions: path to the position where the value starts.
        findings: errors of the document itself (duplicate keys).
    """

    file: str
    text: str
    data: Any
    positions: dict[DataPath, Position]
    value_positions: dict[DataPath, Position]
    findings: tuple[Finding, ...]

    def position(self, path: DataPath, *, of_value: bool = False) -> Position:
        """Return the position of a path, or of the nearest enclosing node."""
        index = self.value_positions if of_value else self.positions
        while path and path not in index:
            path = path[:-1]
        return index.get(path, Position(1, 1))

    def finding(
        self, code: str, severity: Severity, path: DataPath, message: str, hint: str, *, of_value: bool = False
    ) -> Finding:
        """Return a finding placed at a path."""
        place = self.position(path, of_value=of_value)
        source = shown_line(self.text, place.line)
        message, hint = (_masked_words(each, self.text) for each in (message, hint))
        return Finding(code, severity, self.file, place.line, place.column, message, hint, source)


def shown_line(text: str, line: int) -> OwnWords:
    """Return a line of a spec by its 1-based number, with literal secrets masked.

    Returns an empty text for a file that is not a spec: each line of a `.env`, given by mistake, may be a secret.
    """
    return OwnWords(line_of(_masked(text), line) if "spec_version" in text else "")


def _masked_words(words: str, text: str) -> OwnWords:
    """Return words of a finding with literal secrets masked; the names of the spec's environment variables stay."""
    return words if isinstance(words, OwnWords) else OwnWords(masked_line(words, variables=_variables(text)))


@lru_cache(maxsize=4)
def _variables(text: str) -> frozenset[str]:
    return variables_in(text)


@lru_cache(maxsize=4)
def _masked(text: str) -> str:
    return masked_spec(text)


def line_of(text: str, line: int) -> str:
    """Return a line of a text by its 1-based number; empty if there is none."""
    lines = text.splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else ""


_ROWS = re.compile(r"\.(?:csv|tsv|xlsx|xlsm|xls|ndjson|jsonl|parquet|pq)(?:\.(?:gz|zst|bz2|xz))?$", re.IGNORECASE)
"""Names of files of transactions: no spec has one."""


def read_text(path: Path) -> str:
    """Return the text of a spec file.

    Raises:
        SpecError: the file is missing, a directory, unreadable, a file of rows, larger than 1 MB, not UTF-8, or empty.
    """
    where = str(path)
    try:
        if path.is_dir():
            raise SpecError("this is a directory, not a spec file", where=where, remedy=_specs_inside(path))
        raw = read_whole(path, MAX_BYTES)
    except FileNotFoundError as error:
        raise SpecError("no such file", where=where, remedy=near_file(path) or _CHECK_PATH) from error
    except OSError as error:
        raise SpecError(
            f"this file cannot be read: {error.strerror}", where=where, remedy="Check its owner and its permissions."
        ) from error
    if _ROWS.search(path.name):
        raise SpecError(
            "this is a file of rows, not a spec",
            where=where,
            remedy=f"Name the spec, then the rows: `rokt-export render SPEC {quote(where)}` shows their requests.",
        )
    if len(raw) > MAX_BYTES:
        raise SpecError(
            f"this file has more than {MAX_BYTES:,} bytes, the most that a spec has",
            where=where,
            remedy="Give the partner's spec, not a data file; large examples can be shortened.",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise SpecError(
            f"this file is not UTF-8: byte 0x{raw[error.start]:02x}",
            where=f"{where}:{line}:{column}",
            remedy="Save it as UTF-8 in your editor.",
        ) from error
    if not text.strip():
        raise SpecError(
            "this file is empty", where=where, remedy="Start from one of sample_specs/, or see `rokt-export schema`."
        )
    return text


def parse(file: str, text: str) -> Document:
    """Parse YAML 1.2 or JSON text.

    Raises:
        SpecError: the text is not YAML, is indented with tabs, has too many nodes, or an alias contains itself.
    """
    if text.lstrip().startswith("<"):
        raise SpecError(
            "this is an XML document, such as a WSDL, not a partner spec",
            where=file,
            remedy="See sample_specs/marketing-cloud-soap.yaml for a spec of a SOAP partner.",
        )
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    loader = YAML(typ="safe", pure=True)  # type "rt" would leave a BEL character at each fold of a `>` text
    loader.version = (1, 2)
    try:
        root = loader.compose(text)
    except MarkedYAMLError as error:
        raise _syntax_error(file, text, error) from error
    except YAMLError as error:
        raise SpecError(
            f"this is not YAML: {str(error).splitlines()[0]}",
            where=file,
            remedy="Save it as plain UTF-8 text without control characters.",
        ) from error
    except RecursionError as error:
        raise SpecError(
            "this file is nested too deeply", where=file, remedy="A spec needs ten levels at most."
        ) from error
    builder = _Builder(file, text)
    data = builder.value(root, ())
    return Document(file, text, data, builder.positions, builder.value_positions, tuple(builder.findings))


class _Builder:
    """Builds plain data from YAML nodes, and records positions and duplicate keys."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.positions: dict[DataPath, Position] = {}
        self.value_positions: dict[DataPath, Position] = {}
        self.findings: list[Finding] = []
        self._nodes = 0
        self._open: set[int] = set()

    def value(self, node: Node | None, path: DataPath) -> Any:
        if node is None:
            return None
        place = position_of(node)
        self.value_positions[path] = place
        self.positions.setdefault(path, place)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise SpecError(
                f"aliases in this file expand to more than {MAX_NODES:,} nodes",
                where=f"{self.file}:{place.line}:{place.column}",
                remedy="Write the values out instead of nesting aliases.",
            )
        from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

        if isinstance(node, ScalarNode):
            try:
                return scalar(self._whole(node))
            except ValueError as error:  # Python reads no number of more than 4,300 digits
                raise SpecError(
                    "this number has too many digits",
                    where=f"{self.file}:{place.line}:{place.column}",
                    remedy="Put it in quotes if it is a text.",
                ) from error
        if id(node) in self._open:
            raise SpecError(
                "this alias contains itself",
                where=f"{self.file}:{place.line}:{place.column}",
                remedy="Write the value out instead of the alias.",
            )
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            assert isinstance(node, MappingNode)  # the only other kind of node
            return self._bare_template(node) or self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _whole(self, node: ScalarNode) -> ScalarNode:
        """Join surrogate pairs, by which JSON escapes one character.

        Raises:
            SpecError: a surrogate is not part of a pair.
        """
        if _SURROGATE.search(node.value):
            try:
                node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError as error:
                place = position_of(node)
                raise SpecError(
                    "an escape (`\\ud800` to `\\udfff`) is half of a surrogate pair",
                    where=f"{self.file}:{place.line}:{place.column}",
                    remedy="Write the character itself.",
                ) from error
        return node

    def _finding(self, code: str, node: Node, message: str, hint: str) -> None:
        place = position_of(node)
        source = shown_line(self.text, place.line)
        self.findings.append(Finding(code, Severity.ERROR, self.file, place.line, place.column, message, hint, source))

    def _bare_template(self, node: MappingNode) -> str | None:
        """Return the text of an unquoted `{{ email }}`, which YAML reads as nested mappings; else None."""
        text = self.text[node.start_mark.index : node.end_mark.index]
        if not text.startswith("{{"):
            return None
        self._finding("RX003", node, "this template needs quotes", f'Write "{text}".')
        return text

    def _mapping(self, node: MappingNode, path: DataPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag and str(key_node.tag) == "tag:yaml.org,2002:merge":
                for part in value_node.value if value_node.id == "sequence" else [value_node]:
                    value = self.value(part, path)
                    merged = {**(value if isinstance(value, dict) else {}), **merged}
                continue
            if key_node.id != "scalar":
                self._finding(
                    "RX003",
                    key_node,
                    "a mapping or list is used as a key",
                    "Write a name before the colon, in quotes if it has brackets.",
                )
                continue
            key = key_text(self._whole(key_node))
            if key in found:
                first = self.positions[(*path, key)]
                self._finding(
                    "RX002",
                    key_node,
                    f"key `{key}` is duplicated in one mapping, first on line {first.line}",
                    "Remove or rename one of them.",
                )
                continue
            self.positions[(*path, key)] = position_of(key_node)
            found[key] = self.value(value_node, (*path, key))
        return {**merged, **found} if merged else found


def position_of(node: Node) -> Position:
    """Return where a node starts."""
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def key_text(node: ScalarNode) -> str:
    """Return a mapping key as it is written: `null:` and `404:` are texts."""
    return str(node.value) or "null"


def scalar(node: ScalarNode) -> Any:
    """Return the value of a scalar by the YAML 1.2 core schema, see `Document.data` for numbers."""
    text = str(node.value)
    match str(node.tag).rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return _integer(text)
        case "float":
            return _number(text)
        case _:
            return text


def _integer(text: str) -> Any:
    digits = text.replace("_", "")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits.lstrip("+-")[:2].lower(), 10)
    number = int(digits, base)
    if str(number) == text:
        return number
    written = WrittenInt(number)
    written.written = text
    return written


def _number(text: str) -> Any:
    number = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf"))
    if repr(number) == text:
        return number
    written = WrittenFloat(number)
    written.written = text
    return written


def _syntax_error(file: str, text: str, error: Any) -> SpecError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    shown = line_of(text, line)
    problem = str(error.problem or error.context or "unreadable").replace("\n", " ")
    if "\t" in shown[: max(column, len(shown) - len(shown.lstrip()))]:
        column = shown.index("\t") + 1
        problem, remedy = "a tab indents this line", "YAML indents with spaces only: replace the tab by two spaces."
    elif "another document" in problem:
        problem, remedy = "a second document begins here", "One file contains one spec: remove the line `---`."
    elif "expected <document start>" in problem or "mapping values" in problem:
        remedy = "Check the indentation of this line, and quote a value that contains `: `."
    elif "got '['" in problem or "got '{'" in problem:
        remedy = 'Inside `{ }` a name with brackets needs quotes: {name: "a[0].b"}.'
    elif "expected ',' or" in problem or "expected <block end>" in problem:
        remedy = "Check the indentation, brackets, quotes and commas of this line and the one before."
    else:
        remedy = (
            "Check quotes, brackets and indentation; quote a value that starts with `{`, `[`, `@`, `%`, `&` or `*`."
        )
    return SpecError(f"this is not YAML: {problem}", where=f"{file}:{line}:{column}", remedy=remedy)


_CHECK_PATH = "Check the path; it is relative to the current folder."


def _specs_inside(path: Path) -> str:
    names: Iterable[Path] = sorted(path.glob("*.y*ml"))[:3]
    listed = ", ".join(str(name) for name in names)
    return f"Name the file: {listed}." if listed else "Name the spec file inside it."
