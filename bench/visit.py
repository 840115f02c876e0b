"""One visit to one checkout: start its box, put the same load on it, end it. Client and model are ours, and lean: they
run on the machine that the box is measured on, and would take it the processors' caches, too.

Storage operations are counted where they arrive, in the emulator's log: an old box cannot count them for us.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import aiohttp

from bench import lean, processes, runs
from bench.processes import Checkout
from tests import azurite

#: Name -> figure.
Figures = dict[str, float]

CLIENTS: Final = (1, 16)
#: Runs of one kind whose storage operations are counted, after as many that are not.
COUNTED: Final = 10
#: Seconds without an operation after which all are taken to be done; queued runs are looked for more often.
QUIET: Final = 1.0
_OPERATION = re.compile(r'"([A-Z]+) /\S+ HTTP/[\d.]+" \d{3} ', re.MULTILINE)
#: How a box asks its queues for messages: on Azure the trigger does, and an idle one does it, too.
_LOOK = re.compile(r'"GET /[^/\s]+/[^/\s]+/messages[?\s]')


@dataclass(frozen=True, slots=True)
class Load:
    """What every visit is about."""

    model_url: str
    #: Seconds of each kind of throughput.
    seconds: float
    #: Streamed runs whose first delta is waited for.
    firsts: int = 40
    storage: bool = True


def visit(checkout: Checkout, load: Load) -> Figures:
    """Everything that is compared, once."""
    found = asyncio.run(_embedded(checkout, load))
    return found | (asyncio.run(_operations(checkout, load)) if load.storage else {})


async def _embedded(checkout: Checkout, load: Load) -> Figures:
    """Speed and processor time on SQLite."""
    with tempfile.TemporaryDirectory() as folder, processes.box(load.model_url, Path(folder), checkout) as (url, pid):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            box = runs.Client(session, url)
            assistant = await _assistant(box)
            firsts = [await runs.streamed_run(box, assistant, await runs.new_thread(box)) for _ in range(load.firsts)]
            found = {"first delta, ms": median(first for first, _ in firsts) * 1000}
        for kind in ("streamed", "polled"):
            for clients in CLIENTS:
                for name, figure in (await _throughput(url, pid, kind, clients, load.seconds)).items():
                    found[f"{kind}, {clients} clients, {name}"] = figure
    return found


async def _throughput(url: str, pid: int, kind: str, clients: int, seconds: float) -> Figures:
    """Text runs a second, and the box's processor time for each; every client goes from run to run."""
    done = 0
    async with lean.clients(url, clients) as boxes:
        assistant = await lean.assistant(boxes[0])
        started, busy = time.perf_counter(), processes.cpu_seconds(pid)

        async def work(box: lean.Box) -> None:
            nonlocal done
            while time.perf_counter() < started + seconds:
                await lean.text_run(box, assistant, kind)
                done += 1

        await asyncio.gather(*(work(each) for each in boxes))
        took, busy = time.perf_counter() - started, processes.cpu_seconds(pid) - busy
    return {"runs/s": done / took, "box CPU ms/run": busy * 1000 / done}


async def _operations(checkout: Checkout, load: Load) -> Figures:
    """Requests to an emulated storage account for one run, the client's own reads not counted."""
    with (
        tempfile.TemporaryDirectory() as folder,
        azurite.serving(Path(folder), silent=False) as ports,
        processes.box(
            load.model_url, Path(folder) / "box", checkout, AzureWebJobsStorage=azurite.connection_string(ports)
        ) as (url, _),
    ):
        log = Path(folder) / azurite.LOG
        async with aiohttp.ClientSession() as session:
            box = runs.Client(session, url)
            assistant = await _assistant(box)
            found = {}
            for stream in (True, False):
                await _counted(box, assistant, log, stream)  # tables and queues are made on the way
                kind = "streamed" if stream else "queued"
                found[f"storage operations of a {kind} run"] = await _counted(box, assistant, log, stream)
    return found


async def _counted(box: runs.Client, assistant: str, log: Path, stream: bool) -> float:
    threads = [await runs.new_thread(box) for _ in range(COUNTED)]
    before = await asyncio.to_thread(settled, log)
    made = []
    for thread in threads:
        if stream:
            await runs.streamed_run(box, assistant, thread)
        else:
            made.append(await box.post(f"threads/{thread}/runs", {"assistant_id": assistant}))
    after = await asyncio.to_thread(settled, log)
    for run in made:
        ended = await box.get(f"threads/{run['thread_id']}/runs/{run['id']}")
        assert ended["status"] == "completed", ended
    return (after - before) / COUNTED


def settled(log: Path) -> int:
    """The number of operations, once it no longer grows."""
    count = -1
    while count != (count := operations(log.read_text())):
        time.sleep(QUIET)
    return count


def operations(log: str) -> int:
    """Requests in the emulator's log, without looks into queues."""
    return len(_OPERATION.findall(log)) - len(_LOOK.findall(log))


async def _assistant(box: runs.Client) -> str:
    return str((await box.post("assistants", {"model": runs.MODEL}))["id"])
