"""Threads: a partition each, and a row in the owner's index so that they can be listed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from shared import foreign_ids, holds, ids, layout
from shared.assistants import mcp_headers, tool_resources
from shared.deps import Caller
from shared.errors import InvalidRequest, NotFoundError, not_found
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.objects.thread import Head, Thread
from shared.objects.thread_requests import CreateThread, ModifyThread
from shared.optimistic import check_shape, until_committed
from shared.paging import ListQuery, newest_page
from shared.prepared import Prepared
from shared.sandbox.base import SandboxError, session_key
from shared.store.base import MAX_CHANGES, Conflict, Delete, Put, Record
from shared.threads import new_messages
from shared.vector_stores import stores

logger = logging.getLogger(__name__)

#: The metadata key by which a thread says from which other one its assistant was asked.
PARENT_THREAD: Final = "parent_thread_id"
#: A thread's first messages, which a list reads along with the head: most threads have no others.
READ_ALONG: Final = 16


async def create(caller: Caller, body: CreateThread, param: str = "") -> Json:
    """Store a new thread with its messages; `param` says where the body is inside a larger one."""
    data, changes = await prepare(caller, body, param)
    partition, rows = layout.thread(caller.owner, data["id"]), [*changes, *caller.answering(data)]
    await caller.deps.store.commit(partition, rows, [listing(caller, data["id"])])
    return data


async def prepare(
    caller: Caller, body: CreateThread, param: str = "", thread_id: str | None = None
) -> tuple[Json, list[Put]]:
    """A new thread and the rows to be committed for it: the thread, its head and messages. Raises InvalidRequest."""
    path = f"{param}." if param else ""
    messages = body.messages or []
    await mcp_headers.check_key(caller, body)
    resources = await tool_resources.resolve(caller, body.tool_resources, f"{path}tool_resources", stores.THREAD_DAYS)
    await new_messages.check_files(caller, messages, f"{path}messages")
    thread = Thread(
        id=thread_id or caller.thread_id or (caller.once and caller.once.id) or ids.newest_first(layout.THREAD),
        created_at=caller.deps.now(),
        metadata=body.metadata or {},
        tool_resources=resources,
    )
    data = await new_messages.attach(caller, thread.to_json(), messages)
    rows = new_messages.rows(caller.deps, thread.id, messages, 0)
    head = Head()
    head.next.message = len(rows)
    headers = await mcp_headers.created(caller, layout.THREAD_KEY, body, param)
    thread_rows = [Put(layout.THREAD_KEY, data), Put(layout.HEAD_KEY, head.to_json())]
    return data, [*thread_rows, *headers, *rows]


def listing(caller: Caller, thread_id: str) -> Prepared[None]:
    """A thread's entry in the owner's index: without a thread it is skipped, a thread without one would be lost."""
    return caller.deps.store.prepare(layout.threads(caller.owner), Put(thread_id, {"id": thread_id}))


async def listed(caller: Caller, thread_id: str) -> Record | None:
    """The thread's entry in the owner's index."""
    return await foreign_ids.read(caller.deps.store, layout.threads(caller.owner), thread_id)


async def get(caller: Caller, thread_id: str) -> Json:
    """A thread. Raises NotFoundError."""
    return await tool_resources.present(caller, (await row(caller, thread_id)).data)


async def list_page(caller: Caller, query: ListQuery) -> tuple[list[Json], bool]:
    """The owner's threads, and whether there are more."""
    page = await newest_page(caller.deps.store, layout.threads(caller.owner), layout.THREAD, "thread", query)
    rows = await asyncio.gather(
        *(
            caller.deps.store.get(layout.thread(caller.owner, each.data["id"]), layout.THREAD_KEY)
            for each in page.records
        )
    )
    found = [each.data for each in rows if each is not None]
    return [await tool_resources.present(caller, each) for each in found], page.has_more


async def modify(caller: Caller, thread_id: str, body: ModifyThread) -> Json:
    """Change what the body sets. Raises NotFoundError, and OnHold."""
    before = await row(caller, thread_id)
    if "metadata" in body.model_fields_set:
        await holds.check_change(caller, thread_id, before.data["metadata"], body.metadata or {})
    resources = await tool_resources.resolve(caller, body.tool_resources)

    partition = layout.thread(caller.owner, thread_id)

    async def attempt() -> Json:
        found = await row(caller, thread_id)
        changed = dict(found.data)
        if "metadata" in body.model_fields_set:
            changed["metadata"] = body.metadata or {}
        if "tool_resources" in body.model_fields_set:
            before = found.data["tool_resources"]
            changed["tool_resources"] = tool_resources.merge(before, body.tool_resources, resources)
        return await mcp_headers.put(caller, partition, found, changed, body)

    return await caller.carry_out(partition, attempt)


async def delete(caller: Caller, thread_id: str) -> Json:
    """Remove a thread with everything in it. Raises NotFoundError, and OnHold.

    Thread and head go first: from then on nobody finds it, and no run can add to it. The index entry goes last, so that
    deleting can be taken up again where it broke off: by who deletes it again, or by housekeeping within a day.
    """
    head = await until_committed(lambda: _hide(caller, thread_id))
    if head.get("calls"):
        await end_session(caller, thread_id)
    partition = layout.thread(caller.owner, thread_id)
    while rows := await caller.deps.store.scan(partition, "!", "~", MAX_CHANGES):
        await _delete_children(caller, thread_id, rows)
        await _forget_letters(caller, rows)
        await _count(caller, rows)
        # Who deletes it a second time meanwhile looks what is left, instead of finding each row gone.
        with suppress(Conflict):
            await caller.deps.store.commit(partition, [Delete(each.key, each.version) for each in rows])
    await caller.deps.store.commit(partition, [Delete(layout.DELETED_KEY)])
    if head.get("active_run"):
        caller.deps.wakes.call(head["active_run"])
    entry = await listed(caller, thread_id)
    if entry is not None:
        await caller.deps.store.commit(layout.threads(caller.owner), [Delete(entry.key)])
    return {"id": thread_id, "object": "thread.deleted", "deleted": True}


