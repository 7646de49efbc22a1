"""HAR: valid, with what was sent and what came."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import jsonschema
import pytest

from reports.report_runs import Run, answer, exchange, post
from reports.report_texts import DATA, written
from rokt_export.reports.run_report import RunReport


def archive(run_report: RunReport) -> dict[str, Any]:
    found = json.loads(written(run_report, "har"))
    jsonschema.validate(found, json.loads((DATA / "har-1.2.schema.json").read_text()))
    return found


def test_har_is_valid_and_tells_the_exchange(run_report: RunReport) -> None:
    entries = archive(run_report)["log"]["entries"]
    first = entries[0]
    assert first["request"]["postData"]["text"] == '{"email": "ada.1@example.com", "person": {"first": "Ada"}}'
    assert first["response"]["content"]["text"] == '{"id": "A-1"}'
    assert first["timings"] == {
        "blocked": -1, "dns": 1.0, "connect": 7.0, "ssl": 5.0, "send": 0, "wait": 32.0, "receive": 5.0
    }  # fmt: skip
    assert first["time"] == pytest.approx(45.0)
    assert entries[4]["response"]["redirectURL"] == "/elsewhere"
    assert [entry["comment"] for entry in entries if "comment" in entry] == ["never sent"]
    assert entries[6]["_error"].startswith("timeout_after_send: ")


def test_har_tells_bytes_in_base64(tell) -> None:
    run_report = tell(Run([exchange(1, post(b"\xff\x00a"), answer(200, b"\x00\xfe"))]))
    entry = archive(run_report)["log"]["entries"][0]
    assert b64decode(entry["response"]["content"]["text"]) == b"\x00\xfe"
    assert entry["response"]["content"]["encoding"] == "base64"
    assert "base64" in entry["request"]["postData"]["comment"]
