"""Who comes next on a thread: what waits in line for a run's end is let in by the very commit that ends it.

The line stands in the row of the run that holds the thread, so whoever ends that run either sees what has joined, or
meets a conflict and looks again. Messages wait under their own ids, which sort behind all numbers; runs in the row that
they keep. How they join is said in `joining.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared import foreign_ids, ids, layout
from shared.deps import Deps
from shared.objects.run import RunRecord
from shared.objects.thread import Counters
from shared.runs import history, lifecycle, queue_messages, waiting
from shared.runs.rows import put_head, put_run
from shared.store.base import Change, Delete, Put, Record

#: Seconds that a worker leaves a run to the process whose listener waits for its turn.
LISTENERS_FIRST: Final = 2.0


def turn_of(run_id: str) -> str:
    """What is called when the turn of a run that waited in line has come."""
    return f"{run_id} turn"


@dataclass(frozen=True, slots=True)
class Succession:
    """What the commit that ends a run lets in: messages, and the run that has the thread from then on, if any."""

    head: Put
    changes: list[Change]
    run: RunRecord | None

    def added_to(self, changes: Sequence[Change]) -> list[Change]:
        """The commit that ends the run, with this in it: the head is the next run's."""
        return [*(each for each in changes if each.key != layout.HEAD_KEY), self.head, *self.changes]

    async def send_ahead(self, deps: Deps) -> None:
        """Before the commit: somebody must drive the next run, whatever becomes of us."""
        if self.run is not None:
            heard = self.run.place is not None and self.run.place.heard
            await queue_messages.start(deps, self.run, LISTENERS_FIRST if heard else 0)

    def tell(self, deps: Deps) -> None:
        """After the commit: wake who waits for the next run's turn."""
        if self.run is not None:
            queue_messages.log_queued(self.run)
            deps.wakes.call(turn_of(self.run.run.id))


async def admit(deps: Deps, record: RunRecord) -> Succession | None:
    """What is let in at the end of a run: messages, up to and including the next run. None: nobody waits."""
    if not record.line:
        return None
    numbers, changes, left = record.next.replace(), [], [*record.line]
    while left:
        portion = _until_run(left)
        left = left[len(portion) :]
        rows = await asyncio.gather(*(deps.store.get(record.key.partition, each) for each in portion))
        for row in [each for each in rows if each is not None]:  # the others have been deleted
            if row.key.startswith(layout.MESSAGE):
                changes += _moved(row, numbers, deps.now())
                continue
            follower = RunRecord.from_json(row.data)
            if follower.is_in_line and lifecycle.is_active(follower.run.status):
                _begin(deps, follower, record, numbers, left)
                run_changes = [*changes, put_run(follower, row.version)]
                return Succession(put_head(follower), run_changes, follower)
    return Succession(put_head(record, over=True, numbers=numbers), changes, None)


def _until_run(line: Sequence[str]) -> list[str]:
    """The first of the line, up to and including a run."""
    runs = [place for place, each in enumerate(line) if each.startswith(layout.RUN)]
    return [*line[: runs[0] + 1 if runs else len(line)]]


def _moved(row: Record, numbers: Counters, now: int) -> list[Change]:
    """A message that waited gets its number: it is in the thread from now on, and still found by its id."""
    key = ids.numbered(layout.MESSAGE, numbers.message)
    numbers.message += 1
    data = row.data | {"created_at": now, "completed_at": now}
    return [Delete(row.key, row.version), Put(key, data), foreign_ids.alias(row.data["id"], key)]


def _begin(deps: Deps, follower: RunRecord, before: RunRecord, numbers: Counters, left: list[str]) -> None:
    """Let the run have the thread as the one before it leaves it; its time begins now."""
    assert follower.place is not None
    follower.place.admitted_at = deps.now()
    follower.next, follower.first = numbers.replace(), numbers.replace()
    follower.calls, follower.head_extra, follower.line = before.calls, before.head_extra, left
    follower.run.expires_at = deps.now() + deps.settings.run_lifetime_seconds
    waiting.prolong(deps, follower)
    history.note(follower, deps.clock(), "run.admitted", by=before.run.id)
