"""The page: what is in it stays text, it asks for nothing, and recordings lie in blocks."""

from __future__ import annotations

import json

from reports.report_runs import Run, answer, exchange, post
from reports.report_texts import HOSTILE, Reader, written


def test_the_page_holds_text_as_text_and_asks_for_nothing(tell) -> None:
    run_report = tell(Run([exchange(1, post(HOSTILE.encode()), answer(400, json.dumps({"error": HOSTILE})))]))
    reader = Reader(written(run_report, "html"))
    assert not [tag for tag, _ in reader.tags if tag in ("img", "iframe", "object")]
    links = [values.get("href") or values.get("src") for _, values in reader.tags]
    assert [link for link in links if link] == ["data:,", "#deliveries"]
    policy = next(values["content"] for _, values in reader.tags if values.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert HOSTILE in reader.blocks[0]["entries"][0]["request"]


def test_the_page_explains_each_recorded_answer_and_keeps_equal_traces_once(tell) -> None:
    run_report = tell(Run([exchange(row, post(), answer(409, '{"error": "exists"}')) for row in range(1, 11)]))
    block = Reader(written(run_report, "html")).blocks[0]
    assert [entry["trace"] for entry in block["entries"]] == [0] * 10
    assert [trace["rule"] for trace in block["traces"]] == ["duplicate"]


def test_recordings_lie_in_blocks_in_row_order(tell) -> None:
    run_report = tell(Run([exchange(row, post(), answer(201, "{}")) for row in range(1, 451)]))
    blocks = Reader(written(run_report, "html")).blocks
    assert [len(block["entries"]) for block in blocks] == [200, 200, 50]
