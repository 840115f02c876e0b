"""The box's processor time for a run, with and without traces and metrics, in turn: what telemetry costs.

`python -m bench telemetry [PAIRS] [RUNS] [CLIENTS]`. Spans and metrics go to a collector on loopback, which only takes
them; Prometheus's numbers are kept, too. The fake model answers at once. A turn and its run are three spans.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import lean, processes
from bench.siblings import KINDS, WARM, load
from tests.fakes.collector import collector


def measure(kind: str, clients: int, count: int, **settings: str) -> float:
    """Milliseconds of the box's processor time for a run."""
    with (
        tempfile.TemporaryDirectory() as home,
        processes.started(*lean.MODEL) as (model, _),
        processes.box(model, Path(home), **settings) as (url, pid),
    ):
        asyncio.run(load(url, kind, clients, WARM))
        before = processes.cpu_seconds(pid)
        asyncio.run(load(url, kind, clients, count))
        return 1000 * (processes.cpu_seconds(pid) - before) / count


def main(pairs: int = 5, count: int = 1000, clients: int = 16) -> None:
    """Measure in turn, and print medians with the least and the most."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}: {pairs} pairs of {count} runs", flush=True)
    with collector(keep=False) as collected:
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": collected.url, "OTEL_METRICS_EXPORTER": "prometheus"}
        for kind in KINDS:
            found = [(measure(kind, clients, count), measure(kind, clients, count, **on)) for _ in range(pairs)]
            for name, values in zip(("off", "on"), zip(*found, strict=True), strict=True):
                print(f"{kind}, {name:4} ms/run{median(values):8.2f} ({min(values):.2f} to {max(values):.2f})")
            ratios = [with_it / without for without, with_it in found]
            print(f"{kind}, on / off   {median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
