"""Whether a run is still its writer's: a driver's as long as the lease is his own, a passer-by's as he has read it."""

from __future__ import annotations

from shared.json_types import Json
from shared.objects.run import RunKey, RunRecord
from shared.runs import lease, lifecycle
from shared.store.base import Conflict, Store


class Superseded(Conflict):
    """The run is not as we left it: cancelled, ended, deleted, or driven by somebody else."""


async def as_driver(store: Store, key: RunKey, holder: str | None) -> tuple[RunRecord, str]:
    """The run as stored, with its version, if nobody asked its driver to stop. Raises Superseded."""
    row = await store.get(key.partition, key.run_id)
    if row is None:
        raise Superseded
    theirs = RunRecord.from_json(row.data)
    active = lifecycle.is_active(theirs.run.status) and theirs.run.status != "cancelling"
    if not active or not lease.is_held_by(theirs, holder):
        raise Superseded
    return theirs, row.version


async def as_passer_by(store: Store, key: RunKey, read: Json | None) -> tuple[RunRecord, str]:
    """The run as stored, with its version, if nothing but its line is another than was read. Raises Superseded."""
    row = await store.get(key.partition, key.run_id)
    if row is None or read is None or _without_line(row.data) != _without_line(read):
        raise Superseded
    return RunRecord.from_json(row.data), row.version


def _without_line(data: Json) -> Json:
    """A run's row without what changes when something joins its line."""
    return data | {"line": (), "next": {**data["next"], "run": 0}}
