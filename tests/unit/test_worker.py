"""What a wake-up message means, at the ports: SQLite, the scripted model, a clock of our own."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sqlite3
from contextlib import closing

import pytest

from shared import housekeeping, layout
from shared.assistants import assistants
from shared.azure.account import BACKOFF, CLIENT_OPTIONS
from shared.deps import Caller
from shared.llm.scripted import call, pause, raw_call, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.run import RunKey, RunRecord
from shared.objects.run_requests import CreateThreadAndRun, ModifyRun
from shared.queue.base import RETURNS, QueueUnavailable
from shared.runs import create, queue_messages, service
from shared.runs.rows import put_run
from shared.store.base import Unavailable
from shared.vector_stores.worker import WAITS
from tests.unit.workbench import OWNER


async def test_a_start_is_driven_and_its_repetition_changes_nothing(bench):
    await bench.begin()
    bench.llm.script([text("Hi.")])

    await bench.box.handle_run(bench.message("start"))
    await bench.box.handle_run(bench.message("start"))

    assert (await bench.record()).run.status == "completed"
    assert len(bench.llm.requests) == 1


async def test_a_run_that_somebody_drives_is_left_alone(bench):
    await bench.begin()
    await bench.hold("somebody", 30)

    await bench.box.handle_run(bench.message("start"))

    assert bench.llm.requests == []


async def test_the_watchdog_drives_on_when_the_lease_has_run_out(bench):
    await bench.begin()
    await bench.hold("somebody who dies", 30)
    bench.llm.script([text("Hi.")])
    await bench.box.handle_run(bench.message("watch"))
    assert bench.llm.requests == []

    bench.ahead = 31
    await bench.box.handle_run(bench.message("watch"))

    assert (await bench.record()).run.status == "completed"


async def test_a_process_that_overslept_its_lease_does_not_drive_a_run_twice(bench):
    """It takes the run over from itself: the drive that was too slow must not write beside the new one."""
    await bench.begin()
    slow, quick = asyncio.Event(), asyncio.Event()
    letter = call("send_letter", text="Dear Ann")
    bench.llm.script([pause(slow), letter], [pause(quick), letter], [text("Sent.")])
    first = asyncio.create_task(bench.box.handle_run(bench.message("start")))
    await bench.asked(1)

    bench.ahead = 61
    second = asyncio.create_task(bench.box.handle_run(bench.message("watch")))
    await bench.asked(2)
    slow.set()
    await first
    assert bench.letters == []

    quick.set()
    await second
    assert bench.letters == ["Dear Ann"]
    assert (await bench.record()).run.status == "completed"


async def test_a_poisoned_message_fails_the_run_and_frees_the_thread(bench):
    await bench.begin()

    await bench.box.handle_poisoned_run(bench.message("start"))

    run = (await bench.record()).run
    assert (run.status, run.last_error["code"]) == ("failed", "server_error")
    head = await bench.box.deps.store.get(layout.thread(OWNER, run.thread_id), layout.HEAD_KEY)
    assert head.data["active_run"] is None


async def test_a_message_for_a_run_that_never_came_is_dropped_in_the_end(bench):
    await bench.begin()
    ghost = {**bench.message("start"), "run_id": "run_000009ghostghostghost12"}
    assert await bench.waiting() == ["start"]

    await bench.box.handle_run(ghost)
    await bench.box.handle_run({**ghost, "returns": len(RETURNS)})

    assert bench.llm.requests == []


async def test_housekeeping_ends_runs_whose_messages_were_all_lost(bench):
    await bench.begin()
    await housekeeping.sweep(bench.box.deps)
    assert (await bench.record()).run.status == "queued"

    bench.ahead = 700
    await housekeeping.sweep(bench.box.deps)

    assert (await bench.record()).run.status == "expired"


async def test_a_message_of_which_nobody_has_heard_goes_with_whoever_ends_its_run(bench):
    """It is stored with a streamed run that has no tools; that run's driver is gone before the model says a word."""
    assistant = await assistants.create(bench.caller, CreateAssistant(model="m"))
    body = CreateThreadAndRun.model_validate({"assistant_id": assistant["id"]})
    bench.llm.script([pause(asyncio.Event()), text("Hi.")])
    await create.create_with_thread_streamed(bench.caller, bench.box.driven, body)
    await bench.asked(1)
    await bench.box.driven.close()
    [start] = [each.body for each in await bench.box.deps.queue.receive(32, 0.001, 0)]
    bench.key = RunKey(OWNER, start["thread_id"], start["run_id"])
    assert (await bench.record()).open_message is not None

    bench.ahead = 700
    await bench.box.handle_run(start)

    record = await bench.record()
    assert (record.run.status, record.open_message) == ("expired", None)
    rows = await bench.box.deps.store.scan(bench.key.partition, "!", "~", 100)
    assert [each.key for each in rows if each.key.startswith(("msg_", "step_"))] == []


