"""Loads a spec file: returns the partner spec, or all errors with line and column."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from msgspec import Struct
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rokt_export.authentication.base import credential_of, unfinished, verification_of
from rokt_export.authentication.registry import TYPES
from rokt_export.errors import SpecError, nearest
from rokt_export.partner_spec.document import DataPath, Document, Finding, Severity, parse, read_text
from rokt_export.partner_spec.model import PartnerSpec, nested_names
from rokt_export.partner_spec.references import names_in
from rokt_export.redaction.display_text import OwnWords
from rokt_export.spec_language.fields import Strict, kind_of
from rokt_export.spec_language.parameter_names import steps

ROUNDS = 40
"""Maximum rounds of repair. After them, no further errors are searched."""
MOST_UNKNOWN = 100
"""Maximum unknown keys of one mapping that are findings of their own: each is looked up among the known keys."""
STAND_INS = {
    "spec_version": 1,
    "partner": "unnamed",
    "endpoint": {"staging": "https://stand-in.invalid"},
    "responses": [{"outcome": "failed"}],
}
"""Placeholder values for required keys, so that a missing key does not hide other errors."""
ESSENTIAL = frozenset({"endpoint", "responses"})
"""Required keys whose placeholder is only for finding further errors: a file without one of them is not a spec."""


class LoadedSpec(Struct, frozen=True):
    """A spec that was read.

    Attributes:
        spec: the model.
        document: the file with its positions.
        sha256: hex digest of the file's text.
        findings: errors of the document and of the language. If there are any, `spec` is the repaired rest, only for
            checks.
        damaged: top-level keys of which a part was left out.
    """

    spec: PartnerSpec
    document: Document
    sha256: str
    findings: tuple[Finding, ...] = ()
    damaged: frozenset[str] = frozenset()


class SpecFindingsError(SpecError):
    """A spec has errors of the spec language.

    Attributes:
        findings: every error found, in the order of the file.
        loaded: the repaired rest; None if too little is left.
    """

    def __init__(self, file: str, findings: tuple[Finding, ...], loaded: LoadedSpec | None) -> None:
        count = len(findings)
        super().__init__(
            f"{count} error{'s' if count > 1 else ''} in this spec",
            where=file,
            remedy=f"Fix the errors listed; `rokt-export validate {quote(str(file))}` shows them again.",
        )
        self.findings = findings
        self.loaded = loaded


def load_spec(path: Path) -> LoadedSpec:
    """Return the spec in a file.

    Raises:
        SpecError: the file cannot be read, or is not YAML.
        SpecFindingsError: it has errors of the spec language; the exception holds all of them.
    """
    loaded = read_spec(parse(str(path), read_text(path)))
    if loaded.findings:
        raise SpecFindingsError(str(path), loaded.findings, loaded)
    return loaded


def read_spec(document: Document) -> LoadedSpec:
    """Return the spec of a document, with its errors.

    A wrong node is repaired if its meaning is obvious (`requird`), else left out. Then the rest is read again, so that
    one run also finds the errors that were hidden by others.

    Raises:
        SpecFindingsError: too little is left for a spec.
        TypeError: an authentication type of ours leaves its secret out.
    """
    data = document.data
    if (other := _other_document(document)) is not None:
        raise SpecFindingsError(document.file, (other,), None)
    if not isinstance(data, dict):
        finding = document.finding(
            "RX010",
            Severity.ERROR,
            (),
            "a spec is a mapping that starts with `spec_version: 1`, "
            f"not {'text' if isinstance(data, str) else kind_of(data)}",
            "See sample_specs/ for examples, or `rokt-export schema`.",
        )
        raise SpecFindingsError(document.file, (finding,), None)
    findings = list(document.findings)
    damaged: set[str] = set()
    draft = _RepairedData(document, copy.deepcopy(data))
    spec: PartnerSpec | None = None
    for _ in range(ROUNDS):
        models: dict[Any, Any] = {}
        try:
            spec = PartnerSpec.model_validate(draft.data, context=models)
            break
        except ValidationError as error:
            details, more = _without_many(error.errors(include_url=False))
            faults = _distinct(_Fault(draft, models, detail) for detail in details)
            findings.extend(draft.drop_unknown(some) for some in more)
            findings.extend(fault.finding for fault in faults if not fault.echo)
            damaged.update(str(fault.path[0]) for fault in faults if fault.path and not fault.repairable)
            repaired = [fault.repair() for fault in reversed(faults)]
            if not all(repaired):
                break
    if spec is not None:
        _check_types(spec)
        findings.extend(_name_findings(spec, draft))
    ordered = tuple(sorted(dict.fromkeys(findings), key=lambda finding: (finding.line, finding.column)))
    if spec is None or draft.stood_in & ESSENTIAL:
        raise SpecFindingsError(document.file, ordered, None)
    sha256 = hashlib.sha256(document.text.encode()).hexdigest()
    return LoadedSpec(spec, document, sha256, ordered, frozenset(damaged))


def _check_types(spec: PartnerSpec) -> None:
    """Check that each authentication puts its secrets on a request, is checked by a sandbox, and names their uses."""
    own = (each for place in spec.endpoint.values() for each in place.authentication or ())
    for each in (*spec.authentication, *own):
        credential_of(each, str)
        verification_of(each, str, lambda _name: lambda _data: ())
        secrets = names_in([source for _, source in each.secrets()])
        if left := secrets - names_in([use.part for use in each.uses()]):
            raise unfinished(type(each), f"its `uses` leaves out {', '.join(sorted(left))}")


_OTHERS: Mapping[str, tuple[str, str]] = {
    "openapi": ("an OpenAPI document, which describes the partner's API", "init --openapi"),
    "swagger": ("an OpenAPI document, which describes the partner's API", "init --openapi"),
    "log": ("a HAR, which records requests", "init --har"),
    "item": ("a Postman collection", "init --postman"),
}
"""Key of another document to what it is, and the command that makes a spec of it."""


def _other_document(document: Document) -> Finding | None:
    """Return the finding of a document that is known, and is no spec; None for any other."""
    data = document.data
    if not isinstance(data, dict) or "spec_version" in data:
        return None
    key = next((key for key in _OTHERS if key in data), None)
    if key is None or (key == "item" and "info" not in data):
        return None
    what, command = _OTHERS[key]
    hint = f"`rokt-export {command} {document.file}` drafts a spec from it."
    return document.finding("RX183", Severity.ERROR, (key,), f"this is {what}, not a partner spec", hint)


class _RepairedData:
    """The data under repair, with the path in the file of each mapping and list."""

    def __init__(self, document: Document, data: Any) -> None:
        self.document = document
        self.data = data
        self._origin: dict[int, DataPath] = {}
        self._renamed: dict[DataPath, DataPath] = {}
        self.thinned: set[DataPath] = set()
        self.stood_in: set[str] = set()
        self._note(data, ())

    def _note(self, node: Any, path: DataPath) -> None:
        if isinstance(node, (dict, list)):
            self._origin[id(node)] = path
            for key, value in node.items() if isinstance(node, dict) else enumerate(node):
                self._note(value, (*path, key))

    def node(self, path: DataPath) -> Any:
        """Return the node at a path of the draft."""
        node = self.data
        for part in path:
            node = node[part]
        return node

    def written(self, path: DataPath) -> DataPath:
        """Return the path in the file of a node of the draft."""
        if not path:
            return ()
        node = self.node(path[:-1])
        found = (*self._origin[id(node)], path[-1]) if id(node) in self._origin else path
        try:
            return self._origin.get(id(self.node(path)), self._renamed.get(found, found))
        except (KeyError, IndexError):
            return found

    def locate(self, location: tuple[int | str, ...]) -> DataPath:
        """Return the path of pydantic's location, which also names union members and shorthand keys."""
        path: list[int | str] = []
        node = self.data
        for part in location:
            inside = (isinstance(node, dict) and part in node) or (
                isinstance(node, list) and isinstance(part, int) and part < len(node)
            )
            if inside:
                path.append(part)
                node = node[part]
        return tuple(path)

    def drop_unknown(self, details: Sequence[ErrorDetails]) -> Finding:
        """Remove unknown keys of one mapping; return one finding for all, at the first of them."""
        place = self.locate(details[0]["loc"])
        finding = self.document.finding(
            "RX010",
            Severity.ERROR,
            self.written(place),
            f"and {len(details):,} more unknown keys in this mapping",
            "Remove them; the known keys are in docs/spec.md.",
        )
        parent = self.node(place[:-1])
        for detail in details:
            parent.pop(detail["loc"][-1], None)
        return finding

    def stand_in(self, key: str) -> bool:
        """Insert the placeholder of a missing top-level key; False if it has none."""
        if key not in STAND_INS:
            return False
        self.data[key] = STAND_INS[key]
        self.stood_in.add(key)
        return True

    def rename(self, parent: Any, old: str, new: str) -> None:
        """Rename a key, unless the correct name already has a value."""
        value = parent.pop(old)
        parent.setdefault(new, value)
        origin = self._origin.get(id(parent), ())
        self._renamed[(*origin, new)] = (*origin, old)


