"""An owner's threads, one after the other, and what is in one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from shared import ids, layout
from shared.deps import Caller
from shared.store.base import Record
from shared.threads import named

#: Rows that are read at once.
AT_ONCE: Final = 200


async def entries(caller: Caller, after: str = "") -> AsyncIterator[list[Record]]:
    """The rows of the index of the owner's threads behind a key, newest first, in portions."""
    first = f"{after}!" if after else layout.THREAD
    while rows := await caller.deps.store.scan(layout.threads(caller.owner), first, f"{layout.THREAD}~", AT_ONCE):
        yield rows
        first = f"{rows[-1].key}!"


async def rows_of(caller: Caller, thread_id: str, prefixes: Sequence[str]) -> AsyncIterator[Record]:
    """The rows of a thread whose keys begin so."""
    partition = layout.thread(caller.owner, thread_id)
    for prefix in prefixes:
        first, last = prefix, f"{prefix}~"
        while rows := await caller.deps.store.scan(partition, first, last, AT_ONCE):
            for row in rows:
                yield row
            first = f"{rows[-1].key}!"


async def files_in(caller: Caller, thread: Record) -> set[str]:
    """The files that a thread, its messages and its steps name."""
    found = named.files_of(thread.data)
    async for row in rows_of(caller, thread.data["id"], (layout.MESSAGE, layout.STEP)):
        found |= named.files_of(row.data)
    return found


async def newest(caller: Caller, thread_id: str, prefix: str, end: int) -> Record | None:
    """The message or run with the highest number below `end`: looked for at the end, where it nearly always is."""
    partition, last = layout.thread(caller.owner, thread_id), ids.key_at(prefix, end)
    for back in (4, end):
        first = ids.key_at(prefix, max(0, end - back))
        if rows := await caller.deps.store.scan(partition, first, last, 1, backwards=True):
            return rows[0]
    return None