async def test_an_expiry_that_comes_too_early_comes_again(bench):
    """Clocks differ: the message was timed by another machine."""
    await bench.begin()
    bench.llm.script([call("unknown")])
    await bench.box.handle_run(bench.message("start"))
    await bench.waiting()

    bench.ahead = 599
    await bench.box.handle_run(bench.message("expiry"))

    await asyncio.sleep(2.1)
    assert "expiry" in await bench.waiting()


async def test_a_cancel_nobody_finished_is_finished_by_its_message(bench):
    await bench.begin()
    bench.llm.script([call("unknown")])
    await bench.box.handle_run(bench.message("start"))
    assert (await bench.record()).run.status == "requires_action"

    await service.cancel(bench.caller, bench.key)
    assert (await bench.record()).run.status == "cancelling"
    await bench.box.handle_run(bench.message("cancel"))

    assert (await bench.record()).run.status == "cancelled"


async def test_a_cancel_message_that_comes_before_its_commit_is_looked_at_again(bench):
    await bench.begin()
    bench.llm.script([call("unknown")])
    await bench.box.handle_run(bench.message("start"))

    await bench.box.handle_run(bench.message("cancel"))

    assert (await bench.record()).run.status == "requires_action"
    await service.cancel(bench.caller, bench.key)
    await bench.box.handle_run({**bench.message("cancel"), "returns": 1})
    assert (await bench.record()).run.status == "cancelled"


async def test_a_driver_that_is_asked_to_stop_hands_its_run_on_at_once(bench):
    """Whoever takes the message must find the lease given back, however fast: a held run would be left alone."""
    await bench.begin()
    bench.llm.script([pause(30), text("Too late.")], [text("Hi.")])
    driving = asyncio.create_task(bench.box.handle_run(bench.message("start")))
    await bench.asked(1)
    queue, box = bench.box.deps.queue, bench.box
    sending = queue.send

    async def taken_at_once(body, delay=0.0):
        await sending(body, delay)
        if delay == 0:
            await box.handle_run(body)

    queue.send = taken_at_once
    driving.cancel()
    await asyncio.wait({driving})

    assert (await bench.record()).run.status == "completed"


class Hindered:
    """A store at which something happens before a commit."""

    def __init__(self, store):
        self.store, self.before, self.refusals = store, None, 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def get(self, partition, key):
        if self.refusals > 0:
            self.refusals -= 1
            raise Unavailable("busy")
        return await self.store.get(partition, key)

    async def commit(self, partition, changes, *after):
        before, self.before = self.before, None
        if before is not None:
            await before(changes)
        return await self.store.commit(partition, changes, *after)


@pytest.fixture
def hindered(bench):
    """The bench's store, now with hindrances."""
    store = Hindered(bench.box.deps.store)
    deps = dataclasses.replace(bench.box.deps, store=store)
    bench.box = dataclasses.replace(bench.box, deps=deps, worker=type(bench.box.worker)(deps))
    return store


async def test_a_drive_that_breaks_down_gives_the_run_back(bench):
    """The message that comes again must find it free: else it is dropped, and nobody ever counts the attempts."""
    await bench.begin()
    bench.llm.script([raw_call("send_letter", None)], [text("Hi.")])
    with pytest.raises(TypeError):
        await bench.box.handle_run(bench.message("start"))

    await bench.box.handle_run(bench.message("start"))

    assert (await bench.record()).run.status == "completed"


