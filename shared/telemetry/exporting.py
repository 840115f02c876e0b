"""Metrics on their way: every so many seconds, the numbers of this process go to an exporter of OpenTelemetry's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource

from shared.json_types import Json
from shared.telemetry import names
from shared.telemetry.numbers import Numbers
from shared.telemetry.traces import SCOPE


class Beat:
    """Does something every so many seconds, in a thread, and once more at the end."""

    def __init__(self, seconds: float, work: Callable[[], None]) -> None:
        self._seconds, self._work = seconds, work
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._work()

    def stop(self) -> None:
        """Return when all is done."""
        self._over.set()
        self._thread.join()
        self._work()


class MetricsTeller:
    """Tells an exporter of all numbers: since the process began, or since the last time, as it wants them."""

    def __init__(self, exporter: MetricExporter, numbers: Numbers, resource: Resource, *, as_changes: bool) -> None:
        self._exporter, self._numbers, self._resource = exporter, numbers, resource
        self._as_changes = as_changes
        #: What it was told the last time.
        self._told: dict[tuple[object, ...], Json] = {}
        self._since = time.time_ns()

    def tell(self) -> None:
        """Tell it. An exporter says in its own log what it cannot send."""
        now = time.time_ns()
        found = self._numbers.all()
        if self._as_changes:
            found = self._changes(found)
        self._exporter.export(self._data(found, now))
        if self._as_changes:
            self._since = now

    def stop(self) -> None:
        """Release its connections."""
        self._exporter.shutdown()

    def _changes(self, metrics: list[Json]) -> list[Json]:
        """The metrics with what came since the last time, where that can be added up."""
        return [
            metric
            if metric["kind"] in ("gauge", "sum")
            else {**metric, "points": [self._change(metric["name"], point) for point in metric["points"]]}
            for metric in metrics
        ]

    def _change(self, name: str, point: Json) -> Json:
        key = (name, *sorted(point["attributes"].items()))
        before, self._told[key] = self._told.get(key), point
        if before is None:
            return point
        if "value" in point:
            return {**point, "value": point["value"] - before["value"]}
        counts = [new - old for new, old in zip(point["counts"], before["counts"], strict=True)]
        return {**point, "sum": point["sum"] - before["sum"], "counts": counts}

    def _data(self, metrics: list[Json], now: int) -> MetricsData:
        told = [self._metric(each, now) for each in metrics]
        scope = ScopeMetrics(SCOPE, told, names.SCHEMA_URL)
        return MetricsData([ResourceMetrics(self._resource, [scope], names.SCHEMA_URL)])

    def _metric(self, metric: Json, now: int) -> Metric:
        adds_up = AggregationTemporality.DELTA if self._as_changes else AggregationTemporality.CUMULATIVE
        kind, points = metric["kind"], metric["points"]
        data: Histogram | Gauge | Sum
        if kind == "histogram":
            data = Histogram([self._histogram(each, metric["bounds"], now) for each in points], adds_up)
        else:
            numbers = [NumberDataPoint(each["attributes"], self._since, now, each["value"]) for each in points]
            whole = adds_up if kind == "counter" else AggregationTemporality.CUMULATIVE
            data = Gauge(numbers) if kind == "gauge" else Sum(numbers, whole, kind == "counter")
        return Metric(metric["name"], metric["about"], metric["unit"], data)

    def _histogram(self, point: Json, bounds: tuple[float, ...], now: int) -> HistogramDataPoint:
        counts = point["counts"]
        return HistogramDataPoint(
            point["attributes"], self._since, now, sum(counts), point["sum"], counts, bounds, point["min"], point["max"]
        )
