"""The letter to a partner's tech contact about a run: its facts as data, and the templates that word them.

The letter is about what the partner received and responded: no row that was never sent, no rule, no id of ours.
The mail and the Markdown report have the same letter.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, assert_never

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import RunState
from rokt_export.journal.queries import was_sent
from rokt_export.journal.recording import Recording
from rokt_export.redaction.display_text import cut, markdown, one_line
from rokt_export.redaction.well_formed import without_labels
from rokt_export.reports.listing import Listing
from rokt_export.reports.person_lookup import Identities
from rokt_export.reports.reasons import is_unconnected
from rokt_export.reports.run_facts import endpoint_of, is_test
from rokt_export.reports.run_report import RunReport
from rokt_export.response.body_reader import ResponseReader
from rokt_export.response.classify import first_words
from rokt_export.response.log_ids import request_ids
from rokt_export.spec_language.statuses import REDIRECTS, SETUP_FAULTS, TOO_FAST

LANGUAGES = ("en", "de")
"""Languages that the package has words for, as samples for a house's own."""
MOST_RECORDS = 5
"""Records listed of each outcome; the attached table has all."""
_MOST_NAMED = 3
"""Records named in a question that is about more than `MOST_RECORDS`."""
_MOST_RESPONSES = 10
"""Kinds of responses that are counted."""
_QUOTED = 160
"""Characters of the partner's own words."""
_LINE = 72
_ASKED = (
    OutcomeKind.UNCLASSIFIED,
    OutcomeKind.UNKNOWN,
    OutcomeKind.DELIVERED,
    OutcomeKind.DUPLICATE,
    OutcomeKind.REJECTED,
    OutcomeKind.FAILED,
)
"""Outcomes of rows that were sent, in the order of the questions: first what only the partner knows."""


@dataclass(frozen=True, slots=True)
class PartnerRecord:
    """One delivery as the partner knows it.

    Attributes:
        row: its row in the run; for us.
        started: UTC seconds since the epoch; 0.0 where it is not known.
        who: the partner's name of a parameter to the value that it received; nothing personal of a real person.
        status: of its response; None where none came.
        reference: the partner's own.
        outcome: what we read into the response.
        provisional: the partner decides later.
        unconnected: no connection was made.
        reason: the partner's own words: its reason, or the start of a response that we do not understand.
        time: UTC, with milliseconds or a day where records differ only in them.
        name: what identifies it: the first value that the partner received, else its reference; empty where it has only
            the time.
        timed: others have this name, but not this time.
        line: its line in the attached table, or its row in the one that follows; 0 where name and time will do.
        request_ids: names and values of headers by which the partner finds the request in its logs.
        sends: how often it was sent, the first time at `started`.
    """

    row: int
    started: float
    who: Mapping[str, str]
    status: int | None
    reference: str
    outcome: str
    provisional: bool
    reason: str
    unconnected: bool
    time: str = ""
    name: str = ""
    timed: bool = False
    line: int = 0
    request_ids: tuple[tuple[str, str], ...] = ()
    sends: int = 1


@dataclass(frozen=True, slots=True)
class ResponseCount:
    """How many responses were alike; see `PartnerRecord` for what they are.

    Attributes:
        rows: how many.
        reason: with `…` for what differs.
    """

    rows: int
    status: int | None
    outcome: str
    provisional: bool
    reason: str
    unconnected: bool = False


@dataclass(frozen=True, slots=True)
class LetterQuestion:
    """One question; the templates have its words.

    Attributes:
        kind: an outcome, or `setup`, `provisional`, `values`, `trigger`, or `nothing` where no row was ever sent.
        rows: how many deliveries it is about.
        named: some of them; each is among the records.
        kinds: for `trigger`, outcomes that no response had.
        status: for `setup`, the status: of `SETUP_FAULTS`, 429, or the first of several redirects.
    """

    kind: str
    rows: int = 0
    named: Sequence[PartnerRecord] = ()
    kinds: tuple[str, ...] = ()
    status: int | None = None


