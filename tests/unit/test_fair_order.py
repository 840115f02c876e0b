"""One owner's burst at a model that is busy does not starve the others: 200 runs of one, one run of another."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from shared.app import build
from shared.assistants import assistants
from shared.config import Settings
from shared.deps import Caller
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.run import RunKey
from shared.objects.run_requests import CreateThreadAndRun
from shared.runs import create, service
from tests.fakes.responses_server import FakeResponses, serving

CROWD = 200
#: Turns of others that may be served between the moment a run is begun and its own.
FEW = 10


class Owner:
    def __init__(self, box, name):
        self.box, self.name, self.caller = box, name, Caller(box.deps, name)

    async def begin(self, *, stream: bool = False):
        wanted = CreateAssistant(model="m", instructions=self.name)
        assistant = (await assistants.create(self.caller, wanted))["id"]
        asked = {"assistant_id": assistant, "thread": {"messages": [{"role": "user", "content": "Hi"}]}}
        body = CreateThreadAndRun.model_validate(asked | {"stream": stream})
        if stream:
            return await create.create_with_thread_streamed(self.caller, self.box.driven, body)
        return await create.create_with_thread(self.caller, self.box.driven, body)

    async def status(self, run) -> str:
        return (await service.get(self.box.deps, RunKey(self.name, run["thread_id"], run["id"])))["status"]

    async def end(self, run) -> str:
        async with asyncio.timeout(30):
            while (status := await self.status(run)) in ("queued", "in_progress"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return status


@asynccontextmanager
async def busy_box(home, **settings):
    """A box at work whose model serves two requests at a time, each for a moment."""
    fake = FakeResponses(at_once=2, delay=0.02, keep_bodies=False)
    async with serving(fake) as url:
        more = {"box_model_base_url": url, "sandbox": "none", "openai_api_key": ""} | settings
        box = build(Settings(_env_file=None, box_home=home, **more))
        async with box.at_work(retry_delay=0.1):
            yield box, fake


@pytest.mark.parametrize(
    "settings",
    [{"run_start": "here"}, {"run_start": "queue"}, {"run_start": "queue", "runs_at_once": 8}],
    ids=["here", "queue", "few places"],
)
async def test_a_single_run_is_served_within_a_few_turns_of_a_crowd(tmp_path, settings):
    async with busy_box(tmp_path, **settings) as (box, fake):
        crowd, single = Owner(box, "crowd"), Owner(box, "single")
        for _ in range(CROWD):
            await crowd.begin()
        while len(fake.served) < 10:  # noqa: ASYNC110  the fake has no event for it
            await asyncio.sleep(0.01)
        before = len(fake.served)
        run = await single.begin()
        assert await single.end(run) == "completed"
        place = fake.served.index("single") - before
        assert place <= FEW, fake.served[before:]
        assert len(fake.served) < CROWD, "the crowd still waits"


async def test_a_streamed_run_takes_its_turn_too(tmp_path):
    async with busy_box(tmp_path) as (box, fake):
        crowd, single = Owner(box, "crowd"), Owner(box, "single")
        for _ in range(CROWD):
            await crowd.begin()
        before = len(fake.served)
        listener = await single.begin(stream=True)
        async with asyncio.timeout(30):
            while await listener.read():
                pass
        assert fake.served.index("single") - before <= FEW


async def test_a_crowd_comes_to_its_end_and_is_hardly_refused(tmp_path):
    async with busy_box(tmp_path, run_start="queue") as (box, fake):
        crowd = Owner(box, "crowd")
        runs = [await crowd.begin() for _ in range(60)]
        assert {await crowd.end(run) for run in runs} == {"completed"}
        assert len(fake.served) == 60
        assert fake.requests < 2.5 * 60 + 64, "they wait instead of asking"
