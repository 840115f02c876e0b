"""A driver that looks at its run while it writes does not mistake itself for another, however far the store is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx2
from openai import AsyncOpenAI
from pydantic import SecretStr

from shared.api.app import create_app
from shared.app import build
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm, pause, text
from shared.runs.driven import DrivenRuns
from shared.runs.worker import Worker
from tests.api.conftest import KEY


class Slow:
    """A store that is far away."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def get(self, partition, key):
        await asyncio.sleep(0.05)
        return await self._store.get(partition, key)

    async def commit(self, partition, changes, *after):
        await asyncio.sleep(0.05)
        return await self._store.commit(partition, changes, *after)


async def test_a_run_is_driven_once(tmp_path):
    llm = ScriptedLlm()
    llm.script([text("Ra", pause(0.3), "in.")])
    settings = Settings(_env_file=None, box_home=tmp_path, box_api_keys={"me": SecretStr(KEY)}, heartbeat_seconds=0.01)
    made = build(settings, llm=llm, tools=[])
    deps = replace(made.deps, store=Slow(made.deps.store))
    driven = DrivenRuns(deps)
    box = replace(made, deps=deps, worker=Worker(deps), driven=driven, asgi=create_app(deps, driven))
    async with (
        box.at_work(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=box.asgi)) as http,
        AsyncOpenAI(base_url="http://box/v1", api_key=KEY, http_client=http, max_retries=0) as client,
        asyncio.timeout(20),
    ):
        assistant = await client.beta.assistants.create(model="demo")
        run = await client.beta.threads.create_and_run_poll(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "?"}]}, poll_interval_ms=50
        )
    assert run.status == "completed"
    assert len(llm.requests) == 1
