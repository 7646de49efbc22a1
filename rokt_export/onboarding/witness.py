"""The partner's document as a second witness: what it says against the requests that a spec renders for test people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from rokt_export.delivery.dry_run import dry_variables
from rokt_export.errors import UsageError
from rokt_export.exchange.model import Request
from rokt_export.onboarding.drafts.observed import nested
from rokt_export.onboarding.drafts.openapi import Candidate, candidates, chosen
from rokt_export.onboarding.drafts.openapi_document import Cursor, OpenApiDocument
from rokt_export.partner_spec.document import DataPath, Finding, Severity
from rokt_export.partner_spec.loading import LoadedSpec
from rokt_export.partner_spec.references import attribute_names
from rokt_export.redaction.display_text import cut
from rokt_export.request.render import InvalidRowError, Renderer
from rokt_export.spec_language.parameter_names import Index, Key, steps
from rokt_export.spec_language.regexes import RegexProblem, compile_regex
from rokt_export.transactions.test_people import generate

if TYPE_CHECKING:
    from jsonschema import ValidationError

_PEOPLE = 3
_MOST_OF_A_KIND = 20
_AUTHORIZED = frozenset({"accept", "content-type", "authorization"})


def contradictions(
    loaded: LoadedSpec, document: OpenApiDocument, wanted: str | None, values: Mapping[str, Mapping[str, str]]
) -> tuple[Finding, ...]:
    """Return what a document says against a spec, as findings of the spec (RX210, RX211).

    A request is rendered for a few test people and each environment. Nothing is sent, and credentials are not judged.

    Args:
        loaded: the spec.
        document: the partner's.
        wanted: the operation; None takes the one that the endpoint's path and method name.
        values: environment to its variables, as far as they are set.

    Raises:
        UsageError: the document has no such operation.
        DocumentError: a reference of the document leads nowhere.
    """
    candidate = chosen(document, wanted) if wanted is not None else _meant(loaded, document)
    found: list[Finding] = []
    for environment in loaded.spec.endpoint:
        judge = _Judge(loaded, document, candidate, environment)
        found += judge.findings(values.get(environment, {}))
    return tuple(dict.fromkeys(found))[:_MOST_OF_A_KIND]


def _meant(loaded: LoadedSpec, document: OpenApiDocument) -> Candidate:
    """Return the operation whose path ends an endpoint's URL, the longest of several."""
    urls = [(place.url, place.method or loaded.spec.method) for place in loaded.spec.endpoint.values()]
    fit = [
        each
        for each in candidates(document)
        for url, method in urls
        if each.method == method and _path_pattern(each.path).search(_path(url))
    ]
    if not fit:
        raise UsageError(
            "no operation of this document has the method and path of the endpoint",
            where=document.source,
            remedy='Name the one that is meant: --operation "POST /path".',
        )
    return max(fit, key=lambda each: each.path.count("/"))


def _path(url: str) -> str:
    """Return the path of an endpoint's template, each template in it as one segment's text."""
    return urlsplit(re.sub(r"\{\{.*?\}\}|\{[^{}]*\}", "x", url)).path


def _path_pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^{}]*\}", path.rstrip("/"))
    return re.compile("[^/]+".join(map(re.escape, parts)) + "/?$")


