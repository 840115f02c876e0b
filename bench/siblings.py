"""One process of the embedded host against two of the same build, in turn: text runs a second, and whose time it is.

`python -m bench.siblings [PAIRS] [RUNS] [CLIENTS]`. Model and load generator are lean, as they share the machine's
processors with the box: their own time for a run stands beside the box's. `limit` is what these times allow at the
most, were the machine otherwise idle.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
import uvloop

from bench import lean, processes

KINDS = ("streamed", "polled")
#: Runs before anything is measured: each process loads what it needs.
WARM = 200

Figures = dict[str, float]


def serving(pid: int) -> list[int]:
    """The processes that serve: the children, or the only one."""
    return [each.pid for each in psutil.Process(pid).children()] or [pid]


async def load(url: str, kind: str, clients: int, count: int) -> float:
    """Have so many runs carried out, each client's over a connection of its own; how many seconds it took."""
    left = count
    async with lean.clients(url, clients) as boxes:
        assistant = await lean.assistant(boxes[0])

        async def work(box: lean.Box) -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await lean.text_run(box, assistant, kind)

        started = time.perf_counter()
        await asyncio.gather(*(work(each) for each in boxes))
        return time.perf_counter() - started


def measure(places: int, kind: str, clients: int, count: int) -> Figures:
    """The figures of so many processes."""
    with (
        tempfile.TemporaryDirectory() as home,
        processes.started(*lean.MODEL) as (model, model_pid),
        processes.box(model, Path(home), BOX_PROCESSES=str(places)) as (url, pid),
    ):
        uvloop.run(load(url, kind, clients, WARM))
        everybody = [*serving(pid), model_pid, os.getpid()]
        before = [processes.cpu_seconds(each) for each in everybody]
        took = uvloop.run(load(url, kind, clients, count))
        used = [processes.cpu_seconds(each) - then for each, then in zip(everybody, before, strict=True)]
    *box, of_model, own = [1000 * each / count for each in used]
    return {
        "runs/s": count / took,
        "box ms/run": sum(box),
        "model ms/run": of_model,
        "load ms/run": own,
        "processors": sum(used) / took,
        "least share": min(box) / sum(box),
        "limit": 1000 / max(max(box), (sum(box) + of_model + own) / (os.cpu_count() or 1)),
    }


def main(pairs: int = 5, count: int = 1000, clients: int = 16) -> None:
    """Measure in turn, and print medians with the least and the most."""
    load_now = f"load {os.getloadavg()[0]:.1f}"
    print(f"{os.cpu_count()} processors, {load_now}: {clients} clients, {pairs} pairs of {count} runs", flush=True)
    for kind in KINDS:
        found = [[measure(places, kind, clients, count) for places in (1, 2)] for _ in range(pairs)]
        for places, figures in enumerate(zip(*found, strict=True), 1):
            for name in figures[0]:
                values = [each[name] for each in figures]
                print(f"{kind}, {places}: {name:14}{median(values):8.2f} ({min(values):.2f} to {max(values):.2f})")
        for name in ("runs/s", "box ms/run", "limit"):
            ratios = [two[name] / one[name] for one, two in found]
            print(
                f"{kind}, two / one: {name:12}{median(ratios):6.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