def _without_many(details: Iterable[ErrorDetails]) -> tuple[list[ErrorDetails], list[list[ErrorDetails]]]:
    """Return the errors without the unknown keys of a mapping beyond `MOST_UNKNOWN`, and these of each such mapping."""
    kept: list[ErrorDetails] = []
    unknown: dict[tuple[int | str, ...], list[ErrorDetails]] = {}
    for detail in details:
        same = unknown.setdefault(detail["loc"][:-1], []) if detail["type"] == "extra_forbidden" else kept
        same.append(detail)
    for same in unknown.values():
        kept.extend(same[:MOST_UNKNOWN])
    return kept, [same[MOST_UNKNOWN:] for same in unknown.values() if len(same) > MOST_UNKNOWN]


def _distinct(found: Iterable[_Fault]) -> list[_Fault]:
    """Keep one error per node: pydantic reports an error for each member of a union, and for consequences of others."""
    faults: list[_Fault] = []
    seen: set[tuple[DataPath, str]] = set()
    for fault in found:
        key = (fault.path, fault.missing)
        if key not in seen and not fault.consequence:
            seen.add(key)
            faults.append(fault)
    misspelt = {(fault.path[:-1], fault.near) for fault in faults if fault.near}
    faults = [fault for fault in faults if not (fault.missing and (fault.path, fault.missing) in misspelt)]
    inner = {fault.path[:-1] for fault in faults}
    return [fault for fault in faults if not (fault.is_choice and fault.path in inner)]


