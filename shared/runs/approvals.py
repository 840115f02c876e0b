"""What waits for somebody's approval: an index by owner, so that nobody need look through all threads for it.

Its rows are written before the run waits and removed after it goes on, so some are about runs that do not wait (any
more): a list leaves them out, and removes them. What is to be approved is read from the run.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

from shared import foreign_ids, layout
from shared.deps import Caller, Deps
from shared.json_types import Json
from shared.objects.approval import Approval
from shared.objects.run import RunKey, RunRecord
from shared.paging import ListQuery, newest_page
from shared.runs import lifecycle
from shared.store.base import Delete, Put, Record, StoreError

#: What a run requires that waits for approvals.
KIND: Final = "submit_tool_approval"
#: Seconds after which the commit that a row announced has come or never will.
COMMITTED_SECONDS: Final = 600


async def enlist(deps: Deps, record: RunRecord) -> None:
    """The run's next commit lets it wait for the approval that its record names."""
    assert record.approval is not None
    row = {"thread_id": record.run.thread_id, "run_id": record.run.id, "asked_at": deps.now()}
    await deps.store.commit(layout.approvals(record.owner), [Put(record.approval, row)])


async def strike(deps: Deps, owner: str, approval: str) -> None:
    """It is waited for no longer. One that stays is removed by the next list."""
    with suppress(StoreError):
        await deps.store.commit(layout.approvals(owner), [Delete(approval)])


async def page(caller: Caller, query: ListQuery) -> tuple[list[Json], bool]:
    """What waits for the owner, and whether there are more. A page may be shorter than asked for."""
    while True:
        found = await newest_page(caller.deps.store, layout.approvals(caller.owner), layout.APPROVAL, "approval", query)
        looked_at = await asyncio.gather(*(_shown(caller, each) for each in found.records))
        shown = [each for each in looked_at if each is not None]
        # Who is told of nothing looks no further.
        if shown or not found.has_more:
            return shown, found.has_more
        if query.backwards:
            query = replace(query, before=found.records[0].key)
        else:
            query = replace(query, after=found.records[-1].key)


async def _shown(caller: Caller, row: Record) -> Json | None:
    """The approval as answered; None if nothing waits for it."""
    key, asked_at = RunKey(caller.owner, row.data["thread_id"], row.data["run_id"]), row.data["asked_at"]
    stored = await foreign_ids.read(caller.deps.store, key.partition, key.run_id)
    record = None if stored is None else RunRecord.from_json(stored.data)
    if record is None or record.approval != row.key or not waits(record, caller.deps.clock()):
        if caller.deps.clock() > asked_at + COMMITTED_SECONDS:
            await strike(caller.deps, caller.owner, row.key)
        return None
    run = record.run
    assert run.required_action is not None
    assert run.expires_at is not None
    return Approval(
        id=row.key,
        created_at=asked_at,
        expires_at=run.expires_at,
        assistant_id=run.assistant_id,
        thread_id=run.thread_id,
        run_id=run.id,
        tool_calls=run.required_action[KIND]["tool_calls"],
    ).to_json()


def waits(record: RunRecord, now: float) -> bool:
    """Whether the run waits for an approval."""
    action = record.run.required_action
    return action is not None and action["type"] == KIND and not lifecycle.has_expired(record.run, now)
