"""How far the scheduled backup is: one row of the box, whose version keeps two workers from going on at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from shared import layout
from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import QueueMessage
from shared.store.base import Put


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupMessage(QueueMessage):
    """Take the next step of a backup. One whose step is taken is dropped."""

    backup: str
    step: int


@dataclass(slots=True)
class BackupState:
    """The row. A backup goes through its owners; for each through threads, what else there is, files, the manifest."""

    #: The backup that is being taken; empty: none.
    backup: str = ""
    #: When it was begun, unix seconds.
    begun: float = 0
    #: The step to take, counted through the whole backup.
    step: int = 0
    #: Until when (unix seconds) whoever takes it has it for himself.
    until: float = 0
    #: How often this step has been begun.
    attempts: int = 0
    #: Owners still to be exported; the first is being.
    owners: list[str] = field(default_factory=list)
    #: What of the first owner is next: the names of `worker`'s phases.
    phase: str = ""
    #: The key behind which the phase goes on.
    after: str = ""
    #: Counts by owner, of those that are done.
    done: dict[str, Json] = field(default_factory=dict)
    #: The last whole backup, and when it was begun.
    last: str = ""
    last_begun: float = 0
    #: Backups in the container, this one and broken ones included, oldest first.
    known: list[str] = field(default_factory=list)
    #: The row's version; None: there is no row.
    version: str | None = None

    def message(self) -> BackupMessage:
        """What has the next step taken."""
        return BackupMessage(backup=self.backup, step=self.step)


async def read(deps: Deps) -> BackupState:
    """The row as it is. Raises Unavailable."""
    row = await deps.store.get(layout.BOX, layout.BACKUP_KEY)
    if row is None:
        return BackupState()
    known = {each.name for each in fields(BackupState)} - {"version"}
    return BackupState(**{name: value for name, value in row.data.items() if name in known}, version=row.version)


async def write(deps: Deps, state: BackupState) -> None:
    """Replace the row that was read. Raises Conflict when somebody was faster, and Unavailable."""
    data: dict[str, Any] = asdict(state)
    del data["version"]
    [state.version] = await deps.store.commit(layout.BOX, [Put(layout.BACKUP_KEY, data, state.version)])
