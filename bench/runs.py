"""What the box adds to the model: latency, throughput, lists of long threads, memory, import time."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from bench import processes
from tests import azurite

Json = dict[str, Any]
RESULTS = Path(__file__).parent / "results"
MODEL = "gpt-bench"
HELLO = {"role": "user", "content": "Hello?"}


class Client:
    """A light client: the measurement should not be of the client."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str):
        self.session, self.base_url = session, base_url
        self.headers = {"Authorization": f"Bearer {processes.KEY}"}

    async def post(self, path: str, body: Json) -> Json:
        async with self.session.post(f"{self.base_url}/{path}", json=body, headers=self.headers) as response:
            found: Json = await response.json()
            assert response.status == 200, found
            return found

    async def get(self, path: str) -> Json:
        async with self.session.get(f"{self.base_url}/{path}", headers=self.headers) as response:
            found: Json = await response.json()
            assert response.status == 200, found
            return found

    async def first_and_last(self, path: str, body: Json, first: bytes, last: bytes) -> tuple[float, float]:
        """Seconds until a stream says `first`, and until it says `last`. It is read to its end, as SDKs do: only then
        is its connection used again."""
        started, heard, over = time.perf_counter(), 0.0, 0.0
        async with self.session.post(f"{self.base_url}/{path}", json=body, headers=self.headers) as response:
            async for line in response.content:
                if not heard and first in line:
                    heard = time.perf_counter() - started
                if last in line:
                    over = time.perf_counter() - started
        if not over:
            raise RuntimeError("the stream ended early")
        return heard, over


async def new_thread(client: Client) -> str:
    thread = await client.post("threads", {"messages": [HELLO]})
    return str(thread["id"])


async def polled_run(client: Client, assistant: str, thread: str, pause: float) -> float:
    """Seconds from create to completed."""
    started = time.perf_counter()
    run = await client.post(f"threads/{thread}/runs", {"assistant_id": assistant})
    while run["status"] != "completed":
        assert run["status"] in ("queued", "in_progress"), run
        await asyncio.sleep(pause)
        run = await client.get(f"threads/{thread}/runs/{run['id']}")
    return time.perf_counter() - started


async def streamed_run(client: Client, assistant: str, thread: str) -> tuple[float, float]:
    body = {"assistant_id": assistant, "stream": True}
    return await client.first_and_last(f"threads/{thread}/runs", body, b"thread.message.delta", b"[DONE]")


async def direct_turn(client: Client) -> tuple[float, float]:
    body = {"model": MODEL, "input": "Hello?", "stream": True}
    return await client.first_and_last("responses", body, b"response.output_text.delta", b"response.completed")


async def latency(box: Client, model: Client, assistant: str, count: int) -> Json:
    """Medians in milliseconds, box and bare model in turn."""
    seconds: dict[str, list[float]] = {"polled": [], "first": [], "streamed": [], "model": [], "model first": []}
    for _ in range(count):
        first, last = await direct_turn(model)
        seconds["model first"].append(first)
        seconds["model"].append(last)
        seconds["polled"].append(await polled_run(box, assistant, await new_thread(box), 0))
        first, last = await streamed_run(box, assistant, await new_thread(box))
        seconds["first"].append(first)
        seconds["streamed"].append(last)
    at = {name: median(values) * 1000 for name, values in seconds.items()}
    return {
        **at,
        "added to a polled run": at["polled"] - at["model"],
        "added to a streamed run": at["streamed"] - at["model"],
        "added to the first delta": at["first"] - at["model first"],
    }


async def throughput(box: Client, pid: int, assistant: str, clients: int, seconds: float, kind: str) -> Json:
    """Text runs a second, and the box's processor time for each; every client goes from run to run."""
    until = time.perf_counter() + seconds
    done, busy = 0, processes.cpu_seconds(pid)

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < until:
            thread = await new_thread(box)
            if kind == "streamed":
                await streamed_run(box, assistant, thread)
            else:
                await polled_run(box, assistant, thread, 0.25 if clients > 16 else 0.02)
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    took = time.perf_counter() - started
    return {"runs/s": done / took, "box CPU ms/run": (processes.cpu_seconds(pid) - busy) * 1000 / done}


async def timed(call: Callable[[], Awaitable[Any]], count: int) -> float:
    """Median milliseconds."""
    took = []
    for _ in range(count):
        started = time.perf_counter()
        await call()
        took.append(time.perf_counter() - started)
    return median(took) * 1000


async def long_threads(box: Client, assistant: str, sizes: tuple[int, ...]) -> Json:
    """Milliseconds of reads on threads of so many messages, the threads in turn."""
    threads = {}
    for size in sizes:
        messages = [HELLO] * min(size, 32)
        thread = (await box.post("threads", {"messages": messages}))["id"]
        gate = asyncio.Semaphore(1)

        async def add(thread: str = thread, gate: asyncio.Semaphore = gate) -> None:
            async with gate:
                await box.post(f"threads/{thread}/messages", HELLO)

        await asyncio.gather(*(add() for _ in range(size - len(messages))))
        threads[size] = thread
    found: Json = {}
    for size, thread in threads.items():
        newest = (await box.get(f"threads/{thread}/messages?limit=1"))["first_id"]
        found[str(size)] = {
            "list 10": await timed(partial(box.get, f"threads/{thread}/messages?limit=10"), 300),
            "list 10 asc": await timed(partial(box.get, f"threads/{thread}/messages?limit=10&order=asc"), 300),
            "get": await timed(partial(box.get, f"threads/{thread}/messages/{newest}"), 300),
            "run": await timed(partial(streamed_run, box, assistant, thread), 30),
        }
    return found


async def measure(delay: float, seconds: float, storage: dict[str, str]) -> Json:
    """Everything, with a model that takes `delay` seconds before it answers."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model_url = stack.enter_context(processes.model(delay))
        box_url, pid = stack.enter_context(processes.box(model_url, home, **storage))
        for _ in range(2 if storage else 0):
            stack.enter_context(processes.worker(model_url, home, **storage))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            box, model = Client(session, box_url), Client(session, model_url)
            assistant = (await box.post("assistants", {"model": MODEL}))["id"]
            await latency(box, model, assistant, 5)
            found: Json = {"latency ms": await latency(box, model, assistant, 60)}
            if delay == 0:
                found["runs per second"] = {
                    f"{kind}, {clients} clients": await throughput(box, pid, assistant, clients, seconds, kind)
                    for kind in ("polled", "streamed")
                    for clients in (1, 8, 64)
                }
            if delay == 0 and not storage:
                found["reads ms"] = await long_threads(box, assistant, (10, 1_000, 10_000))
        found["resident MB"] = processes.resident_mb(pid)
    return found


def main(azurite_too: bool, seconds: float = 5.0) -> Json:
    """Measure with a model that answers at once, and with one that takes 50 ms."""
    found: Json = {f"model {delay * 1000:g} ms": asyncio.run(measure(delay, seconds, {})) for delay in (0.0, 0.05)}
    if azurite_too:
        with tempfile.TemporaryDirectory() as folder, azurite.running(Path(folder)) as connection:
            storage = {"AzureWebJobsStorage": connection}
            found["on Azurite, HTTP and two workers"] = asyncio.run(measure(0.0, seconds, storage))
    return found


def show(found: Json, indent: str = "") -> None:
    """Print the figures as an indented table."""
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, indent + "  ")
        else:
            print(f"{indent}{name:<{44 - len(indent)}}{value:10.2f}", flush=True)


if __name__ == "__main__":
    figures = main("--azurite" in sys.argv)
    show(figures)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "runs.json").write_text(json.dumps(figures, indent=2))
