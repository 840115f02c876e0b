"""Runs that end, or wait for their client, as webhooks are told of them."""

from __future__ import annotations

from shared import foreign_ids
from shared.deps import Deps
from shared.objects.run import RunKey, RunRecord
from shared.runs import lifecycle
from shared.webhooks import notices
from shared.webhooks.notices import Notice

PREFIX = "thread.run."
WAITS = f"{PREFIX}requires_action"


def mark(record: RunRecord) -> str:
    """By what a run's stop is known: it may wait for its client more than once."""
    kind = "" if record.run.required_action is None else record.run.required_action["type"]
    return f"{record.turns}:{kind}"


async def send(deps: Deps, record: RunRecord) -> None:
    """The next commit ends the run, or leaves it to its client."""
    run = record.run
    data = {"id": run.id, "thread_id": run.thread_id, "status": run.status}
    await notices.send(deps, record.owner, f"{PREFIX}{run.status}", data, mark(record))


async def happened(deps: Deps, notice: Notice) -> bool | None:
    """Whether the run stopped as told; a wait that is over by now is not worth telling."""
    if notice.happened and notice.type != WAITS:
        return True
    key = RunKey(notice.owner, notice.data["thread_id"], notice.data["id"])
    row = await foreign_ids.read(deps.store, key.partition, key.run_id)
    if row is None:
        return False
    record = RunRecord.from_json(row.data)
    if record.run.status == notice.data["status"]:
        return mark(record) == notice.mark
    over = not lifecycle.is_active(record.run.status)
    answered = notice.type == WAITS and (notice.happened or record.turns > int(notice.mark.partition(":")[0]))
    return False if over or answered else None
