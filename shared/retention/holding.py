"""Setting and lifting legal holds, and noting which files they keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from shared import holds, ids, layout
from shared.deps import Caller
from shared.errors import InvalidRequest, NotFoundError
from shared.objects.common import Metadata
from shared.objects.hold import Hold
from shared.optimistic import until_committed
from shared.retention import contents
from shared.store.base import MAX_CHANGES, Conflict, Delete, Put, Record
from shared.threads import threads

#: Characters of a reason.
LONGEST_REASON: Final = 512


async def add(caller: Caller, *, thread_id: str | None, metadata: Metadata, reason: str = "") -> Hold:
    """Put a thread, or all with some metadata, on hold.

    Their files are noted one after the other; those that an interruption leaves, by housekeeping within a day. Raises
    InvalidRequest, and NotFoundError for a thread that does not exist.
    """
    if (thread_id is None) == (not metadata):
        raise InvalidRequest("A hold names one thread, or metadata.")
    if len(reason) > LONGEST_REASON:
        raise InvalidRequest(f"A reason may have {LONGEST_REASON} characters.", param="reason")
    if len(await holds.of(caller)) >= holds.MOST:
        raise InvalidRequest(f"An owner may have {holds.MOST} holds.")
    if thread_id is not None:
        await threads.row(caller, thread_id)
    hold = Hold(
        id=ids.newest_first(layout.HOLD),
        created_at=caller.deps.now(),
        thread_id=thread_id,
        metadata=metadata,
        reason=reason,
    )
    put = Put(hold.id, hold.to_json())
    await caller.deps.store.commit(layout.holds(caller.owner), [put])
    if thread_id is not None:
        try:
            await until_committed(lambda: _touch(caller, thread_id))
        except NotFoundError:
            await lift(caller, hold.id)
            raise
    async for thread in held(caller, hold):
        await note_files(caller, thread, [hold.id])
    return hold


async def _touch(caller: Caller, thread_id: str) -> None:
    """Write the thread as it is: who is about to delete it has a conflict, looks again, and sees the hold."""
    row = await threads.row(caller, thread_id)
    await caller.deps.store.commit(layout.thread(caller.owner, thread_id), [Put(row.key, row.data, row.version)])


async def held(caller: Caller, hold: Hold) -> AsyncIterator[Record]:
    """The rows of the threads that are on a hold now."""
    if hold.thread_id is not None:
        yield await threads.row(caller, hold.thread_id)
        return
    async for entries in contents.entries(caller):
        for entry in entries:
            partition = layout.thread(caller.owner, entry.data["id"])
            row = await caller.deps.store.get(partition, layout.THREAD_KEY)
            if row is not None and hold.holds(entry.data["id"], row.data["metadata"]):
                yield row


async def note_files(caller: Caller, thread: Record, hold_ids: list[str]) -> None:
    """Have the files that a thread names kept by its holds; housekeeping notes those that came later."""
    partition = layout.holds(caller.owner)
    for file_id in await contents.files_in(caller, thread):
        kept = await holds.on_file(caller, file_id) if ids.is_key(file_id) else hold_ids
        for hold_id in set(hold_ids) - set(kept):
            put = Put(layout.kept_key(file_id, hold_id), {"hold_id": hold_id})
            with suppress(Conflict):  # somebody else has noted it
                await caller.deps.store.commit(partition, [put])


async def lift(caller: Caller, hold_id: str) -> Hold:
    """End a hold: the files that it keeps first, so that it can be done again where it broke off.

    Raises NotFoundError.
    """
    partition, store = layout.holds(caller.owner), caller.deps.store
    row = await store.get(partition, hold_id) if hold_id.startswith(layout.HOLD) else None
    if row is None:
        raise NotFoundError(f"No legal hold found with id '{hold_id}'.")
    first, last = layout.KEPT_FILE, f"{layout.KEPT_FILE}~"
    while rows := await store.scan(partition, first, last, MAX_CHANGES):
        ours = [Delete(each.key) for each in rows if each.data["hold_id"] == hold_id]
        await store.commit(partition, ours)
        first = f"{rows[-1].key}!"
    await store.commit(partition, [Delete(hold_id)])
    return Hold.from_json(row.data)