class ContactLetter:
    """The letter of a run.

    Args:
        run_report: the run.
        template: a language of `LANGUAGES`, or a folder with `words.jinja`, `letter.txt`, `letter.html` or
            `letter.md`; what it lacks is taken from the English ones.
        attached: the rows are in a CSV that goes with the letter, not in a table that follows it.
        table: the rows of that CSV or table; None for all.

    Raises:
        UsageError: there is no such language or folder.
    """

    def __init__(
        self, run_report: RunReport, template: str = "en", *, attached: bool = True, table: Listing | None = None
    ) -> None:
        self._run_report = run_report
        self._template = template
        self._attached = attached
        self._table = table or Listing.of(run_report, run_report.rows)
        self._loader = _loader(template)

    def subject(self) -> str:
        """Return the subject of a mail."""
        return one_line(self._rendered("{% import 'words.jinja' as words %}{{ words.subject(mail) }}"))

    def text(self) -> str:
        """Return plain text."""
        text = self._rendered("{% include 'letter.txt' %}").strip()
        return re.sub(r"\n{3,}", "\n\n", text) + "\n"  # parts that are not there leave blank lines

    def markdown(self) -> str:
        """Return Markdown."""
        return self._rendered("{% include 'letter.md' %}", show=markdown).strip() + "\n"

    def html(self) -> str:
        """Return a page of HTML."""
        return self._rendered("{% include 'letter.html' %}", escape=True)

    def _rendered(self, source: str, *, show: Callable[[str], str] = one_line, escape: bool = False) -> str:
        try:
            return _environment(self._loader, escape).from_string(source).render(mail=self._facts(show))
        except TemplateError as error:
            place = getattr(error, "filename", None) or getattr(error, "name", None) or self._template
            line = f":{lineno}" if (lineno := getattr(error, "lineno", None)) else ""
            message = f"the template fails: {error.message or type(error).__name__}"
            raise UsageError(message, where=f"{place}{line}", remedy="Fix it; nothing was written.") from error
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            message = f"the template fails: {type(error).__name__}: {error}"
            raise UsageError(message, where=self._template, remedy="Fix it; nothing was written.") from error

    def _facts(self, show: Callable[[str], str]) -> dict[str, Any]:
        """Return what templates are given, each text of others as `show` writes it."""
        run_report, run = self._run_report, self._run_report.run
        contact = run_report.spec.contact if run_report.spec is not None else None
        first = run_report.figures.first_sent
        when = datetime.fromtimestamp(first, UTC) if first else run.started
        records = [_written(one, show) for one in self._records]
        return {
            "contact": show(contact.name) if contact else "",
            "partner": show(run_report.partner),
            "environment": show(run.environment),
            "endpoint": show(without_labels(endpoint_of(run_report) or "")),
            "date": when.date(),
            "rows": (rows := sum(self._sent.values())),
            "only": run_report.only or (),
            "beside": 0 if self._attached else max(0, self._table.rows - rows),
            "sent": run.sent,
            "in_flight": run.in_flight,
            "unsent": self._unsent(unconnected=False),
            "unconnected": self._unsent(unconnected=True),
            "left_out": run_report.left_out,
            "state": str(run.state),
            "left_over": run_report.left_over,
            "test": is_test(run_report),
            "real": bool(records) and run_report.figures.invented < run_report.figures.rows,
            "mixed": 0 < run_report.figures.invented < run_report.figures.rows,
            "sandbox": run.sandbox,
            "purged": run.purged,
            "attached": self._attached,
            "listed": None if self._table.is_complete else self._table.listed,
            "questions": self._questions({one.row: one for one in records}),
            "records": records,
            "responses": [replace(one, reason=show(one.reason)) for one in self._responses],
        }

    @cached_property
    def _sent(self) -> dict[OutcomeKind, int]:
        """Outcome to number of rows that were sent."""
        counts = Counter(self._run_report.chosen_counts)
        if counts[OutcomeKind.UNKNOWN]:
            counts[OutcomeKind.UNKNOWN] -= self._run_report.run.in_flight
        return {kind: rows for kind in _ASKED if (rows := counts[kind])}

    def _unsent(self, *, unconnected: bool) -> int:
        """Return for how many rows nothing went out: they failed, and no response came.

        Args:
            unconnected: count only rows for which no connection was made. A purged run does not know of any.
        """
        groups = [
            one for one in self._run_report.reasons.groups if one.outcome is OutcomeKind.FAILED and one.status is None
        ]
        return sum(one.rows for one in groups if one.unconnected or not unconnected)

    @cached_property
    def _identities(self) -> Identities:
        return Identities(self._run_report)

    @cached_property
    def _shown(self) -> list[Delivery]:
        """The first deliveries of each outcome, and of those that the partner decides later."""
        shown: list[Delivery] = []
        for kind in () if self._run_report.run.purged else self._sent:
            found = {False: 0, True: 0}
            for one in filter(was_sent, self._run_report.deliveries([kind])):
                found[one.provisional] += 1
                if found[one.provisional] <= MOST_RECORDS:
                    shown.append(one)
                if found[False] >= MOST_RECORDS and not self._later:
                    break
        return shown

    @cached_property
    def _later(self) -> Counter[OutcomeKind]:
        """Outcome to number of rows that the partner decides later."""
        if not self._run_report.run.confirmations.get("awaited"):
            return Counter()
        return Counter(one.outcome for one in self._run_report.deliveries() if one.provisional)

    @cached_property
    def _records(self) -> list[PartnerRecord]:
        """The listed records of these deliveries, with names that distinguish them."""
        records = [record_of(one, self._run_report.recording_of(one), self._identities) for one in self._shown]
        return self._named(list(_timed(records)))

    def _named(self, records: list[PartnerRecord]) -> list[PartnerRecord]:
        """Return records with names that distinguish them."""
        named = [replace(one, name=next(iter(one.who.values()), one.reference)) for one in records]
        uses = Counter(one.name or one.time for one in named)
        moments = Counter((one.name, one.time) for one in named)
        named = [
            replace(one, timed=bool(one.name) and uses[one.name] > 1 and moments[one.name, one.time] == 1)
            for one in named
        ]
        alike = {one.row for one in named if not one.timed and (uses[one.name or one.time] > 1 or not one.time)}
        if not alike:
            return named
        lines = {row: row for row in alike}
        if self._attached:
            sent = (one for one in self._table.deliveries() if was_sent(one))
            lines = {one.row: line for line, one in enumerate(sent, 2) if one.row in alike}
        return [replace(one, line=lines.get(one.row, 0)) for one in named]

    def _questions(self, records: Mapping[int, PartnerRecord]) -> list[LetterQuestion]:
        run_report = self._run_report
        if run_report.run.purged or run_report.run.sandbox:
            return []
        if not run_report.run.sent:
            first = run_report.run.state is not RunState.RUNNING and run_report.is_first_contact
            return [LetterQuestion("nothing")] if first else []
        asked = []
        for kind, rows in self._sent.items():
            of_kind = [one for one in records.values() if one.outcome == kind]
            later = self._later[kind]
            if later:
                asked.append(
                    LetterQuestion("provisional", later, _some(later, [one for one in of_kind if one.provisional]))
                )
            asked += self._setup_questions(kind, of_kind)
            left = rows - later - sum(self._setup_rows(kind).values())
            if left > 0:
                some = [one for one in of_kind if not one.provisional and setup_status(kind, one.status) is None]
                asked.append(LetterQuestion(str(kind), left, _some(left, some)))
        if self._sent.get(OutcomeKind.DELIVERED):
            asked.append(LetterQuestion("values"))
        if not run_report.run.production and (unseen := self._unseen()) and any(one.kind != "setup" for one in asked):
            asked.append(LetterQuestion("trigger", kinds=unseen))
        return asked

    def _setup_rows(self, kind: OutcomeKind) -> Counter[int]:
        """Return status that speaks of the set-up to number of rows with this outcome."""
        found = Counter[int]()
        for one in self._run_report.reasons.groups:
            if one.outcome is kind and (status := setup_status(kind, one.status)) is not None:
                found[status] += one.rows
        return found

    def _setup_questions(self, kind: OutcomeKind, records: Sequence[PartnerRecord]) -> Iterator[LetterQuestion]:
        if self._run_report.run.command == "certify" and self._sent.get(OutcomeKind.DELIVERED):
            return  # its probes provoke such responses on purpose
        for status, rows in sorted(self._setup_rows(kind).items()):
            some = [one for one in records if setup_status(kind, one.status) == status]
            yield LetterQuestion("setup", rows, _some(rows, some), status=status)

    def _unseen(self) -> tuple[str, ...]:
        """Return outcomes that the spec describes and no response had."""
        spec, counts = self._run_report.spec, self._run_report.counts
        described = {str(rule.outcome) for rule in spec.responses} if spec is not None else set()
        return tuple(str(kind) for kind in OutcomeKind if kind in described and not counts.get(kind))

    @cached_property
    def _responses(self) -> list[ResponseCount]:
        """How often each response came; nothing where the records have all of them."""
        run_report = self._run_report
        if len(self._records) == sum(self._sent.values()) or run_report.run.purged:
            return []
        counted = []
        expected = next((kind for kind in self._sent if kind == run_report.expected), None)
        if expected is not None and expected is not OutcomeKind.FAILED:  # that may mean two things
            later = self._later[expected]
            rows = {False: self._sent[expected] - later, True: later}
            counted = [ResponseCount(rows[when], None, str(expected), when, "") for when in rows if rows[when]]
        for one in run_report.reasons.groups:
            if one.outcome in self._sent and len(counted) < _MOST_RESPONSES:
                words = _words(one.outcome, one.status, one.reason, run_report.recording(one.first))
                counted.append(ResponseCount(one.rows, one.status, str(one.outcome), False, words, one.unconnected))
        return counted


