"""Storage operations of a run on Azure, by kind, counted as requests; and what a thousand runs cost in storage.

Needs Azurite (tests/install-node-packages.sh). Prices are list prices in USD per 10,000 operations, locally redundant,
and change: look yours up.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.counting import CountingTransport
from shared.app import azure_storage, build
from shared.assistants import assistants
from shared.box import Box
from shared.config import Settings
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm, call, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.message_requests import CreateMessage
from shared.objects.run import RunKey
from shared.objects.run_requests import CreateRun
from shared.objects.thread_requests import MAX_MESSAGES, CreateThread
from shared.runs import create, service
from shared.threads import messages, threads
from shared.tools.base import tool
from tests import azurite

Json = dict[str, Any]
OWNER = "bench"
HELLO = CreateMessage(role="user", content="Hello?")
KINDS = ("queued", "polled", "streamed")
PRICES = {"table": 0.00036, "queue": 0.004, "blob": 0.05}


async def look_up(word: str) -> str:
    """Look a word up."""
    return word


async def count_run(
    box: Box, llm: ScriptedLlm, counter: Counter[str], length: int, *, kind: str, calls: int | None
) -> Json:
    """The operations of one run on a thread of so many messages; the client's own polling is not among them.

    The `kind` is `streamed`, `polled` (driven where it was begun) or `queued` (RUN_START=queue). The model calls a tool
    so often; None: it is offered none.
    """
    metadata = {} if calls is None else {"server_tools": "look_up"}
    assistant = await assistants.create(Caller(box.deps, OWNER), CreateAssistant(model="m", metadata=metadata))
    thread = await thread_of(Caller(box.deps, OWNER), [HELLO] * length)
    llm.script(*([call("look_up", word="x")] for _ in range(calls or 0)), [text("Hello.")])
    counter.clear()
    body = CreateRun(assistant_id=assistant["id"])
    if kind == "streamed":
        listener = await create.create_streamed(Caller(box.deps, OWNER), box.driven, thread["id"], body, ())
        while await listener.read():
            pass
        await ended(box)
        return dict(counter)
    run = await create.create(Caller(box.deps, OWNER), box.driven, thread["id"], body)
    if kind == "polled":
        await ended(box)
        return dict(counter)
    taken = await box.deps.queue.receive(1, 60, 5)
    ours = Counter({"queue.receive": counter["queue.receive"]})  # the trigger's own, on Azure
    await box.handle_run(taken[0].body)
    await box.deps.usage.flush()
    found = await service.get(box.deps, RunKey(OWNER, thread["id"], run["id"]))
    assert found["status"] == "completed", found
    counter["table.get"] -= 1
    await box.deps.queue.delete(taken[0])
    counter["queue.delete"] -= 1
    return {kind: number for kind, number in (counter - ours).items() if number > 0}


async def thread_of(caller: Caller, said: list[CreateMessage]) -> Json:
    """A thread of so many messages, of which not all may fit into one request."""
    thread = await threads.create(caller, CreateThread(messages=said[:MAX_MESSAGES]))
    for each in said[MAX_MESSAGES:]:
        await messages.create(caller, thread["id"], each)
    return thread


async def ended(box: Box) -> None:
    """Wait until nothing is driven any more, and what was used is written."""
    await box.driven.wait()
    await box.deps.usage.flush()


async def measure(ports: dict[str, int], home: Path) -> Json:
    """Counts for the kinds of run there are, on an emulator with these ports."""
    found: Json = {}
    services = {port: service for service, port in ports.items()}
    for kind in KINDS:
        settings = Settings(
            _env_file=None,
            box_home=home,
            sandbox="none",
            AzureWebJobsStorage=SecretStr(azurite.connection_string(ports)),
            run_start="queue" if kind == "queued" else "here",
        )
        counter: Counter[str] = Counter()
        llm = ScriptedLlm()
        tools = [tool(look_up, idempotent=True, timeout=5)]
        storage = azure_storage(settings, transport=CountingTransport(services, counter))
        box = build(settings, storage=storage, llm=llm, tools=tools)
        try:
            # Table and queues are made on the way.
            await count_run(box, llm, counter, 1, kind=kind, calls=None)
            for length, calls in product((1, 90), (None, 0, 1, 2)):
                counts = await count_run(box, llm, counter, length, kind=kind, calls=calls)
                offered = "no tools" if calls is None else f"tools, {calls} calls"
                found[f"{kind}, {offered}, {length} messages"] = {"total": sum(counts.values()), **counts}
        finally:
            await box.close()
    return found


def cost_of_1000(counts: Json) -> float:
    """USD for the storage operations of a thousand runs; what the trigger does with messages that stay is added."""
    kinds = Counter({kind.split(".")[0]: 0 for kind in counts})
    for kind, number in counts.items():
        if kind != "total":
            kinds[kind.split(".")[0]] += number
    kinds["queue"] += 2 * (counts.get("queue.send", 0) - counts.get("queue.delete", 0))
    return sum(PRICES[home] * number / 10_000 for home, number in kinds.items() if home in PRICES) * 1000


def main() -> Json:
    """Count, on an emulator of our own."""
    with tempfile.TemporaryDirectory() as home, azurite.serving(Path(home)) as ports:
        found = asyncio.run(measure(ports, Path(home) / "box"))
    return {name: {**counts, "USD per 1000 runs": round(cost_of_1000(counts), 4)} for name, counts in found.items()}


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
