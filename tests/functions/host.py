"""A stand-in for the Functions host on loopback, around Microsoft's real Python runtime.

`python -m tests.functions.host APP_DIR --port 7071` serves APP_DIR's function_app.py: HTTP always, queue triggers when
AzureWebJobsStorage is set, timers by `POST /admin/functions/NAME`. Environment variables override host.json as they do
in Azure (`AzureFunctionsJobHost__extensions__queues__maxDequeueCount=2`). Other options are the worker's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.functions.front import MAX_BODY, Front
from tests.functions.queues import QueueOptions, pump, seconds
from tests.functions.runtime import Outcome
from tests.functions.worker_process import WorkerProcess

OVERRIDE = "AzureFunctionsJobHost__"
STORAGE = "AzureWebJobsStorage"


def host_settings(app_dir: Path) -> dict[str, Any]:
    """host.json with the overrides of the environment."""
    settings: dict[str, Any] = json.loads((app_dir / "host.json").read_text())
    for name, value in os.environ.items():
        if name.startswith(OVERRIDE):
            *path, leaf = name.removeprefix(OVERRIDE).split("__")
            section = settings
            for key in path:
                section = section.setdefault(key, {})
            section[leaf] = value
    return settings


@contextlib.asynccontextmanager
async def serving_queues(
    worker: WorkerProcess, settings: dict[str, Any], outcomes: list[Outcome]
) -> AsyncIterator[None]:
    """Serve the queue triggers for the length of the block, if there is a storage account."""
    if not os.environ.get(STORAGE):
        yield
        return
    from azure.storage.queue.aio import QueueServiceClient

    options = QueueOptions.read(settings["extensions"]["queues"])
    async with QueueServiceClient.from_connection_string(os.environ[STORAGE]) as storage:
        pumping = asyncio.create_task(pump(worker, storage, options, outcomes.append))
        pumping.add_done_callback(_die_with)
        yield
        pumping.remove_done_callback(_die_with)
        pumping.cancel()
        await asyncio.wait([pumping])


def _die_with(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        sys.exit(f"The queue listener died: {task.exception()!r}")


async def serve(app_dir: Path, port: int, max_body: int, options: list[str]) -> None:
    """Serve until cancelled; the line on standard output says that all is ready."""
    settings = host_settings(app_dir)
    outcomes: list[Outcome] = []
    timeout = settings["functionTimeout"]
    worker = WorkerProcess([str(app_dir), *options], None if timeout == "-1" else seconds(timeout))
    await worker.start()
    front = Front(worker, settings["extensions"].get("http", {}).get("routePrefix", "api"), outcomes, max_body)
    try:
        async with serving_queues(worker, settings, outcomes):
            bound = await front.start(port)
            functions = {function.name: function.bindings for function in worker.functions}
            print(json.dumps({"url": f"http://127.0.0.1:{bound}", "functions": functions}), flush=True)
            await asyncio.Event().wait()
    finally:
        await front.stop()
        await worker.stop()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Serve a function app on loopback; see README.md.")
    arguments.add_argument("app_dir", type=Path)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--max-body", type=int, default=MAX_BODY, help="bytes of a request's body")
    chosen, options = arguments.parse_known_args()
    logging.basicConfig(format="%(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(chosen.app_dir.resolve(), chosen.port, chosen.max_body, options))


if __name__ == "__main__":
    main()
