"""Read a recorded request's parameters back, every digit kept, in the spec's own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDict

from rokt_export.authentication.base import ReceivedRequest
from rokt_export.partner_spec.model import Parameter
from rokt_export.sandbox.bodies import BodyProblem, read_body
from rokt_export.sandbox.body_lookup import array_lengths, finder
from rokt_export.sandbox.recordings import Recorded
from rokt_export.sandbox.url_patterns import EndpointUrl, Pattern
from rokt_export.spec_language.encodings import nests
from rokt_export.spec_language.filters import text_of


class ReadBack:
    """Reads parameters of one spec's requests.

    Args:
        parameters: the spec's.
        encoding: of the body.
        url: the endpoint's.
        whole: the pattern of a body that is one template; its attributes are shown then.
    """

    def __init__(
        self, parameters: tuple[Parameter, ...], encoding: str, url: EndpointUrl, whole: Pattern | None
    ) -> None:
        self._parameters = parameters
        self._encoding = encoding
        self._url = url
        self._whole = whole

    def __call__(self, recorded: Recorded) -> Mapping[str, Any]:
        """Return name to value; numbers of a JSON body are int or Decimal, so that none loses a digit."""
        received = ReceivedRequest(
            recorded.method, recorded.path, recorded.query, CIMultiDict(recorded.headers), recorded.body
        )
        received.path_values = self._url.match(recorded.path) or {}
        values: dict[str, Any] = dict(received.path_values)
        if self._whole is not None:
            values |= self._whole.read(recorded.body.decode("utf-8", "replace")) or {}
        outside = [parameter for parameter in self._parameters if parameter.in_ != "body"]
        for parameter in outside:
            values |= _shown(parameter, _outside(parameter, received))
        return values | _inside(self._parameters, self._encoding, recorded.body)


def _outside(parameter: Parameter, received: ReceivedRequest) -> list[Any]:
    if parameter.in_ == "path":
        return [value] if (value := received.path_values.get(parameter.name)) is not None else []
    if parameter.in_ == "header":
        return list(received.headers.getall(parameter.name, []))
    try:
        return list(received.queried.get(parameter.name, []))
    except ValueError:
        return []


def _inside(parameters: tuple[Parameter, ...], encoding: str, body: bytes | str) -> dict[str, Any]:
    try:
        data = read_body(encoding, body, exact=True)
    except BodyProblem:
        return {}
    own = [parameter for parameter in parameters if parameter.in_ == "body"]
    lengths = array_lengths(p.name for p in own) if nests(encoding) else {}
    values: dict[str, Any] = {}
    for parameter in own:
        found = finder(parameter.name, encoding, lengths)(data)
        if found and parameter.encoding:
            values[parameter.name] = _inside(parameter.parameters, parameter.encoding, text_of(found[0]))
        else:
            values |= _shown(parameter, found)
    return values


def _shown(parameter: Parameter, found: list[Any]) -> dict[str, Any]:
    return {parameter.name: found[0] if len(found) == 1 else found} if found else {}
