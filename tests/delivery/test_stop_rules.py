"""When a run stops by its outcomes: at the first unclassified response, after failures, after failures in a row."""

from __future__ import annotations

import json

from engine_bench import DELIVERED, OK, UNCLASSIFIED, ids

from rokt_export.delivery.events import (
    Finished,
    StopReason,
)
from rokt_export.delivery.stop_rules import StopRules


def test_the_first_unclassified_answer_stops_one_at_a_time_at_once(bench, partner):
    partner.answer = lambda heard: (418, {}, b"{}") if b"tx3" in heard.body else OK
    run = bench.run(20, concurrency=1, stop=StopRules(unclassified=True))
    assert run.finished == Finished(StopReason.UNCLASSIFIED, "no rule matches this response", 418, 3)
    assert ids(partner) == ["tx1", "tx2", "tx3"]
    assert run.outcomes == {DELIVERED: 2, UNCLASSIFIED: 1}


def test_so_many_failures_stop(bench, partner):
    partner.answer = lambda heard: (400, {}, b"{}") if int(json.loads(heard.body)["id"][2:]) % 2 else OK
    run = bench.run(100, concurrency=1, stop=StopRules(failures=4))
    assert run.finished == Finished(StopReason.FAILURES, "4 unexpected outcomes")
    assert len(partner.heard) == 7


def test_so_many_in_a_row_stop_and_one_success_between_starts_anew(bench, partner):
    bad = {2, 3, 5, 6, 7, 8}
    partner.answer = lambda heard: (400, {}, b"{}") if int(json.loads(heard.body)["id"][2:]) in bad else OK
    run = bench.run(100, concurrency=1, stop=StopRules(consecutive=3))
    assert run.finished == Finished(StopReason.CONSECUTIVE, "3 unexpected outcomes in a row")
    assert len(partner.heard) == 7
