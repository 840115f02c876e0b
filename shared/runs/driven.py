"""Runs under way in this process, in tasks of their own: the request that began one may end, its client may leave."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

from shared import deadline
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunKey
from shared.queue.base import QueueUnavailable
from shared.runs import lease, lifecycle, line, queue_messages, retelling, supervisor
from shared.runs.events import Event, Listener, fault
from shared.runs.recorder import Recorder, stopped
from shared.store.base import StoreError

logger = logging.getLogger(__name__)

#: Seconds between two looks at a run that went on elsewhere, if nobody says that it has stopped.
FOLLOW_SECONDS = 0.5


class DrivenRuns:
    """Runs that this process drives because it began them: the streamed ones, and polled ones while there is room."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._tasks: set[asyncio.Task[None]] = set()
        #: How many places are taken, by owner. Who only waits for a run, or follows it, takes none.
        self._owners: Counter[str] = Counter()

    @contextmanager
    def place(self, owner: str) -> Iterator[bool]:
        """Whether there is room for a run that need not be driven here; in the block, its place is kept.

        An owner who has none here gets one although others fill all places, up to twice as many.
        """
        settings, taken = self.deps.settings, self._owners.total()
        most = settings.runs_at_once if self._owners[owner] else 2 * settings.runs_at_once
        free = settings.run_start == "here" and taken < most
        with self._taken(owner, int(free)):
            yield free

    def start(self, recorder: Recorder) -> None:
        """Drive the run, whose lease the recorder has taken, in the background of the request."""
        owner = recorder.record.owner
        self._owners[owner] += 1
        self._add(asyncio.create_task(drive(recorder))).add_done_callback(lambda _: self._forget(owner))

    def retell(self, key: RunKey, begun: Json, include: Collection[str], thread: Json | None = None) -> Listener:
        """Follow a run that was begun before, as `begun`: the listener hears what it has said when it stops.

        `thread` is the run's, if it was made with it.
        """
        listener = Listener(include)
        if thread is not None:
            listener.put(Event("thread.created", thread))
        name = "created" if begun["started_at"] is None else begun["status"]
        listener.put(Event(f"thread.run.{name}", begun))
        self._add(asyncio.create_task(follow_heard(self.deps, key, listener)))
        return listener

    def attend(self, key: RunKey, created: Json, include: Collection[str]) -> Listener:
        """Drive a run that waits in line, as `created`, when its turn has come; the listener hears of it from now on.

        Should somebody else be faster, it hears what the run has said when that stops.
        """
        listener = Listener(include)
        for name in ("created", "queued"):
            listener.put(Event(f"thread.run.{name}", created))
        self._add(asyncio.create_task(drive_in_turn(self.deps, key, listener, partial(self._taken, key.owner))))
        return listener

    def _add(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @contextmanager
    def _taken(self, owner: str, places: int = 1) -> Iterator[None]:
        """In the block so many of the owner's places are taken."""
        self._owners[owner] += places
        try:
            yield
        finally:
            self._forget(owner, places)

    def _forget(self, owner: str, runs: int = 1) -> None:
        self._owners[owner] -= runs
        if self._owners[owner] == 0:
            del self._owners[owner]

    async def wait(self) -> None:
        """Wait until nothing is driven here any more."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Stop driving; the runs are released for others."""
        for task in self._tasks:
            task.cancel()
        await self.wait()


async def drive(recorder: Recorder) -> None:
    """Drive the run, and tell whoever listens."""
    if recorder.listener is None:
        await drive_unheard(recorder)
    else:
        await drive_heard(recorder, recorder.listener)
    # Only now: nobody waits for it.
    recorder.settle()


async def drive_unheard(recorder: Recorder) -> None:
    """Drive the run; if that fails, it goes on from the queue, where what fails again and again ends."""
    try:
        await supervisor.drive(recorder)
    except Exception:
        logger.exception("drive failed", extra={"action": "drive_failed", "run_id": recorder.run.id})
        with suppress(QueueUnavailable):  # else the watchdog brings the run back
            await queue_messages.start(recorder.deps, recorder.record)


async def drive_heard(recorder: Recorder, listener: Listener) -> None:
    """Drive the run and tell the listener, until the stream is over: by the run's last event, or by an error."""
    try:
        await supervisor.drive(recorder)
        if not listener.has_ended:
            with deadline.within():
                await follow(recorder.deps, recorder.record.key, listener)
    except deadline.Overdue:
        logger.info("stream ended early", extra={"action": "stream_ended_early", "run_id": recorder.run.id})
    except Exception:
        # The watchdog message brings the run back.
        logger.exception("drive failed", extra={"action": "drive_failed", "run_id": recorder.run.id})
    finally:
        end(listener)


async def drive_in_turn(
    deps: Deps, key: RunKey, listener: Listener, place: Callable[[], AbstractContextManager[None]]
) -> None:
    """Wait until the run has the thread, and drive it, telling the listener; or tell what somebody else makes of it.

    While it is driven it takes a `place` of its owner's.
    """
    try:
        with deadline.within():
            recorder = await its_turn(deps, key, listener)
            is_ours = recorder is not None and await recorder.claim()
    except deadline.Overdue:
        logger.info("stream ended early", extra={"action": "stream_ended_early", "run_id": key.run_id})
        end(listener)
    except StoreError:
        logger.exception("run not followed", extra={"action": "run_not_followed", "run_id": key.run_id})
        end(listener)
    except BaseException:
        end(listener)
        raise
    else:
        if recorder is not None and is_ours:
            with place():
                await drive(recorder)
        else:
            await follow_heard(deps, key, listener)


async def its_turn(deps: Deps, key: RunKey, listener: Listener) -> Recorder | None:
    """The run when it has the thread and nobody drives it; None: it is gone, is over, or has a driver."""
    with deps.wakes.listening(line.turn_of(key.run_id)) as ear:
        while True:
            recorder = await Recorder.load(deps, key, listener)
            if recorder is None or not recorder.record.is_in_line or not lifecycle.is_active(recorder.run.status):
                break
            await ear.listen(FOLLOW_SECONDS)
    if recorder is None or recorder.run.status != "queued" or lease.is_held(recorder.record, deps.clock()):
        return None
    return recorder


async def follow_heard(deps: Deps, key: RunKey, listener: Listener) -> None:
    """Tell the listener of a run that somebody drives, in whole messages and steps, until the stream is over."""
    try:
        with deadline.within():
            await follow(deps, key, listener, whole=True)
    except deadline.Overdue:
        logger.info("stream ended early", extra={"action": "stream_ended_early", "run_id": key.run_id})
    except StoreError:
        logger.exception("run not followed", extra={"action": "run_not_followed", "run_id": key.run_id})
    finally:
        end(listener)


def end(listener: Listener) -> None:
    """Close the stream."""
    if not listener.has_ended:
        # We broke down, have to stop, or the thread is gone: clients take a bare end for a good one.
        listener.put(fault("The server had an error while processing your request. Sorry about that!"))
    listener.close()


async def follow(deps: Deps, key: RunKey, listener: Listener, *, whole: bool = False) -> None:
    """The run goes on elsewhere: wait until it stops, and tell the listener how it ended.

    `whole`: and of all its messages and steps before, since the listener has heard of none.
    """
    with deps.wakes.listening(stopped(key.run_id)) as ear:
        while True:
            recorder = await Recorder.load(deps, key, listener)
            if recorder is None:
                return
            if recorder.run.status == "requires_action" or not lifecycle.is_active(recorder.run.status):
                if whole:
                    await retelling.tell(recorder)
                recorder.publish(Event(f"thread.run.{recorder.run.status}", recorder.run.to_json()))
                return
            await ear.listen(FOLLOW_SECONDS)
