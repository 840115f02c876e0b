"""Many owners at once on one storage account: an HTTP process and workers on Azurite, and who waits for whom.

`python -m bench.scale [RUNS] [WORKERS]`: runs of five kinds (text, streamed, a function of the client's, a tool of the
box, cancelled) of 20 owners, of whom one sends half of all at once. Prints how long runs take for the greedy owner and
for all others, what the storage was asked and how often in vain, and what follows for a real account.
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
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp

from bench import processes, runs
from tests import azurite

RUNS: Final = 2000
WORKERS: Final = 4
OWNERS: Final = 20
#: Conversations at once, of the greedy owner and of each other one.
GREEDY_CLIENTS, CLIENTS = 50, 2
#: Seconds that the model takes.
THINKING: Final = 0.05
#: Seconds between two polls, and until a run that does not end is given up.
POLL, PATIENCE = 0.1, 300.0
#: What a storage account and a partition of a table carry, in operations a second: the published targets.
ACCOUNT_TARGET, PARTITION_TARGET = 20_000, 2_000

WEATHER: Final = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
#: Kind -> what the user says, which is what the model then does, and how the run ends.
KINDS: Final = {
    "text": ("say Hello there.", "completed"),
    "streamed": ("say Hello there.", "completed"),
    "function": ('call get_weather {"city": "Oslo"}\nthen\nsay Rain.', "completed"),
    "own tool": ('call get_current_time {"timezone": "UTC"}\nthen\nsay Late.', "completed"),
    "cancelled": ("wait 60\nsay Never.", "cancelled"),
}
#: A request in the emulator's log: method, path and status.
REQUEST: Final = re.compile(r'"([A-Z]+) /devstoreaccount1/(\S*) HTTP/[\d.]+" (\d{3})')
IN_VAIN: Final = ("409", "412")


@dataclass(slots=True)
class Owner:
    """One who calls, and how long each of the runs took: from its request to its end."""

    name: str
    clients: int
    seconds: list[float] = field(default_factory=list)
    #: Of making a thread alone.
    thread_seconds: list[float] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The owner's API key."""
        return f"{processes.KEY}-{self.name}"


@contextmanager
def serving(workers: int) -> Iterator[tuple[str, Path]]:
    """The box's base URL, and the log of its storage."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        storage = azurite.connection_string(stack.enter_context(azurite.serving(folder, silent=False)))
        model_url = stack.enter_context(processes.model(THINKING))
        keys = {owner.name: owner.key for owner in owners()}
        settings = {"AzureWebJobsStorage": storage, "BOX_API_KEYS": json.dumps(keys), "RUNS_AT_ONCE": "16"}
        settings["SERVER_TOOLS_ALLOWED"] = '{"*": ["*"]}'
        url, _ = stack.enter_context(processes.box(model_url, folder / "home", **settings))
        for _ in range(workers):
            stack.enter_context(processes.worker(model_url, folder / "home", **settings))
        yield url, folder / azurite.LOG


def owners() -> list[Owner]:
    """The greedy one first."""
    return [Owner("greedy", GREEDY_CLIENTS), *(Owner(f"owner-{number}", CLIENTS) for number in range(1, OWNERS))]


async def work(session: aiohttp.ClientSession, url: str, owner: Owner, count: int) -> None:
    """So many runs of an owner, of each kind in turn."""
    box = runs.Client(session, url)
    box.headers = {"Authorization": f"Bearer {owner.key}"}
    body = {"model": runs.MODEL, "tools": [WEATHER], "metadata": {"server_tools": "get_current_time"}}
    assistant = str((await box.post("assistants", body))["id"])
    left = iter([kind for _ in range(count // len(KINDS) + 1) for kind in KINDS][:count])

    async def converse() -> None:
        for kind in left:
            await one(box, owner, assistant, kind)

    await asyncio.gather(*(converse() for _ in range(owner.clients)))


async def one(box: runs.Client, owner: Owner, assistant: str, kind: str) -> None:
    """A thread and its run, which must end as its kind does."""
    words, end = KINDS[kind]
    started = time.perf_counter()
    thread = str((await box.post("threads", {"messages": [{"role": "user", "content": words}]}))["id"])
    made = time.perf_counter()
    owner.thread_seconds.append(made - started)
    if kind == "streamed":
        await runs.streamed_run(box, assistant, thread)
    else:
        run = await box.post(f"threads/{thread}/runs", {"assistant_id": assistant})
        path = f"threads/{thread}/runs/{run['id']}"
        if kind == "cancelled":
            await box.post(f"{path}/cancel", {})
        run = await settled(box, path)
        if run["status"] == "requires_action":
            calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
            outputs = [{"tool_call_id": call["id"], "output": "rain"} for call in calls]
            await box.post(f"{path}/submit_tool_outputs", {"tool_outputs": outputs})
            run = await settled(box, path)
        if run["status"] != end:
            raise RuntimeError(f"a run of kind {kind!r} ended as {run['status']}: {run['last_error']}")
    owner.seconds.append(time.perf_counter() - made)


async def settled(box: runs.Client, path: str) -> dict[str, Any]:
    """The run once nobody works on it any more."""
    until = time.perf_counter() + PATIENCE
    while (run := await box.get(path))["status"] in ("queued", "in_progress", "cancelling"):
        if time.perf_counter() > until:
            raise RuntimeError(f"{path} is {run['status']}, still")
        await asyncio.sleep(POLL)
    return run


async def measure(url: str, total: int) -> tuple[list[Owner], float]:
    """Everybody at once: half of the runs are the greedy owner's. The owners, and seconds in all."""
    callers = owners()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()
        each = total // 2 // (OWNERS - 1)
        shares = [total - each * (OWNERS - 1), *(each for _ in callers[1:])]
        await asyncio.gather(*(work(session, url, owner, share) for owner, share in zip(callers, shares, strict=True)))
        return callers, time.perf_counter() - started


