"""Who drives a run, and for how long: leases, watchdogs, and what a wake-up message means.

A worker takes the lease in a commit on the run's row. Every later commit carries the row's version, so a worker that
lost its lease cannot write. Nothing here remembers a run between two messages.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Coroutine
from typing import Any, Final

from shared.deps import Deps
from shared.json_types import Json
from shared.llm.base import LlmError, Turn
from shared.objects.run import Lease, RunRecord
from shared.objects.run import RunStatus as Status
from shared.queue.base import again
from shared.runs import lifecycle, queue_messages
from shared.runs.engine import Engine
from shared.runs.events import Event, Listener
from shared.runs.queue_messages import RunMessage
from shared.runs.recorder import Recorder, Superseded
from shared.store.base import Unavailable

logger = logging.getLogger(__name__)

#: Seconds between looks for the commit that a message announced.
COMMIT_WAITS: Final = (0.02, 0.1, 0.5)


class Worker:
    """Drives the runs of one process."""

    def __init__(self, deps: Deps):
        self.deps = deps
        self.name = f"{socket.gethostname()}-{os.getpid()}"

    # -- messages ----------------------------------------------------------------------------------------------------

    async def handle(self, body: Json) -> None:
        """Do what a wake-up message asks for. Returns when the run waits for somebody else or is over.

        Any message may come twice, late, or for a run that is gone; what it leads to depends on the run's row alone.
        """
        message = RunMessage.from_json(body)
        recorder = await self._await_commit(message)
        if recorder is None or queue_messages.is_late(message, recorder.record):
            return
        run, now = recorder.run, self.deps.clock()
        if lifecycle.has_expired(run, now):
            await end(recorder, "expired")
        elif self._is_held(recorder.record):
            if message.reason == "watch":
                assert recorder.record.lease is not None
                await queue_messages.watch(self.deps, recorder.record, recorder.record.lease.until)
        elif run.status == "cancelling":
            await end(recorder, "cancelled")
        elif run.status != "requires_action":
            await self._resume(recorder, message)
        elif message.reason == "expiry":
            await queue_messages.at_expiry(self.deps, recorder.record)

    async def _await_commit(self, message: RunMessage) -> Recorder | None:
        """The run as the commit left it that the message was sent for; None when it is over.

        The message goes out before the commit, so it may be a moment early; and the commit may never come.
        """
        for patience in COMMIT_WAITS:
            recorder = await Recorder.load(self.deps, message.key)
            if recorder is not None and not lifecycle.is_active(recorder.run.status):
                return None
            if not queue_messages.is_early(message, None if recorder is None else recorder.record):
                return recorder
            await asyncio.sleep(patience)
        await again(self.deps.queue, message, queue_messages.RETURNS)
        return None

    async def poisoned(self, body: Json) -> None:
        """A message that failed again and again: its run fails, unless somebody drives it, and the thread is free."""
        recorder = await Recorder.load(self.deps, RunMessage.from_json(body).key)
        if recorder is None or not lifecycle.is_active(recorder.run.status):
            return
        lease = recorder.record.lease
        if lease is not None and self._is_held(recorder.record):
            await queue_messages.watch(self.deps, recorder.record, lease.until)
            return
        logger.error("run poisoned", extra={"action": "run_poisoned", "run_id": recorder.run.id})
        if recorder.run.status == "cancelling":
            await end(recorder, "cancelled")
        else:
            error = {"code": "server_error", "message": "Sorry, something went wrong."}
            await end(recorder, "failed", last_error=error)

    def _is_held(self, record: RunRecord) -> bool:
        return record.lease is not None and record.lease.until > self.deps.clock()

    async def _resume(self, recorder: Recorder, message: RunMessage) -> None:
        turn: Turn | LlmError | None = None
        if recorder.record.response_id is not None:
            turn = await self._ask_for(recorder.record.response_id)
            if turn is None:
                await self._ask_again(recorder.record, message)
                return
        if await self.claim(recorder):
            await self.drive(recorder, turn)

    async def _ask_for(self, response_id: str) -> Turn | LlmError | None:
        try:
            return await self.deps.llm.poll(response_id)
        except LlmError as error:
            return error

    async def _ask_again(self, record: RunRecord, message: RunMessage) -> None:
        """Keep two chains apart: polls follow polls, and the watchdog only watches that the polls go on."""
        if message.reason == "watch":
            await queue_messages.watch(self.deps, record, self.deps.clock() + self.deps.settings.lease_seconds)
        else:
            await queue_messages.poll(self.deps, record, message.polls)

    # -- driving -----------------------------------------------------------------------------------------------------

    def lease(self, holder: str | None = None) -> Lease:
        """A lease from now on: for a drive of its own, or for the holder who renews it."""
        holder = holder or f"{self.name}-{secrets.token_hex(8)}"
        return Lease(holder=holder, until=self.deps.clock() + self.deps.settings.lease_seconds)

    async def claim(self, recorder: Recorder) -> bool:
        """Take the lease; False when somebody else was faster. A watchdog is under way before the lease is taken."""
        record = recorder.record
        await recorder.load_open()
        if recorder.step is not None and not recorder.step.items:
            recorder.discard_open()
        record.lease = self.lease()
        if record.watched_until <= self.deps.clock():
            await queue_messages.watch(self.deps, record, record.lease.until)
        if record.run.status == "queued":
            recorder.advance("in_progress")
        try:
            await recorder.commit()
        except Superseded:
            return False
        recorder.holder = record.lease.holder
        logger.info("run claimed", extra={"action": "run_claimed", "run_id": record.run.id})
        return True

    async def drive(self, recorder: Recorder, turn: Turn | LlmError | None = None) -> None:
        """Drive a run whose lease we hold until it waits for somebody or is over."""
        engine = Engine(self.deps, recorder)
        try:
            await self._supervise(recorder, engine.drive(turn))
        except Superseded:
            await self._on_superseded(recorder)
        except asyncio.CancelledError:
            await asyncio.shield(self._release(recorder))
            raise
        except Exception:
            # The message that comes again must find the run free; else it is dropped, and never becomes poison.
            await self._give_back(recorder)
            raise

    async def _supervise(self, recorder: Recorder, work: Coroutine[Any, Any, None]) -> None:
        """Do the work while we may: look for a cancel, renew the lease, stop at the run's expiry.

        Raises Superseded as soon as the run is not ours any more.
        """
        # Read once: the engine clears it when it writes the run's end, before that is committed.
        expires_at = float(recorder.run.expires_at or 0)
        settings, task = self.deps.settings, asyncio.create_task(work)
        try:
            while True:
                left = expires_at - self.deps.clock()
                done, _ = await asyncio.wait({task}, timeout=max(0.0, min(settings.heartbeat_seconds, left)))
                if done:
                    task.result()
                    return
                if left <= 0:
                    raise Superseded
                lease = recorder.record.lease
                stale = lease is not None and lease.until - self.deps.clock() < settings.lease_seconds / 2
                try:
                    await recorder.heartbeat(self.lease(recorder.holder) if stale else None)
                except Unavailable:
                    # A commit would tell if the run were not ours any more: a missed heartbeat is no reason to stop.
                    logger.warning("heartbeat failed", extra={"action": "heartbeat_failed", "run_id": recorder.run.id})
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _on_superseded(self, ours: Recorder) -> None:
        """We were stopped: find out why, and end the run if that is left to us."""
        recorder = await Recorder.load(self.deps, ours.record.key)
        if recorder is None:
            return
        recorder.listener = ours.listener
        lease = recorder.record.lease
        if self._is_held(recorder.record) and lease is not None and lease.holder != ours.holder:
            return
        partial = ours.message
        if lifecycle.has_expired(recorder.run, self.deps.clock()):
            await end(recorder, "expired", partial=partial.content if partial is not None else None)
        elif recorder.run.status == "cancelling":
            recorder.publish(Event("thread.run.cancelling", recorder.run.to_json()))
            await end(recorder, "cancelled", partial=partial.content if partial is not None else None)
        elif lease is not None and lease.holder == ours.holder:
            # A client deleted the message we were writing: its turn is taken again, by whoever is free.
            await self._release(ours)

    async def _release(self, recorder: Recorder) -> None:
        """The process is asked to stop: let somebody else go on at once instead of after the lease.

        The lease goes first, since the message would be dropped while it is held; the watchdog is under way anyhow.
        """
        if await self._give_back(recorder):
            await queue_messages.start(self.deps, recorder.record)

    async def _give_back(self, recorder: Recorder) -> bool:
        """End our lease; False when the run is not ours any more."""
        fresh = await Recorder.load(self.deps, recorder.record.key)
        if fresh is None or fresh.record.lease is None or fresh.record.lease.holder != recorder.holder:
            return False
        fresh.record.lease = None
        try:
            await fresh.commit()
        except Superseded:
            logger.info("run taken over", extra={"action": "run_taken_over", "run_id": recorder.run.id})
            return False
        return True


async def end(
    recorder: Recorder, status: Status, *, last_error: Json | None = None, partial: list[Json] | None = None
) -> None:
    """Bring a run to a terminal status whoever drives it; a driver learns of it by the conflict.

    `partial` is what clients were shown of the open message. Gives up silently when the run changed meanwhile: whoever
    changed it, or the next message, will see to it.
    """
    await recorder.load_open()
    if recorder.record.response_id is not None:
        await recorder.deps.llm.cancel(recorder.record.response_id)
    if partial and recorder.message is not None:
        recorder.message.content = partial
    details: dict[str, Any] = {} if last_error is None else {"last_error": last_error}
    recorder.advance(status, **details)
    try:
        await recorder.commit()
    except Superseded:
        logger.info("run changed", extra={"action": "run_changed", "run_id": recorder.run.id})


async def follow(deps: Deps, record: RunRecord, listener: Listener) -> None:
    """The run went on elsewhere: wait until it stops, and tell the listener how it ended."""
    while True:
        recorder = await Recorder.load(deps, record.key)
        if recorder is None:
            return
        recorder.listener = listener
        if recorder.run.status == "requires_action" or not lifecycle.is_active(recorder.run.status):
            recorder.publish(Event(f"thread.run.{recorder.run.status}", recorder.run.to_json()))
            return
        await asyncio.sleep(0.5)