def setup_status(outcome: OutcomeKind, status: int | None) -> int | None:
    """Return the status that speaks of the set-up or our pace, not of the record; the same for all redirects.

    None stands for any other.

    Where a rule reads such a status as another outcome than `failed`, it is about the record.
    """
    match outcome:
        case OutcomeKind.FAILED | OutcomeKind.UNCLASSIFIED:
            if status in REDIRECTS:
                return min(REDIRECTS)
            return status if status in SETUP_FAULTS or status == TOO_FAST else None
        case OutcomeKind.DELIVERED | OutcomeKind.DUPLICATE | OutcomeKind.REJECTED:
            return None
        case OutcomeKind.INVALID | OutcomeKind.UNKNOWN:
            return None
        case _:
            assert_never(outcome)


def record_of(one: Delivery, recording: Recording | None, identities: Identities) -> PartnerRecord:
    """Return a delivery as the partner knows it."""
    who = {name: text for name, value in identities.of(one, recording).items() if (text := _whole(value))}
    found = request_ids(None if recording is None else recording.response)
    ids = tuple((name, text) for name, value in found if (text := _whole(value)))
    return PartnerRecord(
        one.row, one.started, who, one.status, _whole(one.reference or ""), str(one.outcome), one.provisional,
        _words(one.outcome, one.status, one.reason, recording), is_unconnected(one.error),
        request_ids=ids, sends=one.attempts,
    )  # fmt: skip


