"""What the lints read: a spec's parameters, credentials and template texts, each with its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from pydantic import BaseModel

from rokt_export.authentication.base import Authentication
from rokt_export.partner_spec.document import DataPath, Finding, Severity
from rokt_export.partner_spec.loading import LoadedSpec
from rokt_export.partner_spec.model import Environment, Parameter, PartnerSpec
from rokt_export.spec_language.filters import DYNAMIC
from rokt_export.spec_language.template import Template, attribute_template, compile_template
from rokt_export.spec_language.template_places import EXPRESSION, TemplateProblem


class PlacedParameter(Struct, frozen=True):
    """A parameter with its path.

    Attributes:
        path: its path in the model.
        parameter: the parameter.
        carrier: the encoding of its body, or `query`, `header` or `path`.
        group: path of the list that holds it.
    """

    path: DataPath
    parameter: Parameter
    carrier: str
    group: DataPath


class PlacedAuthentication(Struct, frozen=True):
    """One authentication with its path.

    Attributes:
        path: its path in the model.
        authentication: its model.
        environments: the environments that use it.
    """

    path: DataPath
    authentication: Authentication
    environments: tuple[str, ...]


Origin: TypeAlias = Callable[[str, str], str]


def as_written(_environment: str, source: str) -> str:
    """Return the URL template itself, if the environment's values are not known."""
    return source


class Subject(Struct, frozen=True):
    """A loaded spec that is linted.

    Attributes:
        loaded: the spec.
        guarded: the names of the environments that are guarded.
        origin: maps an environment and a URL template to the filled scheme, host and port, if known.
    """

    loaded: LoadedSpec
    guarded: frozenset[str]
    origin: Origin

    @property
    def spec(self) -> PartnerSpec:
        """The spec, or the repaired rest of it."""
        return self.loaded.spec

    def intact(self, *sections: str) -> bool:
        """Return whether these top-level keys were loaded without losses."""
        return self.loaded.damaged.isdisjoint(sections)

    def is_whole(self, path: DataPath) -> bool:
        """Return whether no error is in the node at a path of the model, so that nothing of it was left out."""
        document, written = self.loaded.document, self._written(path)
        inside = {
            (place.line, place.column)
            for places in (document.positions, document.value_positions)
            for key, place in places.items()
            if key[: len(written)] == written
        }
        return not any((finding.line, finding.column) in inside for finding in self.loaded.findings)

    def finding(
        self, code: str, severity: Severity, path: DataPath, message: str, hint: str, *, of_key: bool = False
    ) -> Finding:
        """Return a finding at a path of the model: at a scalar value unless `of_key`, else at the key."""
        written = self._written(path)
        of_value = not of_key and not isinstance(_deepest(self.loaded.document.data, written), (dict, list))
        return self.loaded.document.finding(code, severity, written, message, hint, of_value=of_value)

    def error(self, code: str, path: DataPath, message: str, hint: str) -> Finding:
        """Return an error at a path of the model."""
        return self.finding(code, Severity.ERROR, path, message, hint)

    def warning(self, code: str, path: DataPath, message: str, hint: str) -> Finding:
        """Return a warning at a path of the model."""
        return self.finding(code, Severity.WARNING, path, message, hint)

    def info(self, code: str, path: DataPath, message: str, hint: str) -> Finding:
        """Return an info at a path of the model."""
        return self.finding(code, Severity.INFO, path, message, hint)

    def environments(self) -> Iterator[tuple[str, Environment]]:
        """Yield each environment, completed with the settings of the whole spec."""
        for name in self.spec.endpoint:
            yield name, self.spec.environment(name)

    def parameters(self) -> Iterator[PlacedParameter]:
        """Yield every parameter, including those of bodies inside a form field."""
        yield from _placed(self.spec.parameters, self.spec.encoding, ("parameters",))

    def credentials(self) -> Iterator[PlacedAuthentication]:
        """Yield every authentication, the spec's own first."""
        own = tuple(name for name, place in self.spec.endpoint.items() if place.authentication is None)
        for index, authentication in enumerate(self.spec.authentication):
            yield PlacedAuthentication(("authentication", index), authentication, own)
        for name, place in self.spec.endpoint.items():
            for index, authentication in enumerate(place.authentication or ()):
                yield PlacedAuthentication(("endpoint", name, "authentication", index), authentication, (name,))

    def _written(self, path: DataPath) -> DataPath:
        """Return the path in the file of a node of the model.

        A key may hold a single item in place of a list, and entries that were left out shift the indexes. If it is not
        known which were left out, the path of the list is returned.
        """
        found: DataPath = ()
        for depth, part in enumerate(path):
            written = _in_data(self.loaded.document.data, found) if isinstance(part, int) else None
            if isinstance(part, str):
                found = (*found, part)
            elif isinstance(written, list):
                index = self._index(written, found, path[:depth], part)
                if index is None:
                    return found
                found = (*found, index)
        return found

    def _index(self, written: list[Any], place: DataPath, modelled: DataPath, index: int) -> int | None:
        read = _in_model(self.spec, modelled)
        if not isinstance(read, tuple) or len(written) == len(read):
            return index
        faults = {(finding.line, finding.column) for finding in self.loaded.findings}
        kept = []
        for number in range(len(written)):
            start = self.loaded.document.position((*place, number))
            if (start.line, start.column) not in faults:
                kept.append(number)
        return kept[index] if len(kept) == len(read) else None