class _Fault:
    """One error of the model: its place, its finding, and the repair that lets loading continue."""

    def __init__(self, draft: _RepairedData, models: dict[int, type[Strict]], detail: ErrorDetails) -> None:
        self._draft = draft
        self._detail = detail
        self.missing = ""
        self.path = self._locate(detail["loc"])
        self._model = models.get(id(draft.node(self.path[:-1])))
        self.near: str | None = None
        code, message, hint, of_value = self._describe()
        of_value = of_value and detail["loc"][-1:] != ("[key]",)
        place = draft.written(self.path)
        self.finding = draft.document.finding(code, Severity.ERROR, place, message, hint, of_value=of_value)

    @property
    def consequence(self) -> bool:
        """Whether another error of the same round causes it: a list is empty because all its entries are wrong."""
        if self._detail["type"] != "too_short":
            return False
        least: int = self._detail.get("ctx", {})["min_length"]
        return len(self._draft.node(self.path) or ()) >= least

    @property
    def is_choice(self) -> bool:
        """Whether it only says that a mapping is not `true` or `false`, where either is allowed."""
        return self._detail["type"] == "bool_type" and isinstance(self._draft.node(self.path), dict)

    @property
    def echo(self) -> bool:
        """Whether it is caused by the removal of a part that was reported before."""
        whole = (*self._draft.written(self.path), *([self.missing] if self.missing else []))
        return whole in self._draft.thinned

    @property
    def repairable(self) -> bool:
        """Whether it can be repaired without leaving anything out."""
        return self.near is not None

    def _locate(self, location: tuple[int | str, ...]) -> DataPath:
        """Return the path in the file."""
        if self._detail["type"] == "missing":
            self.missing = str(location[-1])
        return self._draft.locate(location)

    def _describe(self) -> tuple[str, str, str, bool]:
        kind, context = self._detail["type"], self._detail.get("ctx", {})
        value = self._draft.node(self.path)
        if kind == "extra_forbidden":
            key = str(self.path[-1])
            keys = self._model.keys() if self._model else ()
            self.near = next(iter(nearest(key, keys)), None)
            hint = f"Did you mean `{self.near}`?" if self.near else f"Known here: {', '.join(f'`{k}`' for k in keys)}."
            return "RX010", f"unknown key `{key}`", hint, False
        if kind == "missing":
            where = f" of `{self.path[-1]}`" if self.path and isinstance(self.path[-1], str) else ""
            hint = OwnWords(f"Add `{self.missing}: …` here.")  # `token: …` is no secret
            return "RX011", f"key `{self.missing}`{where} is missing", hint, False
        if kind.startswith("RX"):
            return kind, context["message"], context["hint"], True
        if kind in ("literal_error", "union_tag_invalid"):
            options = self._options(kind, context)
            if kind == "union_tag_invalid":
                value = value.get("type") if isinstance(value, dict) else value
                if isinstance(self._draft.node(self.path), dict):
                    self.path = (*self.path, "type")
            self.near = next(iter(nearest(str(value), options)), None)
            also = f"Did you mean `{self.near}`? " if self.near else ""
            return "RX012", f"{kind_of(value)} is not a valid value", f"{also}Choose one of {', '.join(options)}.", True
        return "RX012", _plain_message(kind, value, self._detail), _plain_hint(kind, context), True

    @staticmethod
    def _options(kind: str, context: dict[str, Any]) -> list[str]:
        if kind == "union_tag_invalid":
            return list(TYPES)
        return [part.strip("'") for part in str(context["expected"]).replace(" or ", ", ").split(", ")]

    def repair(self) -> bool:
        """Repair or remove the node; return False if neither is possible."""
        path = self.path
        if not path:
            return self._draft.stand_in(self.missing)
        try:
            parent, last = self._draft.node(path[:-1]), path[-1]
            _ = parent[last]
        except (KeyError, IndexError, TypeError):
            return True  # an earlier repair of this round removed it
        if self.near is None or not isinstance(parent, dict):
            written = self._draft.written(path)
            self._draft.thinned.update((written, written[:-1]))
            del parent[last]
        elif self._detail["type"] == "extra_forbidden":
            self._draft.rename(parent, str(last), self.near)
        else:
            parent[last] = self.near
        return True


