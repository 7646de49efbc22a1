"""How fast a replay sends and when it stops: the spec's limits, the flags, and the caution of a guarded environment."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from rokt_export.commands.interlock import IN_A_ROW
from rokt_export.errors import UsageError
from rokt_export.redaction.display_text import cut

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
            raise _beyond("--rate", f"the spec's limit is {pace.rate_text}")
        windows = () if flags.override_limits else pace.windows
        pace = replace(pace, rate=rate.per_second, written=rate, windows=windows)
    if concurrency is not None:
        if concurrency > limits.concurrency and not flags.override_limits:
            stated = "concurrency" in limits.model_fields_set
            limit = (
                "the spec's limit is"
                if stated
                else "the spec states no `limits: {concurrency: …}`, and the default limit is"
            )
            raise _beyond("--concurrency", f"{limit} {limits.concurrency}")
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
        limit,
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


_MOST_WORKERS = 64
_MOST_DIGITS = 15
_BYTES_OF_A_WORKER = 1 << 20
"""Input that another process is worth starting for: some 10,000 rows, a third of a second of a core."""
_RATE_OF_A_WORKER = 5_000.0
"""Rows a second that one process surely sends (docs/benchmarks.md: 30,000 and more of a fast partner)."""


def workers_of(terminal: Terminal, wanted: str, pace: Pace, rows: FileRows) -> int:
    """Return how many processes share the work: no more than may send at once, one for rows that come as they like.

    Args:
        wanted: a number, or `auto` for as many as there are cores, or fewer where the input or the rate is small.

    Raises:
        UsageError: it is neither.
    """
    from rokt_export.delivery.input_feed import is_live

    live = is_live(rows)
    most = 1 if live else int(min([pace.concurrency, *(each.sends for each in pace.windows)]))
    why = "rows are read as they arrive" if live else f"{most} may be sent at once"
    if wanted == "auto":
        limits = _limits_of_auto(pace, rows, live=live)
        most, why = min([*limits, (most, why)], key=lambda limit: limit[0])
        terminal.say(f"{_counted(most)}: {why}")
        return most
    number = int(wanted[:_MOST_DIGITS]) if wanted.isascii() and wanted.isdigit() else 0
    if not 1 <= number <= _MOST_WORKERS:
        raise UsageError(
            f"`{cut(wanted, _MOST_DIGITS)}` is not a number of processes",
            where="--workers",
            remedy="Write 1 to 64, or auto.",
        )
    if number > most:
        terminal.say(f"{_counted(most)} instead of {number}: {why}", style="yellow")
    return min(number, most)


def _counted(workers: int) -> str:
    return f"{workers} worker{'' if workers == 1 else 's'}"


def _limits_of_auto(pace: Pace, rows: FileRows, *, live: bool) -> list[tuple[int, str]]:
    """Return how many processes are of use, and why no more: by cores, rate and size of the input."""
    from rokt_export.delivery.cores import usable_cores
    from rokt_export.transactions.files import FileStamp, expand

    cores = min(usable_cores(), _MOST_WORKERS)
    limits = [(cores, "one for each core that may be used" if cores > 1 else "one core may be used")]
    rates = [each.per_second for each in pace.windows] + ([] if pace.rate is None else [pace.rate])
    if rates:
        limits.append((ceil(min(rates) / _RATE_OF_A_WORKER), f"the rate is {pace.rate_text}"))
    if not live:
        size = 0
        for path in expand(rows.paths):
            size += stamp.size if (stamp := FileStamp.of(path)) is not None else 0
            if size >= cores * _BYTES_OF_A_WORKER:  # each file of a storage is asked for over the network
                break
        limits.append((max(1, size // _BYTES_OF_A_WORKER), "the input is small"))
    return limits
