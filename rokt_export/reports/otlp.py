"""Send a run's metrics to an OpenTelemetry collector by OTLP over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rokt_export import __version__
from rokt_export.errors import ConfigurationError
from rokt_export.reports.metrics import BUCKETS, PREFIX, MetricKind, Snapshot

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

_TIMEOUT = 3
"""Seconds in which a collector answers, or this write is left out."""
_STEP = 0.05
"""Seconds after which a wait checks whether to stop."""


class Exporter:
    """Sends snapshots to a collector; headers and certificates come from OpenTelemetry's own variables (`OTEL_…`).

    Args:
        url: the collector, `http://localhost:4318`; a path other than `/v1/metrics` is kept.

    Raises:
        ConfigurationError: the packages of the extra `otlp` are not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        except ImportError as error:
            raise ConfigurationError(
                "an OTLP collector needs OpenTelemetry's packages, which are not installed",
                remedy='Install them: pip install "rokt-export[otlp]", or name a file with --metrics.',
            ) from error
        import logging

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what fails is told once, by the caller
        base = url.rstrip("/")
        whole = base if base.count("/") > 2 else f"{base}/v1/metrics"
        self._exporter = OTLPMetricExporter(endpoint=whole, timeout=_TIMEOUT)

        self._sending = threading.Thread()
        self._failed = False

    def export(self, snapshot: Snapshot) -> None:
        """Begin to send a snapshot, in a thread; leave it out while the one before is being sent.

        Raises:
            OSError: an earlier one did not reach the collector, or was not accepted.
        """
        self._begin(snapshot)
        self._check()

    def end(self, snapshot: Snapshot, stop_waiting: Callable[[], bool]) -> None:
        """Send the last snapshot, and wait until the collector has it or its time is over.

        Each of the two last snapshots has `_TIMEOUT` seconds.

        Args:
            snapshot: the last one.
            stop_waiting: whether to return at once; a snapshot that is being sent then has not failed.

        Raises:
            OSError: the last snapshot did not reach the collector, or was not accepted.
        """
        self._wait(stop_waiting)
        if not self._sending.is_alive():
            self._begin(snapshot)
            self._wait(stop_waiting)
        if self._sending.is_alive():
            if stop_waiting():
                return
            self._failed = True
        self._check()

    def _begin(self, snapshot: Snapshot) -> None:
        if not self._sending.is_alive():
            self._sending = threading.Thread(target=self._send, args=(_data(snapshot),), daemon=True)
            self._sending.start()

    def _send(self, data: MetricsData) -> None:
        from opentelemetry.sdk.metrics.export import MetricExportResult

        try:
            result = self._exporter.export(data, timeout_millis=1000 * _TIMEOUT)
        except Exception:  # noqa: BLE001 - whatever it is, the snapshot did not arrive
            self._failed = True
        else:
            self._failed = result is not MetricExportResult.SUCCESS

    def _wait(self, stop_waiting: Callable[[], bool]) -> None:
        until = time.monotonic() + _TIMEOUT
        while self._sending.is_alive() and time.monotonic() < until and not stop_waiting():
            self._sending.join(_STEP)

    def _check(self) -> None:
        if self._failed:
            raise OSError("the collector cannot be reached, or does not accept the metrics")


def _data(snapshot: Snapshot) -> MetricsData:
    """Return a snapshot as OpenTelemetry's data: the run's labels are attributes of the resource."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    named = {f"{PREFIX.rstrip('_')}.{name}": text for name, text in snapshot.labels.items()}
    resource = Resource.create({"service.name": "rokt-export", "service.version": __version__, **named})
    scope = ScopeMetrics(InstrumentationScope("rokt_export", __version__), _metrics(snapshot), "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metrics(snapshot: Snapshot) -> list[Metric]:
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Gauge,
        Histogram,
        HistogramDataPoint,
        Metric,
        NumberDataPoint,
        Sum,
    )

    began, now = int(snapshot.started * 1e9), time.time_ns()
    found: list[Any] = []
    for one in snapshot.metrics():
        points = [NumberDataPoint(dict(labels), began, now, value) for labels, value in one.samples]
        match one.kind:
            case MetricKind.COUNTER:
                data: Any = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
            case MetricKind.GAUGE:
                data = Gauge(points)
        found.append(Metric(PREFIX + one.name.removesuffix("_total"), one.help, "", data))
    latencies, lasting = snapshot.latencies, snapshot.tally.figures.latencies
    point = HistogramDataPoint(
        {}, began, now, sum(latencies.counts), latencies.sum, latencies.counts, BUCKETS,
        lasting.lowest / 1000, lasting.highest / 1000,
    )  # fmt: skip
    found.append(
        Metric(
            f"{PREFIX}latency_seconds",
            "Seconds of the last attempt of each row that was sent.",
            "s",
            Histogram([point], AggregationTemporality.CUMULATIVE),
        )
    )
    return found
