"""When the next send may start: by limits, by the partner's throttling (429, 503), by retries and outages."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Pace
    from rokt_export.exchange.model import Timings
    from rokt_export.spec_language.fields import Rate

SLOW_DOWN = frozenset({429, 503})
"""RFC 6585 and RFC 9110, 15.6.4: too many requests; unavailable, for now. They change the pace, never an outcome."""

_CATCH_UP = 1.1
"""A send that came late may be made up for, at most at this multiple of the rate: no burst after a pause."""
_SHARED_CATCH_UP = 1.015
"""The same where several processes share a rate: they may all be late at once."""
_NOT_ALLOWED = 0.25
"""Seconds after which to look for an allowance again; a new one is heard of at once."""
_DEBT = 0.25
"""Seconds of lateness that are made up for at all."""
_GRAIN = 0.004
"""Seconds by which sends may come early against the catch-up rate: timers tick in whole milliseconds. In any 100 ms
that is 1.1 x 104/100 = 1.15 of the share."""
_FIRST_TRIAL, _LAST_TRIAL = 0.25, 15.0
"""Seconds until a partner that is down is tried first, and at most between two trials."""
_MOST_FAILURES, _MOST_SILENCES = 3, 10
"""Sends in a row until a partner counts as down: that failed to connect; that were taken and never answered. Of these
more, as one of them may be the fault of its row, and fewer than many, as each leaves a row `unknown`."""
_STEADY = 1.0
"""Seconds between two decreases: responses of one congestion count once. So do their pauses, which end as far apart."""
_ANNOUNCED_AGAIN = 30.0
"""Seconds in which no decrease is announced that goes no deeper than the last: a partner at its limit has one
each second."""
_SAME_AGAIN = 600.0
"""Seconds in which the same words are not told again, though the pace has recovered since."""
_DOWN = 10
"""Throttling responses in a row after which one send at a time tries whether the partner takes any."""
_FIRST_PAUSE, _LAST_PAUSE = 0.1, 15.0
"""Seconds without a send after a throttling response that does not say how long: doubled each time, up to a limit."""
LONGEST_PAUSE = 300.0
"""Seconds without a send, at most: a partner is asked again after that, with one send, however long it wants."""


_MARGIN = 0.02
"""Seconds by which a window is longer for us than for the partner: requests do not all take as long to arrive."""
_GRAINS = 200
"""Parts of a window in which sends are counted together, and forgotten together."""


class Window:
    """Grants so many sends in any span of so many seconds.

    Args:
        rate: sends and seconds.
    """

    def __init__(self, rate: Rate) -> None:
        self._most, self._seconds = int(rate.sends), rate.seconds + _MARGIN
        self._grain = rate.seconds / _GRAINS
        self._parts: deque[tuple[float, float, int]] = deque()
        self._sent = 0

    def free_at(self, now: float) -> float:
        """Return when the next send may start, which may be in the past."""
        parts = self._parts
        while parts and parts[0][1] + self._seconds <= now:
            self._sent -= parts.popleft()[2]
        return now if self._sent < self._most else parts[0][1] + self._seconds

    def started(self, now: float) -> None:
        """Note a send."""
        first, number = now, 1
        if self._parts and now - self._parts[-1][0] < self._grain:
            first, _, before = self._parts.pop()
            number += before
        self._parts.append((first, now, number))
        self._sent += 1

    def arrived(self, sent: float, arrived: float) -> None:
        """Note that a send took a while to arrive, as its connection had to be opened: the partner counts from then."""
        for place in range(len(self._parts) - 1, -1, -1):
            first, last, number = self._parts[place]
            if first <= sent:
                self._parts[place] = first, max(last, arrived), number
                return


class Allowance(NamedTuple):
    """A share of what a partner bears.

    Attributes:
        concurrency: sends in flight at most; may be 0.
        rate: sends per second at most; 0.0 for none, None for no limit.
        until: monotonic seconds at which it ends.
        shared: whether others have shares too, and may be late at the same time.
    """

    concurrency: int
    rate: float | None
    until: float
    shared: bool


class Pacer:
    """Grants sends: so many in flight, so many a second, fewer of both after a 429 or 503 (AIMD).

    A decrease halves both. Each other response adds a little: to what is in flight one for each round of
    answers, to the rate a tenth in an undisturbed second or so. After one there is a pause, as long as the partner
    asks for, or else longer with each in a row. All times are of one monotonic clock, in seconds.

    Args:
        concurrency: sends in flight at most.
        rate: sends per second at most; None = as fast as they are answered.
        windows: further limits, each for any span of its length.

    Attributes:
        sent: sends so far, where a rate is kept.
        slowed: whether it holds back more than the limits ask; an attribute, as it is read for each response.
    """

    def __init__(self, concurrency: int, rate: float | None = None, windows: Sequence[Rate] = ()) -> None:
        self.sent = 0
        self.slowed = False
        self._until = math.inf
        self._catch_up = _CATCH_UP
        self._windows = [Window(each) for each in windows]
        self._most = concurrency
        self._limit = float(concurrency)
        self._rate = rate
        self._factor = 1.0
        self._due = 0.0
        self._fast = 0.0
        self._paused_until = 0.0
        self._pause = 0.0
        self._asked = 0
        self._refused = 0
        self._refused_since: float | None = None
        self._decreased = self._announced = -_ANNOUNCED_AGAIN
        self._announced_limit = concurrency
        self._announcement = ""
        self._told: dict[str, float] = {}

    @property
    def limit(self) -> int:
        """Sends in flight at most, as of now; 0 only where an allowance has none."""
        return min(self._most, 1 if self._refused >= _DOWN else max(1, int(self._limit)))

    def allow(self, allowance: Allowance, now: float) -> None:
        """Keep to an allowance from now on, until it ends or there is another."""
        slowed = self._limit < self._most
        self._most = allowance.concurrency
        self._limit = min(self._limit, float(self._most)) if slowed else float(self._most)
        self._note_slowed()
        self._until = allowance.until
        self._catch_up = _SHARED_CATCH_UP if allowance.shared else _CATCH_UP
        if allowance.rate != self._rate:
            self._rate = allowance.rate
            if self._rate:  # what a lower rate put off is due sooner
                self._due, self._fast = min(self._due, now + self._interval), min(self._fast, now + self._interval)

    def refused_for(self, now: float) -> float:
        """Return for how many seconds the partner has throttled every request without saying until when."""
        return 0.0 if self._refused_since is None or self._refused < _DOWN else now - self._refused_since

    @property
    def unlimited(self) -> bool:
        """Whether neither a rate nor a pause delays sends."""
        return self._rate is None and self._factor == 1.0 and not self._windows

    def wait(self, now: float) -> float:
        """Return seconds until the next send may start, by rate and pause; 0.0 = now."""
        due = self._paused_until
        if now >= self._until or self._rate == 0.0:
            return _NOT_ALLOWED
        if self._rate is not None:
            due = max(due, self._due, self._fast)
        for window in self._windows:
            due = max(due, window.free_at(now))
        return max(0.0, due - now)

    def waiting(self, now: float) -> str:
        """Return the status that the pause is for, and seconds that are left of it; empty where there is none."""
        left = self._paused_until - now
        return f"{self._asked}, {math.ceil(left)} s" if left > 0 else ""

    @property
    def _interval(self) -> float:
        return 1.0 / (self._rate * self._factor) if self._rate else 0.0

    def started(self, now: float) -> None:
        """Note a send."""
        for window in self._windows:
            window.started(now)
        if self._rate is not None:
            self.sent += 1
            interval = self._interval
            self._due = max(self._due, now - _DEBT) + interval if self._due else now + interval
            self._fast = max(self._fast, now - _GRAIN) + interval / self._catch_up

    def connected(self, now: float, timings: Timings) -> None:
        """Note a response on a new connection: its request arrived late, at the latest when the response began."""
        sent = now - timings.total
        for window in self._windows:
            window.arrived(sent, sent + timings.first_byte)

    def answered(self, status: int, now: float, retry_after: float | None) -> str | None:
        """Note a response's status; return what changed, for a person, if anything did.

        Args:
            status: of the response.
            now: when it came.
            retry_after: seconds that the partner asks to wait; at most five minutes are honoured.
        """
        if status not in SLOW_DOWN:
            self._recover()
            return None
        self._asked = status
        before = self.limit, self._rate and self._factor
        self._refused += 1
        if retry_after:
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        pause = self._paused(now, retry_after or self._next_pause(now))
        if now - self._decreased < _STEADY:
            return f"the partner answers {status}: {pause}" if pause else None
        self._decreased = now
        self._limit = max(1.0, self._limit / 2)
        self._factor = max(1 / 64, self._factor / 2)
        self._note_slowed()
        if not pause and self.limit >= self._announced_limit and now - self._announced < _ANNOUNCED_AGAIN:
            return None
        self._announced, self._announced_limit = now, self.limit
        announcement = f"the partner answers {status}"
        if (self.limit, self._rate and self._factor) != before:
            rate = f", at most {rate_in_words(self._rate * self._factor)}" if self._rate else ""
            after = f", after {pause}" if pause else ""
            requests = "1 request" if self.limit == 1 else f"{self.limit} requests"
            announcement += f": slowing down to {requests} at a time{rate}{after}"
        elif pause:  # one request at a time cannot get slower
            announcement += f": {pause}"
        known = announcement == self._announcement or now - self._told.get(announcement, -_SAME_AGAIN) < _SAME_AGAIN
        self._announcement = announcement
        if known:  # it is as slow as can be and has not recovered since, or slows down so now and then
            return None
        self._told = {words: when for words, when in self._told.items() if now - when < _SAME_AGAIN}
        self._told[announcement] = now
        return announcement

    def _next_pause(self, now: float) -> float:
        if now < self._paused_until:
            return 0.0  # a response to what had left before the pause
        self._pause = min(_LAST_PAUSE, max(_FIRST_PAUSE, 2 * self._pause))
        return self._pause

    def _paused(self, now: float, asked: float) -> str:
        """Pause for as long as the partner asks; return that in words, unless it is short or one ends about then."""
        until = now + min(asked, LONGEST_PAUSE)
        before, self._paused_until = self._paused_until, max(self._paused_until, until)
        if until - now < _STEADY or (now < before and until - before < _STEADY):
            return ""
        more = f" (it asks for {asked:,.0f} s)" if asked > LONGEST_PAUSE else ""
        return f"a pause of {until - now:.3g} s{more}"

    def _recover(self) -> None:
        self._refused, self._refused_since = 0, None
        self._pause = self._pause / 2 if self._pause > _FIRST_PAUSE else 0.0
        if self._limit < self._most:
            self._limit = min(float(self._most), self._limit + 1 / self._limit)
        if self._factor < 1.0:
            per_second = self._rate * self._factor if self._rate else 10.0
            self._factor = min(1.0, self._factor + 0.1 / max(1.0, per_second))
        self._note_slowed()

    def _note_slowed(self) -> None:
        self.slowed = self._limit < self._most or self._factor < 1.0
        if not self.slowed:
            self._announcement = ""


class Breaker:
    """Stops sending while the partner is down, tries one send now and then, and knows when patience is over.

    Args:
        patience: seconds that the partner may be down before the run gives up.

    Attributes:
        calm: whether there is nothing that a response would put right; an attribute, as it is read for each response.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.calm = True
        self._failures = 0
        self._silences = 0
        self._since: float | None = None
        self._pause = _FIRST_TRIAL
        self._until = 0.0
        self._trying = False

    @property
    def open(self) -> bool:
        """Whether the partner counts as down."""
        return self._failures >= _MOST_FAILURES or self._silences >= _MOST_SILENCES

    @property
    def suspicious(self) -> bool:
        """Whether a send was taken and never answered, and none since has shown that the partner lives."""
        return self._silences > 0

    def wait(self, now: float) -> float:
        """Return seconds until a send may be tried; 0.0 = now. While open, one at a time."""
        if not self.open:
            return 0.0
        return 3600.0 if self._trying else max(0.0, self._until - now)

    def waiting(self, now: float) -> str:
        """Return that the partner is unreachable, and seconds until the next trial; empty where it is not."""
        if not self.open:
            return ""
        left = math.ceil(max(0.0, self._until - now))
        return "unreachable" if self._trying else f"unreachable, next attempt in {left} s"

    def started(self) -> None:
        """Note a send."""
        self._trying = self.open

    def undecided(self) -> None:
        """Note that a send ended without saying anything about the partner."""
        self._trying = False

    def answered(self) -> bool:
        """Note a response, whatever it says; return whether the partner counted as down until now."""
        was_open = self.open
        self._failures = self._silences = 0
        self._since = None
        self._pause = _FIRST_TRIAL
        self._trying = False
        self.calm = True
        return was_open

    def failed(self, now: float, *, taken: bool = False) -> bool:
        """Note a send that could not connect; return whether the partner counts as down from now on.

        Args:
            now: when it failed.
            taken: it did connect, and was never answered.
        """
        was_open = self.open
        self.calm = False
        if self._since is None:
            self._since = now
        if taken:
            self._silences += 1
        else:
            self._failures += 1
        if self.open and (self._trying or not was_open):
            self._until = now + self._pause
            self._pause = min(_LAST_TRIAL, self._pause * 2)
            self._trying = False
        return self.open and not was_open

    def exhausted(self, now: float) -> bool:
        """Whether it has been down, or has answered nothing, for longer than patience allows."""
        silent = self.open or self._patience > 0
        return silent and self._since is not None and now - self._since >= self._patience


