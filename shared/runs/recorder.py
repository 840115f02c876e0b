"""A run's progress, written down: collects changes, commits them with the run's row as fence, then emits the events.

The recorder knows rows and events. What should happen next is the engine's business.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from shared import ids, layout
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.common import Usage
from shared.objects.message import Message
from shared.objects.run import Lease, Run, RunKey, RunRecord, RunStatus
from shared.objects.step import RunStep, StepRecord
from shared.runs import lifecycle
from shared.runs.events import DONE, Event, Listener
from shared.runs.references import References
from shared.runs.rows import put_head, put_run
from shared.runs.tool_call_views import answered_step
from shared.store.base import EXISTING, Conflict, Delete, NotFound, Put

logger = logging.getLogger(__name__)

#: What an unfinished step and message become when the run ends this way, and why.
ENDINGS: dict[str, tuple[str, str]] = {
    "cancelled": ("cancelled", "run_cancelled"),
    "expired": ("expired", "run_expired"),
    "failed": ("failed", "run_failed"),
    "incomplete": ("completed", "max_tokens"),
}

#: Events after which a stream ends.
LAST_WORDS = frozenset(f"thread.run.{each}" for each in ("requires_action", "completed", *ENDINGS))


class Superseded(Conflict):
    """The run is not as we left it: cancelled, ended, deleted, or driven by somebody else."""


class Recorder:
    """A hold on one run: a driver's while `holder` (of the lease) is set, else a passer-by's with one change to make.

    Use from one task, apart from `heartbeat`.
    """

    def __init__(self, deps: Deps, record: RunRecord, version: str):
        self.deps, self.record, self.version = deps, record, version
        self.holder: str | None = None
        self.listener: Listener | None = None
        self.step: StepRecord | None = None
        self.message: Message | None = None
        self.earlier = References()  # what the thread's earlier steps offered to its answers
        self._puts: dict[str, Json] = {}
        self._deletes: list[str] = []
        self._stored: set[str] = set()
        self._events: list[Event] = []
        self._ends = False
        self._lock = asyncio.Lock()

    @property
    def run(self) -> Run:
        """The run as clients would see it after the next commit."""
        return self.record.run

    @property
    def partition(self) -> str:
        """The thread's partition."""
        return self.record.key.partition

    @staticmethod
    async def load(deps: Deps, key: RunKey) -> Recorder | None:
        """The run as it stands, or None."""
        row = await deps.store.get(key.partition, key.run_id)
        return None if row is None else Recorder(deps, RunRecord.model_validate(row.data), row.version)

    async def load_open(self) -> None:
        """Read the unfinished step and message, if there are any."""
        if self.step is None and (data := await self._stored_row(self.record.open_step)) is not None:
            self.step = StepRecord.model_validate(data)
        if self.message is None and (data := await self._stored_row(self.record.open_message)) is not None:
            self.message = Message.model_validate(data)

    async def _stored_row(self, key: str | None) -> Json | None:
        row = None if key is None else await self.deps.store.get(self.partition, key)
        if row is None:
            return None
        self._stored.add(row.key)
        return row.data

    # -- messages and steps ------------------------------------------------------------------------------------------

    def begin_message(self) -> None:
        """Open a message and the step that writes it."""
        record, run = self.record, self.record.run
        message = Message(
            id=ids.numbered(layout.MESSAGE, record.next.message),
            created_at=self.deps.now(),
            assistant_id=run.assistant_id,
            thread_id=run.thread_id,
            run_id=run.id,
            status="in_progress",
            role="assistant",
        )
        details = {"type": "message_creation", "message_creation": {"message_id": message.id}}
        self._begin_step("message_creation", details)
        record.next.message += 1
        record.open_message = message.id
        self.message = message
        self._put_message("thread.message.created", "thread.message.in_progress")

    def end_message(self, content: list[Json], usage: Usage | None = None, incomplete: str | None = None) -> None:
        """Close the open message with all its content, and its step. `incomplete` says why the text ends early."""
        assert self.message is not None
        now = self.deps.now()
        changes: dict[str, Any] = {"content": content, "status": "completed", "completed_at": now}
        if incomplete is not None:
            changes |= {"status": "incomplete", "completed_at": None, "incomplete_at": now}
            changes["incomplete_details"] = {"reason": incomplete}
        self.message = self.message.model_copy(update=changes)
        self._put_message(f"thread.message.{self.message.status}")
        self.message, self.record.open_message = None, None
        self.record.images = []
        self.end_step(usage or Usage())

    def begin_calls(self) -> None:
        """Open a step for the turn's tool calls; they follow by deltas and `set_calls`."""
        self._begin_step("tool_calls", {"type": "tool_calls", "tool_calls": []})

    def set_calls(self, calls: list[Json]) -> None:
        """Write the step's calls as they now stand. No event: clients have had the deltas."""
        assert self.step is not None
        self.step.step.step_details = {"type": "tool_calls", "tool_calls": calls}
        self._put_step()

    def count_attempts(self, attempts: dict[str, int]) -> None:
        """Write down how often calls of the open step have been begun. No event: clients see no difference."""
        assert self.step is not None
        self.step.attempts |= attempts
        self._put_step()

    def end_step(self, usage: Usage | None) -> None:
        """Close the open step as completed."""
        assert self.step is not None
        update = {"status": "completed", "completed_at": self.deps.now(), "expires_at": None, "usage": usage or Usage()}
        self.step.step = self.step.step.model_copy(update=update)
        if self.step.step.type == "tool_calls":
            self.record.calls = True
        self._put_step("thread.run.step.completed")
        self.step, self.record.open_step = None, None

    def discard_open(self) -> None:
        """Forget what a dead driver had begun but not committed as a turn; its turn is taken again."""
        for row in (self.record.open_step, self.record.open_message):
            if row is not None:
                self._deletes.append(row)
        self.step = self.message = self.record.open_step = self.record.open_message = None

    def _begin_step(self, kind: Any, details: Json) -> None:
        record, run = self.record, self.record.run
        step = RunStep(
            id=ids.numbered(layout.STEP, record.next.step),
            created_at=self.deps.now(),
            run_id=run.id,
            assistant_id=run.assistant_id,
            thread_id=run.thread_id,
            type=kind,
            expires_at=run.expires_at,
            step_details=details,
        )
        self.step = StepRecord(step=step, position=record.next.message)
        record.next.step += 1
        record.open_step = step.id
        self._put_step("thread.run.step.created", "thread.run.step.in_progress")

    def _put_step(self, *events: str) -> None:
        assert self.step is not None
        self._puts[self.step.step.id] = self.step.model_dump(mode="json")
        self._note(events, self.step.step)

    def _put_message(self, *events: str) -> None:
        assert self.message is not None
        self._puts[self.message.id] = self.message.to_json()
        self._note(events, self.message)

    # -- the run -----------------------------------------------------------------------------------------------------

    def advance(self, status: RunStatus, **details: Any) -> None:
        """Bring the run into its next status; a terminal one closes what is open and frees the thread."""
        if status in ENDINGS:
            self._close_open(status, details.get("last_error"))
        if not lifecycle.is_active(status):
            details["usage"] = self.record.spent
            self.record.lease = self.record.response_id = None
            self._ends = True
        self.record.run = lifecycle.advance(self.record.run, status, self.deps.now(), **details)
        self._note((f"thread.run.{status}",), self.record.run)

    def _close_open(self, status: str, last_error: dict[str, str] | None) -> None:
        step_status, reason = ENDINGS[status]
        now = self.deps.now()
        if self.message is not None:
            update = {"status": "incomplete", "incomplete_at": now, "incomplete_details": {"reason": reason}}
            self.message = self.message.model_copy(update=update)
            self._put_message("thread.message.incomplete")
        if self.step is not None:
            stamp = f"{step_status}_at"
            changes: dict[str, Any] = {"status": step_status, stamp: now, "expires_at": None, "last_error": last_error}
            changes["usage"] = self.step.usage or Usage()
            self.step.step = self.step.step.model_copy(update=changes)
            self._put_step(f"thread.run.step.{step_status}")
        self.step = self.message = self.record.open_step = self.record.open_message = None

    def _note(self, names: tuple[str, ...], thing: Any) -> None:
        if self.listener is not None:
            data = thing.to_json()
            if isinstance(thing, RunStep):
                data = answered_step(data, self.listener.include)
            self._events.extend(Event(name, data) for name in names)

    def emit(self, event: Event) -> None:
        """Say something that is not stored: a delta."""
        if self.listener is not None:
            self.listener.put(event)

    def publish(self, event: Event) -> None:
        """Tell what is stored; the run's last word is followed by `done`."""
        self.emit(event)
        if event.name in LAST_WORDS:
            self.emit(DONE)

    # -- commits -----------------------------------------------------------------------------------------------------

    async def commit(self) -> None:
        """Write everything collected in one commit, then emit. Raises Superseded when the run is not ours any more."""
        async with self._lock:
            while True:
                try:
                    versions = await self.deps.store.commit(self.partition, self._changes())
                    break
                except NotFound as error:
                    raise Superseded from error
                except Conflict as error:
                    await self._adopt(error)
            self.version = versions[0]
        self._stored.update(self._puts)
        self._puts.clear()
        self._deletes.clear()
        events, self._events = self._events, []
        for event in events:
            self.publish(event)

    def _changes(self) -> list[Put | Delete]:
        changes: list[Put | Delete] = [put_run(self.record, self.version)]
        if self._puts or self._ends:
            changes.append(put_head(self.record, over=self._ends))
        for key, data in self._puts.items():
            changes.append(Put(key, data, EXISTING if key in self._stored else None))
        changes.extend(Delete(key) for key in self._deletes)
        return changes

    async def _adopt(self, error: Conflict) -> None:
        """After a conflict: a driver goes on if only the run's metadata was modified; others start over."""
        if self.holder is None:
            raise Superseded from error
        theirs, version = await self._reread()
        if version == self.version:
            raise error  # the conflict is about another row: asking again would change nothing
        self.record.run.metadata, self.version = theirs.run.metadata, version

    async def _reread(self) -> tuple[RunRecord, str]:
        """The run as stored, if it is still ours to drive and nobody asked it to stop. Raises Superseded."""
        row = await self.deps.store.get(self.partition, self.record.run.id)
        if row is None:
            raise Superseded
        theirs = RunRecord.model_validate(row.data)
        ours = theirs.lease is not None and theirs.lease.holder == self.holder
        if not ours or not lifecycle.is_active(theirs.run.status) or theirs.run.status == "cancelling":
            raise Superseded
        return theirs, row.version

    async def heartbeat(self, lease: Lease | None) -> None:
        """See whether the run is still ours, and renew the lease if one is given. Raises Superseded."""
        async with self._lock:
            theirs, version = await self._reread()
            self.record.run.metadata = theirs.run.metadata
            if lease is None:
                return
            theirs.lease = lease
            try:
                [self.version] = await self.deps.store.commit(self.partition, [put_run(theirs, version)])
            except NotFound as error:
                raise Superseded from error
            except Conflict:
                return  # somebody has written just now: the next heartbeat sees what, and renews the lease
            if self.record.lease is not None:  # else the next commit gives it back
                self.record.lease = lease
