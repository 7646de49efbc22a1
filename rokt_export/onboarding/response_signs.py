"""Weigh what a response itself says about its outcome: one is certain only where nothing speaks against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rokt_export.exchange.model import Response
from rokt_export.response.body_reader import NoData, ResponseReader
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.paths import local_name
from rokt_export.spec_language.rules import OUTCOMES
from rokt_export.spec_language.statuses import BUSY, SETUP_FAULTS

GOOD_WORDS = frozenset(
    {"success", "successful", "succeeded", "ok", "accepted", "created", "stored", "saved", "received", "delivered",
     "updated", "complete", "completed", "true", "yes"}
)  # fmt: skip
"""Values of a state that say that the record is there."""
STATE_KEYS = re.compile(
    r"(?:^|[_-])(?:status|state|result|success|ok|outcome|accepted|created|stored|valid|delivered|decision)$",
    re.IGNORECASE,
)
"""Names of members and headers whose value is the outcome."""
_ERROR_KEYS = re.compile(r"error|fault|exception", re.IGNORECASE)
_CODE_KEYS = re.compile(r"code|type|reason|category|kind", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_REFUSED = re.compile(r"reject|declin|refus|invalid|not.?valid|denied", re.IGNORECASE)
_DUPLICATE = re.compile(
    r"(?<!not a )(?<!no )\bdup(?:e|licate[ds]?)?\b|\balready[ _-](?:been[ _-])?(?:taken|exists?|existing|registered|"
    r"known|stored|subscribed|received|submitted|processed|present|in|on|a member)\b|"
    r"(?:member|user|lead|record)[ _-]exists",
    re.IGNORECASE,
)
_SERVICE = re.compile(
    r"unauthori[sz]ed|credential|api.?key|token|rate.?limit|too many|quota|time[ds]?.?out|temporar\w*|unavailable|"
    r"internal|maintenance|\bdown\b|log ?in|sign ?in|captcha|try again",
    re.IGNORECASE,
)
_BAD = re.compile(
    r"error|fail\w*|fault|exception|invalid|not (?:a )?valid|denied|reject\w*|refus\w*|declin\w*|unauthori[sz]ed|"
    r"forbidden|expired|quota|limit|blocked|missing|required|unable|could not|cannot|can't|unsuccessful|unknown|"
    r"not \w+ed\b|not found|no such|log ?in|sign ?in|captcha|pending|queued|\bheld\b|on.?hold|review",
    re.IGNORECASE,
)
_HTML = re.compile(r"\s*<(?:!doctype html|html)", re.IGNORECASE)
_MOST_SCALARS = 2_000
_SHOWN = 40
"""Characters of a word of the response that a sign quotes."""
_STANDARD_HEADERS = re.compile(
    r"accept-ranges|age|allow|alt-svc|cache-control|connection|content-.*|etag|expires|keep-alive|last-modified|link|"
    r"location|nel|p3p|pragma|proxy-authenticate|report-to|retry-after|server|set-cookie|strict-transport-security|"
    r"trailer|transfer-encoding|upgrade|vary|via|warning|www-authenticate",
    re.IGNORECASE,
)
_INFRASTRUCTURE = re.compile(
    r"cache|serve|powered|frame|content|dns|xss|download|robots|runtime|request|trace|correlat|amz|cdn|proxy|varnish|"
    r"edge|region|pod|host|node|version|backend|limit|policy|access-control|cookie|date|time|ray|id$|security|by$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Za-z][A-Za-z _-]{0,39}", re.ASCII)


@dataclass(slots=True)
class OutcomeEvidence:
    """What speaks for each outcome.

    Attributes:
        signs: outcome to what speaks for it, in words.
        doubts: what speaks against `delivered`, in words.
    """

    signs: dict[str, list[str]] = field(default_factory=lambda: {outcome: [] for outcome in OUTCOMES})
    doubts: list[str] = field(default_factory=list)
    _strong: set[str] = field(default_factory=set)
    _page: bool = False
    _refused_by_service: bool = False

    @property
    def certain(self) -> str | None:
        """The outcome that the response proves; None where it proves none."""
        if self._refused_by_service:
            return None if self.signs["rejected"] else "failed"
        outcomes = self.outcomes
        if len(outcomes) != 1 or outcomes[0] not in self._strong or self._page:
            return None
        return None if outcomes[0] == "delivered" and self.doubts else outcomes[0]

    @property
    def outcomes(self) -> list[str]:
        """The outcomes that anything speaks for."""
        return [outcome for outcome, words in self.signs.items() if words]

    def lines(self) -> Iterator[str]:
        """Yield a line for each outcome: what speaks for it, and against `delivered`."""
        for outcome, words in self.signs.items():
            line = f"{outcome:<9}  {'; '.join(dict.fromkeys(words)) or 'nothing speaks for it'}"
            if outcome == "delivered" and self.doubts:
                line += f"; against it: {', '.join(list(dict.fromkeys(self.doubts))[:3])}"
            yield line

    def speaks_for(self, outcome: str, words: str, *, strong: bool = False) -> None:
        """Add a sign."""
        self.signs[outcome].append(words)
        if strong:
            self._strong.add(outcome)


def meaning_of(response: Response) -> OutcomeEvidence:
    """Return what a response says for each outcome, by its status, headers and body."""
    found = OutcomeEvidence()
    _weigh_status(found, response.status)
    for name, value in telling_headers(response):
        _weigh_state(found, f"header {name}", name, value)
    reader = ResponseReader(response)
    text, kind = reader.text, (response.header("content-type") or "").lower()
    if _HTML.match(text) or "html" in kind:
        found._page = True
        found.doubts.append("the body is an HTML page")
    if not isinstance(reader.json, NoData):
        _weigh_scalars(found, reader.json)
    else:
        for element in [] if isinstance(reader.roots, NoData) else reader.roots:
            for each in element.iter():
                if isinstance(each.tag, str) and (each.text or "").strip():
                    _weigh_state(found, f"`{local_name(each.tag)}`", local_name(each.tag), (each.text or "").strip())
        _weigh_text(found, text)
        if text.strip(" .!").lower() in GOOD_WORDS:
            found.speaks_for("delivered", f"the body is `{text}`", strong=True)
    return found


def telling_headers(response: Response) -> Iterator[tuple[str, str]]:
    """Yield the headers of a partner's own whose value is a word: no id, date, or mark of a cache or a server."""
    for name, value in response.headers:
        own = not _STANDARD_HEADERS.fullmatch(name) and not _INFRASTRUCTURE.search(name)
        if own and _WORDS.fullmatch(value.strip()):
            yield name, value.strip()


