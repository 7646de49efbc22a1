"""The partner's document as a second check: what it says against the requests that a spec renders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlsplit

import orjson

from rokt_export.delivery.dry_run import dry_variables
from rokt_export.errors import DocumentError, UsageError
from rokt_export.exchange.model import Request, Response
from rokt_export.onboarding.document_schemas import asks, broken, path_name
from rokt_export.onboarding.drafts.openapi import Candidate, candidates, chosen
from rokt_export.onboarding.drafts.openapi_document import Cursor, OpenApiDocument, read_document
from rokt_export.onboarding.promised import DocumentedResponses
from rokt_export.partner_spec.document import DataPath, Finding, Severity
from rokt_export.partner_spec.loading import LoadedSpec, SpecFindingsError
from rokt_export.partner_spec.references import attribute_names
from rokt_export.redaction.display_text import cut
from rokt_export.request.render import InvalidRowError, Renderer
from rokt_export.request.spec_people import people
from rokt_export.spec_language.parameter_names import Index, Key, steps

if TYPE_CHECKING:
    from jsonschema import ValidationError

_PEOPLE = 3
_MOST_OF_A_KIND = 20
_AUTHORIZED = frozenset({"accept", "content-type", "authorization"})


def operation_check_of(loaded: LoadedSpec, source: str | None, operation: str | None) -> OperationCheck | None:
    """Return the check by the document that the command line or the spec names; None where neither names a document.

    Args:
        loaded: the spec; its `openapi.document` is relative to the spec's folder.
        source: a file or URL that stands in place of the spec's.
        operation: the operation that stands in place of the spec's; None takes the one that the endpoint names.

    Raises:
        SpecFindingsError: the document or the operation that the spec names cannot be used (RX212).
        DocumentError: `source` cannot be read.
        UsageError: the document has no operation of that name.
    """
    stated = loaded.spec.openapi
    if source is not None:
        return OperationCheck(loaded, read_document(source), operation)
    if stated is None:
        if operation is not None:
            raise UsageError("--operation needs a document", remedy="Add --openapi FILE, or `openapi:` to the spec.")
        return None
    key: Literal["document", "operation"] = "document"
    try:
        document = read_document(str(Path(loaded.document.file).parent / stated.document))
        if operation is not None:
            key = "operation"
            return OperationCheck(loaded, document, operation)
        key = "operation" if stated.operation is not None else "document"
        return OperationCheck(loaded, document, stated.operation)
    except (DocumentError, UsageError) as error:
        if key == "operation" and operation is not None:
            raise
        message = f"{error.where}: {error.message}" if error.where else error.message
        finding = loaded.document.finding(
            "RX212", Severity.ERROR, ("openapi", key), message, error.remedy or "", of_value=True
        )
        raise SpecFindingsError(loaded.document.file, (finding,), loaded) from error


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
            remedy='Name the one that is meant, as --operation or in the spec: "POST /path", or its operationId.',
        )
    return max(fit, key=lambda each: each.path.count("/"))


def _path(url: str) -> str:
    """Return the path of an endpoint's template, each template in it as one segment's text."""
    return urlsplit(re.sub(r"\{\{.*?\}\}|\{[^{}]*\}", "x", url)).path


def _path_pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^{}]*\}", path.rstrip("/"))
    return re.compile("[^/]+".join(map(re.escape, parts)) + "/?$")


class OperationCheck:
    """One operation of the partner's document, against the requests and responses of a spec.

    Args:
        loaded: the spec.
        document: the partner's.
        operation: its identifier or `POST /path`; None takes the one that the endpoint's path and method name.

    Raises:
        UsageError: the document has no such operation.
        DocumentError: the document has no operation at all, or its reference leads nowhere.
    """

    def __init__(self, loaded: LoadedSpec, document: OpenApiDocument, operation: str | None) -> None:
        self.loaded = loaded
        self.document = document
        self.candidate = chosen(document, operation) if operation is not None else _meant(loaded, document)
        self.item = document.root.at(document.root.node["paths"][self.candidate.path])
        self.node = self.item.child(self.candidate.method.lower())

    def of_spec(self, values: Mapping[str, Mapping[str, str]]) -> tuple[Finding, ...]:
        """Return findings on the requests of a few test people in each environment (RX210, RX211).

        Nothing is sent, and credentials are not judged. A row that cannot be rendered is another finding's matter.

        Args:
            values: environment to its variables, as far as they are at hand.

        Raises:
            DocumentError: a reference of the document leads nowhere.
        """
        spec, found = self.loaded.spec, list[Finding]()
        for environment in spec.endpoint:
            at_hand = values.get(environment, {})
            variables, _ = dry_variables(spec, environment, at_hand)
            stand_ins = frozenset(value for name, value in variables.items() if not at_hand.get(name))
            known = {**variables, **{name: value for name, value in at_hand.items() if name in variables and value}}
            renderer = Renderer(spec, environment, known, plugins=None)
            wanted = attribute_names(spec, [environment])
            for person in people(spec, _PEOPLE, attributes=wanted, seed=1):
                try:
                    request = renderer.render(person)
                except InvalidRowError:
                    continue
                found += self.of_request(request, environment, stand_ins)
        return tuple(dict.fromkeys(found))[:_MOST_OF_A_KIND]

    def of_request(self, request: Request, environment: str, stand_ins: frozenset[str]) -> tuple[Finding, ...]:
        """Return findings on one request (RX210, RX211).

        Args:
            request: as it is sent.
            environment: where to.
            stand_ins: values in place of variables: what is wrong with one says nothing of the spec.

        Raises:
            DocumentError: a reference of the document leads nowhere.
        """
        return tuple(dict.fromkeys(self._judged(request, environment, stand_ins)))

    def of_response(self, response: Response) -> tuple[str, ...]:
        """Return why the document does not promise a response, a sentence each; nothing where it does."""
        return self._promises.against(response)

    @cached_property
    def _promises(self) -> DocumentedResponses:
        return DocumentedResponses(self.document, self.node, self.candidate.name)

    def _judged(self, request: Request, environment: str, stand_ins: frozenset[str]) -> Iterator[Finding]:
        parts = urlsplit(request.url)
        if request.method != self.candidate.method:
            yield self._finding("RX210", ("method",), f"the method is {self.candidate.method}, not {request.method}")
        if not _path_pattern(self.candidate.path).search(parts.path):
            place = ("endpoint", environment)
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
        errors = broken(self.document, schema, body)
        if isinstance(errors, str):
            yield self._finding("RX210", ("parameters",), f"{errors}, so the body is not judged")
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
        if (
            any(stand_in and stand_in in str(error.instance) for stand_in in stand_ins)
            and error.validator != "required"
        ):
            return  # a variable without a value: what it will be is not known
        if error.validator == "additionalProperties":
            return  # each such member is reported by its name
        path = tuple(Index(part) if isinstance(part, int) else Key(str(part)) for part in error.absolute_path)
        name = path_name(error.absolute_path)
        yield self._finding("RX210", self._place_of(path, name), asks(error, name))

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
            yield path_name(step.number if isinstance(step, Index) else step.name for step in inner), inner


def _members(schema: Cursor, depth: int = 0, seen: set[int] | None = None) -> tuple[dict[str, Cursor], bool]:
    """Return the members that a schema or one of its parts and alternatives knows, and whether others may be there.

    Args:
        schema: of an object.
        depth: parts and alternatives that it is inside of.
        seen: ids of nodes that were looked at: a part that is there again adds nothing.
    """
    seen = set() if seen is None else seen
    found = dict(schema.members("properties"))
    is_open = bool(schema.node.get("additionalProperties") or schema.node.get("patternProperties")) or depth > 5
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.items(word) if depth <= 5 else ():
            if id(part.node) in seen:
                continue
            seen.add(id(part.node))
            more, also_open = _members(part, depth + 1, seen)
            found = {**more, **found}
            is_open = is_open or also_open
    return found, is_open
