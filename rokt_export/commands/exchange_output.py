"""Chooses rows of a run, and prints their exchanges: as text, curl commands, JSON, or an HTTP archive."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, assert_never

from msgspec import Struct

from rokt_export.commands.options import Output
from rokt_export.commands.run_output import exchanges_of, outcomes_named
from rokt_export.commands.terminal import Terminal, number_of
from rokt_export.errors import ExitStatus, UsageError, did_you_mean

if TYPE_CHECKING:
    from rokt_export.exchange.delivery import Delivery
    from rokt_export.journal.recording import Recording
    from rokt_export.reports.run_report import RunReport
    from rokt_export.spec_language.fields import StatusRanges

MOST_ROWS = 100
"""Rows whose exchanges are shown at once: more is a report's business."""
_MOST_DIGITS = 15
_FEW = 3
"""Rows that are shown of those that a filter finds, without `--all`."""


class ExchangeForm(StrEnum):
    """How an exchange is shown."""

    HTTP = "http"
    CURL = "curl"
    JSON = "json"
    HAR = "har"


class RowQuery(Struct, frozen=True):
    """Which rows of a run are asked for; each that is given must hold.

    Attributes:
        rows: `4,7-9`.
        outcomes: `rejected,failed`.
        status: `422`, `4xx`, `200-299`, or several of them with commas.
        reason: a part of the reason in either letter case; `…` stands for any text, as in the table of reasons.
    """

    rows: str | None = None
    outcomes: str | None = None
    status: str | None = None
    rule: str | None = None
    reason: str | None = None

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return self != RowQuery()

    def find(self, run_report: RunReport) -> Iterator[Delivery]:
        """Yield the rows, in order.

        Raises:
            UsageError: a row or a rule is not in the run, or an outcome or status is none.
        """
        self._check_rule(run_report)
        statuses = None if self.status is None else _statuses(self.status)
        outcomes = None if self.outcomes is None else outcomes_named(self.outcomes, where="--outcome")
        if self.rows is not None:
            found = exchanges_of(run_report, row_numbers(self.rows))
            chosen: Iterator[Delivery] = (one for one, _ in found.values() if not outcomes or one.outcome in outcomes)
        else:
            chosen = run_report.deliveries(outcomes)
        return (one for one in chosen if self._holds(one, statuses))

    def _check_rule(self, run_report: RunReport) -> None:
        """Check that a rule of that name is in the spec of the run, or decided one of its rows."""
        if self.rule is None or (run_report.spec is not None and self.rule in run_report.spec.rule_names):
            return
        known = dict.fromkeys(
            (*(run_report.spec.rule_names if run_report.spec is not None else ()), *run_report.figures.rules)
        )
        if self.rule not in known:
            near = did_you_mean(self.rule, known)
            remedy = f"{f'{near} ' if near else ''}Rules: {', '.join(known) or 'none'}."
            raise UsageError(f"run {run_report.run.run} has no rule `{self.rule}`", where="--rule", remedy=remedy)

    def _holds(self, one: Delivery, statuses: StatusRanges | None) -> bool:
        from rokt_export.reports.reasons import why

        if statuses is not None and not any(low <= (one.status or 0) <= high for low, high in statuses):
            return False
        if self.rule is not None and one.rule != self.rule:
            return False
        if self.reason is None:
            return True
        parts = map(re.escape, " ".join(self.reason.split()).split("…"))
        text = " ".join((why(one.reason, one.error) or "").split())
        return re.search(".*".join(parts), text, re.IGNORECASE) is not None


def _statuses(text: str) -> StatusRanges:
    from rokt_export.spec_language.fields import status_ranges

    try:
        return status_ranges(text.split(","))
    except ValueError as error:
        raise UsageError(
            f"`{text}` is no status", where="--status", remedy="Write 422, 4xx, 200-299, or several: 4xx,503."
        ) from error


def row_numbers(text: str) -> list[int]:
    """Return the rows that `4,7-9` names, in order.

    Raises:
        UsageError: it names none, or too many.
    """
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if max(len(first), len(last)) > _MOST_DIGITS:
            raise UsageError(f"a row has at most {_MOST_DIGITS} digits", where="--row", remedy="Write smaller numbers.")
        if not first.isdecimal() or (dash and not last.isdecimal()) or int(first) < 1:
            raise UsageError(f"`{part.strip()}` is not a row", where="--row", remedy="Write numbers and ranges: 4,7-9.")
        if int(last or first) < int(first):
            raise UsageError(f"`{part.strip()}` ends before it begins", where="--row", remedy=f"Write {last}-{first}.")
        if int(last or first) - int(first) >= MOST_ROWS:
            raise UsageError(
                f"more than {MOST_ROWS} rows", where="--row", remedy="Ask for fewer, or write a report: `report RUN`."
            )
        found.update(range(int(first), int(last or first) + 1))
    return sorted(found)


