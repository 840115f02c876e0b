"""Two who want different things of a run at the same moment: both are answered, and the thread is free in the end."""

from __future__ import annotations

import time

import pytest

from shared.deps import Caller
from shared.llm.scripted import call
from shared.store.base import Put
from shared.threads import threads


@pytest.fixture
def waiting(llm, ask):
    """A run that waits for its client."""
    llm.script([call("get_weather", call_id="call_1")])
    run = ask()
    assert run.status == "requires_action"
    return run


def test_a_cancelled_run_ends_though_its_metadata_is_modified_meanwhile(client, box, thread, waiting):
    store = box.deps.store

    async def modified_just_before(own, partition, changes, *after):
        puts = [each.data.get("run", {}) for each in changes if isinstance(each, Put)]
        if any(run.get("status") == "cancelled" for run in puts):
            store.replace()
            row = await store.get(partition, waiting.id)
            row.data["run"]["metadata"] = {"seen": "yes"}
            await own(partition, [Put(row.key, row.data, row.version)])
        return await own(partition, changes, *after)

    store.replace(commit=modified_just_before)
    client.beta.threads.runs.cancel(waiting.id, thread_id=thread.id)

    # The watchdog of the run's first minute would help, too, but later.
    end = time.monotonic() + 20
    while (run := client.beta.threads.runs.retrieve(waiting.id, thread_id=thread.id)).status == "cancelling":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert (run.status, run.metadata) == ("cancelled", {"seen": "yes"})
    client.beta.threads.messages.create(thread.id, role="user", content="And now?")


def test_outputs_for_a_thread_that_is_deleted_meanwhile_find_no_run(http, box, thread, waiting):
    store = box.deps.store

    async def deleted_just_before(own, partition, key):
        if key.startswith("step_"):
            store.replace()
            await threads.delete(Caller(box.deps, "me"), thread.id)
        return await own(partition, key)

    store.replace(get=deleted_just_before)
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "wet"}]}

    answer = http.post(f"threads/{thread.id}/runs/{waiting.id}/submit_tool_outputs", json=outputs)

    assert answer.status_code == 404, answer.text