def _placed(parameters: tuple[Parameter, ...], encoding: str, group: DataPath) -> Iterator[PlacedParameter]:
    for index, parameter in enumerate(parameters):
        path = (*group, index)
        yield PlacedParameter(path, parameter, encoding if parameter.in_ == "body" else parameter.in_, group)
        if parameter.encoding is not None:
            yield from _placed(parameter.parameters, parameter.encoding, (*path, "parameters"))


def _deepest(node: Any, path: DataPath) -> Any:
    """Return the node at a path, or the last one before the path leaves the data (a short form)."""
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return node
    return node


def _in_data(node: Any, path: DataPath) -> Any:
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _in_model(node: Any, path: DataPath) -> Any:
    for part in path:
        if isinstance(node, BaseModel):
            names = {field.alias or name: name for name, field in type(node).model_fields.items()}
            node = getattr(node, names.get(str(part), ""), None)
        else:
            node = _in_data(node, (part,))
    return node


FILLED = "\ue000"
"""Replaces each expression while the rest of a text is examined; a private-use character that no URL contains."""


class TemplateUse(Struct, frozen=True):
    """One template text.

    Attributes:
        path: its path in the model.
        source: the text.
        template: the compiled template.
        sent: whether it is sent as data: in a parameter, the body or the URL.
        url: whether it is a URL, in which `{name}` is the place of a path parameter.
        attribute: whether it is the value of a key `attribute`.
    """

    path: DataPath
    source: str
    template: Template
    sent: bool = False
    url: bool = False
    attribute: bool = False


def uses(subject: Subject) -> Iterator[TemplateUse]:
    """Yield each template text of a spec, in the order of the language."""
    spec = subject.spec
    for name, place in spec.endpoint.items():
        base: DataPath = ("endpoint", name)
        yield from _text((*base, "url"), place.url, sent=True, url=True)
        yield from _text((*base, "proxy"), place.proxy)
        yield from _text((*base, "tls", "ca_file"), place.tls and place.tls.ca_file)
    for found in subject.credentials():
        for field in type(found.authentication).model_fields:
            yield from _templates((*found.path, field), getattr(found.authentication, field))
    yield from _text(("body",), spec.body, sent=True)
    for placed in subject.parameters():
        yield from _of_parameter(placed.path, placed.parameter)
    yield from _text(("tls", "ca_file"), spec.tls.ca_file)
    yield from _text(("proxy",), spec.proxy)
    yield from _text(("idempotency", "value"), spec.idempotency and spec.idempotency.value)
    yield from _text(("confirmation", "url"), spec.confirmation and spec.confirmation.url)
    yield from _text(("read_back", "url"), spec.read_back and spec.read_back.url)
    yield from _text(("cleanup", "url"), spec.cleanup and spec.cleanup.url)


def _of_parameter(path: DataPath, parameter: Parameter) -> Iterator[TemplateUse]:
    if parameter.attribute is not None:
        name = parameter.attribute
        yield TemplateUse((*path, "attribute"), name, attribute_template(name), sent=True, attribute=True)
    elif isinstance(parameter.value, tuple):
        for index, item in enumerate(parameter.value):
            yield from _text((*path, "value", index), item, sent=True)
    else:
        yield from _text((*path, "value"), parameter.value, sent=True)


def _templates(path: DataPath, value: Any) -> Iterator[TemplateUse]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _templates((*path, key), item)
    elif isinstance(value, str) and EXPRESSION.search(value):
        yield from _text(path, value)


def _text(path: DataPath, text: Any, *, sent: bool = False, url: bool = False) -> Iterator[TemplateUse]:
    if not isinstance(text, str):
        return
    try:
        yield TemplateUse(path, text, compile_template(text), sent, url)
    except TemplateProblem:
        return  # the `message` of an HMAC signature may look like a template


def names_something(use: TemplateUse) -> bool:
    """Return whether a template uses an attribute, a variable, `now` or `uuid`."""
    dynamic = any(re.search(rf"\b{name}\b", part) for part in EXPRESSION.findall(use.source) for name in DYNAMIC)
    return bool(use.template.attributes or use.template.env) or dynamic


def is_literal(text: object) -> bool:
    """Return whether a text is a literal (no template), and is not empty."""
    if not isinstance(text, str) or not text.strip():
        return False
    try:
        template = compile_template(text)
    except TemplateProblem:
        return False
    return not (template.attributes or template.env)


def split_url(source: str) -> SplitResult | None:
    """Return the parts of a URL template, with `FILLED` for each expression; None if that is not a URL."""
    try:
        parts = urlsplit(EXPRESSION.sub(FILLED, source).strip())
        _ = parts.hostname
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") else None
