"""What a message about a run means: who takes it up, and who leaves it to others.

Nothing here remembers a run between two messages: what is done depends on the run's row alone.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Final

from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import COMMIT_WAITS, again
from shared.runs import background, lease, lifecycle, parents, queue_messages, supervisor
from shared.runs.queue_messages import AboutRun, RunMessage
from shared.runs.recorder import Recorder

logger = logging.getLogger(__name__)

#: Runs of an owner that may wait in this process for a busy model, each in the place of a message, before others of his
#: are put off; and seconds for which they are.
MOST_WAITING: Final = 8
LATER: Final = (1.0, 3.0)
#: How runs end whose driver need not have ended them; whoever did may have died before their usage was written.
ENDED_BY_MESSAGES: Final = ("cancelled", "expired", "failed")


class Worker:
    """Takes up messages about runs, each by itself.

    A body is `RunMessage.to_json()`: `{"owner": "me", "thread_id": "thread_1", "run_id": "run_1", "reason": "start"}`.
    """

    def __init__(self, deps: Deps) -> None:
        self.deps = deps

    async def handle(self, body: Json) -> None:
        """Do what a message asks for. Returns when the run waits for somebody else or is over.

        Any message may come twice, late, or for a run that is gone.
        """
        message = RunMessage.from_json(body)
        recorder = await self._await_commit(message)
        if recorder is None or queue_messages.is_late(message, recorder.record):
            return
        record, now = recorder.record, self.deps.clock()
        if lifecycle.has_expired(record.run, now):
            await recorder.end("expired")
        elif record.lease is not None and lease.is_held(record, now):
            if message.reason == "watch":
                await queue_messages.watch(self.deps, record, record.lease.until)
        elif record.run.status == "cancelling":
            await recorder.end("cancelled")
        elif await parents.nobody_waits(self.deps, record):
            await parents.abandon(recorder)
        elif record.run.status != "requires_action":
            await self._resume(recorder, message)
        elif message.reason == "expiry":
            await queue_messages.at_expiry(self.deps, record)

    async def poisoned(self, body: Json) -> None:
        """A message that failed again and again: its run fails, unless somebody drives it, and the thread is free."""
        recorder = await Recorder.load(self.deps, AboutRun.from_json(body).key)
        if recorder is None or recorder.record.is_in_line:
            return
        if not lifecycle.is_active(recorder.run.status):
            await recorder.count()
            return
        record = recorder.record
        if record.lease is not None and lease.is_held(record, self.deps.clock()):
            await queue_messages.watch(self.deps, record, record.lease.until)
            return
        logger.error("run poisoned", extra={"action": "run_poisoned", "run_id": record.run.id})
        recorder.note("run.poisoned")
        if record.run.status == "cancelling":
            await recorder.end("cancelled")
        else:
            await recorder.end("failed", {"code": "server_error", "message": "Sorry, something went wrong."})

    def _waits_enough(self, owner: str) -> bool:
        places = self.deps.settings.runs_at_once
        return self.deps.busy.waiting(owner) >= min(MOST_WAITING, max(1, places // 2))

    async def _await_commit(self, message: RunMessage) -> Recorder | None:
        """The run as the commit left it that the message was sent for; None when it is over.

        The message goes out before the commit, so it may be a moment early; and the commit may never come.
        """
        for wait in COMMIT_WAITS.delays():
            recorder = await Recorder.load(self.deps, message.key)
            if recorder is not None and not lifecycle.is_active(recorder.run.status):
                if message.reason == "watch" or recorder.run.status in ENDED_BY_MESSAGES:
                    await recorder.count()
                return None
            if not queue_messages.is_early(message, None if recorder is None else recorder.record):
                return recorder
            await asyncio.sleep(wait)
        await again(self.deps.queue, message)
        return None

    async def _resume(self, recorder: Recorder, message: RunMessage) -> None:
        """Drive the run on; one whose turn is taken in the background, when that is over.

        While the model is busy, an owner's waiting runs leave places to others: further ones come again later.
        """
        turn = None
        if recorder.record.response_id is None and self._waits_enough(recorder.record.owner):
            await queue_messages.start(self.deps, recorder.record, random.uniform(*LATER))
            return
        if recorder.record.response_id is not None:
            turn = await background.collect(recorder, message)
            if turn is None:
                return
        if await recorder.claim():
            await supervisor.drive(recorder, turn)
            recorder.settle()
