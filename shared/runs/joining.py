"""A busy thread, for callers who would rather wait: messages and runs join its line, and runs leave it.

Each is a commit under the version of the active run's row, in which the line stands: so all of it is in one order, and
nothing joins a run that is over. What becomes of the line is said in `line.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from shared import holds, layout
from shared.deps import Caller, Deps
from shared.errors import RateLimited
from shared.json_types import Json
from shared.objects.message_requests import CreateMessage
from shared.objects.run import RunKey, RunRecord
from shared.objects.thread import Head
from shared.runs import history
from shared.runs.recorder import Recorder
from shared.runs.rows import put_head, put_run
from shared.store.base import Change, Conflict, Delete, NotFound
from shared.threads import messages

#: Messages and runs that may wait in a thread's line, the messages that come with runs among them: one commit lets in
#: all messages before the next run.
MOST_IN_LINE: Final = 20
#: Seconds after which a client may try again whose thread's line is full.
FULL_SECONDS: Final = 5


async def head_of(deps: Deps, record: RunRecord, joining: int) -> Head:
    """The head of the thread that the run holds, for so many that want to join its line. Raises RateLimited."""
    if len(record.line) + joining > MOST_IN_LINE:
        await _close_gaps(deps, record)
    if len(record.line) + joining > MOST_IN_LINE:
        words = f"The line of thread {record.run.thread_id} is full: {MOST_IN_LINE} messages and runs may wait in it."
        raise RateLimited(words, "requests", "line_full", {"retry-after": str(FULL_SECONDS)})
    return Head(next=record.next.replace(), active_run=record.run.id, calls=record.calls)


async def add_message(caller: Caller, ahead: Recorder, body: CreateMessage) -> Json:
    """Let a message wait for the end of an active run. Raises RateLimited, NotFoundError, and Conflict."""
    head = await head_of(caller.deps, ahead.record, 1)
    changes = await messages.add(caller, ahead.run.thread_id, [body], head)
    message = changes[-1].data
    await _commit(caller.deps, ahead, [changes[-1].key], [*changes, *caller.answering(message)])
    return message


async def add_run(deps: Deps, ahead: Recorder, record: RunRecord, changes: Sequence[Change], *, heard: bool) -> None:
    """Let a run, with what is to be written beside it, wait for the end of an active one.

    `heard`: a listener waits with it. Raises Conflict.
    """
    assert record.place is not None
    record.place.heard = heard
    history.note(record, deps.clock(), "run.created", record.owner, how="in_line")
    ahead.record.next.run = record.next.run
    async with deps.budgets.begun(record):
        ids = [*record.place.brings, record.run.id]
        await _commit(deps, ahead, ids, [put_head(ahead.record), put_run(record, None), *changes])


async def leave(caller: Caller, recorder: Recorder) -> None:
    """Cancel a run that waits in line: with what would have come with it, it leaves. Raises Superseded.

    On a thread that is on hold its messages wait on without it: nothing is deleted there.
    """
    key = recorder.record.key
    brings = await _going(caller, recorder)
    gone: list[Change] = [Delete(each) for each in brings]
    ahead = await _ahead_of(recorder)
    if ahead is not None:
        left = {key.run_id, *brings}
        ahead.record.line = [each for each in ahead.record.line if each not in left]
        gone.append(put_run(ahead.record, ahead.version))
    recorder.note("cancel.asked", by=key.owner)
    recorder.state.advance("cancelling")
    recorder.state.advance("cancelled")
    await recorder.commit(*gone, *caller.answering(recorder.run.to_json()))
    await recorder.count()


async def look_after(recorder: Recorder) -> None:
    """A run has waited for long: one that stands in no line fails, since nobody would let it in. Raises Superseded.

    It can only be so when a driver of an earlier version, which knows of no lines, has ended the run ahead.
    """
    place = recorder.record.place
    assert place is not None
    if await _ahead_of(recorder) is None:
        await recorder.end("failed", {"code": "server_error", "message": "The run was lost while it waited in line."})
    else:
        place.seen = recorder.deps.now()
        await recorder.commit()


async def _going(caller: Caller, recorder: Recorder) -> list[str]:
    """The messages that go with a run which leaves: those it would have brought, unless a hold keeps them."""
    key, place = recorder.record.key, recorder.record.place
    if place is None or not place.brings:
        return []
    thread = await caller.deps.store.get(key.partition, layout.THREAD_KEY)
    is_kept = thread is not None and await holds.on(caller, key.thread_id, thread.data["metadata"])
    return [] if is_kept else place.brings


async def _close_gaps(deps: Deps, record: RunRecord) -> None:
    """Forget messages that were deleted while they waited."""
    waiting = [each for each in record.line if each.startswith(layout.MESSAGE)]
    rows = await asyncio.gather(*(deps.store.get(record.key.partition, each) for each in waiting))
    gone = {each for each, row in zip(waiting, rows, strict=True) if row is None}
    record.line = [each for each in record.line if each not in gone]


async def _ahead_of(recorder: Recorder) -> Recorder | None:
    """The active run in whose line a run stands; None: it stands in none, or not any more."""
    deps, key = recorder.deps, recorder.record.key
    head = await deps.store.get(key.partition, layout.HEAD_KEY)
    active = None if head is None else head.data["active_run"]
    ahead = None if active is None else await Recorder.load(deps, RunKey(key.owner, key.thread_id, active))
    return ahead if ahead is not None and key.run_id in ahead.record.line else None


async def _commit(deps: Deps, ahead: Recorder, ids: Sequence[str], changes: Sequence[Change]) -> None:
    ahead.record.line += ids
    try:
        await deps.store.commit(ahead.record.key.partition, [put_run(ahead.record, ahead.version), *changes])
    except NotFound as error:
        raise Conflict("the thread is gone") from error
