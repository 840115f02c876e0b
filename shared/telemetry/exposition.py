"""Metrics for Prometheus: each process of a box writes its own into the home, and whoever is asked answers with all.

A file is a list of metrics, `{"name": "box.runs", "unit": "{run}", "about": "Runs …", "kind": "counter", "points": [
{"attributes": {"box.run.status": "completed"}, "value": 3}]}`; points of a `histogram` have `sum`, `bounds`, `counts`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    PeriodicExportingMetricReader,
    Sum,
)

from shared import json_text
from shared.json_types import Json

#: Milliseconds between two times that a process writes its metrics down.
INTERVAL: Final = 5000
FOLDER: Final = "metrics"
_UNITS: Final = {"s": "_seconds"}


class MetricFiles(MetricExporter):
    """Writes this process's metrics into its file."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._folder, self._file = home / FOLDER, home / FOLDER / f"{os.getpid()}.json"

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Put a new file in the old one's place."""
        found = [
            as_json(metric)
            for resource in metrics_data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        draft = self._file.with_suffix(".new")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(json_text.ascii_bytes(found))
            draft.replace(self._file)
        except OSError:
            return MetricExportResult.FAILURE  # the disk is full: the next time, perhaps
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Everything is written when it is exported."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """A process that has ended counts nothing more."""
        self._file.unlink(missing_ok=True)


class Exposition:
    """What all processes of the box have written down, this one just now."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self.reader = PeriodicExportingMetricReader(MetricFiles(home), export_interval_millis=INTERVAL)

    def text(self) -> str:
        """In Prometheus's words: each number with the process that counted it.

        What is measured of the box as a whole, such as messages that wait, is this process's alone.
        """
        self.reader.collect()
        families: dict[str, Json] = {}
        for process, metrics in self._written():
            for metric in metrics:
                if metric["kind"] == "gauge" and process != str(os.getpid()):
                    continue
                family = families.setdefault(metric["name"], {**metric, "points": []})
                family["points"] += [
                    {**point, "attributes": {**point["attributes"], "process": process}} for point in metric["points"]
                ]
        lines = (line for _, family in sorted(families.items()) for line in lines_of(family))
        return "".join(f"{line}\n" for line in lines)

    def _written(self) -> Iterator[tuple[str, list[Json]]]:
        for file in sorted(self._folder.glob("*.json")):
            if not is_alive(int(file.stem)):
                file.unlink(missing_ok=True)
                continue
            with suppress(OSError, ValueError):  # it has ended meanwhile
                yield file.stem, json_text.read(file.read_bytes())


def is_alive(pid: int) -> bool:
    """Whether there is a process of that id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def as_json(metric: Metric) -> Json:
    """A metric as it is written into a file."""
    data = metric.data
    points: list[Json]
    if isinstance(data, Histogram):
        kind = "histogram"
        points = [
            {"sum": each.sum, "bounds": [*each.explicit_bounds], "counts": [*each.bucket_counts], **of(each)}
            for each in data.data_points
        ]
    else:
        assert isinstance(data, Gauge | Sum), metric.name
        kind = "gauge" if isinstance(data, Gauge) else "counter" if data.is_monotonic else "sum"
        points = [{"value": each.value, **of(each)} for each in data.data_points]
    return {"name": metric.name, "unit": metric.unit, "about": metric.description, "kind": kind, "points": points}


def of(point: NumberDataPoint | HistogramDataPoint) -> Json:
    """What a number is of."""
    return {"attributes": dict(point.attributes or {})}


def lines_of(metric: Json) -> Iterator[str]:
    """A metric's lines."""
    name = metric["name"].replace(".", "_") + _UNITS.get(metric["unit"], "")
    kind = metric["kind"]
    name += "_total" if kind == "counter" else ""
    yield f"# HELP {name} {metric['about']}"
    yield f"# TYPE {name} {'gauge' if kind == 'sum' else kind}"
    for point in metric["points"]:
        if kind == "histogram":
            yield from _buckets(name, point)
        else:
            yield f"{name}{labels(point['attributes'])} {point['value']}"


def _buckets(name: str, point: Json) -> Iterator[str]:
    so_far = 0
    for bound, count in zip([*point["bounds"], "+Inf"], point["counts"], strict=True):
        so_far += count
        yield f"{name}_bucket{labels({**point['attributes'], 'le': bound})} {so_far}"
    yield f"{name}_sum{labels(point['attributes'])} {point['sum']}"
    yield f"{name}_count{labels(point['attributes'])} {so_far}"


def labels(attributes: Json) -> str:
    """Attributes as labels."""
    pairs = (f'{name.replace(".", "_")}="{escaped(str(value))}"' for name, value in attributes.items())
    return "{" + ",".join(pairs) + "}"


def escaped(value: str) -> str:
    """A value within quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
