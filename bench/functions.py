"""What a streamed run costs on Functions: the app under the stand-in host, with an emulated storage account.

Processor time per run of worker, host side, storage and model apart, and storage calls per run by kind: before the
model's first delta, and after it. `python -m bench functions [CHECKOUT]`; `bench compare` has it for two checkouts.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from bench import processes, runs
from bench.processes import HERE, Checkout
from tests import azurite

#: Name -> figure.
Figures = dict[str, float]

CLIENTS: Final = 16
SECONDS: Final = 5.0
#: Runs that warm everything up, one after the other.
WARM: Final = 10
#: Runs whose storage calls are counted, one after the other, and how long the model thinks in each.
COUNTED: Final = 5
THINKING: Final = 1.0
#: When everything that comes before the model's first delta has long been asked, and a run is over for good.
BEFORE, AFTER = 0.7, 1.5
CALL: Final = re.compile(r'"([A-Z]+) /devstoreaccount1/(\S*) HTTP/[\d.]+" \d{3} ')
#: What the host asks of the queues all the time.
LOOK: Final = "GET queue message"


@dataclass(frozen=True, slots=True)
class Served:
    """A function app under the stand-in host, with everybody who works for it."""

    url: str
    #: Name -> process.
    pids: dict[str, int]

    def cpu(self) -> Figures:
        """Processor seconds that each has used so far."""
        return {name: processes.cpu_seconds(pid) for name, pid in self.pids.items()}


@contextmanager
def serving(checkout: Checkout, folder: Path, model_url: str, storage: str, **more: str) -> Iterator[tuple[str, int]]:
    """The checkout's function app under our host: its address, and the host's process."""
    app = folder / "app"
    if not app.exists():
        app.mkdir()
        for name in ("function_app.py", "host.json", "shared"):
            (app / name).symlink_to(checkout.folder / name)
        (app / "tests").symlink_to(HERE.folder / "tests")
    settings = {**processes.environment_of(model_url, folder / "home"), "AzureWebJobsStorage": storage, **more}
    command = ["-m", "tests.functions.host", str(app)]
    with processes.started(command, r'^{"url": "([^"]+)"', settings, Checkout(app)) as found:
        yield found


async def worker_pid(url: str) -> int:
    """The process that the host has started for the app."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/admin/worker") as answer:
        return int((await answer.json())["pid"])


def visit(checkout: Checkout, seconds: float) -> Figures:
    """All figures of one checkout."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        storage = azurite.connection_string(stack.enter_context(azurite.serving(folder, silent=False)))
        fake = ["-m", "tests.fakes.responses_server", "--port", "0", "--delay"]
        model_url, model = stack.enter_context(processes.started([*fake, "0"], r"(http://\S+)"))
        with serving(checkout, folder, model_url, storage) as (url, host):
            pids = {"worker": asyncio.run(worker_pid(url)), "host": host, "model": model}
            pids["storage"] = json.loads((folder / "azurite.json").read_text())["pid"]
            found = asyncio.run(_costs(Served(url, pids), seconds))
        slow, _ = stack.enter_context(processes.started([*fake, str(THINKING)], r"(http://\S+)"))
        with serving(checkout, folder, slow, storage) as (url, _):
            return found | asyncio.run(_calls(url, folder / azurite.LOG))


async def _costs(app: Served, seconds: float) -> Figures:
    """Processor time per run of everybody, with many clients."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        box = runs.Client(session, f"{app.url}/v1")
        assistant = str((await box.post("assistants", {"model": runs.MODEL}))["id"])
        firsts: list[float] = []

        async def one() -> None:
            thread = await runs.new_thread(box)
            firsts.append((await runs.streamed_run(box, assistant, thread))[0])
            await box.get(f"threads/{thread}/messages")

        async def many(until: float) -> None:
            while time.perf_counter() < until:
                await one()

        for _ in range(WARM):
            await one()
        firsts.clear()
        before, started = app.cpu(), time.perf_counter()
        await asyncio.gather(*(many(started + seconds) for _ in range(CLIENTS)))
        took, after = time.perf_counter() - started, app.cpu()
    found = {f"{who}, CPU ms/run": (after[who] - before[who]) * 1000 / len(firsts) for who in before}
    return found | {
        f"runs/s, {CLIENTS} clients": len(firsts) / took,
        f"first delta, {CLIENTS} clients, ms": sorted(firsts)[len(firsts) // 2] * 1000,
    }


async def _calls(url: str, log: Path) -> Figures:
    """Storage calls of a run by kind, before the model's first delta and after it."""
    phases: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
    async with aiohttp.ClientSession() as session:
        box = runs.Client(session, f"{url}/v1")
        assistant = str((await box.post("assistants", {"model": runs.MODEL}))["id"])
        await runs.streamed_run(box, assistant, await runs.new_thread(box))
        for _ in range(COUNTED):
            thread = await runs.new_thread(box)
            await asyncio.sleep(0.3)
            begin = size(log)
            run = asyncio.create_task(runs.streamed_run(box, assistant, thread))
            await asyncio.sleep(BEFORE)
            middle = size(log)
            await run
            await asyncio.sleep(AFTER - THINKING)
            phases["before"].update(calls(log, begin, middle))
            phases["after"].update(calls(log, middle, size(log)))
    found = {}
    for phase, counted in phases.items():
        found[f"storage calls {phase} the first delta"] = sum(counted.values()) / COUNTED
        found |= {f"  {kind}, {phase}": number / COUNTED for kind, number in sorted(counted.items())}
    return found


def size(log: Path) -> int:
    """Bytes of the emulator's log so far."""
    return log.stat().st_size


def calls(log: Path, begin: int, end: int) -> list[str]:
    """The kinds of the calls in a piece of the log; the host's own looks into the queues are left out."""
    text = log.read_bytes()[begin:end].decode()
    kinds = (f"{method} {kind(path)}" for method, path in CALL.findall(text))
    return [each for each in kinds if each != LOOK]


def kind(path: str) -> str:
    """What a path of the storage account is about."""
    if path.startswith("$batch"):
        return "transaction"
    if "/messages" in path:
        return "queue message"
    return "entities" if "()" in path else "entity" if "(" in path else "other"


def main(words: list[str]) -> None:
    """Measure this checkout, or the one that is named."""
    folder = Path(words[0]).resolve() if words else HERE.folder
    for name, figure in visit(Checkout(folder), SECONDS).items():
        print(f"{name:<48}{figure:10.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
