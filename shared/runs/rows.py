"""The rows that every commit of a run writes: the run's own, and the thread's head."""

from __future__ import annotations

from typing import Final

from shared import layout
from shared.objects.run import RunRecord
from shared.objects.thread import Counters, Head
from shared.runs import lifecycle
from shared.store.base import EXISTING, Existing, Put

#: Seconds past `expires_at` after which housekeeping looks after a run whose messages were all lost.
OVERDUE_GRACE: Final = 60

#: Seconds after which housekeeping looks whether a run that waits in line still stands in one.
IN_LINE_SECONDS: Final = 3600

#: The headers that came with approvals, among those of a run.
CALLS: Final = "calls"


def put_run(record: RunRecord, version: str | None) -> Put:
    """The run's row, with the time at which housekeeping must look after it if all its messages were lost.

    One that is over needs nobody; those from elsewhere tell all the same when they would have expired. It keeps no
    headers for servers, and one whose calls are done none for them. What waited in line for it waits for the next.
    """
    run = record.run
    active = lifecycle.is_active(run.status)
    if not active:
        record.headers = {}
    elif record.open_step is None:
        record.headers.pop(CALLS, None)
    due = run.expires_at + OVERDUE_GRACE if run.expires_at is not None and active else None
    if active and record.place is not None and record.is_in_line:
        due = record.place.seen + IN_LINE_SECONDS
    data = record.to_json()
    if not active:
        data["line"] = []
    return Put(record.stored_as or record.run.id, data, version, due)


def put_head(
    record: RunRecord,
    version: str | Existing | None = EXISTING,
    *,
    over: bool = False,
    numbers: Counters | None = None,
) -> Put:
    """The thread's head as the run leaves it: locked by the run until that is over.

    `numbers` are the thread's next ones, if others than the run's were added.
    """
    head = Head(next=numbers or record.next, active_run=None if over else record.run.id, calls=record.calls)
    return Put(layout.HEAD_KEY, {**record.head_extra, **head.to_json()}, version)
