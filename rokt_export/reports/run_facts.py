"""What every report says of a run as a whole: its title, its facts, its endpoint, and whom to look up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePath
from typing import assert_never

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import RunState
from rokt_export.reports.http_text import split_url
from rokt_export.reports.run_report import RunReport, moment

_MOST_NAMED = 3
"""Deliveries named in a sentence."""
_STATES = {
    RunState.RUNNING: ", still running",
    RunState.FINISHED: "",
    RunState.INTERRUPTED: ", interrupted",
    RunState.CRASHED: ", crashed",
}


def title(run_report: RunReport) -> str:
    """Return what a run is called, such as `Acme Insurance, staging: 8 test deliveries, 1 invalid, interrupted`."""
    run = run_report.run
    deliveries = f"{run.sent:,} {'test ' if is_test(run_report) else ''}{'delivery' if run.sent == 1 else 'deliveries'}"
    invalid = f", {number:,} invalid" if (number := run.counts.get(OutcomeKind.INVALID)) else ""
    in_flight = f", {run.in_flight:,} in flight" if run.in_flight else ""
    return f"{run_report.partner}, {run.target}: {deliveries}{invalid}{in_flight}{_STATES[run.state]}"


def is_test(run_report: RunReport) -> bool:
    """Return whether all rows of a run are test data; the command decides for a run without rows."""
    figures = run_report.figures
    return figures.invented == figures.rows and (figures.rows > 0 or run_report.run.command != "replay")


def sent_when(run_report: RunReport) -> str | None:
    """Return when a run sent its first and its last row; None where no moment is known."""
    first, last = run_report.figures.first_sent, run_report.figures.last_sent
    if first is None:
        return None
    when = moment(first) if first == last else f"{moment(first)} to {moment(last)}"
    lost = run_report.without_response
    return f"{when}, or later: of {lost:,} row{'' if lost == 1 else 's'} no response was recorded" if lost else when


def lookups(run_report: RunReport) -> list[str]:
    """Return what the tech contact should look for: a heading and lines; nothing where nothing may have arrived yet."""
    sought = {one: name for one in OutcomeKind if run_report.counts.get(one) and (name := _to_look_up(one))}
    if not sought or run_report.run.purged or run_report.run.state is RunState.RUNNING:
        return []
    contact = run_report.spec.contact if run_report.spec is not None else None
    who = contact.name if contact else f"the tech contact of {run_report.partner}"
    lines = [
        f"A sandbox answered: nothing reached the partner. After a real run, {who} would be asked to look up:"
        if run_report.run.sandbox
        else f"Ask {who} to look up in {run_report.run.environment}:",
        *([f"sent {when}"] if (when := sent_when(run_report)) else []),
    ]
    for outcome, name in sought.items():
        some = list(islice(run_report.deliveries([outcome]), _MOST_NAMED))
        lines.append(f"{name}: {_named(run_report, some, run_report.counts[outcome])}")
    return lines


def _to_look_up(outcome: OutcomeKind) -> str | None:
    """Return what rows are called that the tech contact looks up; None where there is nothing to look for."""
    match outcome:
        case OutcomeKind.DELIVERED | OutcomeKind.DUPLICATE:
            return str(outcome)
        case OutcomeKind.UNKNOWN:
            return "unknown, did they arrive"
        case OutcomeKind.REJECTED | OutcomeKind.FAILED | OutcomeKind.UNCLASSIFIED | OutcomeKind.INVALID:
            return None
        case _:
            assert_never(outcome)


def _named(run_report: RunReport, some: Sequence[Delivery], number: int) -> str:
    """Name deliveries by what the partner received or answered: it never got our ids."""
    from rokt_export.reports.person_lookup import Identities  # loads what reads requests back

    identities = Identities(run_report)
    found = (_known_as(one, identities.of(one, run_report.recording(one.row))) for one in some)
    named = [name for name in found if name]
    others = number - len(named)
    return ", ".join(
        [
            *named,
            *(
                [f"{'and ' if named else ''}{others:,} {'more' if named else 'row' if others == 1 else 'rows'}"]
                if others
                else []
            ),
        ]
    )


def _known_as(one: Delivery, received: Mapping[str, str]) -> str:
    reference = f"reference {one.reference}" if one.reference else ""
    if received:
        value = next(iter(received.values()))
        return f"{value} ({reference})" if reference else value
    return reference or (f"the one sent at {moment(one.started)[11:]}" if one.started else "")


def run_facts(run_report: RunReport) -> Iterator[tuple[str, str]]:
    """Yield name and value of what identifies a run and what it sent; of files the names, for partners read it."""
    run, figures = run_report.run, run_report.figures
    yield "Run", f"{run.run} ({run.name})" if run.name else run.run
    yield "State", run_report.unfinished or str(run.state)
    yield "Environment", run.target
    if (endpoint := endpoint_of(run_report)) is not None:
        yield "Endpoint", endpoint
    if figures.first_sent is not None:
        yield "First sent", moment(figures.first_sent)
        yield "Last sent", moment(figures.last_sent) + (", or later" if run_report.without_response else "")
    yield "Rows", f"{run_report.rows:,}"
    lost = run_report.without_response
    perhaps = f", and perhaps {lost:,} whose response was not recorded" if lost else ""
    yield "Requests sent", f"{figures.attempts:,}{perhaps}"
    if figures.rows:
        yield "People", _people(run_report)
    yield "Spec", f"{PurePath(run.spec_file).name}, SHA-256 {run.spec_sha256}"
    if run.events:
        yield "Transactions", ", ".join(PurePath(each).name for each in run.events)
    for note in run_report.notes:
        yield "Note", note


def endpoint_of(run_report: RunReport) -> str | None:
    """Return method and address, without the query, as first sent; None where no request was recorded."""
    recording = next((one for _, one in run_report.recordings() if one.method is not None), None)
    if recording is None:
        return None
    url = str(recording.url)
    host, target = split_url(url)
    return f"{recording.method} {url.partition('://')[0]}://{host}{target.partition('?')[0]}"


def _people(run_report: RunReport) -> str:
    invented, rows = run_report.figures.invented, run_report.figures.rows
    if invented == rows:
        return "test data"
    real = "real; their data is shown as tokens, the same token for the same value"
    return real if not invented else f"{invented:,} test data, {rows - invented:,} {real}"
