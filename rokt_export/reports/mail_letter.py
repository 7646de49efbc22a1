"""What the mail to a partner's tech contact says: its facts, as data, and the templates that put them into words.

The mail speaks of what the partner received and answered: no row that was never sent, no rule, no id of ours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.recording import Recording
from rokt_export.redaction.display_text import one_line
from rokt_export.reports.contact_letter import endpoint_of
from rokt_export.reports.person_lookup import Identities
from rokt_export.reports.run_report import Story

LANGUAGES = ("en", "de")
"""Languages that the package has words for, as samples for a house's own."""
MOST_RECORDS = 5
"""Records listed of each outcome; the attached table has all."""
_NAMED = 3
"""Records named in a question."""
_LINE = 72
_ASKED = (
    OutcomeKind.UNCLASSIFIED,
    OutcomeKind.UNKNOWN,
    OutcomeKind.DELIVERED,
    OutcomeKind.DUPLICATE,
    OutcomeKind.REJECTED,
    OutcomeKind.FAILED,
)
"""Outcomes of rows that were sent, in the order of the questions: first what only the partner can tell."""


@dataclass(frozen=True, slots=True)
class Record:
    """One delivery as the partner knows it.

    Attributes:
        who: the partner's name of a parameter to the value that it received; empty for a real person.
        time: UTC, to the second.
        status: of its response; None where none came.
        reference: the partner's own.
        outcome: what we read into the response.
        provisional: the partner decides later.
        reason: the partner's words, where they say why.
    """

    who: Mapping[str, str]
    time: str
    status: int | None
    reference: str
    outcome: str
    provisional: bool
    reason: str

    @property
    def name(self) -> str:
        """What identifies it: the first value that the partner received, else its reference, else the time."""
        return next(iter(self.who.values()), self.reference or f"{self.time} UTC")


@dataclass(frozen=True, slots=True)
class Question:
    """One question; the templates have its words.

    Attributes:
        kind: an outcome, or `provisional`, `values`, `trigger` or `nothing`.
        rows: how many deliveries it is about.
        named: some of them.
        kinds: for `trigger`, outcomes that no response had.
    """

    kind: str
    rows: int = 0
    named: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


