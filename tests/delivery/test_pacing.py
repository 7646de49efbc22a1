"""Pacing under a clock that tests move: the rate, the pleas to slow down, and a partner that is down."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rokt_export.delivery.pacing import Breaker, Pacer
from rokt_export.delivery.plan import Pace
from rokt_export.exchange.model import Timings
from rokt_export.partner_spec.model import Limits
from rokt_export.spec_language.fields import Rate

TICK = 0.001


def sends(pacer: Pacer, seconds: float, *, stalls: dict[int, float] | None = None, start: float = 100.0) -> list[float]:
    """When a pacer lets sends start, if asked each millisecond, but for the stalls: millisecond to seconds of it."""
    now, end, sent = start, start + seconds, []
    tick = 0
    while now < end:
        now += (stalls or {}).get(tick, 0.0)
        while pacer.wait(now) <= 0 and now < end:
            pacer.started(now)
            sent.append(now)
        tick += 1
        now += TICK
    return sent


def most_in(window: float, sent: list[float]) -> int:
    most = low = 0
    for high, moment in enumerate(sent):
        while moment - sent[low] >= window - 1e-9:
            low += 1
        most = max(most, high - low + 1)
    return most


@settings(max_examples=25, deadline=None)
@given(
    rate=st.sampled_from([50, 120, 500, 1000, 3000]),
    stalls=st.dictionaries(st.integers(0, 3000), st.floats(0.0, 0.04), max_size=20),
)
def test_no_window_of_100_ms_holds_more_than_1_2_of_its_share(rate, stalls):
    sent = sends(Pacer(64, rate), 4.0, stalls=stalls)
    assert most_in(0.1, sent) <= max(1.2 * rate / 10, rate / 10 + 1)


@pytest.mark.parametrize("rate", [1, 10, 500, 2000])
@pytest.mark.parametrize("partitions", [1, 2, 3])
def test_the_whole_is_within_a_hundredth_of_the_rate_over_all_partitions(rate, partitions):
    pace = Pace(concurrency=64, rate=rate)
    shares = [pace.share(index, partitions) for index in range(partitions)]
    assert sum(share.concurrency for share in shares) == 64
    number = sum(len(sends(Pacer(share.concurrency, share.rate), 20.0)) for share in shares)
    assert abs(number - 20 * rate) <= max(0.01 * 20 * rate, partitions)


@settings(max_examples=15, deadline=None)
@given(
    several=st.sampled_from([(Rate(10, 1), Rate(15, 6)), (Rate(190, 10), Rate(300, 60)), (Rate(50, 1), Rate(60, 5))]),
    partitions=st.sampled_from([1, 2, 3]),
    stalls=st.dictionaries(st.integers(0, 9000), st.floats(0.0, 2.0), max_size=10),
)
def test_several_rates_hold_in_any_span_over_all_partitions(several, partitions, stalls):
    pace = Pace.of(Limits(rate=several, concurrency=7))
    shares = [pace.share(index, partitions) for index in range(partitions)]
    sent = sorted(
        moment
        for share in shares
        for moment in sends(Pacer(share.concurrency, share.rate, share.windows), 20.0, stalls=stalls)
    )
    for each in several:
        assert most_in(each.seconds, sent) <= each.sends


def test_a_burst_goes_first_and_the_steady_rate_holds_the_rest_back():
    pace = Pace.of(Limits(rate=(Rate(10, 1), Rate(30, 20))))
    sent = [moment - 100.0 for moment in sends(Pacer(10, pace.rate, pace.windows), 41.0)]
    assert [sum(low <= each < low + 4 for each in sent) for low in range(0, 28, 4)] == [30, 0, 0, 0, 0, 30, 0]


def test_a_pause_is_not_made_up_for_by_a_burst():
    sent = sends(Pacer(64, 500), 4.0, stalls={1000: 2.0})
    assert most_in(0.1, sent) <= 60
    assert len(sent) <= 500 * 2 + 500 * 0.3


def test_without_a_rate_nothing_waits():
    assert Pacer(8).wait(5.0) == 0.0
    assert Pacer(8).unlimited


@pytest.mark.parametrize("status", [429, 503])
def test_throttling_halves_once_per_congestion_and_success_restores(status):
    pacer = Pacer(64, 1000)
    assert "slowing down to 32 requests at a time, at most 500/s" in str(pacer.answered(status, 10.0, None))
    assert pacer.answered(status, 10.5, None) is None
    assert pacer.limit == 32
    assert "slowing down to 16 requests" in str(pacer.answered(status, 11.5, None))
    for _ in range(10_000):
        pacer.answered(200, 12.0, None)
    assert pacer.limit == 64
    assert not pacer.slowed


def test_it_never_slows_to_a_standstill():
    pacer = Pacer(4, 10)
    for second in range(50):
        pacer.answered(429, 2.0 * second, None)
    assert pacer.limit == 1
    assert 0 < pacer.wait(98.0) <= 64 / 10 or pacer.wait(98.0) == 0


def test_a_wait_that_is_asked_for_is_kept_by_all_up_to_five_minutes():
    pacer = Pacer(64)
    assert "after a pause of 7 s" in str(pacer.answered(429, 10.0, 7.0))
    assert pacer.wait(10.0) == pytest.approx(7.0)
    assert pacer.wait(17.0) == 0.0
    pacer.answered(429, 20.0, 86_400.0)
    assert pacer.wait(20.0) == pytest.approx(300.0)


def test_a_longer_pause_is_told_though_it_was_slowed_a_moment_ago():
    pacer = Pacer(64)
    assert pacer.answered(429, 10.0, None) == "the partner answers 429: slowing down to 32 requests at a time"
    assert pacer.answered(429, 10.2, 30.0) == "the partner answers 429: a pause of 30 s"
    assert pacer.answered(429, 10.4, 30.0) is None  # the same pause, asked for by another answer
    assert pacer.answered(503, 10.6, 45.0) == "the partner answers 503: a pause of 45 s"
    assert pacer.wait(10.6) == 45.0


def test_a_pause_that_is_cut_short_says_what_was_asked_for():
    told = Pacer(64).answered(429, 10.0, 3600.0)
    pause = "after a pause of 300 s (it asks for 3,600 s)"
    assert told == f"the partner answers 429: slowing down to 32 requests at a time, {pause}"


def test_a_person_is_not_told_the_same_each_second():
    pacer, told = Pacer(64), []
    for second in range(60):
        for _ in range(500):
            pacer.answered(200, 10.0 + second, None)
        told.append(pacer.answered(429, 10.0 + second, None))
    assert 2 <= len([message for message in told if message]) < 8
    assert told[0] == "the partner answers 429: slowing down to 32 requests at a time"


@pytest.mark.parametrize("retry_after", [None, 20.0])
def test_where_nothing_slows_down_any_more_it_is_told_once_until_it_recovers(retry_after):
    pacer, told = Pacer(64, 50), []
    for number in range(60):
        told.append(pacer.answered(429, 40.0 * number, retry_after))
        pacer.answered(200, 40.0 * number + 30.0, None)
    messages = [message for message in told if message]
    assert len(messages) == len(set(messages))
    assert "1 request at a time, at most" in messages[-1]
    for _ in range(10_000):
        pacer.answered(200, 2_500.0, None)
    assert "slowing down to 32 requests" in str(pacer.answered(429, 2_600.0, None))


def test_one_request_at_a_time_does_not_slow_down_and_is_told_of_the_pause():
    assert Pacer(1).answered(429, 10.0, 7.0) == "the partner answers 429: a pause of 7 s"
    assert Pacer(1).answered(429, 10.0, None) == "the partner answers 429"


def test_the_same_words_are_not_told_after_each_recovery():
    pacer, told = Pacer(10), []
    for number in range(1, 20):
        told.append(pacer.answered(429, 100.0 * number, 1.0))
        for _ in range(400):
            pacer.answered(200, 100.0 * number + 50.0, None)
    words = "the partner answers 429: slowing down to 5 requests at a time, after a pause of 1 s"
    assert [message for message in told if message] == [words] * 4  # every ten minutes


def test_throttling_without_retry_after_pauses_longer_each_time():
    pacer, now, waits = Pacer(64), 10.0, []
    for _ in range(10):
        pacer.answered(503, now, None)
        pacer.answered(503, now + 0.01, None)  # had left before the pause
        waits.append(pacer.wait(now))
        now += pacer.wait(now)
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0])
    pacer.answered(200, now, None)
    pacer.answered(503, now, None)
    assert pacer.wait(now) == 15.0
    for _ in range(9):
        pacer.answered(200, now, None)
    now += 15.0
    pacer.answered(503, now, None)
    assert pacer.wait(now) == pytest.approx(0.1)


def test_a_partner_that_takes_nothing_is_tried_with_one_send_at_a_time():
    pacer = Pacer(64)
    for number in range(10):
        assert pacer.refused_for(20.0) == 0.0
        assert pacer.limit > 1
        pacer.answered(503, 10.0 + number / 1000, None)
    assert (pacer.limit, pacer.refused_for(20.0)) == (1, 10.0)
    pacer.answered(503, 20.0, 60.0)  # it says when it will
    assert pacer.refused_for(30.0) == 0.0
    pacer.answered(201, 90.0, None)
    assert pacer.limit > 1


def test_other_statuses_change_no_pace():
    pacer = Pacer(64)
    assert pacer.answered(500, 1.0, 30.0) is None
    assert pacer.wait(1.0) == 0.0
    assert not pacer.slowed


# --- the breaker


def test_it_opens_at_the_third_failure_in_a_row_and_tries_one_at_a_time_ever_more_rarely():
    breaker = Breaker(patience=60.0)
    assert [breaker.failed(now) for now in (1.0, 1.0, 1.0)] == [False, False, True]
    trials, now = [], 1.0
    while len(trials) < 8:
        now += breaker.wait(now)
        trials.append(now)
        breaker.started()
        assert breaker.wait(now) > 60  # nothing beside the trial
        breaker.failed(now)
    assert breaker.waiting(now) == "unreachable, next attempt in 15 s"
    pauses = [later - earlier for earlier, later in pairwise(trials)]
    assert pauses == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0])


def test_an_answer_closes_it_at_once():
    breaker = Breaker(patience=60.0)
    for _ in range(3):
        breaker.failed(1.0)
    assert breaker.answered() is True
    assert breaker.answered() is False
    assert not breaker.open
    assert breaker.wait(1.0) == 0.0
    assert not breaker.exhausted(1000.0)


def test_a_few_requests_that_are_never_answered_do_not_open_it_many_do():
    breaker = Breaker(patience=60.0)
    assert not any(breaker.failed(1.0, taken=True) for _ in range(9))
    assert breaker.failed(1.0, taken=True)


def test_patience_is_counted_from_the_first_failure():
    breaker = Breaker(patience=10.0)
    breaker.failed(5.0)
    breaker.failed(14.9)
    assert not breaker.exhausted(14.9)
    assert breaker.exhausted(15.0)


def test_a_trial_that_says_nothing_about_the_partner_lets_the_next_be_made():
    breaker = Breaker(patience=10.0)
    for _ in range(3):
        breaker.failed(0.0)
    breaker.started()
    breaker.undecided()
    assert breaker.wait(1.0) == 0.0


def test_a_send_on_a_new_connection_counts_from_its_arrival():
    pacer = Pacer(10, None, (Rate(2, 1.0), Rate(100, 60.0)))
    pacer.started(10.0)
    pacer.connected(10.5, Timings(0.1, 0.2, 0.3, 0.4, 0.5))
    pacer.started(10.6)
    assert pacer.wait(10.6) == pytest.approx(10.4 + 1.0 + 0.02 - 10.6)
    assert pacer.wait(11.43) == 0.0
