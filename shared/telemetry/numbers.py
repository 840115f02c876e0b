"""Numbers of one process, by name and attributes: counted, set, or measured into histograms. For exporters, plain JSON.

OpenTelemetry's instruments cost more, for each number and each exporter, than the storage operation they would count.
Here a number is told from the event loop alone; any thread may ask for all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from shared.json_types import Json

#: Attributes, such as `(("box.run.status", "completed"),)`.
Pairs = tuple[tuple[str, str], ...]

#: Sets of attributes of one metric that are told apart, as OpenTelemetry advises; names of models come from clients.
MOST_POINTS: Final = 2000
#: What all others are told as.
OVERFLOW: Final[Pairs] = (("otel.metric.overflow", "true"),)


class About(NamedTuple):
    """What an exporter tells of a metric: its kind, its unit and a sentence."""

    #: `counter`; `sum`, which can fall; `gauge`, which is of the box rather than of a process; `histogram`.
    kind: str
    #: In UCUM's words: `s`, `{run}`.
    unit: str
    words: str
    #: Upper bounds of a histogram's buckets, inclusive.
    bounds: tuple[float, ...] = ()


class _Measured:
    """The values of one histogram with one set of attributes."""

    __slots__ = ("counts", "greatest", "least", "total")

    def __init__(self, buckets: int) -> None:
        self.counts, self.total = [0] * buckets, 0.0
        self.least, self.greatest = float("inf"), float("-inf")


class Numbers:
    """All that is counted and measured."""

    def __init__(self, metrics: Mapping[str, About]) -> None:
        """`metrics` by their names; no other can be told."""
        self._metrics: Final = metrics
        self._values: dict[str, dict[Pairs, float]] = {name: {} for name in metrics}
        self._measured: dict[str, dict[Pairs, _Measured]] = {name: {} for name in metrics}

    def count(self, name: str, by: float, *pairs: tuple[str, str]) -> None:
        """Add to a counter, or to a sum, which may also fall."""
        values = self._values[name]
        pairs = _place(values, pairs)
        values[pairs] = values.get(pairs, 0) + by

    def counter(self, name: str, *pairs: tuple[str, str]) -> Callable[[], None]:
        """Counts one more, each time it is called."""
        values = self._values[name]
        pairs = _place(values, pairs)

        def count() -> None:
            values[pairs] = values.get(pairs, 0) + 1

        return count

    def set(self, name: str, value: float, *pairs: tuple[str, str]) -> None:
        """Note the present value of a gauge."""
        values = self._values[name]
        values[_place(values, pairs)] = value

    def measure(self, name: str, value: float, *pairs: tuple[str, str]) -> None:
        """A value of a histogram."""
        bounds, measured = self._metrics[name].bounds, self._measured[name]
        found = measured.get(pairs)
        if found is None:
            found = measured.setdefault(_place(measured, pairs), _Measured(len(bounds) + 1))
        found.counts[bisect_left(bounds, value)] += 1
        found.total += value
        if value < found.least:
            found.least = value
        if value > found.greatest:
            found.greatest = value

    def value(self, name: str, *pairs: tuple[str, str]) -> float:
        """A counter's, sum's or gauge's value now."""
        return self._values[name].get(pairs, 0)

    def all(self) -> list[Json]:
        """Every metric that has points: `{"name": "box.runs", "unit": "{run}", "about": "Runs …", "kind": "counter",
        "points": [{"attributes": {"box.run.status": "completed"}, "value": 3}]}`.

        Points of a histogram have `sum`, `counts` by bucket, `min` and `max`, the metric its `bounds`.
        """
        found = []
        for name, about in self._metrics.items():
            # Copied whole, so that another thread may go on.
            points: list[Json] = [
                {"attributes": dict(pairs), "value": value} for pairs, value in [*self._values[name].items()]
            ]
            for pairs, each in [*self._measured[name].items()]:
                extremes = {"min": each.least, "max": each.greatest}
                points.append({"attributes": dict(pairs), "sum": each.total, "counts": [*each.counts], **extremes})
            if points:
                what = {"name": name, "unit": about.unit, "about": about.words, "kind": about.kind}
                found.append({**what, "bounds": about.bounds, "points": points})
        return found


def _place(known: Mapping[Pairs, object], pairs: Pairs) -> Pairs:
    """Where a number of these attributes is kept."""
    return pairs if len(known) < MOST_POINTS or pairs in known else OVERFLOW