def asked(log: Path) -> tuple[Counter[str], int]:
    """What the storage was asked, by service, and how often in vain; looks into queues that were empty are left out."""
    kinds: Counter[str] = Counter()
    vain = 0
    for method, path, status in REQUEST.findall(log.read_text(errors="replace")):
        if not (method == "GET" and "/messages" in path):
            kinds["queue" if "/messages" in path else "table" if "(" in path or "$batch" in path else "other"] += 1
            vain += status in IN_VAIN
    return kinds, vain


def spread(seconds: list[float]) -> str:
    """Median, 95th percentile and longest."""
    ordered = sorted(seconds)
    return f"{median(ordered):7.2f} {ordered[int(len(ordered) * 0.95)]:7.2f} {ordered[-1]:7.2f}"


def main(total: int, workers: int) -> None:
    """Print the figures."""
    with serving(workers) as (url, log):
        callers, took = asyncio.run(measure(url, total))
        kinds, vain = asked(log)
    greedy, others = callers[0], callers[1:]
    print(f"{total} runs of {OWNERS} owners, {workers} workers: {took:.0f} s, {total / took:.1f} runs/s")
    print(f"{'seconds of a run':<44} median     p95     max")
    print(f"{'the owner with half of all runs':<43}{spread(greedy.seconds)}")
    print(f"{'the others':<43}{spread([each for owner in others for each in owner.seconds])}")
    slowest = max(others, key=lambda owner: median(owner.seconds))
    print(f"{'of them, whoever waited longest':<43}{spread(slowest.seconds)}")
    print(f"{'making a thread: the first':<43}{spread(greedy.thread_seconds)}")
    print(f"{'the others':<43}{spread([each for owner in others for each in owner.thread_seconds])}")
    calls = sum(kinds.values())
    named = ", ".join(f"{name} {count / total:.1f}" for name, count in kinds.most_common())
    print(f"storage calls of thread, run and its polls: {calls / total:.1f} ({named}); in vain {vain / calls:.2%}")
    print(f"an account carries {ACCOUNT_TARGET * total / calls:,.0f} such runs a second (target {ACCOUNT_TARGET:,}/s);")
    print(f"one owner's index {PARTITION_TARGET:,} new threads a second (one row each)")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [RUNS, WORKERS][len(numbers) :]))
