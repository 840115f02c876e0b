"""A stand-in for the Functions host on loopback, around Microsoft's real Python runtime.

`python -m tests.functions.host APP_DIR --port 7071` serves APP_DIR's function_app.py: HTTP always, queue triggers when
AzureWebJobsStorage is set, timers by `POST /admin/functions/NAME`. Environment variables override host.json as they do
in Azure (`AzureFunctionsJobHost__extensions__queues__maxDequeueCount=2`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.functions.front import Front
from tests.functions.queues import QueueOptions, pump
from tests.functions.runtime import Outcome, Runtime

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
async def serving_queues(runtime: Runtime, settings: dict[str, Any], outcomes: list[Outcome]) -> AsyncIterator[None]:
    """Serve the queue triggers for the length of the block, if there is a storage account."""
    if not os.environ.get(STORAGE):
        yield
        return
    from azure.storage.queue.aio import QueueServiceClient

    options = QueueOptions.read(settings["extensions"]["queues"])
    async with QueueServiceClient.from_connection_string(os.environ[STORAGE]) as storage:
        pumping = asyncio.create_task(pump(runtime, storage, options, outcomes.append))
        pumping.add_done_callback(_die_with)
        yield
        pumping.remove_done_callback(_die_with)
        pumping.cancel()
        await asyncio.wait([pumping])


def _die_with(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        sys.exit(f"The queue listener died: {task.exception()!r}")


async def serve(app_dir: Path, port: int) -> None:
    """Serve until cancelled; the line on standard output says that all is ready."""
    settings = host_settings(app_dir)
    outcomes: list[Outcome] = []
    runtime = Runtime(app_dir)
    await runtime.start()
    front = Front(runtime, settings["extensions"]["http"]["routePrefix"], outcomes)
    try:
        async with serving_queues(runtime, settings, outcomes):
            bound = await front.start(port)
            functions = {function.name: function.bindings for function in runtime.functions}
            print(json.dumps({"url": f"http://127.0.0.1:{bound}", "functions": functions}), flush=True)
            await asyncio.Event().wait()
    finally:
        await front.stop()
        runtime.stop()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Serve a function app on loopback.")
    arguments.add_argument("app_dir", type=Path)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--stand-in", help="module to use in place of shared.app")
    chosen = arguments.parse_args()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("shared").setLevel(logging.INFO)
    if chosen.stand_in:
        sys.modules["shared.app"] = importlib.import_module(chosen.stand_in)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(chosen.app_dir.resolve(), chosen.port))


if __name__ == "__main__":
    main()
