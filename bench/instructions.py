"""Processor instructions of a run on the embedded host, as valgrind counts them: the same on a busy machine.

`python -m bench instructions [CHECKOUT ...]` measures folders or git revisions, and how each compares with the first.
Millions for thread, run and answer, within the process; what the kernel does for it is not counted. Needs `valgrind`,
and some 40 seconds for each of the four figures.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import aiohttp

from bench import processes, runs
from bench.compare import checkout, commit
from bench.processes import Checkout

#: Runs at once -> runs of each client: first those that warm everything up, then those that are counted.
CLIENTS: Final = {1: (10, 20), 16: (5, 6)}
#: Runs at once -> seconds between two polls: enough for all of them, so that each is polled once.
PAUSES: Final = {1: 0.3, 16: 2.5}
#: What comes by time, and not with a run, comes seldom: under valgrind a run takes a hundred times as long. Version 0.1
#: has the other name for the same.
SELDOM: Final = {"HEARTBEAT_SECONDS": "60", "LOOK_SECONDS": "60", "LEASE_SECONDS": "600"}
TOTAL: Final = re.compile(r"^totals: (\d+)", re.MULTILINE)


def millions(tree: Checkout, kind: str, clients: int) -> float:
    """Instructions per run, `streamed` or `polled`."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "counted"
        counting = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={kept}")
        with (
            processes.model(0) as model_url,
            processes.box(model_url, Path(folder) / "box", replace(tree, under=counting), **SELDOM) as (url, pid),
        ):
            counted = asyncio.run(count(url, pid, kind, clients))
        found = TOTAL.search(kept.read_text())
    assert found is not None
    return int(found[1]) / counted / 1e6


async def count(url: str, pid: int, kind: str, clients: int) -> int:
    """Let the process work, and be counted once it is warm; how many runs were counted."""
    warm, counted = CLIENTS[clients]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(600)) as session:
        box = runs.Client(session, url)
        assistant = str((await box.post("assistants", {"model": runs.MODEL}))["id"])
        await work(box, assistant, kind, clients, warm)
        await asyncio.to_thread(switch, "on", pid)
        await work(box, assistant, kind, clients, counted)
        await asyncio.to_thread(switch, "off", pid)
    return clients * counted


def switch(word: str, pid: int) -> None:
    """Begin to count, or stop."""
    quiet = subprocess.DEVNULL
    subprocess.run(["callgrind_control", "--instr=" + word, str(pid)], check=True, stdout=quiet, stderr=quiet)


async def work(box: runs.Client, assistant: str, kind: str, clients: int, each: int) -> None:
    """So many runs of each client."""

    async def client() -> None:
        for _ in range(each):
            thread = await runs.new_thread(box)
            if kind == "streamed":
                await runs.streamed_run(box, assistant, thread)
            else:
                await runs.polled_run(box, assistant, thread, PAUSES[clients])

    await asyncio.gather(*(client() for _ in range(clients)))


def main(names: Sequence[str]) -> None:
    """Print millions of instructions per run, a line for each checkout."""
    os.environ["PYTHONHASHSEED"] = "0"
    first: dict[str, float] = {}
    with ExitStack() as stack:
        for tree in [stack.enter_context(checkout(name)) for name in names]:
            found = {
                f"{kind}, {clients}": millions(tree, kind, clients)
                for kind in ("streamed", "polled")
                for clients in CLIENTS
            }
            first = first or found
            words = (f"{kind} {value:6.2f} ({value / first[kind]:.3f})" for kind, value in found.items())
            print(f"{commit(tree):16}  {'   '.join(words)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or [str(processes.HERE.folder)])
