"""Memory of the embedded host for open idle streams, and for polled runs that wait for the model.

`python -m bench streams [STREAMS] [WAITING] [FOLDER]`, of this checkout or of the one in FOLDER. The model says that it
has begun and nothing more, so every stream and every run holds a connection to it, too. Memory is the process's own
(USS), after it was warmed up.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import psutil

from bench import processes, runs

STREAMS, WAITING = 5000, 2000
#: Opened at once, while the others wait their turn.
AT_ONCE = 50
#: Runs of each kind that have come and gone before anything is measured.
WARM = 200
#: Longer than the measurement.
SILENCE = 3600


async def many(count: int, one: Callable[[], Awaitable[object]]) -> None:
    """Do it so often, some at once."""
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(one() for _ in range(min(AT_ONCE, count - first))))


async def measure(url: str, pid: int, streams: int, waiting: int) -> None:
    """Open them, and print what they take."""
    process, connections = psutil.Process(pid), contextlib.AsyncExitStack()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        box = runs.Client(session, url)
        assistant = str((await box.post("assistants", {"model": runs.MODEL}))["id"])
        body = {"assistant_id": assistant}

        async def open_stream(kept: contextlib.AsyncExitStack = connections) -> None:
            thread = await runs.new_thread(box)
            request = session.post(
                f"{url}/threads/{thread}/runs", json={**body, "stream": True}, headers=box.headers, read_bufsize=1024
            )
            response = await kept.enter_async_context(request)
            assert b"thread.run.created" in await response.content.readline()

        async def begin_run() -> None:
            run = await box.post(f"threads/{await runs.new_thread(box)}/runs", body)
            assert run["status"] == "queued"

        async def come_and_go() -> None:
            async with contextlib.AsyncExitStack() as kept:
                await open_stream(kept)

        async def grown(count: int, one: Callable[[], Awaitable[object]]) -> tuple[float, float]:
            """KB for each, and milliseconds of processor time that the box takes for all of them in a second."""
            before = process.memory_full_info().uss
            await many(count, one)
            await asyncio.sleep(2)
            after, began = process.memory_full_info().uss, processes.cpu_seconds(pid)
            await asyncio.sleep(5)
            return (after - before) / 1024 / max(count, 1), (processes.cpu_seconds(pid) - began) / 5 * 1000

        await many(WARM, come_and_go)
        await many(WARM, begin_run)
        await asyncio.sleep(2)
        at_rest = process.memory_full_info().uss / 2**20
        async with connections:
            size, busy = await grown(streams, open_stream)
            print(f"{streams} idle streams: {size:.1f} KB each, {busy:.0f} ms of processor time a second", flush=True)
            size, busy = await grown(waiting, begin_run)
            print(f"{waiting} waiting runs: {size:.1f} KB each, {busy:.0f} ms of processor time a second", flush=True)
            files = process.num_fds()
            print(f"{at_rest:.0f} MB before, {process.memory_full_info().uss / 2**20:.0f} MB now, {files} files open")


def main(streams: int, waiting: int, checkout: processes.Checkout) -> None:
    """Print the figures."""
    most = str(streams + waiting + 2 * WARM + 1000)
    settings = {"BOX_MAX_CONNECTIONS": most, "RUNS_AT_ONCE": most}
    with (
        tempfile.TemporaryDirectory() as home,
        processes.model(0) as model_url,
        processes.box(model_url, Path(home) / "box", checkout, **settings) as (url, pid),
    ):
        asyncio.run(silence(model_url))
        asyncio.run(measure(url, pid, streams, waiting))


async def silence(model_url: str) -> None:
    """Let the model say nothing after its first event."""
    async with aiohttp.ClientSession() as session:
        settings = {"event_delay": SILENCE, "keep_bodies": False}
        async with session.post(model_url.removesuffix("/v1") + "/fake/settings", json=settings) as answer:
            answer.raise_for_status()


if __name__ == "__main__":
    folder = Path(sys.argv[3]) if sys.argv[3:] else processes.HERE.folder
    counts = [int(word) for word in sys.argv[1:3]]
    streams, waiting = [*counts, STREAMS, WAITING][: len(counts)] + [STREAMS, WAITING][len(counts) :]
    main(streams, waiting, processes.Checkout(folder, str(folder / ".venv/bin/python")))
