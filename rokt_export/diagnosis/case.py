"""A case: one refusal, what was sent, and what it says."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, assert_never

from msgspec import Struct

from rokt_export.diagnosis.fingerprints import EDGES, EdgeServer
from rokt_export.diagnosis.requests import HarmlessRequests
from rokt_export.exchange.model import FAULTS, OutcomeKind, Response
from rokt_export.response.log_ids import request_ids, text_of
from rokt_export.spec_language.statuses import REDIRECTS, SETUP_FAULTS

_LIMITED = 429
_SETUP = frozenset(kind for kind, facts in FAULTS.items() if facts.setup)
_LONGEST = 20_000
_JWT = re.compile(r"eyJ[\w-]{4,}\.(eyJ[\w-]{4,}|[\w-]{4,})\.[\w-]*")
_TELLING = re.compile(r"www-authenticate|proxy-authenticate|x-amzn-errortype|x-ms-error-code|.*error.*", re.IGNORECASE)
_SCHEME = re.compile(
    r"(?<![\w=\"-])(Basic|Bearer|Digest|Negotiate|NTLM|HMAC|DPoP|ApiKey|AWS4-HMAC-SHA256)\b(?!=)", re.IGNORECASE
)


def needs_diagnosis(status: int | None, fault: str | None) -> bool:
    """Return whether a status, or a fault's kind without one, says that the set-up is wrong."""
    return status in SETUP_FAULTS or status == _LIMITED or status in REDIRECTS or (status is None and fault in _SETUP)


def is_about_its_row(outcome: OutcomeKind, status: int | None) -> bool:
    """Return whether an outcome is the partner's word about a row, and the status says nothing of the set-up."""
    match outcome:
        case OutcomeKind.REJECTED | OutcomeKind.DUPLICATE:
            return not needs_diagnosis(status, None)
        case OutcomeKind.DELIVERED | OutcomeKind.FAILED | OutcomeKind.UNCLASSIFIED:
            return False
        case OutcomeKind.INVALID | OutcomeKind.UNKNOWN:
            return False
        case _:
            assert_never(outcome)


class SentDelivery(Struct, frozen=True):
    """What a delivery carried.

    Attributes:
        method: its method.
        url: its URL, redacted.
        headers: lower-case name to redacted value.
        credentials: whether it carried any; None where that is not known.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    credentials: bool | None

    @property
    def scheme(self) -> str | None:
        """The scheme of its `Authorization`, in lower case; None without one that is known."""
        found = _SCHEME.match(self.headers.get("authorization", ""))
        return found[1].lower() if found else None


@dataclass
class Case:
    """One refusal.

    Attributes:
        sent: what was sent.
        response: the response, redacted where it was recorded; None for a fault.
        fault: kind and message of a fault; None for a response.
        at: UTC seconds when it came by this machine's clock; None where that is not known.
        requests: sends harmless requests; None where only the record may be used.
        asked_by: the method of the refused request, where that was not the delivery's.
    """

    sent: SentDelivery
    response: Response | None
    fault: tuple[str, str] | None
    at: float | None
    requests: HarmlessRequests | None = None
    asked_by: str = ""

    @property
    def status(self) -> int | None:
        """The status; None for a fault."""
        return None if self.response is None else self.response.status

    def header(self, name: str) -> str:
        """Return a header of the response; empty without one."""
        return (self.response.header(name) or "") if self.response is not None else ""

    @cached_property
    def head(self) -> str:
        """The response's headers, a line each."""
        return head_of(self.response)

    @cached_property
    def body(self) -> str:
        """The text of the response's body, without tags of HTML."""
        return text_of(self.response)

    @cached_property
    def data(self) -> Any:
        """The response's body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @cached_property
    def text(self) -> str:
        """What the partner says: the text, the headers that tell of errors, and the message of a fault."""
        headers = self.response.headers if self.response is not None else ()
        told = [f"{name}: {value}" for name, value in headers if _TELLING.fullmatch(name)]
        return "\n".join([*told, self.body, self.fault[1] if self.fault is not None else ""])[:_LONGEST]

    @property
    def is_page(self) -> bool:
        """Whether an HTML page came, where an API was asked."""
        return "html" in self.header("content-type").lower() or bool(
            re.match(r"\s*<(?:!doctype|html)", self._raw, re.I)
        )

    @property
    def _raw(self) -> str:
        return "" if self.response is None else self.response.body[:200].decode("utf-8", "replace")

    @property
    def edges(self) -> list[tuple[EdgeServer, bool]]:
        """Each edge that the response passed, and whether the response is its own refusal."""
        return edges_of(self.response)

    @property
    def asks_for(self) -> list[str]:
        """The authentication schemes that the response asks for, in lower case."""
        return [each.lower() for each in _SCHEME.findall(self.header("www-authenticate"))]

    @property
    def skew(self) -> float | None:
        """Seconds by which this machine's clock is ahead of the partner's; None without a date."""
        try:
            theirs = parsedate_to_datetime(self.header("date"))
        except ValueError:
            return None
        if self.at is None or self.header("age") not in ("", "0"):
            return None
        return self.at - theirs.replace(tzinfo=theirs.tzinfo or UTC).timestamp()

    @cached_property
    def claims(self) -> list[Mapping[str, Any]]:
        """The claims of each JSON web token (RFC 7519) that deliveries carry now; none from the record."""
        if self.requests is None:
            return []
        values = [value for _, value in self.requests.delivery_headers]
        return list(_claims(" ".join(values)))

    @property
    def request_ids(self) -> list[tuple[str, str]]:
        """Names and values by which the partner finds the request in its logs."""
        return request_ids(self.response)


def head_of(response: Response | None) -> str:
    """Return the headers of a response, a line each."""
    return "\n".join(f"{name}: {value}" for name, value in response.headers) if response is not None else ""


def edges_of(response: Response | None) -> list[tuple[EdgeServer, bool]]:
    """Return each edge whose marks a response has, and whether it made the response itself."""
    if response is None:
        return []
    head = head_of(response)
    whole = f"{head}\n{text_of(response)}\n{response.body[:_LONGEST].decode('utf-8', 'replace')}"
    found = []
    for edge in EDGES:
        blocks = re.search(edge.blocks, whole, re.IGNORECASE | re.MULTILINE) is not None
        if blocks or re.search(edge.present, head, re.IGNORECASE | re.MULTILINE):
            found.append((edge, blocks))
    return found


def _claims(text: str) -> Iterator[Mapping[str, Any]]:
    for token in _JWT.finditer(text):
        part = token[1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except (ValueError, binascii.Error):
            continue
        if isinstance(claims, dict):
            yield claims


def moment(seconds: float) -> str:
    """Return UTC seconds since the epoch for a person; the number itself where no date has it."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, OSError, ValueError):
        return str(seconds)
