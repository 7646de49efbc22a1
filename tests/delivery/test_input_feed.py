"""How many transactions are intended ahead of their sends."""

from __future__ import annotations

import pytest

from rokt_export.delivery.input_feed import Prefetch


def supplied(stock: Prefetch, speed: float, seconds: float, now: float = 1.0) -> tuple[list[int], float]:
    """What is taken in at a time while `speed` leave a second, looked at each millisecond; and when that ends."""
    ready, left, taken = 0, 0.0, []
    end = now + seconds
    while now < end:
        if stock.is_low(ready, idle=bool(len(taken) % 3)):
            taken.append(stock.wanted(ready, now))
            ready += taken[-1]
            stock.filled(ready)
        now += 0.001
        left += speed * 0.001
        ready -= (gone := min(ready, int(left)))
        left = min(left - gone, 1.0)
    return taken, now


@pytest.mark.parametrize(("concurrency", "speed"), [(1, 20), (10, 200), (10, 500), (64, 1280)])
def test_a_slow_partner_has_twice_what_is_in_flight(concurrency, speed):
    stock = Prefetch(concurrency)
    taken, _ = supplied(stock, speed, 3.0)
    assert stock.size == 2 * concurrency
    assert max(taken) <= 2 * concurrency


def test_a_fast_partner_has_as_many_as_leave_in_forty_milliseconds():
    stock = Prefetch(10)
    supplied(stock, 5_000, 3.0)
    assert 150 <= stock.size <= 250


def test_never_more_than_five_hundred_at_a_time():
    for concurrency in (1, 32, 5_000):
        stock = Prefetch(concurrency)
        taken, _ = supplied(stock, 200_000, 3.0)
        assert stock.size <= 500
        assert max(taken) <= 500


def test_a_partner_that_slows_down_soon_has_few_again():
    stock = Prefetch(10)
    _, now = supplied(stock, 10_000, 2.0)
    fast = stock.size
    supplied(stock, 100, 10.0, now)
    assert (fast > 300, stock.size) == (True, 20)


@pytest.mark.parametrize(("rate", "most"), [(1, 1), (10, 1), (100, 5), (500, 25), (100_000, 128)])
def test_a_rate_has_as_many_as_leave_in_fifty_milliseconds(rate, most):
    stock = Prefetch(64, rate)
    taken, _ = supplied(stock, rate, 2.0)
    assert (stock.size, max(taken)) == (most, most)


def test_time_that_stands_still_is_no_trouble():
    stock = Prefetch(10)
    assert stock.wanted(0, 5.0) == 20
    stock.filled(0)
    assert stock.wanted(0, 5.0) == 20
