"""Boxes in processes of their own that die when they are told to.

This module is run once: it loads everything, then forks a box for each line of JSON on its input (`HostOrder`), and
answers with the process id. A box may be told to die right before or after its n-th commit of a run, or between what
has to be there before the commit and the commit itself, which is where a storage account leaves one who dies there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, TypedDict

import uvicorn

from shared import layout
from shared.app import build, embedded_storage, storage_for
from shared.config import Settings
from shared.prepared import Earlier
from shared.store.base import Change, Delete, Store
from shared.tools.base import Tool, ToolContext, tool


class HostOrder(TypedDict):
    """What kind of box to start."""

    port: int
    #: both | http | worker | sibling: both, at an address that it shares with others
    role: str
    #: The folder for the log of letters.
    letters: str
    #: "" or such as `before:3`, the third commit of runs; `between:3`; `after:3`; `before:3:files`, others: see `WHAT`.
    die: str
    environment: dict[str, str]


IsMine = Callable[[str, Sequence[Change]], bool]


def of_runs(partition: str, changes: Sequence[Change]) -> bool:
    return any(change.key.startswith("run_") for change in changes) or partition.endswith(":side-effects")


def of_files(partition: str, changes: Sequence[Change]) -> bool:
    return ":vs_" in partition or partition.startswith("index-") or partition.endswith(":attached")


#: The commits that can be counted: those of runs, of vector stores, those that delete something, that count calls, that
#: write down what runs have used, of budgets, and of webhooks; an owner's name means all of his.
WHAT: dict[str, IsMine] = {
    "runs": of_runs,
    "files": of_files,
    "deletes": lambda partition, changes: any(isinstance(change, Delete) for change in changes),
    "counts": lambda partition, changes: partition.endswith(":side-effects"),
    "usage": lambda partition, changes: partition.endswith(":usage"),
    "budget": lambda partition, changes: partition.endswith(":budget"),
    "webhooks": lambda partition, changes: partition == layout.WEBHOOKS,
}


class Mortal:
    """A store at whose n-th commit the process dies."""

    def __init__(self, store: Store, when: str, countdown: int, is_mine: IsMine):
        self.store, self.when, self.countdown, self.is_mine = store, when, countdown, is_mine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def commit(self, partition: str, changes: Sequence[Change], after: Earlier = ()) -> list[str]:
        mine = self.is_mine(partition, changes)
        self.countdown -= mine
        dying = mine and self.countdown == 0
        if dying and self.when == "between":
            for each in after:
                await each.make()
        if dying and self.when != "after":
            os.kill(os.getpid(), signal.SIGKILL)
        versions = await self.store.commit(partition, changes, after)
        if dying:
            os.kill(os.getpid(), signal.SIGKILL)
        return versions


def effects(home: Path) -> Tool:
    """A tool with a side effect that must not happen twice: a line in a file."""

    async def send_letter(text: str, context: ToolContext) -> str:
        """Send a letter."""
        with (home / "letters.log").open("a") as log:
            log.write(f"{context.call_id}\n")
        await asyncio.sleep(0.02)
        return "sent"

    return tool(send_letter, idempotent=False, timeout=10)


def look_up() -> Tool:
    """A tool that may run as often as it likes."""

    async def look_up(word: str) -> str:
        """Look a word up."""
        await asyncio.sleep(0.02)
        return f"{word}: a word"

    return tool(look_up, idempotent=True, timeout=10)


async def serve(order: HostOrder, listener: socket.socket | None) -> None:
    settings = Settings(_env_file=None)
    # With a storage account at hand, records may stand at home all the same: its queues are for Azure functions then.
    storage = embedded_storage(settings) if os.environ.get("RECORDS") == "embedded" else storage_for(settings)
    if order["die"]:
        when, count, what = f"{order['die']}:runs".split(":")[:3]
        is_mine = WHAT.get(what, lambda partition, changes: partition.startswith(f"{what}:"))
        storage = dataclasses.replace(storage, store=Mortal(storage.store, when, int(count), is_mine))
    box = build(settings, storage=storage, tools=[effects(Path(order["letters"])), look_up()])
    config = uvicorn.Config(box.asgi, port=order["port"], log_level="warning", lifespan="off")
    working = box.at_work() if order["role"] != "http" else nullcontext()
    async with working:
        if order["role"] == "worker":
            await asyncio.Event().wait()
        await uvicorn.Server(config).serve(None if listener is None else [listener])


def main() -> None:
    for heavy in ("openai", "azure.data.tables.aio", "azure.storage.blob.aio", "azure.storage.queue.aio"):
        importlib.import_module(heavy)  # what boxes would load on first use is loaded before they are forked
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are not waited for
    nothing = os.open(os.devnull, os.O_RDWR)
    listeners: dict[int, socket.socket] = {}  # held for siblings, whoever of them dies
    for line in sys.stdin:
        order: HostOrder = json.loads(line)
        if order["role"] == "sibling" and order["port"] not in listeners:
            listeners[order["port"]] = socket.create_server(("127.0.0.1", order["port"]))
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for pipe in (0, 1):  # whoever reads them must notice when the nursery dies, though its children live
                os.dup2(nothing, pipe)
            os.environ.update(order["environment"])
            with suppress(KeyboardInterrupt):
                asyncio.run(serve(order, listeners.get(order["port"])))
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
