"""A run's progress, written down: commits what changed with the run's row as fence, then tells the listener.

The recorder knows rows and events. What should happen next is the engine's business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from shared import foreign_ids
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.message import Message
from shared.objects.run import Run, RunKey, RunRecord, RunStatus
from shared.objects.step import StepRecord
from shared.prepared import Earlier, Prepared
from shared.queue.base import Sent
from shared.runs import ahead, endings, fences, history, lease, lifecycle, line, queue_messages, rows
from shared.runs.events import DONE, LAST_WORDS, Event, Listener
from shared.runs.fences import Superseded
from shared.runs.state import RunState
from shared.runs.usage import of_attempts
from shared.store.base import EXISTING, Change, Conflict, Existing, NotFound, Record

logger = logging.getLogger(__name__)


def stopped(run_id: str) -> str:
    """What is called when the run has stopped, be it to wait for its client; its id is when it should."""
    return f"{run_id} stopped"


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

    def __init__(
        self,
        deps: Deps,
        record: RunRecord,
        version: str | None,
        listener: Listener | None = None,
        read: Json | None = None,
    ) -> None:
        """`version` is that of the row the record was read from; None: the run is not stored yet.

        `read` is the row's data: a passer-by who has it does not mind what joins the run's line meanwhile.
        """
        self.deps, self.version, self.listener, self._read = deps, version, listener, read
        self.state = RunState(record, deps.now, None if listener is None else listener.include)
        #: The run's row after the next commit.
        self.record = record
        #: The version of the thread's head, for the commit by which a run that is new takes the thread.
        self.head: str | Existing | None = EXISTING
        #: Whose lease the commits rely on; None: a passer-by's.
        self.holder: str | None = None
        #: What the first turn may look at of the thread's messages, if whoever began the run has read them.
        self.messages: list[Record] | None = None
        self._lock = asyncio.Lock()
        #: The message that looks after the run if we die; None: an earlier driver sent it.
        self._watchdog: Prepared[Sent] | None = None
        self._is_over = not lifecycle.is_active(record.run.status)
        #: Entries of the run's history that are stored.
        self.noted = history.count(record)

    @property
    def run(self) -> Run:
        """The run as clients would see it after the next commit."""
        return self.record.run

    @staticmethod
    async def load(deps: Deps, key: RunKey, listener: Listener | None = None) -> Recorder | None:
        """The run as it stands, or None."""
        row = await foreign_ids.read(deps.store, key.partition, key.run_id)
        return None if row is None else Recorder.of(deps, row, listener)

    @staticmethod
    def of(deps: Deps, row: Record, listener: Listener | None = None) -> Recorder:
        """The run of a row."""
        return Recorder(deps, RunRecord.from_json(row.data), row.version, listener, row.data)

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
        if event.name in LAST_WORDS:
            self.emit(DONE)

    async def commit(self, *others: Change, after: Earlier = ()) -> None:
        """Write everything collected, and other rows of the thread, in one commit; then tell.

        One that ends the run lets in what waits in line. Messages about what the run waits for go out before. Raises
        Superseded when the run is not ours any more.
        """
        ends = not self._is_over and not lifecycle.is_active(self.run.status)
        if ends:
            endings.note(self.record, self.deps.clock())
        await ahead.send(self.deps, self.state, ends=ends)
        passed = self.deps.telemetry.passing(self.record, is_new=self.version is None)
        async with self._lock:
            succession = await self._write(others, after, ends=ends)
            self.noted, self._read, self.head = history.count(self.record), None, EXISTING
            was_over, self._is_over = self._is_over, not lifecycle.is_active(self.run.status)
        for event in self.state.committed():
            self.publish(event)
        self._call()
        if succession is not None:
            succession.tell(self.deps)
        if self._is_over and not was_over:
            endings.log(self.record, self.deps.clock())
        self.deps.telemetry.passed(self.record, passed)

    async def _write(self, others: Sequence[Change], after: Earlier, *, ends: bool) -> line.Succession | None:
        """Write it, again after conflicts that leave the run ours; what was let in."""
        while True:
            succession = await line.admit(self.deps, self.record) if ends else None
            changes = [*self.state.changes(self.version, self.head), *others]
            if succession is not None:
                await succession.send_ahead(self.deps)
                changes = succession.added_to(changes)
            try:
                [self.version, *_] = await self.deps.store.commit(self.record.key.partition, changes, after)
                return succession
            except NotFound as error:
                raise Superseded from error
            except Conflict as error:
                await self._adopt(error, admits=succession is not None)

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
        if self.state.message is not None and not self.state.message.content:
            self.state.discard_open()  # nobody has heard of it, or nobody knows what
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
        history.carry_over(self.record, ours.record, ours.noted)
        if ours.state.message is not None and ours.state.message.content:
            self.state.show(ours.state.message.content)
        if ours.state.unsaved.total_tokens:
            self.state.count_usage(ours.state.unsaved, {})

    async def _adopt(self, error: Conflict, *, admits: bool) -> None:
        """After a conflict: a driver goes on if only metadata or line have changed, a passer-by if the line has.

        So does who `admits` what waits, which may have changed in rows of its own; others start over.
        """
        store, key = self.deps.store, self.record.key
        if self.holder is None:
            theirs, version = await fences.as_passer_by(store, key, self._read)
        else:
            theirs, version = await fences.as_driver(store, key, self.holder)
        if version == self.version and not admits:
            # The conflict is about another row: asking again would change nothing.
            raise error if self.holder is not None else Superseded from error
        self._take_up(theirs)
        self.version = version

    def _take_up(self, theirs: RunRecord) -> None:
        """Keep what others may change while the run is ours."""
        self.record.line, self.record.next.run = theirs.line, theirs.next.run
        if self.holder is not None:
            self.state.set_metadata(theirs.run.metadata)

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

    async def take(self, *others: Change, after: Earlier = ()) -> None:
        """Take the lease in a commit (which writes other rows of the thread, too), and drive from then on.

        A watchdog is under way before: whoever takes a lease may die. Raises Superseded when somebody was faster.
        """
        if self.listener is not None and self.state.step is None and self.record.only_writes:
            self.state.reserve_message()
        seconds, now = self.deps.settings.lease_seconds, self.deps.clock()
        holder = lease.take(self.record, now, seconds)
        self.note("lease.taken", by=holder)
        if not lease.is_watched(self.record, now):
            self._watchdog = queue_messages.watchdog(self.deps, self.record, now + seconds)
            after = [*after, self._watchdog]
        await self.commit(*others, after=after)
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
            await queue_messages.call_off(self.deps, self.record, self._watchdog.outcome)

    async def heartbeat(self) -> None:
        """See whether the run is still ours, and renew the lease when half of it has passed. Raises Superseded."""
        async with self._lock:
            theirs, version = await fences.as_driver(self.deps.store, self.record.key, self.holder)
            self._take_up(theirs)
            seconds, now = self.deps.settings.lease_seconds, self.deps.clock()
            if self.holder is None or not lease.is_due(self.record, now, seconds):
                return
            lease.renew(theirs, self.holder, now + seconds)
            try:
                renewal = [rows.put_run(theirs, version)]
                [self.version] = await self.deps.store.commit(self.record.key.partition, renewal)
            except NotFound as error:
                raise Superseded from error
            except Conflict:
                return  # somebody has written just now: the next heartbeat sees what, and renews the lease
            if self.record.lease is not None:  # else the next commit gives it back
                lease.renew(self.record, self.holder, now + seconds)
