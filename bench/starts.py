"""Seconds from create to completed of a polled run on Functions, looked at every 20 ms: begun here, and by the queue.

Needs Azurite (tests/install-node-packages.sh). The app runs under the stand-in host of tests/functions, whose queue is
looked at as seldom as host.json says; the model answers at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from bench import processes, runs
from tests import azurite
from tests.functions.conftest import serving

Json = dict[str, Any]
#: As in host.json; the tests' host looks more often.
POLL = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:02"}


async def measure(url: str, count: int) -> Json:
    """Milliseconds of so many runs, one after the other."""
    async with aiohttp.ClientSession() as session:
        client = runs.Client(session, f"{url}/v1")
        assistant = (await client.post("assistants", {"model": runs.MODEL}))["id"]
        await runs.polled_run(client, assistant, await runs.new_thread(client), 0.02)
        took = []
        for _ in range(count):
            thread = await runs.new_thread(client)
            await asyncio.sleep(1)
            took.append(await runs.polled_run(client, assistant, thread, 0.02) * 1000)
    return {"min": round(min(took)), "median": round(median(took)), "max": round(max(took))}


def main(count: int) -> Json:
    """Both ways, in turn."""
    found: Json = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        azurite.running(Path(folder)) as connection_string,
        processes.model(0) as model_url,
    ):
        for start in ("queue", "here"):
            environment = {
                "AzureWebJobsStorage": connection_string,
                "BOX_API_KEYS": json.dumps({"bench": processes.KEY}),
                "OPENAI_BASE_URL": model_url,
                "OPENAI_API_KEY": "none",
                "RUN_START": start,
                **POLL,
            }
            with serving(**environment) as served:
                found[f"RUN_START={start}, ms"] = asyncio.run(measure(served.url, count))
    return found


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if sys.argv[1:] else 15), indent=2))
