"""The plan of a run: the shares of its pace."""

from __future__ import annotations

import pytest

from rokt_export.delivery.plan import Pace


def test_shares_of_the_pace_add_up_to_the_whole():
    pace = Pace(concurrency=7, rate=100.0)
    shares = [pace.share(index, 3) for index in range(3)]
    assert [share.concurrency for share in shares] == [3, 2, 2]
    # Who may have more in flight sends more: with equal parts of the rate it could not keep its own.
    assert [share.rate for share in shares] == pytest.approx([300 / 7, 200 / 7, 200 / 7])