class _Judge:
    """Holds the requests of one environment against one operation."""

    def __init__(self, loaded: LoadedSpec, document: OpenApiDocument, candidate: Candidate, environment: str) -> None:
        self.loaded = loaded
        self.document = document
        self.candidate = candidate
        self.environment = environment
        self.item = document.root.at(document.root.node["paths"][candidate.path])
        self.node = self.item.child(candidate.method.lower())

    def findings(self, at_hand: Mapping[str, str]) -> list[Finding]:
        """Return the findings of a few requests; a row that cannot be rendered is another matter."""
        spec = self.loaded.spec
        variables, _ = dry_variables(spec, self.environment, at_hand)
        stand_ins = frozenset(value for name, value in variables.items() if not at_hand.get(name))
        known = {**variables, **{name: value for name, value in at_hand.items() if name in variables and value}}
        renderer = Renderer(spec, self.environment, known, plugins=None)
        found: list[Finding] = []
        for person in generate(_PEOPLE, attributes=attribute_names(spec, [self.environment]), seed=1):
            try:
                request = renderer.render(person)
            except InvalidRowError:
                continue
            found += self._judged(request, stand_ins)
        return found

    def _judged(self, request: Request, stand_ins: frozenset[str]) -> Iterator[Finding]:
        parts = urlsplit(request.url)
        if request.method != self.candidate.method:
            yield self._finding("RX210", ("method",), f"the method is {self.candidate.method}, not {request.method}")
        if not _path_pattern(self.candidate.path).search(parts.path):
            place = ("endpoint", self.environment)
            yield self._finding("RX210", place, f"the path is `{self.candidate.path}`, which this URL does not end in")
        given = {
            "query": dict(parse_qsl(parts.query, keep_blank_values=True)),
            "header": {name.lower(): value for name, value in request.headers},
        }
        for each in (*self.item.items("parameters"), *self.node.items("parameters")):
            yield from self._parameter(each, given)
        yield from self._body(request, stand_ins)

    def _parameter(self, each: Cursor, given: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
        place, name = each.text("in"), each.text("name")
        if place not in given or name.lower() in _AUTHORIZED:
            return
        value = given[place].get(name.lower() if place == "header" else name)
        choices = (each if self.document.is_swagger else each.child("schema")).node.get("enum")
        if value is None and each.node.get("required") is True:
            yield self._finding("RX210", ("parameters",), f"the {place} parameter `{name}` is missing")
        elif value is not None and isinstance(choices, list) and value not in map(str, choices):
            text = f"`{name}` is one of {cut(', '.join(map(str, choices)), 80)}"
            yield self._finding("RX210", self._place_of((Key(name),), name), text)

    def _body(self, request: Request, stand_ins: frozenset[str]) -> Iterator[Finding]:
        content_type = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
        form = [each for each in self.node.items("parameters") if each.text("in") == "formData"]
        if form:
            yield from self._form(form, dict(parse_qsl((request.body or b"").decode("utf-8", "replace"))))
            return
        schema = self._schema(content_type)
        if schema is None:
            if request.body:
                yield self._finding("RX210", ("encoding",), f"no body of the type `{content_type or 'none'}` is taken")
            return
        if "json" in content_type and request.body:
            body = orjson.loads(request.body)
            yield from self._against(schema, body, stand_ins)
        elif "form" in content_type:
            body = dict(parse_qsl((request.body or b"").decode("utf-8", "replace"), keep_blank_values=True))
            for name in schema.node.get("required") or []:
                if name not in body and not any(key.startswith(f"{name}[") for key in body):
                    yield self._finding("RX210", ("parameters",), f"`{name}` is missing")
        else:
            return
        for name, path in _unknown(body, schema):
            yield self._finding("RX211", self._place_of(path, name), f"it knows no `{cut(name, 60)}`")

    def _against(self, schema: Cursor, body: Any, stand_ins: frozenset[str]) -> Iterator[Finding]:
        try:
            errors = list(_validator(self.document, schema).iter_errors(body))
        except RecursionError:  # a schema that is a part of itself, at the same place
            yield self._finding("RX210", ("parameters",), "its schema has no end, so the body is not judged")
            return
        for error in errors:
            yield from self._broken(error, stand_ins)

    def _form(self, fields: Iterable[Cursor], body: Mapping[str, str]) -> Iterator[Finding]:
        """Judge the form of a Swagger 2 operation."""
        known = {each.text("name"): each for each in fields}
        for name in (name for name, each in known.items() if each.node.get("required") is True and name not in body):
            yield self._finding("RX210", ("parameters",), f"`{name}` is missing")
        for name in (name for name in body if name not in known):
            yield self._finding("RX211", self._place_of((Key(name),), name), f"it knows no `{cut(name, 60)}`")

    def _schema(self, content_type: str) -> Cursor | None:
        """Return the schema of the body; None where no body of that type is taken."""
        if self.document.is_swagger:
            body = next((each for each in self.node.items("parameters") if each.text("in") == "body"), None)
            return body.child("schema") if body is not None else None
        content = self.node.child("requestBody").child("content")
        for name in content.node:
            plain = name.partition(";")[0].strip().lower()
            if plain == content_type or plain == "*/*":
                return content.child(name).child("schema")
        return None

    def _broken(self, error: ValidationError, stand_ins: frozenset[str]) -> Iterator[Finding]:
        from jsonschema.exceptions import best_match

        deepest = error if not error.context else best_match([error])
        if (
            any(stand_in and stand_in in str(deepest.instance) for stand_in in stand_ins)
            and deepest.validator != "required"
        ):
            return  # a variable without a value: what it will be is not known
        if deepest.validator == "additionalProperties":
            return  # each such member is reported by its name
        if deepest.validator == "oneOf" and not deepest.context:
            return  # several alternatives match, which is the document's own fault
        path = tuple(Index(part) if isinstance(part, int) else Key(str(part)) for part in deepest.absolute_path)
        name = _name(deepest.absolute_path)
        yield self._finding("RX210", self._place_of(path, name), _wants(deepest, name))

    def _place_of(self, path: tuple[Any, ...], name: str) -> DataPath:
        """Return the place in the spec of the parameter of a name, or the list of them."""
        for index, parameter in enumerate(self.loaded.spec.parameters if path else ()):
            try:
                own = steps(parameter.name) if parameter.in_ == "body" else (Key(parameter.name),)
            except ValueError:
                own = (Key(parameter.name),)
            if parameter.name == name or own[: len(path)] == path:
                return ("parameters", index)
        return ("parameters",)

    def _finding(self, code: str, place: DataPath, message: str) -> Finding:
        about = f"the document says of {self.candidate.name}: {message}"
        remedy = "Correct the spec; where the document is wrong, ask the partner."
        return self.loaded.document.finding(code, Severity.WARNING, place, about, remedy)


def _wants(error: ValidationError, name: str) -> str:
    """Return in words what a schema wants of a place; never the value, which may be a variable's."""
    shown = f"`{cut(name, 60)}`" if name else "the body"
    wanted = error.validator_value
    match error.validator:
        case "required":
            missing = [each for each in wanted if each not in (error.instance or {})]
            return f"{', '.join(f'`{nested(name, str(each))}`' for each in missing[:5])} is missing"
        case "type":
            return f"{shown} is of the type {' or '.join(wanted) if isinstance(wanted, list) else wanted}"
        case "enum":
            return f"{shown} is one of {cut(', '.join(map(str, wanted)), 80)}"
        case "const":
            return f"{shown} is `{cut(str(wanted), 60)}`"
        case word:
            return f"{shown} breaks `{word}: {cut(str(wanted), 60)}`"


def _name(path: Iterable[Any]) -> str:
    name = ""
    for part in path:
        name = f"{name}[{part}]" if isinstance(part, int) else nested(name, str(part))
    return name


def _validator(document: OpenApiDocument, schema: Cursor) -> Any:
    """Return a validator of the schemas of a document's version, for requests: what is read-only need not be there."""
    from jsonschema import Draft4Validator, Draft202012Validator, ValidationError
    from jsonschema.validators import extend

    newer = document.version.startswith(("3.1", "3.2"))
    base: Any = Draft202012Validator if newer else Draft4Validator

    def required(validator: Any, names: Any, instance: Any, node: Any) -> Iterator[Any]:
        members = node.get("properties") or {}
        needed = [each for each in names if not _read_only(members.get(each))] if isinstance(names, list) else []
        yield from base.VALIDATORS["required"](validator, needed, instance, node)

    def nullable(word: str) -> Any:
        def check(validator: Any, value: Any, instance: Any, node: Any) -> Iterator[Any]:
            if not (instance is None and node.get("nullable") is True):
                yield from base.VALIDATORS[word](validator, value, instance, node)

        return check

    def pattern(_: Any, expression: Any, instance: Any, __: Any) -> Iterator[Any]:
        """Match in linear time, as a document is not to be trusted; an expression that cannot be is left out."""
        try:
            holds = not isinstance(instance, str) or compile_regex(str(expression)).found(instance)
        except RegexProblem:
            return
        if not holds:
            yield ValidationError("does not match")

    own = {"required": required, "type": nullable("type"), "enum": nullable("enum"), "pattern": pattern}
    kind = extend(base, {**own, "patternProperties": lambda *_: ()})
    return kind(schema.node, _resolver=schema.resolver)


def _read_only(node: Any) -> bool:
    return isinstance(node, Mapping) and node.get("readOnly") is True


def _unknown(value: Any, schema: Cursor, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the name and path of each member that no alternative of a schema knows."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, schema.child("items"), (*path, Index(index)))
        return
    if not isinstance(value, Mapping):
        return
    members, is_open = _members(schema)
    for key, item in value.items():
        plain = re.sub(r"\[.*", "", key)
        inner = (*path, Key(key))
        if plain in members:
            yield from _unknown(item, members[plain], inner)
        elif members and not is_open:
            yield _name(step.number if isinstance(step, Index) else step.name for step in inner), inner


def _members(schema: Cursor, depth: int = 0) -> tuple[dict[str, Cursor], bool]:
    """Return the members that a schema or one of its parts and alternatives knows, and whether others may be there."""
    found = dict(schema.members("properties"))
    is_open = bool(schema.node.get("additionalProperties") or schema.node.get("patternProperties")) or depth > 5
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.items(word) if depth <= 5 else ():
            more, also_open = _members(part, depth + 1)
            found = {**more, **found}
            is_open = is_open or also_open
    return found, is_open