def _words(kind: OutcomeKind, status: int | None, reason: str | None, recording: Recording | None) -> str:
    """Return the partner's own words in a response: none of ours, and no token of what is hidden."""
    if status is None or (recording is not None and recording.unreadable):
        return ""
    if kind is not OutcomeKind.UNCLASSIFIED:
        return cut(_told(reason or ""), _QUOTED)
    response = None if recording is None else recording.response
    if response is None:
        return ""
    target = response.header("location") if 300 <= response.status < 400 else None
    words = f"Location: {target}" if target else first_words(ResponseReader(response))
    return cut(_told(words or ""), _QUOTED)


def _told(text: str) -> str:
    """Return a text of the partner's with `…` for what is hidden; nothing where all of it is."""
    shown = without_labels(one_line(text))
    return shown if any(character.isalnum() for character in shown) else ""


def _whole(text: str) -> str:
    """Return a value of the partner's; nothing where a part of it is hidden, for nobody can look that up."""
    line = one_line(text)
    return line if without_labels(line) == line else ""


def _timed(records: Iterable[PartnerRecord]) -> Iterator[PartnerRecord]:
    """Yield records with their time, as exactly as it takes to distinguish all of them."""
    sent = list(records)
    moments = [datetime.fromtimestamp(one.started, UTC) for one in sent if one.started]
    exact = len({moment.replace(microsecond=0) for moment in moments}) < len(moments)
    several_days = len({moment.date() for moment in moments}) > 1
    for one in sent:
        moment = datetime.fromtimestamp(one.started, UTC)
        clock = moment.time().isoformat("milliseconds" if exact else "seconds")
        yield replace(one, time=f"{moment.date()} {clock}" if several_days else clock) if one.started else one


def _some(rows: int, records: Sequence[PartnerRecord]) -> Sequence[PartnerRecord]:
    return records if rows <= len(records) else records[:_MOST_NAMED]


def _written(one: PartnerRecord, show: Callable[[str], str]) -> PartnerRecord:
    who = {show(name): show(value) for name, value in one.who.items()}
    ids = tuple((show(name), show(value)) for name, value in one.request_ids)
    return replace(
        one, who=who, reference=show(one.reference), reason=show(one.reason), name=show(one.name), request_ids=ids
    )


def _loader(template: str) -> BaseLoader:
    if template in LANGUAGES:
        return _shipped(f"/{template}")
    if Path(template).is_dir():
        return FileSystemLoader(template)
    raise UsageError(
        "there is no such language or folder of templates",
        where=f"--template {template}",
        remedy=f"Name one of {', '.join(LANGUAGES)}, or a folder with words.jinja.",
    )


@cache
def _shipped(folder: str) -> BaseLoader:
    return PackageLoader("rokt_export.reports", f"assets/letter{folder}")


@lru_cache(maxsize=8)
def _environment(loader: BaseLoader, autoescape: bool) -> SandboxedEnvironment:
    """Return an environment that keeps what it compiles, as the files of a letter share their words."""
    environment = SandboxedEnvironment(
        loader=ChoiceLoader([loader, _shipped(""), _shipped("/en")]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=autoescape,
    )
    environment.filters["fill"] = _fill
    environment.filters["spaced"] = _spaced
    return environment


def _spaced(text: str) -> str:
    """Return a text of several sentences, of which some are not there, on one line; markup stays markup."""
    return type(text)(" ".join(text.split()))


def _fill(text: str, indent: int = 0, first: str = "") -> str:
    """Return text in lines of at most 72 characters, the second and later ones indented."""
    blank = " " * indent
    return textwrap.fill(
        " ".join(text.split()), _LINE, initial_indent=first or blank, subsequent_indent=blank,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
