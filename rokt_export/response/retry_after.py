"""Turn a rule's `after` and the partner's header into seconds to wait before another attempt."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

from rokt_export.response.body_reader import ResponseReader, header_values
from rokt_export.spec_language.rules import After

LONGEST_WAIT = 86_400.0
"""Seconds: a partner that asks for more than a day is waited for a day; a run is resumed, not asleep."""

Wait = Callable[[ResponseReader, float | None], float | None]
Unit = Literal["s", "ms", "epoch"]

_NUMBER = re.compile(r"(-?\d{1,15}(?:\.\d{1,9})?)(?:\s*(?:m?s|sec|seconds?))?", re.ASCII | re.IGNORECASE)
"""A number, which some vendors follow with its unit in words (`592 seconds`)."""


def compile_after(after: After) -> Wait:
    """Return what gives the seconds to wait, from a reader and the moment of receipt (UTC seconds, None for now).

    The header's first value that can be read counts, else the fixed `seconds`, else None: nothing is asked.
    """
    find = header_values(after.header) if after.header is not None else None

    def wait(reader: ResponseReader, received: float | None) -> float | None:
        for value in (find(reader) if find else None) or ():
            seconds = retry_after(value, after.unit, received)
            if seconds is not None:
                return seconds
        return None if after.seconds is None else _bounded(after.seconds)

    return wait


def retry_after(value: str, unit: Unit = "s", received: float | None = None) -> float | None:
    """Return the seconds that a header's value asks to wait, between 0 and LONGEST_WAIT; None if it says nothing.

    A number counts in its unit; anything else may be an HTTP date (RFC 9110, 10.2.3), whatever the unit.

    Args:
        value: the header's value.
        unit: `s`, `ms`, or `epoch` for a moment in seconds since 1970.
        received: UTC seconds since 1970 when the answer came; now, if None.
    """
    text = value.strip()
    match = _NUMBER.fullmatch(text)
    if match is None:
        moment = _http_date(text)
        return None if moment is None else _bounded(moment - _now(received))
    number = float(match[1])
    match unit:
        case "s":
            return _bounded(number)
        case "ms":
            return _bounded(number / 1000)
        case "epoch":
            return _bounded(number - _now(received))


def _now(received: float | None) -> float:
    return time.time() if received is None else received


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()  # HTTP dates are UTC
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
