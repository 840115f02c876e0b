"""An owner's runs that went wrong or stand still, for whoever looks for them.

Runs are kept by thread and no index has them by status: it would cost every run a write, for what few ask for. So the
newest threads are looked through, some at a time.
"""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from shared import layout
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.paging import ListQuery, newest_page
from shared.runs import approvals, lease, lifecycle, service

#: Threads that one page looks through, with two reads each.
THREADS: Final = 30
#: A thread's newest runs that are looked at.
RUNS: Final = 5
#: Seconds that a run may be without anybody who drives it: crashes are mended in less, and queues are quicker.
DRIVERLESS_SECONDS: Final = 60

#: The end that a run came to; or it waits for a client's tool outputs, or for an approval; or nobody drives it.
Trouble = Literal["failed", "expired", "incomplete", "waiting", "unapproved", "stuck"]


async def page(caller: Caller, after: str | None, limit: int = THREADS) -> Json:
    """The troubled runs of the next `limit` threads, newest thread first, each with its `trouble`.

    `last_id` is the thread that was looked at last: what `after` takes. Raises NotFoundError for one that cannot be.
    """
    query = ListQuery(limit=limit, after=after)
    threads = await newest_page(caller.deps.store, layout.threads(caller.owner), layout.THREAD, "thread", query)
    ids = [each.key for each in threads.records]
    found = await asyncio.gather(*(_of_thread(caller, each) for each in ids))
    return {
        "object": "list",
        "data": [each for runs in found for each in runs],
        "last_id": ids[-1] if ids else None,
        "has_more": threads.has_more,
    }


def trouble(record: RunRecord, now: float) -> Trouble | None:
    """What is wrong with a run; None: nothing."""
    run = record.run
    if run.status in ("failed", "expired", "incomplete"):
        return run.status
    if not lifecycle.is_active(run.status) or record.is_in_line:
        return None
    if run.status == "requires_action":
        return _waiting(run.required_action) if now - run.created_at > DRIVERLESS_SECONDS else None
    # A turn in the background is looked after by messages alone.
    begun = run.created_at if record.place is None else record.place.admitted_at or 0
    seen_to = max(begun, record.watched_until, record.lease.until if record.lease is not None else 0)
    return "stuck" if now - seen_to > DRIVERLESS_SECONDS and not lease.is_held(record, now) else None


def _waiting(action: Json | None) -> Trouble:
    return "unapproved" if action is not None and action["type"] == approvals.KIND else "waiting"


async def _of_thread(caller: Caller, thread_id: str) -> list[Json]:
    try:
        runs = await service.list_runs(caller, thread_id, ListQuery(limit=RUNS))
    except NotFoundError:
        # Listed, but deleted meanwhile.
        return []
    records = [RunRecord.from_json(each.data) for each in runs.records]
    found = [(each, trouble(each, caller.deps.clock())) for each in records]
    return [_shown(record, what) for record, what in found if what is not None]


def _shown(record: RunRecord, what: Trouble) -> Json:
    """Without instructions and tools, which may be long."""
    run = record.run
    names = ("id", "thread_id", "assistant_id", "status", "created_at", "model", "last_error", "incomplete_details")
    return {**{name: getattr(run, name) for name in names}, "trouble": what}