async def _hide(caller: Caller, thread_id: str) -> Json:
    """Take thread and head away, unless that was done before; the head as it was then.

    A hold that comes in between makes it a conflict. Raises NotFoundError, and OnHold.
    """
    partition, store = layout.thread(caller.owner, thread_id), caller.deps.store
    try:
        found = await row(caller, thread_id)
    except NotFoundError:
        if await listed(caller, thread_id) is None:
            raise
        begun = await store.get(partition, layout.DELETED_KEY)
        return {} if begun is None else begun.data
    await holds.check_thread(caller, thread_id, found.data["metadata"])
    head_row = await store.get(partition, layout.HEAD_KEY)
    head: Json = {} if head_row is None else head_row.data
    # The head stays in another row, by which housekeeping ends what we do not.
    going = Put(layout.DELETED_KEY, head)
    await store.commit(partition, [Delete(layout.THREAD_KEY, found.version), Delete(layout.HEAD_KEY), going])
    return head


async def _delete_children(caller: Caller, thread_id: str, rows: Sequence[Record]) -> None:
    """Remove the threads of assistants that were asked in the steps among the rows; what a hold keeps, stays.

    Steps that were brought from elsewhere may name any thread: those that say that they are children are removed.
    """
    steps = [each.data["step"]["step_details"] for each in rows if each.key.startswith(layout.STEP)]
    calls = [call.get("connected_agent") or {} for details in steps for call in details.get("tool_calls") or ()]
    for child in [call["thread_id"] for call in calls if call.get("thread_id")]:
        with suppress(NotFoundError, InvalidRequest):
            found = await row(caller, child)
            if found.data["metadata"].get(PARENT_THREAD) == thread_id:
                await delete(caller, child)


async def _forget_letters(caller: Caller, rows: Sequence[Record]) -> None:
    """Remove what tools have left in the box's own folder for the runs among the rows."""
    runs = [each.data["run"]["id"] for each in rows if each.key.startswith(layout.RUN)]
    forgetting = [tool.forget for tool in caller.deps.toolbox.values() if tool.forget is not None]
    for run_id in runs:
        for forget in forgetting:
            await forget(run_id)


async def _count(caller: Caller, rows: Sequence[Record]) -> None:
    """Write what the runs among the rows have used, as far as it is not written: nobody will find them again.

    One that is not over is counted as far as it has come; those that ended elsewhere are none of ours.
    """
    runs = [RunRecord.from_json(each.data) for each in rows if each.key.startswith(layout.RUN)]
    under_way = [each for each in runs if each.run.expires_at is not None or each.is_in_line]
    for each in under_way:
        await caller.deps.budgets.settle(each, over=True)
    ended = [each for each in runs if each.ended_at is not None]
    await caller.deps.usage.write_missing([*(each for each in under_way if each.turns > 0), *ended])


async def end_session(caller: Caller, thread_id: str) -> None:
    """End the code interpreter's session; one that cannot be ended now ends by itself when it has idled."""
    if caller.deps.sandbox is not None:
        try:
            await caller.deps.sandbox.evict(
                session_key(await caller.deps.session_secret.get(), caller.owner, thread_id)
            )
        except SandboxError:
            logger.warning("session kept", extra={"action": "session_kept", "thread_id": thread_id})


async def row(caller: Caller, thread_id: str) -> Record:
    """The thread's row. Raises NotFoundError."""
    check_id(thread_id)
    found = await caller.deps.store.get(layout.thread(caller.owner, thread_id), layout.THREAD_KEY)
    if found is None:
        raise not_found("thread", thread_id)
    return found


async def head_and_messages(
    caller: Caller, thread_id: str, most: int = READ_ALONG
) -> tuple[Head, str, list[Record] | None]:
    """The thread's head with its version, and all its messages, oldest first: None if there are more than `most`.

    One read. Raises NotFoundError.
    """
    check_id(thread_id)
    last = ids.key_at(layout.MESSAGE, most)
    partition = layout.thread(caller.owner, thread_id)
    found = await caller.deps.store.scan(partition, layout.HEAD_KEY, last, most + 1)
    if not found or found[0].key != layout.HEAD_KEY:
        raise not_found("thread", thread_id)
    head = Head.from_json(found[0].data)
    return head, found[0].version, found[1:] if head.next.message <= most else None


async def head(caller: Caller, thread_id: str) -> tuple[Head, str]:
    """The thread's head and its version. Raises NotFoundError."""
    check_id(thread_id)
    found = await caller.deps.store.get(layout.thread(caller.owner, thread_id), layout.HEAD_KEY)
    if found is None:
        raise not_found("thread", thread_id)
    return Head.from_json(found.data), found.version


def check_id(thread_id: str) -> None:
    """Refuse what cannot be a thread's id. Raises InvalidRequest."""
    check_shape(thread_id, "thread", "thread", "thread_id")
