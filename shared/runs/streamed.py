"""Streamed runs under way in this process: driven in tasks of their own, so that a client may leave."""

from __future__ import annotations

import asyncio
import logging

from shared import deadline
from shared.deps import Deps
from shared.runs import lifecycle, supervisor
from shared.runs.events import Event, Listener, fault
from shared.runs.recorder import Recorder

logger = logging.getLogger(__name__)

#: Seconds between two looks at a run that went on elsewhere.
FOLLOW_SECONDS = 0.5


class StreamedRuns:
    """Runs that this process drives for a listener."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, recorder: Recorder, listener: Listener) -> None:
        """Drive the run, whose lease the recorder has taken, in the background of the request."""
        task = asyncio.create_task(drive(recorder, listener))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop driving; the runs are released for others."""
        for task in self._tasks:
            task.cancel()
        await self.wait()

    async def wait(self) -> None:
        """Wait until none is driven any more."""
        if self._tasks:
            await asyncio.wait(self._tasks)


async def drive(recorder: Recorder, listener: Listener) -> None:
    """Drive the run and tell the listener, until the stream is over: by the run's last event, or by an error."""
    try:
        await supervisor.drive(recorder)
        if not listener.has_ended:
            async with deadline.within():
                await follow(recorder, listener)
    except deadline.Overdue:
        logger.info("stream ended early", extra={"action": "stream_ended_early", "run_id": recorder.run.id})
    except Exception:
        # The watchdog message brings the run back.
        logger.exception("drive failed", extra={"action": "drive_failed", "run_id": recorder.run.id})
    finally:
        if not listener.has_ended:
            # We broke down, have to stop, or the thread is gone: clients take a bare end for a good one.
            listener.put(fault("The server had an error while processing your request. Sorry about that!"))
        listener.close()
    # Only now: nobody waits for it.
    await recorder.call_off_watchdog()


async def follow(ours: Recorder, listener: Listener) -> None:
    """The run went on elsewhere: wait until it stops, and tell the listener how it ended."""
    while True:
        recorder = await Recorder.load(ours.deps, ours.record.key, listener)
        if recorder is None:
            return
        if recorder.run.status == "requires_action" or not lifecycle.is_active(recorder.run.status):
            recorder.publish(Event(f"thread.run.{recorder.run.status}", recorder.run.to_json()))
            return
        await asyncio.sleep(FOLLOW_SECONDS)
