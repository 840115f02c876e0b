"""A run's progress, written down: commits what changed with the run's row as fence, then tells the listener.

The recorder knows rows and events. What should happen next is the engine's business.
"""

from __future__ import annotations

import asyncio
import logging

from shared import foreign_ids
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.message import Message
from shared.objects.run import Run, RunKey, RunRecord, RunStatus
from shared.objects.step import StepRecord
from shared.queue.base import Sent
from shared.runs import approvals, endings, history, lease, lifecycle, queue_messages, webhook_events
from shared.runs.events import DONE, Event, Listener
from shared.runs.rows import put_run
from shared.runs.state import RunState
from shared.runs.usage import of_attempts
from shared.store.base import Conflict, NotFound, Put, Record

logger = logging.getLogger(__name__)


def stopped(run_id: str) -> str:
    """What is called when the run has stopped, be it to wait for its client; its id is when it should."""
    return f"{run_id} stopped"


class Superseded(Conflict):
    """The run is not as we left it: cancelled, ended, deleted, or driven by somebody else."""


class Recorder:
    """A run as read from its row, and the way back into it.

    Change `state`, then `commit`; or `end` the run. Without a `holder` it is a passer-by's, with one change to make:
    any other write makes the commit fail. `take` makes it a driver's, whose commits pass as long as the lease in the
    row is its own, though a client changes the metadata meanwhile:

        recorder = await Recorder.load(deps, RunKey("me", "thread_1", "run_1"), listener)
        await recorder.take()          # in the row: {"lease": {"holder": "host-4711-9f2c…", "until": 1767225600.5}}
        recorder.state.open_message()  # nothing is stored, nobody is told
        await recorder.commit()        # run, head, message and step in one commit; then their four events

    Use from one task, apart from `heartbeat`.
    """

    def __init__(self, deps: Deps, record: RunRecord, version: str | None, listener: Listener | None = None) -> None:
        """`version` is that of the row the record was read from; None: the run is not stored yet."""
        self.deps, self.version, self.listener = deps, version, listener
        self.state = RunState(record, deps.now, None if listener is None else listener.include)
        #: Whose lease the commits rely on; None: a passer-by's.
        self.holder: str | None = None
        #: All messages of the thread as the first turn finds it, if whoever began the run has read them.
        self.messages: list[Record] | None = None
        self._lock = asyncio.Lock()
        #: The message that looks after the run if we die; None: an earlier driver sent it.
        self._watchdog: Sent | None = None
        self._is_over = not lifecycle.is_active(record.run.status)
        #: Entries of the run's history that are stored.
        self._noted = history.count(record)

    @property
    def record(self) -> RunRecord:
        """The run's row after the next commit."""
        return self.state.record

    @property
    def run(self) -> Run:
        """The run as clients would see it after the next commit."""
        return self.state.run

    @staticmethod
    async def load(deps: Deps, key: RunKey, listener: Listener | None = None) -> Recorder | None:
        """The run as it stands, or None."""
        row = await foreign_ids.read(deps.store, key.partition, key.run_id)
        return None if row is None else Recorder(deps, RunRecord.from_json(row.data), row.version, listener)

    async def load_open(self) -> None:
        """Read the unfinished step and message, if there are any and they have not been read."""
        state, record = self.state, self.record
        step = None if state.step is not None else await self._stored(record.open_step)
        message = None if state.message is not None else await self._stored(record.open_message)
        state.reopen(
            None if step is None else StepRecord.from_json(step),
            None if message is None else Message.from_json(message),
        )

    async def _stored(self, key: str | None) -> Json | None:
        row = None if key is None else await self.deps.store.get(self.record.key.partition, key)
        return None if row is None else row.data

    def note(self, kind: str, by: str | None = None, **details: history.Value) -> None:
        """Let the next commit tell in the run's history what happened, as `history.note` takes it."""
        history.note(self.record, self.deps.clock(), kind, by, **details)

    def emit(self, event: Event) -> None:
        """Tell the listener of something that is not stored: a delta."""
        if self.listener is not None:
            self.listener.put(event)

    def publish(self, event: Event) -> None:
        """Tell the listener of what is stored; the run's last event is followed by `done`."""
        self.emit(event)
        if event.is_last:
            self.emit(DONE)

    # -- commits -----------------------------------------------------------------------------------------------------

    async def commit(self, *others: Put) -> None:
        """Write everything collected, and other rows of the thread, in one commit; then tell.

        Messages about what the run waits for go out before. Raises Superseded when the run is not ours any more.
        """
        ends = not self._is_over and not lifecycle.is_active(self.run.status)
        if ends:
            endings.note(self.record, self.deps.clock())
        if self.record.approval is not None and self.state.reasons:
            await approvals.enlist(self.deps, self.record)
        for reason in self.state.reasons:
            await queue_messages.bring_back(self.deps, self.record, reason)
        if self.deps.settings.webhooks and (ends or (self.run.status == "requires_action" and self.state.reasons)):
            await webhook_events.send(self.deps, self.record)
        if ends or self.state.has_turned or self.state.unsaved.total_tokens:
            await self.deps.budgets.settle(self.record, over=ends)
        passed = self.deps.telemetry.passing(self.record, is_new=self.version is None)
        async with self._lock:
            while True:
                changes = [*self.state.changes(self.version), *others]
                try:
                    versions = await self.deps.store.commit(self.record.key.partition, changes)
                    break
                except NotFound as error:
                    raise Superseded from error
                except Conflict as error:
                    await self._adopt(error)
            self.version, self._noted = versions[0], history.count(self.record)
            was_over, self._is_over = self._is_over, not lifecycle.is_active(self.run.status)
        for event in self.state.committed():
            self.publish(event)
        self._call()
        if self._is_over and not was_over:
            endings.log(self.record, self.deps.clock())
        self.deps.telemetry.passed(self.record, passed)

    def _call(self) -> None:
        """Wake those who must stop driving the run, and those who wait for it to stop."""
        status, wakes = self.run.status, self.deps.wakes
        if self.holder is None and (self._is_over or status == "cancelling"):
            wakes.call(self.run.id)
        if self._is_over or status == "requires_action":
            wakes.call(stopped(self.run.id))

    async def end(self, status: RunStatus, last_error: Json | None = None, ours: Recorder | None = None) -> None:
        """Bring the run to a terminal status whoever drives it; a driver learns of it by the conflict.

        `ours` has the run as a driver had it that could not commit: what clients have seen of its open message is kept,
        and what it has used is counted. Gives up if more than its metadata was changed meanwhile: whoever did that, or
        the next message, will see to it.
        """
        was = self.run.status, self.record.lease
        await self.load_open()
        if self.record.response_id is not None:
            used = await self.deps.llm.cancel(self.record.response_id)
            self.state.count_usage(*of_attempts(used))
        if ours is not None:
            self._take_over(ours)
        self.state.advance(status, last_error=last_error)
        try:
            await self.commit()
        except Superseded:
            now = await Recorder.load(self.deps, self.record.key, self.listener)
            if now is not None and (now.run.status, now.record.lease) == was:
                await now.end(status, last_error, ours)
                return
            logger.info("run changed", extra={"action": "run_changed", "run_id": self.run.id})
        else:
            await self.count()

    def _take_over(self, ours: Recorder) -> None:
        history.carry_over(self.record, ours.record, ours._noted)
        if ours.state.message is not None and ours.state.message.content:
            self.state.show(ours.state.message.content)
        if ours.state.unsaved.total_tokens:
            self.state.count_usage(ours.state.unsaved, {})

    async def _adopt(self, error: Conflict) -> None:
        """After a conflict: a driver goes on if only the run's metadata was modified; others start over."""
        if self.holder is None:
            raise Superseded from error
        theirs, version = await self._reread()
        if version == self.version:
            raise error  # the conflict is about another row: asking again would change nothing
        self.state.set_metadata(theirs.run.metadata)
        self.version = version

    async def _reread(self) -> tuple[RunRecord, str]:
        """The run as stored, if it is still ours to drive and nobody asked it to stop. Raises Superseded."""
        row = await self.deps.store.get(self.record.key.partition, self.run.id)
        if row is None:
            raise Superseded
        theirs = RunRecord.from_json(row.data)
        active = lifecycle.is_active(theirs.run.status) and theirs.run.status != "cancelling"
        if not active or not lease.is_held_by(theirs, self.holder):
            raise Superseded
        return theirs, row.version

    # -- the lease ---------------------------------------------------------------------------------------------------

    async def claim(self) -> bool:
        """Become the driver of a run that nobody drives; False when somebody else was faster."""
        await self.load_open()
        if self.state.step is not None and not self.state.step.items:
            self.state.discard_open()
        if self.record.lease is not None:
            self.note("lease.lost", by=self.record.lease.holder)
        if self.run.status == "queued":
            self.state.advance("in_progress")
        elif self.state.step is None and self.record.response_id is None:
            # The driver before us may have left in the middle of the turn that is taken next.
            self.record.turn_left = True
        try:
            await self.take()
        except Superseded:
            return False
        logger.info("run claimed", extra={"action": "run_claimed", "run_id": self.run.id})
        return True

    async def take(self, *others: Put) -> None:
        """Take the lease in a commit (which writes other rows of the thread, too), and drive from then on.

        A watchdog is under way before: whoever takes a lease may die. Raises Superseded when somebody was faster.
        """
        seconds, now = self.deps.settings.lease_seconds, self.deps.clock()
        holder = lease.take(self.record, now, seconds)
        self.note("lease.taken", by=holder)
        if not lease.is_watched(self.record, now):
            self._watchdog = await queue_messages.watch(self.deps, self.record, now + seconds)
        await self.commit(*others)
        self.holder = holder

    async def count(self) -> None:
        """Write the usage of a run that is over, unless that was done."""
        if self.record.ended_at is not None:
            await self.deps.usage.write([self.record])

    def settle(self) -> None:
        """If the run is over, have its usage written, soon; then our watchdog is taken back: nobody need look."""
        if self._is_over:
            self.deps.usage.note(self.record, self._call_off_watchdog)

    async def _call_off_watchdog(self) -> None:
        if self._watchdog is not None:
            await queue_messages.call_off(self.deps, self.record, self._watchdog)

    async def heartbeat(self) -> None:
        """See whether the run is still ours, and renew the lease when half of it has passed. Raises Superseded."""
        async with self._lock:
            theirs, version = await self._reread()
            self.state.set_metadata(theirs.run.metadata)
            seconds, now = self.deps.settings.lease_seconds, self.deps.clock()
            if self.holder is None or not lease.is_due(self.record, now, seconds):
                return
            lease.renew(theirs, self.holder, now + seconds)
            try:
                [self.version] = await self.deps.store.commit(self.record.key.partition, [put_run(theirs, version)])
            except NotFound as error:
                raise Superseded from error
            except Conflict:
                return  # somebody has written just now: the next heartbeat sees what, and renews the lease
            if self.record.lease is not None:  # else the next commit gives it back
                lease.renew(self.record, self.holder, now + seconds)

    async def release(self, why: str) -> bool:
        """Give the lease back, whatever was not committed; False when the run is not ours any more."""
        fresh = await Recorder.load(self.deps, self.record.key)
        if fresh is None or not lease.is_held_by(fresh.record, self.holder):
            return False
        lease.release(fresh.record)
        history.carry_over(fresh.record, self.record, self._noted)
        fresh.note("lease.released", by=self.holder, why=why)
        try:
            await fresh.commit()
        except Superseded:
            logger.info("run taken over", extra={"action": "run_taken_over", "run_id": self.run.id})
            return False
        return True

    async def hand_on(self, why: str) -> None:
        """Let somebody else go on at once instead of after the lease.

        The lease goes first, since the message would be dropped while it is held; the watchdog is under way anyhow.
        """
        if await self.release(why):
            await queue_messages.start(self.deps, self.record)
