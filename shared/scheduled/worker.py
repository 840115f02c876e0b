"""Takes scheduled backups: an hourly look begins one, each message takes a step of some minutes and sends the next.

A step begins where the row says and writes the same blobs again when it is repeated. What it has done counts when the
row has moved on; the message follows, and if that is lost, the hourly look sends it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shared import deadline, json_text, owners
from shared.blobs.base import Blobs, write_bytes
from shared.deps import Caller, Deps
from shared.json_types import Json
from shared.queue.base import Queue
from shared.scheduled import names, state
from shared.scheduled.exporting import OwnerExport
from shared.scheduled.pruning import prune
from shared.scheduled.state import BackupMessage, BackupState
from shared.store.base import Conflict

logger = logging.getLogger(__name__)

#: Seconds of work in a step, at most and unless an invocation grants less.
STEP_SECONDS: Final = 240.0
#: What the hourly look may come too early, in seconds.
EARLY: Final = 300.0

#: How often a step is begun until the backup is given up.
MOST_ATTEMPTS: Final = 5

#: What is done with an owner, in this order; then old backups are removed.
PHASES: Final = ("threads", "rest", "files", "manifest")
PRUNING: Final = "pruning"


class BackupWorker:
    """The handler of the queue `backups`, and the look that the timer takes."""

    def __init__(self, deps: Deps, *, step_seconds: float = STEP_SECONDS) -> None:
        self._deps, self._step_seconds = deps, step_seconds

    async def look(self) -> None:
        """Begin a backup if one is due, or bring one back whose message was lost."""
        deps = self._deps
        if deps.backups is None or deps.backup_steps is None or deps.settings.backup_hours == 0:
            return
        found = await state.read(deps)
        now = deps.clock()
        if found.backup:
            if found.until < now:
                await deps.backup_steps.send(found.message().to_json())
            return
        if now < found.begun + deps.settings.backup_hours * 3600 - EARLY:
            return
        found.backup, found.begun, found.step = names.backup_at(now), now, 0
        found.until, found.attempts = 0, 0
        found.owners, found.done = sorted(await owners.names(deps)), {}
        found.phase, found.after = PHASES[0], ""
        found.known = [*found.known, found.backup]
        try:
            await state.write(deps, found)
        except Conflict:
            return  # another host looked, too
        await deps.backup_steps.send(found.message().to_json())
        logger.info("backup begun", extra={"action": "backup_begun", "backup": found.backup})

    async def handle(self, body: Json) -> None:
        """Take the step that a message names, unless it is taken. If it raises, the message comes again."""
        backups, queue = self._ports()
        message = BackupMessage.from_json(body)
        found = await state.read(self._deps)
        if (found.backup, found.step) != (message.backup, message.step):
            return
        now = self._deps.clock()
        if found.until > now:
            # Somebody is at it, or died: then it is ours.
            await queue.send(body, found.until - now + 1)
            return
        if found.attempts == MOST_ATTEMPTS:
            await self._give_up(found)
            return
        found.until, found.attempts = now + self._deps.granted, found.attempts + 1
        try:
            await state.write(self._deps, found)
        except Conflict:
            return  # the other message was faster
        await self._step(backups, found)
        found.step, found.until, found.attempts = found.step + 1, 0, 0
        await state.write(self._deps, found)
        if found.backup:
            await queue.send(found.message().to_json())

    async def poisoned(self, body: Json) -> None:
        """Give up a backup whose message fails again and again."""
        message = BackupMessage.from_json(body)
        found = await state.read(self._deps)
        if (found.backup, found.step) == (message.backup, message.step):
            await self._give_up(found)

    async def _give_up(self, found: BackupState) -> None:
        """The next one is begun at its time, and removes what there is of this one."""
        logger.error("backup failed", extra={"action": "backup_failed", "backup": found.backup})
        found.backup = ""
        await state.write(self._deps, found)

    async def _step(self, backups: Blobs, found: BackupState) -> None:
        """Go on until the time of a step is over, or everything is done."""
        clock = asyncio.get_running_loop().time
        end = clock() + min(self._step_seconds, deadline.left() / 2)

        first = True

        def more() -> bool:
            nonlocal first
            begun, first = first, False
            return begun or clock() < end

        while found.owners:
            export = OwnerExport(Caller(self._deps, found.owners[0]), backups, found)
            phases: dict[str, Callable[[Callable[[], bool]], Awaitable[bool]]] = {
                "threads": export.threads,
                "rest": export.rest,
                "files": export.files,
                "manifest": export.manifest,
            }
            if not await phases[found.phase](more):
                return
            self._next_phase(found)
            if not more():
                return
        if not found.owners and found.phase != PRUNING:
            await self._mark(backups, found)
        if not found.owners and await prune(backups, found, self._deps.settings.backups_kept, more):
            found.backup = ""

    def _next_phase(self, found: BackupState) -> None:
        found.after = ""
        if found.phase == PHASES[-1]:
            found.owners, found.phase = found.owners[1:], PHASES[0]
        else:
            found.phase = PHASES[PHASES.index(found.phase) + 1]

    async def _mark(self, backups: Blobs, found: BackupState) -> None:
        """Say that the backup is whole."""
        told = {"backup": found.backup, "begun": found.begun, "ended": self._deps.clock(), "owners": found.done}
        await write_bytes(backups, names.mark(found.backup), json_text.ascii_bytes(told))
        found.last, found.last_begun, found.phase = found.backup, found.begun, PRUNING
        logger.info("backup taken", extra={"action": "backup_taken", "backup": found.backup})

    def _ports(self) -> tuple[Blobs, Queue]:
        backups, queue = self._deps.backups, self._deps.backup_steps
        assert backups is not None, "only a storage account has scheduled backups"
        assert queue is not None, "only a storage account has scheduled backups"
        return backups, queue
