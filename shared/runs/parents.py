"""Runs that others began, as whoever comes upon them sees them: without a parent that waits they are cancelled.

Nothing is sent when a parent ends. Its children are looked at anyhow, by their drivers or by their messages, and each
look asks for the parent.
"""

from __future__ import annotations

from shared import foreign_ids
from shared.deps import Deps
from shared.objects.run import RunKey, RunRecord
from shared.runs import lifecycle
from shared.runs.recorder import Recorder


async def nobody_waits(deps: Deps, record: RunRecord) -> bool:
    """Whether the run was begun by one that is over by now, or about to be, or that nobody waits for itself."""
    while record.parent is not None:
        parent = RunKey(record.owner, record.parent.thread_id, record.parent.run_id)
        row = await foreign_ids.read(deps.store, parent.partition, parent.run_id)
        if row is None:
            return True
        record = RunRecord.from_json(row.data)
        ends = not lifecycle.is_active(record.run.status) or record.run.status == "cancelling"
        if ends or lifecycle.has_expired(record.run, deps.clock()):
            return True
    return False


async def abandon(recorder: Recorder, ours: Recorder | None = None) -> None:
    """Cancel the run, whoever drives it; `ours` as in `Recorder.end`."""
    if recorder.run.status != "cancelling":
        parent = recorder.record.parent
        recorder.note("cancel.asked", by=None if parent is None else parent.run_id)
        recorder.state.advance("cancelling")
    await recorder.end("cancelled", ours=ours)
