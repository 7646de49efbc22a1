"""When a replay ends at the latest: `--until` names a time, `--max-duration` a span."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from msgspec import Struct

from rokt_export.commands.terminal import Terminal
from rokt_export.errors import UsageError

Until = Annotated[
    str | None,
    typer.Option(
        "--until", metavar="TIME", show_default=False,
        help='Stop at this time: 06:00, "06:00 Europe/Berlin", 2026-01-31T06:00Z.',
    ),
]  # fmt: skip
MaxDuration = Annotated[
    str | None,
    typer.Option("--max-duration", metavar="DURATION", help="Stop after this time: 90m, 2h.", show_default=False),
]
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_REMEDY = 'Write 06:00 (local time), "06:00 Europe/Berlin", 06:00Z, or 2026-01-31T06:00+01:00.'


class Deadline(Struct, frozen=True):
    """When a run stops.

    Attributes:
        until: that moment, in the zone that is named; decided when the command starts, for while it asks for a
            confirmation a time of day may pass.
        span: how long it may send.
    """

    until: datetime | None = None
    span: timedelta | None = None

    @classmethod
    def of(cls, until: str | None, max_duration: str | None) -> Deadline:
        """Return what the flags say; a time of day that has passed today means tomorrow's.

        Raises:
            UsageError: a flag names no time or span, or a moment that has passed.
        """
        return cls(
            None if until is None else _moment(until.strip(), datetime.now(UTC)),
            None if max_duration is None else _span(max_duration),
        )

    def begin(self, terminal: Terminal) -> float | None:
        """Return when a run that starts now stops, in UTC seconds since the epoch, and say so; None if at its end.

        Of two moments the earlier one counts.
        """
        now = datetime.now(UTC)
        latest = None if self.span is None else (now + self.span).astimezone()
        end = min(filter(None, (self.until, latest)), default=None)
        if end is None:
            return None
        day = (end.date() - now.astimezone(end.tzinfo).date()).days
        which = {0: "", 1: " tomorrow"}.get(day, f" on {end:%Y-%m-%d}")
        terminal.say(f"stops at {end:%H:%M:%S %Z}{which}, in {_words(max(end - now, timedelta()))}")
        return end.timestamp()


def _moment(text: str, now: datetime) -> datetime:
    """Return the moment that `--until` names, in its own zone."""
    clock = _CLOCK.match(text)
    if clock is None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise _no_time(text) from error
        if "T" not in text and " " not in text:  # a date alone
            raise _no_time(text)
        moment = moment if moment.tzinfo else moment.astimezone()
        if moment <= now:
            raise UsageError(f"{text} has passed", where="--until", remedy="Name a time to come.")
        return moment
    zone = _zone(text[clock.end() :].strip(), text)
    hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
    for days in (0, 1):
        day = (now.astimezone(zone) + timedelta(days=days)).date()
        naive = datetime(day.year, day.month, day.day, hour, minute, second)
        moment = naive.astimezone() if zone is None else naive.replace(tzinfo=zone)
        if moment > now:
            return moment
    raise AssertionError("tomorrow is to come")


def _zone(name: str, text: str) -> tzinfo | None:
    """Return a zone by name or offset; None for the local one."""
    if not name:
        return None
    if name.upper() in ("Z", "UTC"):
        return UTC
    if (offset := _OFFSET.fullmatch(name)) is not None and int(offset[3]) < 60 and int(offset[2]) < 24:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _no_time(text) from error


def _span(text: str) -> timedelta:
    from rokt_export.spec_language.fields import duration

    try:
        return timedelta(seconds=duration(text))
    except ValueError as error:
        raise UsageError(str(error), where="--max-duration", remedy="Write a duration as 90m or 2h.") from error


def _no_time(text: str) -> UsageError:
    return UsageError(f"`{text}` is not a time", where="--until", remedy=_REMEDY)


def _words(left: timedelta) -> str:
    minutes, seconds = divmod(round(left.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