async def test_a_lease_is_kept_though_a_client_changes_the_run_while_it_is_renewed(bench, hindered):
    await bench.begin()
    thinking = asyncio.Event()
    bench.llm.script([pause(thinking), text("Hi.")])
    driving = asyncio.create_task(bench.box.handle_run(bench.message("start")))
    await bench.asked(1)

    async def modify(changes):
        await service.modify(bench.caller, bench.key, ModifyRun(metadata={"note": "x"}))

    hindered.before, bench.ahead = modify, 40
    await asyncio.sleep(0.3)
    thinking.set()
    await driving

    run = (await bench.record()).run
    assert (run.status, run.metadata) == ("completed", {"note": "x"})


async def test_a_turn_outlives_a_store_that_does_not_answer_for_a_while(bench, hindered):
    await bench.begin()
    thinking = asyncio.Event()
    bench.llm.script([pause(thinking), text("Hi.")])
    driving = asyncio.create_task(bench.box.handle_run(bench.message("start")))
    await bench.asked(1)

    hindered.refusals = 3
    while hindered.refusals > 0 and not driving.done():  # noqa: ASYNC110  the store has no event for it
        await asyncio.sleep(0.05)
    thinking.set()
    await driving

    assert (await bench.record()).run.status == "completed"
    assert len(bench.llm.requests) == 1


async def test_a_poll_that_comes_before_its_turn_is_committed_is_not_lost(bench, hindered):
    await bench.begin()
    await bench.waiting()
    bench.box.deps.settings.model_turns = "background"
    bench.llm.script([text("Hi.")])

    async def claimed(changes):
        hindered.before = poll_early

    async def poll_early(changes):
        await bench.box.handle_run(bench.message("poll"))

    hindered.before = claimed
    await bench.box.handle_run(bench.message("start"))

    assert (await bench.record()).response_id is not None
    await asyncio.sleep(2)
    assert (await bench.waiting()).count("poll") == 2


async def test_a_poll_for_a_turn_that_is_over_is_dropped(bench):
    """Else a message that comes twice would ask the provider twice as often from then on."""
    await bench.begin()
    bench.box.deps.settings.model_turns = "background"
    bench.llm.script([call("send_letter", text="Dear Ann")], [text("Hi.")])
    bench.llm.polls_before_done = 9
    poll = bench.message("poll")
    await bench.box.handle_run(bench.message("start"))
    bench.llm._background[(await bench.record()).response_id].polls_left = 0
    await asyncio.sleep(0)
    await bench.box.handle_run(poll)
    assert (await bench.record()).turns == 1
    [second] = [*bench.llm._background.values()][1:]

    await bench.box.handle_run(poll)

    assert second.polls_left == 9


async def test_a_turn_in_the_background_is_abandoned_when_its_run_expires(bench):
    await bench.begin()
    bench.box.deps.settings.model_turns = "background"
    bench.llm.script([pause(30)])
    await bench.box.handle_run(bench.message("start"))

    bench.ahead = 700
    await bench.box.handle_run(bench.message("poll"))

    assert (await bench.record()).run.status == "expired"
    assert bench.llm.cancelled == [*bench.llm.started.values()]


async def test_a_turn_begun_for_a_run_that_is_being_cancelled_is_abandoned(bench, hindered):
    await bench.begin()
    bench.box.deps.settings.model_turns = "background"
    bench.llm.script([pause(30)])

    async def claimed(changes):
        hindered.before = cancel

    async def cancel(changes):
        await service.cancel(bench.caller, bench.key)

    hindered.before = claimed
    await bench.box.handle_run(bench.message("start"))

    assert (await bench.record()).run.status == "cancelled"
    assert bench.llm.cancelled == [*bench.llm.started.values()]


async def test_a_poisoned_message_does_not_end_a_run_that_somebody_drives(bench):
    await bench.begin()
    await bench.hold("somebody", 30)

    await bench.box.handle_poisoned_run(bench.message("watch"))

    assert (await bench.record()).run.status == "in_progress"


