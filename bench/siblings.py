"""One process of the embedded host against two of the same build, in turn: text runs a second, and whose time they take.

`python -m bench siblings [PAIRS] [SECONDS] [CLIENTS]`. The fake model answers at once. It and the load generator share
the machine's processors with the box: their own time for a run stands beside the box's, and bounds the ratio.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import aiohttp
import psutil

from bench import processes, runs

KINDS = ("streamed", "polled")


def busy(pid: int) -> list[float]:
    """Processor seconds of the processes that serve: the children, or the only one."""
    root = psutil.Process(pid)
    return [processes.cpu_seconds(each.pid) for each in root.children() or [root]]


async def load(url: str, kind: str, clients: int, seconds: float) -> tuple[int, float]:
    """How many runs there were in how many seconds."""
    done = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        box = runs.Client(session, url)
        assistant = str((await box.post("assistants", {"model": runs.MODEL}))["id"])
        started = time.perf_counter()

        async def work() -> None:
            nonlocal done
            while time.perf_counter() < started + seconds:
                thread = await runs.new_thread(box)
                if kind == "streamed":
                    await runs.streamed_run(box, assistant, thread)
                else:
                    await runs.polled_run(box, assistant, thread, 0.02)
                done += 1

        await asyncio.gather(*(work() for _ in range(clients)))
        return done, time.perf_counter() - started


def measure(count: int, kind: str, clients: int, seconds: float) -> dict[str, float]:
    """The figures of so many processes."""
    with tempfile.TemporaryDirectory() as home, processes.started(*MODEL) as (model, model_pid):
        with processes.box(model, Path(home), BOX_PROCESSES=str(count)) as (url, pid):
            asyncio.run(load(url, kind, clients, 1))
            before, model_before, own = busy(pid), processes.cpu_seconds(model_pid), time.process_time()
            done, took = asyncio.run(load(url, kind, clients, seconds))
            used = [now - then for now, then in zip(busy(pid), before, strict=True)]
            return {
                "runs/s": done / took,
                "box ms/run": 1000 * sum(used) / done,
                "model ms/run": 1000 * (processes.cpu_seconds(model_pid) - model_before) / done,
                "load ms/run": 1000 * (time.process_time() - own) / done,
                "processors": (sum(used) + processes.cpu_seconds(model_pid) - model_before + time.process_time() - own)
                / took,
                "least share": min(used) / sum(used),
            }


MODEL = (["-m", "tests.fakes.responses_server", "--port", "0"], r"(http://\S+)")


def main(pairs: int = 5, seconds: float = 5, clients: int = 16) -> None:
    """Measure in turn, and print medians with the least and the most."""
    print(
        f"{os.cpu_count()} processors, {clients} clients, {pairs} pairs of {seconds:g} s, load {os.getloadavg()[0]:.1f}"
    )
    for kind in KINDS:
        found = [[measure(count, kind, clients, seconds) for count in (1, 2)] for _ in range(pairs)]
        for place, count in enumerate((1, 2)):
            for name in found[0][0]:
                values = [pair[place][name] for pair in found]
                print(f"{kind}, {count}: {name:14}{median(values):8.2f} ({min(values):.2f} to {max(values):.2f})")
        ratios = [two["runs/s"] / one["runs/s"] for one, two in found]
        print(f"{kind}: two / one {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))
