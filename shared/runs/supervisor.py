"""Drives a run whose lease is ours: the engine works, and beside it the lease is kept and the run is watched."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from shared import deadline
from shared.llm.base import LlmError, Turn
from shared.runs import engine, history, lease, lifecycle, parents, queue_messages
from shared.runs.events import Event
from shared.runs.fences import Superseded
from shared.runs.recorder import Recorder
from shared.store.base import Unavailable
from shared.tasks import begun

logger = logging.getLogger(__name__)


async def drive(recorder: Recorder, turn: Turn | LlmError | None = None) -> None:
    """Go on until the run waits for somebody, is over, or is not ours any more, or the invocation should end.

    `turn` is what came of one taken in the background. Raises what the engine did not foresee; the run is free then.
    """
    try:
        with deadline.within(), recorder.deps.telemetry.driving(recorder.record):
            await supervise(recorder, engine.run(recorder, turn))
    except deadline.Overdue:
        logger.info("run handed on", extra={"action": "run_handed_on", "run_id": recorder.run.id})
        await hand_on(recorder, "time_is_up")
    except Superseded:
        await on_superseded(recorder)
    except asyncio.CancelledError:
        await asyncio.shield(hand_on(recorder, "shutdown"))
        raise
    except Exception:
        # The message that comes again must find the run free; else it is dropped, and never becomes poison.
        await release(recorder, "error")
        raise


async def supervise(recorder: Recorder, work: Coroutine[Any, Any, None]) -> None:
    """Do the work while we may: send heartbeats, and stop at the run's expiry.

    Raises Superseded as soon as the run is not ours any more.
    """
    clock, seconds = recorder.deps.clock, recorder.deps.settings.heartbeat_seconds
    # Read once: the engine clears it when it writes the run's end, before that is committed.
    expiry, task = recorder.run.deadline, begun(work)
    try:
        with recorder.deps.wakes.listening(recorder.run.id) as ear:
            task.add_done_callback(lambda _: ear.set())
            while not task.done():
                left = expiry - clock()
                await ear.listen(max(0.0, min(seconds, left)))
                if not task.done():
                    await look(recorder, left)
        task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def look(recorder: Recorder, left: float) -> None:
    """See whether the run is still ours, with so many seconds left when we last looked. Raises Superseded."""
    if left <= 0:
        raise Superseded
    try:
        await recorder.heartbeat()
        if await parents.nobody_waits(recorder.deps, recorder.record):
            raise Superseded
    except Unavailable:
        # A commit would tell if the run were not ours any more: a missed heartbeat is no reason to stop.
        logger.warning("heartbeat failed", extra={"action": "heartbeat_failed", "run_id": recorder.run.id})


async def on_superseded(ours: Recorder) -> None:
    """We were stopped: find out why, and end the run if that is left to us."""
    recorder = await Recorder.load(ours.deps, ours.record.key, ours.listener)
    now = ours.deps.clock()
    if recorder is None or lease.is_held_by_other(recorder.record, ours.holder, now):
        return
    if lifecycle.has_expired(recorder.run, now):
        await recorder.end("expired", ours=ours)
    elif recorder.run.status == "cancelling":
        recorder.publish(Event("thread.run.cancelling", recorder.run.to_json()))
        await recorder.end("cancelled", ours=ours)
    elif await parents.nobody_waits(ours.deps, recorder.record):
        await parents.abandon(recorder, ours)
    elif lease.is_held_by(recorder.record, ours.holder):
        # A client deleted the message we were writing: its turn is taken again, by whoever is free.
        await hand_on(ours, "message_deleted")


async def release(ours: Recorder, why: str) -> bool:
    """Give the lease back, whatever was not committed; False when the run is not ours any more.

    What else changes in the run's row meanwhile, such as its metadata, leaves it ours.
    """
    seen = None
    while True:
        fresh = await Recorder.load(ours.deps, ours.record.key)
        if fresh is None or not lease.is_held_by(fresh.record, ours.holder) or fresh.version == seen:
            break
        seen = fresh.version
        lease.release(fresh.record)
        history.carry_over(fresh.record, ours.record, ours.noted)
        fresh.note("lease.released", by=ours.holder, why=why)
        with suppress(Superseded):
            await fresh.commit()
            return True
    if seen is not None:
        logger.info("run taken over", extra={"action": "run_taken_over", "run_id": ours.run.id})
    return False


async def hand_on(ours: Recorder, why: str) -> None:
    """Let somebody else go on at once instead of after the lease.

    The lease goes first, since the message would be dropped while it is held; the watchdog is under way anyhow.
    """
    if await release(ours, why):
        await queue_messages.start(ours.deps, ours.record)
