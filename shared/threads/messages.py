"""Messages of a thread: numbered rows in its partition, added through its head."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared import foreign_ids, holds, idempotency, ids, layout
from shared.deps import Caller
from shared.errors import InvalidRequest, not_found
from shared.json_types import Json
from shared.objects.message_requests import CreateMessage, ModifyMessage
from shared.objects.thread import Head
from shared.optimistic import check_shape, until_committed
from shared.paging import Known, ListQuery, NumberRange, Page, numbered_page, with_keys
from shared.store.base import Delete, Put, Record
from shared.threads import new_messages, threads

#: Where a step's metadata has what the model thought, in words.
REASONING_SUMMARY: Final = "reasoning_summary"


class ThreadIsBusy(InvalidRequest):
    """A run is active on the thread, as far as the thread's head knows: the run's time may be over by now."""

    def __init__(self, thread_id: str, run_id: str):
        super().__init__(f"Can't add messages to {thread_id} while a run {run_id} is active.")
        self.run_id = run_id


async def create(caller: Caller, thread_id: str, body: CreateMessage) -> Json:
    """Add a message. Raises NotFoundError, InvalidRequest, and ThreadIsBusy while a run is active."""

    async def attempt() -> Json:
        head, version = await threads.head(caller, thread_id)
        await new_messages.check_files(caller, [body])
        if head.active_run is not None:
            raise ThreadIsBusy(thread_id, head.active_run)
        changes = await add(caller, thread_id, [body], head)
        await caller.deps.store.commit(
            layout.thread(caller.owner, thread_id),
            [
                Put(layout.HEAD_KEY, head.to_json(), version),
                *changes,
                *caller.answering(changes[-1].data),
            ],
        )
        return changes[-1].data

    return await caller.carry_out(layout.thread(caller.owner, thread_id), attempt)


async def add(caller: Caller, thread_id: str, bodies: Sequence[CreateMessage], head: Head) -> list[Put]:
    """The changes that add messages, the messages last; moves the head on, which goes into the same commit.

    If a run is active by the head, they stand in line, and the head is left as it is. The thread's own row is among the
    changes if files are attached to its tools. Raises NotFoundError.
    """
    changes = []
    if new_messages.need_thread(bodies):
        thread = await threads.row(caller, thread_id)
        data = await new_messages.attach(caller, thread.data, bodies)
        if data is not thread.data:
            changes.append(Put(layout.THREAD_KEY, data, thread.version))
    if head.active_run is not None:
        return changes + new_messages.rows_in_line(caller.deps, thread_id, bodies)
    changes += new_messages.rows(caller.deps, thread_id, bodies, head.next.message)
    head.next.message += len(bodies)
    return changes


async def get(caller: Caller, thread_id: str, message_id: str) -> Json:
    """A message. Raises NotFoundError."""
    return (await _row(caller, thread_id, message_id)).data


async def list_page(caller: Caller, thread_id: str, query: ListQuery, run_id: str | None) -> Page:
    """The thread's messages, or only those a run wrote. Raises NotFoundError."""
    partition, store = layout.thread(caller.owner, thread_id), caller.deps.store
    if run_id is None:
        head, _, known = await threads.head_and_messages(caller, thread_id)
        query = await with_keys(store, partition, query, head.next.message)
        numbers = NumberRange(layout.MESSAGE, "message", end=head.next.message)
        return await numbered_page(store if known is None else Known(known), partition, numbers, query)
    check_shape(run_id, "run", "run", "run_id")
    (head, _), run = await asyncio.gather(threads.head(caller, thread_id), foreign_ids.read(store, partition, run_id))
    numbers = NumberRange(layout.MESSAGE, "message", end=head.next.message)
    if run is None:
        return Page([], has_more=False)
    query = await with_keys(store, partition, query, head.next.message)
    numbers = replace(numbers, first=run.data["first"]["message"], stop=run.data["next"]["message"])
    return await numbered_page(store, partition, numbers, query, lambda row: row.data["run_id"] == run_id)


async def modify(caller: Caller, thread_id: str, message_id: str, body: ModifyMessage) -> Json:
    """Replace the metadata, if the body has any. Raises NotFoundError."""
    partition = layout.thread(caller.owner, thread_id)

    async def attempt() -> Json:
        row = await _row(caller, thread_id, message_id)
        changed = {"metadata": body.metadata or {}} if "metadata" in body.model_fields_set else {}
        data = row.data | changed
        await caller.deps.store.commit(partition, [Put(row.key, data, row.version), *caller.answering(data)])
        return data

    return await caller.carry_out(partition, attempt)


async def delete(caller: Caller, thread_id: str, message_id: str) -> Json:
    """Remove a message, with what the model thought before it; its number is not used again.

    Raises NotFoundError, and OnHold.
    """
    return await until_committed(lambda: _delete(caller, thread_id, message_id))


async def _delete(caller: Caller, thread_id: str, message_id: str) -> Json:
    row = await _row(caller, thread_id, message_id)
    if await holds.of(caller):
        thread = await threads.row(caller, thread_id)
        await holds.check_thread(caller, thread_id, thread.data["metadata"])
    partition = layout.thread(caller.owner, thread_id)
    if row.data["run_id"] is not None:
        await until_committed(lambda: _forget_thoughts(caller, partition, row.data))
    answer = await idempotency.forgotten(caller.deps.store, partition, row.data["id"])
    # One that waits in line may be let in meanwhile, under another key.
    version = None if ids.may_be_ours(row.key) else row.version
    await caller.deps.store.commit(partition, [Delete(row.key, version), *answer])
    return {"id": message_id, "object": "thread.message.deleted", "deleted": True}


async def _forget_thoughts(caller: Caller, partition: str, message: Json) -> None:
    """Empty what the step that wrote a message keeps of the model's reasoning: it is of no use without the message."""
    store = caller.deps.store
    run = await foreign_ids.read(store, partition, message["run_id"])
    if run is None:
        return
    first, last = (ids.key_at(layout.STEP, run.data[each]["step"]) for each in ("first", "next"))
    for step in await store.scan(partition, first, last, run.data["next"]["step"] - run.data["first"]["step"]):
        shown = step.data["step"]
        wrote = shown["step_details"].get("message_creation", {}).get("message_id") == message["id"]
        metadata = {key: value for key, value in shown["metadata"].items() if key != REASONING_SUMMARY}
        data = step.data | {"items": [], "step": shown | {"metadata": metadata}}
        if wrote and shown["status"] != "in_progress" and data != step.data:
            await store.commit(partition, [Put(step.key, data, step.version)])


async def _row(caller: Caller, thread_id: str, message_id: str) -> Record:
    """The message's row; without it, the error is about the thread if that is missing, too. Raises NotFoundError."""
    threads.check_id(thread_id)
    check_shape(message_id, "message", "msg", "message_id")
    row = await foreign_ids.read(caller.deps.store, layout.thread(caller.owner, thread_id), message_id)
    if row is None:
        await threads.row(caller, thread_id)
        raise not_found("message", message_id)
    return row