def show_rows(
    run_report: RunReport,
    query: RowQuery,
    terminal: Terminal,
    output: Output,
    form: ExchangeForm,
    *,
    everything: bool,
    raw: bool,
) -> int:
    """Print the rows that are asked for: as data, or their exchanges.

    Raises:
        UsageError: a row is not in the run.
    """
    found = query.find(run_report)
    if output is not Output.TABLE:
        return _data(terminal, found, output)
    most = MOST_ROWS if everything or query.rows is not None or form is not ExchangeForm.HTTP else _FEW
    shown = list(islice(found, most))
    more = sum(1 for _ in found)
    if not shown:
        terminal.say(f"no row of run {run_report.run.run} is like that")
        return ExitStatus.FINDINGS
    print_exchanges(run_report, shown, terminal, form, raw=raw)
    if more:
        rows = number_of(len(shown), "row", "rows")
        terminal.say(f"{rows} of {len(shown) + more:,} shown; --all shows {min(MOST_ROWS, len(shown) + more)}")
    return ExitStatus.OK


def _data(terminal: Terminal, found: Iterator[Delivery], output: Output) -> int:
    from rokt_export.reports.rows import COLUMNS

    rows = (one.as_json() for one in found)
    match output:
        case Output.JSON:
            terminal.json(list(rows))
        case Output.NDJSON:
            terminal.ndjson(rows)
        case Output.CSV:
            terminal.csv(rows, COLUMNS)
        case Output.TABLE:
            raise AssertionError("a table shows exchanges")
        case _:
            assert_never(output)
    return ExitStatus.OK


def print_exchanges(
    run_report: RunReport,
    shown: Sequence[Delivery],
    terminal: Terminal,
    form: ExchangeForm = ExchangeForm.HTTP,
    *,
    raw: bool = False,
) -> None:
    """Print what was sent for rows, and what came back."""
    rows = [one.row for one in shown]
    recordings = {row: recording for row, (_, recording) in run_report.exchanges(rows).items()}
    match form:
        case ExchangeForm.HTTP:
            _text(run_report, shown, recordings, terminal, raw=raw)
        case ExchangeForm.CURL:
            _curl(run_report, shown, recordings, terminal)
        case ExchangeForm.JSON:
            terminal.json([_as_json(run_report, one, recordings.get(one.row)) for one in shown])
        case ExchangeForm.HAR:
            from rokt_export.reports.har import write

            write(run_report, sys.stdout, rows)
        case _:
            assert_never(form)


def _text(
    run_report: RunReport,
    shown: Sequence[Delivery],
    recordings: dict[int, Recording | None],
    terminal: Terminal,
    *,
    raw: bool,
) -> None:
    from rokt_export.reports.exchange_view import exchange

    earlier = run_report.earlier_outcomes([one.row for one in shown])
    for one in shown:
        recording = recordings.get(one.row)
        found = None if recording is None else run_report.explain(recording)
        missing = "" if recording is not None else run_report.why_not_recorded(one)
        exchange(
            terminal.out,
            one,
            recording,
            found,
            earlier.get(one.row, ()),
            run_report.testimony_on(one.row),
            missing=missing,
            raw=raw,
        )


def _curl(
    run_report: RunReport, shown: Sequence[Delivery], recordings: dict[int, Recording | None], terminal: Terminal
) -> None:
    from rokt_export.reports.curl import curl_command

    for place, one in enumerate(shown):
        recording = recordings.get(one.row)
        if recording is None or recording.method is None:
            why = "no request was made" if recording is not None else run_report.why_not_recorded(one)
            terminal.warn(f"row {one.row} has no request: {why}")
            continue
        terminal.write(f"{'' if place == 0 else chr(10)}# row {one.row}\n{curl_command(recording)}")


def _as_json(run_report: RunReport, one: Delivery, recording: Recording | None) -> dict[str, Any]:
    from rokt_export.reports.http_text import body_value

    data: dict[str, Any] = {**one.as_json(), "request": None, "response": None}
    if said := run_report.testimony_on(one.row):
        data["notes"] = said
    if recording is None:
        return data
    if recording.method is not None:
        data["request"] = {
            "method": recording.method,
            "url": str(recording.url),
            "headers": [[name, str(value)] for name, value in recording.request_headers],
            "body": body_value(recording.request_body),
        }
    if recording.status is not None:
        data["response"] = {
            "status": recording.status,
            "http_version": recording.http_version,
            "headers": [list(pair) for pair in recording.response_headers],
            "body": body_value(recording.response_body),
        }
    ends = recording.timings
    phases = {
        "dns": ends.dns,
        "connect": ends.connect,
        "tls": ends.tls,
        "first_byte": ends.first_byte,
        "end": ends.total,
    }
    data["timings_ms"] = {name: round(seconds * 1000, 3) for name, seconds in phases.items()}
    found = run_report.explain(recording)
    data["rules"] = None if found is None else [trace.as_json() for trace in found.rules]
    return data