def _weigh_status(found: OutcomeEvidence, status: int) -> None:
    if status in SETUP_FAULTS:
        found.speaks_for("failed", f"status {status} means a wrong set-up", strong=True)
    elif status >= 500 or status in BUSY:
        found.speaks_for("failed", f"status {status} means that the service could not take it", strong=True)
    elif status == 409:
        found.speaks_for("duplicate", "status 409 may mean that the record exists")
    elif status >= 400:
        found.speaks_for("rejected", f"status {status} means a refused request", strong=True)
    elif status in (201, 204):
        found.speaks_for("delivered", f"status {status}", strong=True)
    elif status >= 300 or status < 200:
        found.doubts.append(f"status {status}: redirects are not followed; look at the URL of the spec")
    elif status == 202:
        found.doubts.append("status 202 means only that the request was accepted")
    found._refused_by_service = bool(found.signs["failed"])


def _weigh_scalars(found: OutcomeEvidence, data: Any) -> None:
    for count, (key, value) in enumerate(_scalars(data, "")):
        if count == _MOST_SCALARS:
            found.doubts.append("the body is too long to be weighed")
            return
        _weigh_state(found, f"`{key}`", key, value)
        if isinstance(value, str):
            _weigh_text(found, value)


def _scalars(data: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _scalars(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from _scalars(value, key)
    else:
        yield key, data


def _weigh_state(found: OutcomeEvidence, place: str, key: str, value: Any) -> None:
    """Weigh a value whose name says that it is a state, a code or an error."""
    text = text_of(value).strip() if value is not None else ""
    name, is_number = _CAMEL.sub("_", key), isinstance(value, int | float) and not isinstance(value, bool)
    said = f"{place} is `{text[:_SHOWN]}`"
    if key == "faultcode" and text.rpartition(":")[2] in ("Client", "Sender"):
        found.speaks_for("rejected", said)
    if _ERROR_KEYS.search(name):
        if text.lower() not in ("", "0", "false", "none", "null", "no"):
            found.doubts.append(f"there is {place}")
        return
    if STATE_KEYS.search(name):
        if text.lower() in GOOD_WORDS or text == "1":
            found.speaks_for("delivered", said, strong=True)
        elif not (is_number and 200 <= float(value) < 300):
            found.doubts.append(said)
    if STATE_KEYS.search(name) or _CODE_KEYS.search(name) or place.startswith("header "):
        _weigh_code(found, text, said)


def _weigh_code(found: OutcomeEvidence, text: str, said: str) -> None:
    if _DUPLICATE.fullmatch(text):
        found.speaks_for("duplicate", said, strong=True)
    elif _REFUSED.search(text):
        found.speaks_for("rejected", said, strong=True)
    if _BAD.search(text):
        found.doubts.append(said)


def _weigh_text(found: OutcomeEvidence, text: str) -> None:
    if match := _DUPLICATE.search(text):
        found.speaks_for("duplicate", f"the body has `{match[0]}`", strong="duplicate" in found.outcomes)
    if match := _SERVICE.search(text):
        found.speaks_for("failed", f"the body has `{match[0]}`")
    if match := _BAD.search(text):
        found.doubts.append(f"the body has `{match[0]}`")
