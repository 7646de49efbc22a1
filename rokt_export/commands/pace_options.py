"""How fast a replay sends and when it stops: the spec's limits, the flags, and the caution of a guarded environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rokt_export.commands.interlock import IN_A_ROW
from rokt_export.errors import UsageError

if TYPE_CHECKING:
    from rokt_export.commands.replay_flags import ReplayFlags
    from rokt_export.commands.terminal import Terminal
    from rokt_export.delivery.plan import FileRows, Pace
    from rokt_export.delivery.stop_rules import StopRules
    from rokt_export.exchange.model import OutcomeKind
    from rokt_export.partner_spec.model import Limits


def pace_of(limits: Limits, flags: ReplayFlags, expected: OutcomeKind, *, guarded: bool, in_sandbox: bool) -> Pace:
    """Return how fast to send and when to stop; a guarded environment gets one send at a time by default.

    Args:
        in_sandbox: whether a sandbox takes the partner's place.

    Raises:
        UsageError: a flag makes no sense, or goes beyond the spec without leave to.
    """
    from rokt_export.delivery.plan import Pace
    from rokt_export.spec_language.fields import rate as parse_rate

    if in_sandbox:
        limits = limits.model_copy(update={"rate": ()})  # it is what the partner bears; a sandbox is not the partner
    pace = replace(Pace.of(limits), stop=_stop_rules(flags, expected, guarded=guarded))
    concurrency = flags.concurrency
    try:
        rate = parse_rate(flags.rate) if flags.rate is not None else None
    except ValueError as error:
        raise UsageError(str(error), where="--rate", remedy="Write a rate as 10/s or 600/m.") from error
    pace = replace(pace, patience=patience_of(flags.patience))
    if guarded:
        pace = replace(pace, concurrency=1)
    if rate is not None:
        if pace.rate is not None and rate.per_second > pace.rate and not flags.override_limits:
            raise _beyond("--rate", pace.rate_text)
        windows = () if flags.override_limits else pace.windows
        pace = replace(pace, rate=rate.per_second, written=rate, windows=windows)
    if concurrency is not None:
        if concurrency > limits.concurrency and not flags.override_limits:
            raise _beyond("--concurrency", str(limits.concurrency))
        pace = replace(pace, concurrency=concurrency)
    return pace


def patience_of(text: str) -> float:
    """Return `--patience` in seconds.

    Raises:
        UsageError: it is no duration.
    """
    from rokt_export.spec_language.fields import duration

    try:
        return 0.0 if text.strip() in ("0", "0s") else duration(text)
    except ValueError as error:
        raise UsageError(str(error), where="--patience", remedy="Write a duration as 500ms or 10s.") from error


def _beyond(flag: str, limit: str) -> UsageError:
    return UsageError(
        f"the spec's limit is {limit}",
        where=flag,
        remedy="Lower it, or add --override-limits if the partner has agreed.",
    )


def _stop_rules(flags: ReplayFlags, expected: OutcomeKind, *, guarded: bool) -> StopRules:
    """When to stop early: as flags say; else, where guarded, at the first unclassified and at three in a row."""
    from rokt_export.delivery.stop_rules import StopRules
    from rokt_export.exchange.model import OutcomeKind

    after, in_a_row, unclassified = flags.stop_after, flags.stop_in_a_row, flags.stop_unclassified
    given = after is not None or in_a_row is not None
    if guarded and not given:
        in_a_row = IN_A_ROW
    if unclassified is None:
        unclassified = guarded
    good = {expected, OutcomeKind.DELIVERED} | (set() if guarded and not given else {OutcomeKind.DUPLICATE})
    return StopRules(after, in_a_row, unclassified, frozenset(good), setup=not flags.no_first_row_check)


def workers_of(terminal: Terminal, wanted: int, pace: Pace, rows: FileRows) -> int:
    """Return how many processes share the work: no more than may send at once, one for rows that come as they like."""
    from rokt_export.delivery.input_feed import is_live

    most = 1 if is_live(rows) else int(min([pace.concurrency, *(each.sends for each in pace.windows)]))
    if wanted > most:
        why = "rows are read as they arrive" if is_live(rows) else f"{most} may be sent at once"
        terminal.say(f"{most} worker{'' if most == 1 else 's'} instead of {wanted}: {why}", style="yellow")
    return min(wanted, most)