def _plain_message(kind: str, value: Any, detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match kind:
        case "bool_type" | "bool_parsing":
            return f"true or false is expected here, not {kind_of(value)}"
        case "int_type" | "int_parsing" | "int_from_float" | "float_type" | "float_parsing":
            return f"a number is expected here, not {kind_of(value)}"
        case "tuple_type" | "list_type":
            return f"a list is expected here, not {kind_of(value)}"
        case "dict_type":
            return f"a mapping is expected here, not {kind_of(value)}"
        case "too_short":
            least = context["min_length"]
            return f"at least {'one entry is' if least == 1 else f'{least} entries are'} needed here"
        case "greater_than_equal":
            return f"{kind_of(value)} is below {context['ge']}"
        case "less_than_equal":
            return f"{kind_of(value)} is above {context['le']}"
        case "string_pattern_mismatch":
            return f"{kind_of(value)} does not have the form expected here"
        case _:
            return f"{kind_of(value)}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _plain_hint(kind: str, context: dict[str, Any]) -> str:
    match kind:
        case "bool_type" | "bool_parsing":
            return "Write `true` or `false`, without quotes."
        case "tuple_type" | "list_type":
            return "Start each entry on its own line with `- `."
        case "too_short" if context["min_length"] > 1:
            return "Add another; for one alone, write `required: true`."
        case "string_pattern_mismatch":
            return _PATTERN_HINTS.get(str(context.get("pattern", ""))[:8], "See docs/spec.md for its form.")
        case _:
            return "See docs/spec.md for what is allowed here."


_PATTERN_HINTS = {r"^[\w.]+:": "Write `module:Class`.", r"^\s*(==|": "Write a sign and a number: `>= 5`."}


def _name_findings(spec: PartnerSpec, draft: _RepairedData) -> Iterator[Finding]:
    for path, name in nested_names(spec):
        try:
            steps(name)
        except ValueError as error:
            yield draft.document.finding(
                "RX023",
                Severity.ERROR,
                draft.written(path),
                str(error),
                OwnWords("Write `a.b`, `a[0].b`, `a[]`, `fields[name=email].value` or `['a.b']`."),
                of_value=True,
            )