T = TypeVar("T")

_MOST_BUDGET = 1000.0
_EARNED = 0.2
"""Of a retry, by each exchange that ends: retries are a share of the traffic, so that a partner in trouble is not
loaded threefold."""
_LONGEST = 3600.0


class Retries(Generic[T]):
    """What waits for another attempt, and the budget of retries.

    Args:
        pace: attempts and back-off.
        repeatable: whether a request may be sent again though its bytes may have been received.
    """

    def __init__(self, pace: Pace, *, repeatable: bool) -> None:
        self._pace = pace
        self._repeatable = repeatable
        self._waiting: list[tuple[float, int, T]] = []
        self._order = count()
        self._budget = 10.0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[T]:
        """Yield what waits, the next to go first."""
        return (item for _, _, item in sorted(self._waiting, key=lambda entry: entry[:2]))

    def earn(self, exchanges: int) -> None:
        """Note exchanges that have ended."""
        self._budget = min(_MOST_BUDGET, self._budget + _EARNED * exchanges)

    def granted(self, attempts: int, *, free: bool = False) -> bool:
        """Return whether another attempt is allowed after so many, and charge the budget unless it is free.

        Bytes may have been received: there is one only where idempotency allows it.
        """
        if not self._repeatable or attempts >= self._pace.attempts:
            return False
        if not free:
            if self._budget < 1.0:
                return False
            self._budget -= 1.0
        return True

    def seconds(self, attempts: int, after: float | None) -> float:
        """Return the seconds to wait after so many attempts: full jitter, and at least what the partner asks."""
        most = min(self._pace.backoff_limit, self._pace.backoff * 2 ** (attempts - 1))
        return max(random.uniform(0.0, most), min(after or 0.0, _LONGEST))

    def put(self, item: T, at: float) -> None:
        """Let something wait until a moment of the monotonic clock."""
        heapq.heappush(self._waiting, (at, next(self._order), item))

    @property
    def next_at(self) -> float:
        """When the first of what waits is due; infinite where nothing waits."""
        return self._waiting[0][0] if self._waiting else float("inf")

    def due(self, now: float) -> list[T]:
        """Take out what is due."""
        found: list[T] = []
        while self._waiting and self._waiting[0][0] <= now:
            found.append(heapq.heappop(self._waiting)[2])
        return found


def rate_in_words(per_second: float) -> str:
    """Return a rate for a person: `1,250/s`, `1.7/s`, or `30/min` where it is less than one a second."""
    if per_second < 1:
        return f"{per_second * 60:.2g}/min"
    return f"{per_second:.1f}".removesuffix(".0") + "/s" if per_second < 10 else f"{per_second:,.0f}/s"
