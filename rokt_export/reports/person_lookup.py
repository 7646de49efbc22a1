"""Extracts from a recorded request, or from a row's id, what the tech contact can look the person up by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rokt_export.errors import RoktExportError
from rokt_export.exchange.delivery import Delivery
from rokt_export.journal.recording import Recording
from rokt_export.partner_spec.attributes import canonical
from rokt_export.partner_spec.model import Parameter
from rokt_export.partner_spec.references import attributes_of, every_parameter
from rokt_export.reports.http_text import split_url
from rokt_export.sandbox.checks import ParameterReader
from rokt_export.sandbox.recordings import SandboxRecording
from rokt_export.sandbox.url_patterns import EndpointUrl
from rokt_export.transactions.transaction import IDENTITIES

if TYPE_CHECKING:
    from rokt_export.reports.run_report import RunReport

_TELLING = ("email", "firstname", "lastname", "mobile", "zipcode", "confirmationref", "transactionid")
"""Attributes for looking people up, in the order of a table's columns."""
_COMPARED = 20
"""Recorded rows whose id is compared with what the partner received."""


class Identities:
    """Reads identifiers back from recorded requests, in the partner's own names; of other rows it has the id.

    Attributes:
        names: the partner's names of the parameters that identify a person; empty if the spec is not known.
        impersonal: those of them that are no personal data.
    """

    def __init__(self, run_report: RunReport) -> None:
        self.names: tuple[str, ...] = ()
        self.impersonal: tuple[str, ...] = ()
        self._read: ParameterReader | None = None
        self._run_report = run_report
        self._unchanged: dict[str, str] = {}
        spec = run_report.spec
        if spec is None or run_report.run.environment not in spec.endpoint:
            return
        found: dict[str, int] = {}
        for parameter in every_parameter(spec.parameters):
            carried = {canonical(name) or name for name in attributes_of(parameter)}
            places = [place for place, name in enumerate(_TELLING) if name in carried]
            if places:
                found.setdefault(parameter.name, places[0])
                if len(carried) == 1 and _is_unchanged(parameter):
                    self._unchanged[parameter.name] = _TELLING[places[0]]
        self.names = tuple(sorted(found, key=lambda name: found[name]))
        self.impersonal = tuple(name for name in self.names if _TELLING[found[name]] in IDENTITIES)
        try:
            url = EndpointUrl(spec.environment(run_report.run.environment).url, defaultdict(str))
            self._read = ParameterReader(spec.parameters, spec.encoding, url, None)
        except RoktExportError:  # the URL needs variables that are not set
            self.names = ()

    def of(self, one: Delivery, recording: Recording | None) -> Mapping[str, str]:
        """Return name to value of what identifies the person; of a real one only what is no personal data.

        Args:
            one: the row.
            recording: its request; None where it was not kept, so that the row's id stands for what was sent.
        """
        if recording is not None:
            return self._received(recording)
        return dict.fromkeys(self._same_as_id, one.transaction) if _has_id(one) else {}

    def _received(self, recording: Recording) -> Mapping[str, str]:
        if recording.method is None or self._read is None:
            return {}
        values = dict(_flat(self._read(_as_received(recording))))
        names = self.impersonal if recording.tokens else self.names
        return {name: values[name] for name in names if values.get(name)}

    @cached_property
    def _same_as_id(self) -> tuple[str, ...]:
        """The parameters that are the id of a row: of the attributes that are one, and equal to it where recorded.

        An id is the `confirmationref` only of a row without a `transactionid`, so that it takes a recording to know.
        """
        if self._run_report.run.purged or self._read is None:
            return ()
        names = {name: of for name, of in self._unchanged.items() if of in IDENTITIES}
        first = self._run_report.first_recorded(_COMPARED) if names else ()
        seen = [(one.transaction, self._received(recording)) for one, recording in first if _has_id(one)]
        return tuple(
            name
            for name, attribute in names.items()
            if all(got.get(name) == own for own, got in seen) and (seen or attribute == IDENTITIES[0])
        )


def _has_id(one: Delivery) -> bool:
    """Return whether a row has an id of its own, which its number did not have to stand for."""
    return one.transaction != f"row-{one.row}"


def _is_unchanged(parameter: Parameter) -> bool:
    """Return whether a parameter sends its only attribute as it stands."""
    alone = parameter.attribute is not None or str(parameter.value).strip("{} ") in attributes_of(parameter)
    return alone and parameter.type in (None, "string")


def _as_received(recording: Recording) -> SandboxRecording:
    path, _, query = split_url(str(recording.url))[1].partition("?")
    headers = "".join(f"{name}: {value}\r\n" for name, value in recording.request_headers).encode()
    body = recording.request_body
    text = "" if body is None or body.binary else str(body.text)
    return SandboxRecording(0, 0.0, str(recording.method), path, query, headers, text.encode(), "", None)


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        elif value is not None and not isinstance(value, list):
            yield name, str(value)
