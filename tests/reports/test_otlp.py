"""What is said of a collector at the end of a run: only what is known of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult

from rokt_export.delivery.run_counts import Tally
from rokt_export.reports import otlp
from rokt_export.reports.metrics import Snapshot

SNAPSHOT = Snapshot({"run": "r"}, Tally(), None, 1.0)
SUCCESS = MetricExportResult.SUCCESS


def exporter(export: Callable[[], Any]) -> otlp.Exporter:
    made = otlp.Exporter("http://127.0.0.1:9")

    class Fake:
        def export(self, *_: object, **__: object) -> Any:
            return export()

    made._exporter = Fake()
    return made


@pytest.fixture
def silent() -> Iterator[Callable[[], Any]]:
    """A collector that does not answer."""
    released = threading.Event()
    yield lambda: released.wait(10) and SUCCESS
    released.set()


def test_a_collector_that_is_not_waited_for_has_not_failed(silent) -> None:
    exporter(silent).end(SNAPSHOT, lambda: True)


def test_a_collector_that_is_silent_has_failed(silent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "_TIMEOUT", 0.1)
    with pytest.raises(OSError, match="cannot be reached"):
        exporter(silent).end(SNAPSHOT, lambda: False)


def test_each_of_the_last_two_snapshots_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "_TIMEOUT", 0.5)
    sent = []

    def slow() -> Any:
        time.sleep(0.35)
        sent.append(1)
        return SUCCESS

    made = exporter(slow)
    made.export(SNAPSHOT)
    made.end(SNAPSHOT, lambda: False)
    assert len(sent) == 2


def test_the_last_snapshot_is_waited_for_although_one_before_failed() -> None:
    results = [MetricExportResult.FAILURE, SUCCESS]
    made = exporter(lambda: results.pop(0))
    made._begin(SNAPSHOT)
    made.end(SNAPSHOT, lambda: False)
    assert not results


@pytest.mark.filterwarnings("error")
def test_any_error_of_the_exporter_counts_as_not_sent(capfd: pytest.CaptureFixture[str]) -> None:
    def broken() -> Any:
        raise ValueError("no header")

    with pytest.raises(OSError, match="cannot be reached"):
        exporter(broken).end(SNAPSHOT, lambda: False)
    assert "Traceback" not in capfd.readouterr().err
