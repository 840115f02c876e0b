"""Streamed runs under way in this process: driven in tasks of their own, so that a client may leave."""

from __future__ import annotations

import asyncio
import logging

from shared.runs.events import Listener, fault
from shared.runs.recorder import Recorder
from shared.runs.worker import Worker, follow

logger = logging.getLogger(__name__)


class StreamedRuns:
    """Runs that this process drives for a listener."""

    def __init__(self, worker: Worker):
        self.worker = worker
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, recorder: Recorder, listener: Listener) -> None:
        """Drive the run (its lease is ours) in the background of the request."""
        assert recorder.record.lease is not None
        recorder.holder, recorder.listener = recorder.record.lease.holder, listener
        task = asyncio.create_task(self._drive(recorder, listener))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, recorder: Recorder, listener: Listener) -> None:
        try:
            await self.worker.drive(recorder)
            if not listener.has_ended:
                await follow(self.worker.deps, recorder.record, listener)
        except Exception:
            # The watchdog message brings the run back.
            logger.exception("drive failed", extra={"action": "drive_failed", "run_id": recorder.run.id})
        finally:
            if not listener.has_ended:
                # We broke down, are asked to stop, or the thread is gone: clients take a bare end for a good one.
                listener.put(fault("The server had an error while processing your request. Sorry about that!"))
            listener.close()

    async def close(self) -> None:
        """Stop driving; the runs are released for others."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
