"""Where a polled run is driven: in the process that accepted it, while it has room; else from the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared import layout
from shared.app import build, storage_for
from shared.assistants import assistants
from shared.config import Settings
from shared.deps import Caller
from shared.json_types import Json
from shared.llm.scripted import ScriptedLlm, call, pause, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.run import RunKey
from shared.objects.run_requests import CreateThreadAndRun, SubmitToolOutputs
from shared.prepared import Earlier
from shared.runs import create, service
from shared.store.base import Change, Put, Store, Unavailable
from tests.fakes.weather import WEATHER


class Brittle:
    """A store that takes no messages while it is broken, and lets somebody be faster with a run that is released."""

    def __init__(self, store: Store):
        self.store, self.broken = store, False
        self.faster: Callable[[Json], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def commit(self, partition: str, changes: Sequence[Change], *after: Earlier) -> list[str]:
        if self.broken and any(change.key.startswith(layout.MESSAGE) for change in changes):
            raise Unavailable("busy")
        for change in changes:
            if self.faster is not None and isinstance(change, Put) and change.data.get("lease", "") is None:
                row = await self.store.get(partition, change.key)
                assert row is not None
                self.faster(row.data)
                self.faster = None
                await self.store.commit(partition, [Put(row.key, row.data, row.version)])
        return await self.store.commit(partition, changes, *after)


class Bench:
    """A box whose queue nobody works."""

    def __init__(self, home, **settings):
        self.llm, wanted = ScriptedLlm(), Settings(_env_file=None, box_home=home, sandbox="none", **settings)
        storage = storage_for(wanted)
        self.store = Brittle(storage.store)
        self.box = build(wanted, storage=replace(storage, store=self.store), llm=self.llm, tools=[])
        self.caller = Caller(self.box.deps, "me")

    async def begin(self, owner: str = "me") -> Json:
        wanted, caller = (
            CreateAssistant.model_validate({"model": "m", "tools": [WEATHER]}),
            Caller(self.box.deps, owner),
        )
        body = {"assistant_id": (await assistants.create(caller, wanted))["id"]}
        return await create.create_with_thread(caller, self.box.driven, CreateThreadAndRun.model_validate(body))

    def key(self, run: Json) -> RunKey:
        return RunKey("me", run["thread_id"], run["id"])

    async def status(self, run: Json) -> str:
        return (await service.get(self.box.deps, self.key(run)))["status"]

    async def waiting(self) -> list[str]:
        """Reasons of the messages that are visible now."""
        return [each.body["reason"] for each in await self.box.deps.queue.receive(32, 0.001, 0)]


@pytest.fixture
def settings():
    return {}


@pytest.fixture
async def bench(tmp_path, settings):
    bench = Bench(tmp_path, **settings)
    yield bench
    await bench.box.close()


async def test_a_polled_run_needs_no_queue(bench):
    bench.llm.script([text("Hi.")])

    run = await bench.begin()
    assert (run["status"], run["started_at"]) == ("queued", None)
    await bench.box.driven.wait()

    assert await bench.status(run) == "completed"
    assert await bench.waiting() == []


async def test_outputs_are_taken_up_where_they_arrive(bench):
    bench.llm.script([call("get_weather")], [text("Rain.")])
    run = await bench.begin()
    await bench.box.driven.wait()
    found = await service.get(bench.box.deps, bench.key(run))
    [wanted] = found["required_action"]["submit_tool_outputs"]["tool_calls"]

    body = SubmitToolOutputs.model_validate({"tool_outputs": [{"tool_call_id": wanted["id"], "output": "wet"}]})
    taken = await service.submit(bench.box.driven, Caller(bench.box.deps, "me"), bench.key(run), body)
    assert (taken["status"], taken["required_action"]) == ("queued", None)
    await bench.box.driven.wait()

    assert await bench.status(run) == "completed"
    assert await bench.waiting() == []


@pytest.mark.parametrize("settings", [{"run_start": "queue"}, {"runs_at_once": 0}])
async def test_the_operator_may_leave_every_run_to_the_queue(bench):
    run = await bench.begin()
    await bench.box.driven.wait()

    assert await bench.status(run) == "queued"
    assert await bench.waiting() == ["start"]


@pytest.mark.parametrize("settings", [{"runs_at_once": 2}])
async def test_runs_for_which_there_is_no_room_wait_in_the_queue(bench):
    gate = asyncio.Event()
    bench.llm.script(*[[text("Hi", pause(gate), ".")]] * 2, [text("Hi.")])

    runs = await asyncio.gather(*(bench.begin() for _ in range(5)))
    assert await bench.waiting() == ["start"] * 3
    gate.set()
    await bench.box.driven.wait()
    assert sorted([await bench.status(run) for run in runs]) == ["completed"] * 2 + ["queued"] * 3

    assert await bench.status(await bench.begin()) == "in_progress"


@pytest.mark.parametrize("settings", [{"runs_at_once": 2}])
async def test_an_owner_without_a_run_here_finds_a_place_though_others_fill_them(bench):
    gate = asyncio.Event()
    bench.llm.script(*[[text("Hi", pause(gate), ".")]] * 4)

    for owner in ["crowd"] * 4 + ["one"] * 2 + ["two", "three"]:
        await bench.begin(owner)
    assert sorted([each.body["owner"] for each in await bench.box.deps.queue.receive(32, 0.001, 0)]) == [
        "crowd",
        "crowd",
        "one",
        "three",
    ], "two places, and as many again for those who have none"
    gate.set()
    await bench.box.driven.wait()

    with bench.box.driven.place("crowd") as free:
        assert free


async def test_what_breaks_here_goes_on_from_the_queue(bench):
    """The queue tries again, but not for ever."""
    bench.llm.script([text("Hi.")], [text("Hi.")])
    bench.store.broken = True
    run = await bench.begin()
    await bench.box.driven.wait()
    assert await bench.waiting() == ["start"]

    bench.store.broken = False
    await bench.box.handle_run({"owner": "me", "thread_id": run["thread_id"], "run_id": run["id"], "reason": "start"})

    assert await bench.status(run) == "completed"


async def test_a_process_that_stops_hands_its_runs_on(bench, tmp_path):
    bench.llm.script([text("Hi", pause(60.0), ".")])
    run = await bench.begin()
    await asyncio.sleep(0.05)

    await bench.box.driven.close()

    assert await bench.status(run) == "in_progress"
    assert await bench.waiting() == ["start"]


async def test_a_run_is_handed_on_though_its_metadata_is_modified_meanwhile(bench):
    bench.llm.script([text("Hi", pause(60.0), ".")])
    run = await bench.begin()
    await asyncio.sleep(0.05)

    bench.store.faster = lambda row: row["run"].update(metadata={"seen": "yes"})
    await bench.box.driven.close()

    assert bench.store.faster is None
    assert (await service.get(bench.box.deps, bench.key(run)))["metadata"] == {"seen": "yes"}
    assert await bench.waiting() == ["start"]
    bench.llm.script([text("Hi.")])
    await bench.box.handle_run({"owner": "me", "thread_id": run["thread_id"], "run_id": run["id"], "reason": "start"})
    assert await bench.status(run) == "completed"


async def test_a_run_that_somebody_takes_as_it_is_handed_on_is_left_to_him(bench):
    bench.llm.script([text("Hi", pause(60.0), ".")])
    run = await bench.begin()
    await asyncio.sleep(0.05)

    bench.store.faster = lambda row: row["lease"].update(holder="somebody else")
    await bench.box.driven.close()

    assert await bench.waiting() == []
    assert await bench.status(run) == "in_progress"
