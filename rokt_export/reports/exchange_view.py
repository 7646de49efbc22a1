"""Turn one row's exchange into text for a terminal: request, response, timings, and how each rule met it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import Timings
from rokt_export.reports.console import explanation, milliseconds, note, outcome_text, plain
from rokt_export.reports.http_text import request_text, response_text
from rokt_export.reports.message_view import message
from rokt_export.reports.run_report import moment

if TYPE_CHECKING:
    from rokt_export.journal import EarlierOutcome
    from rokt_export.journal.recording import Recording
    from rokt_export.response.explain import Explanation


def exchange(
    console: Console,
    one: Delivery,
    recording: Recording | None,
    found: Explanation | None,
    earlier: Iterable[EarlierOutcome] = (),
    notes: Iterable[str] = (),
    *,
    missing: str = "",
    raw: bool = False,
) -> None:
    """Print what was sent for a row, what came back, when, and how each rule met it.

    Args:
        console: where to.
        one: the row.
        recording: request and response; None where they were not kept.
        found: how the rules met the response; None where none came, or the rules are not known.
        earlier: what the row was before each revision, oldest first.
        notes: what the partner's document says against request and response.
        missing: why there is no recording, in a clause.
        raw: bodies as they were on the wire, not laid out.
    """
    head = Text.assemble((f"row {one.row}", "bold"), "  ").append_text(plain(one.transaction))
    head.append("  ").append_text(outcome_text(console, str(one.outcome))).append(one.confirmation_text)
    if one.reason and found is None:
        head.append("  ").append_text(plain(one.reason))
    console.print(head, soft_wrap=True)
    for each in earlier:
        was = Text("  was ", style="dim").append_text(outcome_text(console, str(each.outcome)))
        console.print(was.append("  ").append_text(plain(each.reason)), soft_wrap=True)
    if recording is None:
        console.print(f"  no request and response: {missing}\n", style="dim", highlight=False)
        return
    for text in (request_text(recording), response_text(recording)):
        if text:
            console.print()
            console.print(message(text, raw=raw), soft_wrap=True)
    for left_out in filter(None, (recording.personal, recording.sharing)):
        console.print(f"  {left_out}", style="dim", highlight=False)
    if times := timing_line(one, recording.timings):
        console.print()
        console.print(Text(times, style="dim"), soft_wrap=True)
    if found is not None:
        explanation(console, found)
    for text in notes:
        note(console, text)
    console.print()


def timing_line(one: Delivery, ends: Timings) -> str:
    """Return attempts, moment and phases as `1 attempt, sent 2026-…: connected 3 ms, first byte 40 ms, end 45 ms`."""
    if not one.attempts:
        return ""
    phases = (("name", ends.dns), ("connected", ends.connect), ("TLS", ends.tls), ("first byte", ends.first_byte))
    parts = [f"{name} {milliseconds(seconds * 1000)} ms" for name, seconds in phases if seconds]
    parts.append(f"end {milliseconds(ends.total * 1000)} ms")
    attempts = f"{one.attempts} attempt{'' if one.attempts == 1 else 's'}"
    first = "" if one.attempts == 1 else "first "
    return f"{attempts}, {first}sent {moment(one.started)}: {', '.join(parts)}"
