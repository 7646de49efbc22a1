"""The received deliveries: the last ones are kept, and all are counted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rokt_export.sandbox import recordings
from rokt_export.sandbox.recordings import SandboxRecording, SandboxRecordings


def one(number: int, body: bytes = b"{}", outcome: str = "delivered", **more: object) -> SandboxRecording:
    head = b"Content-Type: application/json\r\nX-Name: a: b"
    return SandboxRecording(number, 60.0, "POST", "/leads", "", head, body, outcome, 201, **more)  # type: ignore[arg-type]


def test_a_delivery_tells_its_headers_and_its_moment() -> None:
    assert one(1).headers == (("Content-Type", "application/json"), ("X-Name", "a: b"))
    assert one(1).received == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert one(1).parameters == {}


def test_the_oldest_are_forgotten_and_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "KEPT_BYTES", 2_500)
    kept = SandboxRecordings()
    for number in range(1, 6):
        kept.add(one(number, b"x" * 1_000, "rejected" if number == 1 else "delivered", repeat=number == 5))
    assert [each.number for each in kept.list()] == [4, 5]
    assert kept.counts() == (5, {"rejected": 1, "delivered": 4})
    assert kept.repeats == 1
    kept.add(one(6, b"x" * 5_000))
    assert [each.number for each in kept.list()] == [6]  # the last one is kept, whatever its size


def test_each_row_of_a_request_is_counted_and_all_can_be_forgotten() -> None:
    kept = SandboxRecordings()
    kept.add(one(1, outcomes=("delivered", "duplicate", "delivered")))
    assert kept.counts() == (1, {"delivered": 2, "duplicate": 1})
    kept.clear()
    assert (kept.list(), kept.counts(), kept.repeats) == ([], (0, {}), 0)