class MailLetter:
    """The mail of a run.

    Args:
        story: the run.
        template: a language of `LANGUAGES`, or a folder with `words.jinja`, `mail.txt` or `mail.html`; what it lacks
            is taken from the English ones.

    Raises:
        UsageError: there is no such language or folder.
    """

    def __init__(self, story: Story, template: str = "en") -> None:
        self._story = story
        self._template = template
        self._texts = _environment(template, escape=False)
        self._pages = _environment(template, escape=True)
        self._facts = self._gathered()

    def subject(self) -> str:
        """Return the subject."""
        return one_line(self._rendered(self._texts, "{% import 'words.jinja' as words %}{{ words.subject(mail) }}"))

    def text(self) -> str:
        """Return the plain text."""
        return self._rendered(self._texts, "{% include 'mail.txt' %}").strip() + "\n"

    def html(self) -> str:
        """Return the HTML."""
        return self._rendered(self._pages, "{% include 'mail.html' %}")

    def _rendered(self, environment: SandboxedEnvironment, source: str) -> str:
        try:
            return environment.from_string(source).render(mail=self._facts)
        except TemplateError as error:
            place = getattr(error, "filename", None) or getattr(error, "name", None) or self._template
            line = f":{lineno}" if (lineno := getattr(error, "lineno", None)) else ""
            message = f"the template fails: {error.message or type(error).__name__}"
            raise UsageError(message, where=f"{place}{line}", remedy="Fix it; nothing was written.") from error
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            message = f"the template fails: {type(error).__name__}: {error}"
            raise UsageError(message, where=self._template, remedy="Fix it; nothing was written.") from error

    def _gathered(self) -> dict[str, Any]:
        story, run = self._story, self._story.run
        sent = {kind: story.counts[kind] for kind in _ASKED if story.counts.get(kind)}
        first = story.figures.first_sent
        when = datetime.fromtimestamp(first, UTC) if first else run.started
        records = [] if run.purged else list(self._records(sent))
        return {
            "contact": one_line(story.spec.contact.name) if story.spec is not None and story.spec.contact else "",
            "partner": one_line(story.partner),
            "environment": run.environment,
            "endpoint": endpoint_of(story) or "",
            "date": when.date(),
            "rows": sum(sent.values()),
            "test": run.command != "replay" or bool(story.figures.invented),
            "real": bool(sum(sent.values())) and not story.figures.invented,
            "sandbox": run.sandbox,
            "purged": run.purged,
            "questions": self._questions(sent, records),
            "records": records,
        }

    def _records(self, sent: Mapping[OutcomeKind, int]) -> Iterator[Record]:
        identities = Identities(self._story)
        for kind in sent:
            some = islice(self._story.deliveries([kind]), MOST_RECORDS)
            yield from [record_of(one, self._story.recording(one.row), identities) for one in some]

    def _questions(self, sent: Mapping[OutcomeKind, int], records: list[Record]) -> list[Question]:
        story = self._story
        if story.run.purged or story.run.sandbox:
            return []
        if not sent:
            return [Question("nothing")]
        asked = []
        for kind, rows in sent.items():
            of_kind = [one for one in records if one.outcome == kind and not one.provisional]
            if awaited := story.run.confirmations.get("awaited", 0) if kind is OutcomeKind.DELIVERED else 0:
                rows -= awaited
                asked.append(Question("provisional", awaited, _names(one for one in records if one.provisional)))
            if rows > 0:
                asked.append(Question(str(kind), rows, _names(of_kind)))
        if sent.get(OutcomeKind.DELIVERED):
            asked.append(Question("values"))
        if unseen := self._unseen():
            asked.append(Question("trigger", kinds=unseen))
        return asked

    def _unseen(self) -> tuple[str, ...]:
        """Return outcomes that the spec describes and no response had."""
        spec, counts = self._story.spec, self._story.counts
        described = {str(rule.outcome) for rule in spec.responses} if spec is not None else set()
        return tuple(str(kind) for kind in OutcomeKind if kind in described and not counts.get(kind))


def record_of(one: Delivery, recording: Recording | None, identities: Identities) -> Record:
    """Return a delivery as the partner knows it."""
    time = f"{datetime.fromtimestamp(one.started, UTC):%H:%M:%S}" if one.started else ""
    theirs = one.status is not None and one.outcome is not OutcomeKind.UNCLASSIFIED  # else the words are ours
    words = one_line(one.reason) if one.reason and theirs else ""
    who = {name: one_line(value) for name, value in identities.of(recording).items()}
    return Record(who, time, one.status, one_line(one.reference or ""), str(one.outcome), one.provisional, words)


def _names(records: Iterator[Record] | list[Record]) -> tuple[str, ...]:
    return tuple(one.name for one in islice(records, _NAMED))


def _environment(template: str, *, escape: bool) -> SandboxedEnvironment:
    shipped = [PackageLoader("rokt_export.reports", f"assets/mail{each}") for each in ("", "/en")]
    loaders: list[BaseLoader] = [*shipped]
    if template in LANGUAGES:
        loaders.insert(0, PackageLoader("rokt_export.reports", f"assets/mail/{template}"))
    elif Path(template).is_dir():
        loaders.insert(0, FileSystemLoader(template))
    else:
        raise UsageError(
            "there is no such language or folder of templates",
            where=f"--template {template}",
            remedy=f"Name one of {', '.join(LANGUAGES)}, or a folder with words.jinja.",
        )
    environment = SandboxedEnvironment(
        loader=ChoiceLoader(loaders), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=escape
    )
    environment.filters["fill"] = _fill
    return environment


def _fill(text: str, indent: int = 0, first: str = "") -> str:
    """Return text in lines of at most 72 characters, the second and later ones indented."""
    blank = " " * indent
    return textwrap.fill(
        " ".join(text.split()), _LINE, initial_indent=first or blank, subsequent_indent=blank,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
