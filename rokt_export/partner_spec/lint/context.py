"""What the lints look at: a loaded spec, with findings placed in its file and each parameter with what carries it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel

from rokt_export.authentication.base import Authentication
from rokt_export.partner_spec.document import DataPath
from rokt_export.partner_spec.findings import Finding, Severity
from rokt_export.partner_spec.loading import LoadedSpec
from rokt_export.partner_spec.model import Environment, Parameter, PartnerSpec


@dataclass(frozen=True, slots=True)
class Placed:
    """A parameter in its place.

    Attributes:
        path: where it stands.
        parameter: the parameter.
        carrier: what carries it: the encoding of its body, or query, header or path.
        group: the list it stands in.
    """

    path: DataPath
    parameter: Parameter
    carrier: str
    group: DataPath


@dataclass(frozen=True, slots=True)
class Credentials:
    """One authentication in its place.

    Attributes:
        path: where it stands.
        authentication: its model.
        environments: the environments that use it.
    """

    path: DataPath
    authentication: Authentication
    environments: tuple[str, ...]


Origin: TypeAlias = Callable[[str, str], str]


def as_written(_environment: str, source: str) -> str:
    """Return the template of a URL itself: nothing of its environment is known."""
    return source


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded spec under inspection.

    Attributes:
        loaded: the spec.
        guarded: the names of the environments that are guarded.
        origin: from an environment and the template of a URL to its filled scheme, host and port, where they are known.
    """

    loaded: LoadedSpec
    guarded: frozenset[str]
    origin: Origin

    @property
    def spec(self) -> PartnerSpec:
        """The spec, or what is left of it."""
        return self.loaded.spec

    def intact(self, *sections: str) -> bool:
        """Whether nothing was left out of these top-level keys, so that what is absent there really is."""
        return self.loaded.damaged.isdisjoint(sections)

    def finding(
        self, code: str, severity: Severity, path: DataPath, message: str, hint: str, *, of_value: bool = False
    ) -> Finding:
        """Return a finding at a path of the model."""
        return self.loaded.document.finding(code, severity, self._written(path), message, hint, of_value=of_value)

    def environments(self) -> Iterator[tuple[str, Environment]]:
        """Yield each environment with everything that the spec states for all of them filled in."""
        for name in self.spec.endpoint:
            yield name, self.spec.environment(name)

    def parameters(self) -> Iterator[Placed]:
        """Yield every parameter, those of bodies inside a form field included."""
        yield from _placed(self.spec.parameters, self.spec.encoding, ("parameters",))

    def credentials(self) -> Iterator[Credentials]:
        """Yield every authentication, the spec's own first."""
        own = tuple(name for name, place in self.spec.endpoint.items() if place.authentication is None)
        for index, authentication in enumerate(self.spec.authentication):
            yield Credentials(("authentication", index), authentication, own)
        for name, place in self.spec.endpoint.items():
            for index, authentication in enumerate(place.authentication or ()):
                yield Credentials(("endpoint", name, "authentication", index), authentication, (name,))

    def _written(self, path: DataPath) -> DataPath:
        """Where a node of the model stands in the file.

        A key that takes one or a list may hold the one itself, and entries left out as wrong shift those behind them;
        where it cannot be told which were left out, the list itself is the place.
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


def _placed(parameters: tuple[Parameter, ...], encoding: str, group: DataPath) -> Iterator[Placed]:
    for index, parameter in enumerate(parameters):
        path = (*group, index)
        yield Placed(path, parameter, encoding if parameter.in_ == "body" else parameter.in_, group)
        if parameter.encoding is not None:
            yield from _placed(parameter.parameters, parameter.encoding, (*path, "parameters"))


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
