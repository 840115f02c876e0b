"""The composition root: settings in, a whole box out. The only place that names adapters."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import FastAPI

from shared.api.app import create_app
from shared.blobs.base import Blobs
from shared.config import Settings
from shared.deps import Deps
from shared.llm.base import Llm
from shared.objects.common import Json
from shared.queue.base import Queue
from shared.runs.consumer import Consumer
from shared.runs.drives import Drives
from shared.runs.worker import Worker
from shared.store.base import Store
from shared.tools.base import Tool, toolbox

#: Runs one process drives at once.
RUNS_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Box:
    """A box, ready to serve and to work."""

    deps: Deps
    worker: Worker
    drives: Drives
    asgi: FastAPI
    sandbox: str

    async def handle_run(self, body: Json) -> None:
        """A message of the queue `runs`."""
        await self.worker.handle(body)

    async def handle_poisoned_run(self, body: Json) -> None:
        """A message of the queue `runs-poison`."""
        await self.worker.poisoned(body)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Take messages from the queues, as the triggers do on Azure; afterwards close everything."""
        visibility = self.deps.settings.lease_seconds
        runs = Consumer(
            self.deps.queue, self.handle_run, self.handle_poisoned_run, limit=RUNS_AT_ONCE, visibility=visibility
        )
        tasks = [asyncio.create_task(runs.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self.close()

    async def close(self) -> None:
        """Release what is being driven, then everything that is open."""
        await self.drives.close()
        for port in (self.deps.llm, self.deps.queue, self.deps.store, self.deps.blobs):
            await port.close()


@dataclass(frozen=True, slots=True)
class Storage:
    """The three homes of a box's data."""

    store: Store
    blobs: Blobs
    queue: Queue


def build(
    settings: Settings,
    *,
    llm: Llm | None = None,
    tools: Iterable[Tool] | None = None,
    counter: Counter[str] | None = None,
) -> Box:
    """A box for these settings. `llm` and `tools` replace ours; `counter` counts storage operations by kind."""
    storage = embedded_storage(settings, counter)
    deps = Deps(
        settings=settings,
        store=storage.store,
        blobs=storage.blobs,
        queue=storage.queue,
        llm=model(settings) if llm is None else llm,
        toolbox=toolbox(server_tools(settings) if tools is None else tools),
    )
    worker = Worker(deps)
    drives = Drives(worker)
    return Box(deps, worker, drives, create_app(deps, drives), "not available yet")


def embedded_storage(settings: Settings, counter: Counter[str] | None) -> Storage:
    """SQLite and a folder in the box's home."""
    from shared.blobs.folder import FolderBlobs
    from shared.queue.sqlite import SqliteQueue
    from shared.sqlite import Database
    from shared.store.sqlite import SqliteStore

    database = Database(settings.box_home / "box.db")
    return Storage(
        SqliteStore(database, counter),
        FolderBlobs(settings.box_home / "blobs", counter),
        SqliteQueue(database, "runs", counter),
    )


def model(settings: Settings) -> Llm:
    """Who answers."""
    from shared.llm.scripted import ScriptedLlm

    return ScriptedLlm()


def server_tools(settings: Settings) -> list[Tool]:
    """The tools that the settings make possible."""
    from shared.tools.get_current_time import get_current_time_tool

    return [get_current_time_tool()]