def kept(bench) -> dict[int, str]:
    """Id -> reason of the messages in the queue, whenever they are visible."""
    with closing(sqlite3.connect(bench.box.deps.settings.box_home / "box.db")) as file:
        rows = file.execute("SELECT id, body FROM messages WHERE queue = 'runs'").fetchall()
    return {number: json.loads(body)["reason"] for number, body in rows}


async def test_a_run_that_is_over_takes_its_watchdog_back(bench):
    await bench.begin()
    bench.llm.script([text("Hi.")])
    await bench.box.handle_run(bench.message("start"))
    assert (await bench.record()).run.status == "completed"
    await bench.box.deps.usage.flush()
    await bench.box.deps.spares.close()
    assert [*kept(bench).values()] == ["start"]


async def test_a_streamed_run_that_is_over_leaves_its_watchdog_to_the_next_one(bench):
    assistant = await assistants.create(Caller(bench.box.deps, OWNER), CreateAssistant(model="m"))
    body = CreateThreadAndRun.model_validate({"assistant_id": assistant["id"]})
    watchdogs = []
    for _ in range(2):
        bench.llm.script([text("Hi.")])
        listener = await create.create_with_thread_streamed(Caller(bench.box.deps, OWNER), bench.box.driven, body)
        watchdogs.append(kept(bench))
        while await listener.read():
            pass
        await bench.box.driven.wait()
        await bench.box.deps.usage.flush()
    assert [*watchdogs[0].values()] == ["watch"]
    assert watchdogs[1] == watchdogs[0]
    await bench.box.deps.spares.close()
    assert kept(bench) == {}


async def test_a_run_that_waits_for_its_client_keeps_its_watchdog(bench):
    """The run counts on it when it goes on before its time."""
    await bench.begin()
    bench.llm.script([raw_call("get_weather", "{}")])
    await bench.box.handle_run(bench.message("start"))
    assert (await bench.record()).run.status == "requires_action"
    assert "watch" in kept(bench).values()


async def test_a_watchdog_that_cannot_be_taken_back_does_no_harm(bench, monkeypatch):
    async def delete(message):
        raise QueueUnavailable("throttled")

    await bench.begin()
    bench.llm.script([text("Hi.")])
    monkeypatch.setattr(bench.box.deps.queue, "delete", delete)
    await bench.box.handle_run(bench.message("start"))
    await bench.box.deps.usage.flush()
    await bench.box.deps.spares.close()
    await bench.box.handle_run(bench.message("watch"))
    assert (await bench.record()).run.status == "completed"
    assert len(bench.llm.requests) == 1


async def test_watchdogs_do_not_multiply(bench):
    """Each drive sends one; an older one finds out that it is not the last, and goes."""
    await bench.begin()
    await bench.waiting()
    await bench.hold("somebody", 30)
    record = await bench.record()
    for until in 10.0, 20.0:
        await queue_messages.watch(bench.box.deps, record, until)
    row = await bench.box.deps.store.get(bench.key.partition, bench.key.run_id)
    stored = RunRecord.from_json(row.data)
    stored.watched_until = record.watched_until
    await bench.box.deps.store.commit(bench.key.partition, [put_run(stored, row.version)])
    watchdogs = [each.body for each in await bench.box.deps.queue.receive(32, 60, 0) if each.body["reason"] == "watch"]
    assert len(watchdogs) == 2
    before = kept(bench)
    for each in watchdogs:
        await bench.box.handle_run(each)

    assert [reason for number, reason in kept(bench).items() if number not in before] == ["watch"]


@pytest.mark.parametrize("returns", [RETURNS, WAITS])
def test_the_store_may_be_slower_than_the_message(returns):
    """A commit is tried for minutes when the store is in trouble; its message must not give up before."""
    longest = BACKOFF.attempts * (CLIENT_OPTIONS["connection_timeout"] + CLIENT_OPTIONS["read_timeout"])
    assert sum(returns) > longest + sum(1.5 * delay for delay in (0.1, 0.3, 0.9, 2.7))
