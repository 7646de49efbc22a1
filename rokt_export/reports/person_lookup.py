"""Extracts from a recorded request of test data what the tech contact can look the person up by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rokt_export.errors import RoktExportError
from rokt_export.journal.recording import Recording
from rokt_export.partner_spec.attributes import canonical
from rokt_export.partner_spec.references import attributes_of, every_parameter
from rokt_export.reports.http_text import split_url
from rokt_export.sandbox.checks import ReadBack
from rokt_export.sandbox.recordings import Recorded
from rokt_export.sandbox.url_patterns import EndpointUrl

if TYPE_CHECKING:
    from rokt_export.reports.run_report import Story

_TELLING = ("email", "firstname", "lastname", "mobile", "zipcode", "confirmationref")
"""Attributes for looking people up, in the order of a table's columns."""


class Identities:
    """Reads identifiers back from recorded requests, in the partner's own names.

    Attributes:
        names: the partner's names of the parameters that identify a person; empty if the spec is not known.
        impersonal: those of them that are no personal data.
    """

    def __init__(self, story: Story) -> None:
        self.names: tuple[str, ...] = ()
        self.impersonal: tuple[str, ...] = ()
        self._read: ReadBack | None = None
        spec = story.spec
        if spec is None or story.run.environment not in spec.endpoint:
            return
        found: dict[str, int] = {}
        for parameter in every_parameter(spec.parameters):
            carried = {canonical(name) or name for name in attributes_of(parameter)}
            places = [place for place, name in enumerate(_TELLING) if name in carried]
            if places:
                found.setdefault(parameter.name, places[0])
        self.names = tuple(sorted(found, key=lambda name: found[name]))
        self.impersonal = tuple(name for name in self.names if _TELLING[found[name]] == "confirmationref")
        try:
            url = EndpointUrl(spec.environment(story.run.environment).url, defaultdict(str))
            self._read = ReadBack(spec.parameters, spec.encoding, url, None)
        except RoktExportError:  # the URL needs variables that are not set
            self.names = ()

    def of(self, recording: Recording | None) -> Mapping[str, str]:
        """Return name to value of what identifies the person; of a real one only what is no personal data."""
        if recording is None or recording.method is None or self._read is None:
            return {}
        values = dict(_flat(self._read(_as_received(recording))))
        names = self.impersonal if recording.tokens else self.names
        return {name: values[name] for name in names if values.get(name)}


def _as_received(recording: Recording) -> Recorded:
    path, _, query = split_url(str(recording.url))[1].partition("?")
    headers = "".join(f"{name}: {value}\r\n" for name, value in recording.request_headers).encode()
    body = recording.request_body
    text = "" if body is None or body.binary else str(body.text)
    return Recorded(0, 0.0, str(recording.method), path, query, headers, text.encode(), "", None)


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        elif value is not None and not isinstance(value, list):
            yield name, str(value)
