"""The messages that bring a run back: to be driven, watched over, polled, or expired.

A message is always sent before the commit it serves. It names the run and why; what to do is read from the run's row.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from shared.backoff import Backoff
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunKey, RunRecord
from shared.prepared import Prepared
from shared.queue.base import QueueMessage, Sent
from shared.runs import lease

logger = logging.getLogger(__name__)

#: Seconds a watchdog comes after the lease it watches has run out.
WATCH_SLACK: Final = 0.5
#: Between looks at a background response.
POLLS: Final = Backoff(first=0.5, factor=1.5, longest=10.0)
#: The same for one that may take hours; providers keep it for some ten minutes when it is over.
PATIENT_POLLS: Final = Backoff(first=0.5, factor=1.5, longest=120.0)
#: Seconds that a queue keeps a message invisible at the most; one that comes too early is sent anew.
LONGEST_DELAY: Final = 7 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutRun(QueueMessage):
    """Which run a message is about: all that there is to know when nobody can do what else it says."""

    owner: str
    thread_id: str
    run_id: str

    @property
    def key(self) -> RunKey:
        """The identity of the run."""
        return RunKey(self.owner, self.thread_id, self.run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMessage(AboutRun):
    """Somebody must look at this run, and why."""

    #: `start`, `cancel`, `watch`, `poll` or `expiry`: the functions below.
    reason: str = "start"
    #: When a watchdog becomes visible (unix seconds): the newest one counts.
    until: float = 0
    #: The turn that a poll asks for, and how many polls came before.
    turn: int = 0
    polls: int = 0


async def send(deps: Deps, record: RunRecord, reason: str, delay: float = 0, **more: Any) -> None:
    """Send a message about the run that becomes visible after `delay` seconds."""
    await deps.queue.send(message_about(record, reason, **more), delay)


def message_about(record: RunRecord, reason: str, **more: Any) -> Json:
    """The body of a message about the run."""
    key = record.key
    return RunMessage(owner=key.owner, thread_id=key.thread_id, run_id=key.run_id, reason=reason, **more).to_json()


async def bring_back(deps: Deps, record: RunRecord, reason: str) -> None:
    """The next commit leaves the run to a client (`expiry`) or to the model's provider (`poll`)."""
    if reason == "poll":
        await poll(deps, record, polls=0)
    else:
        await at_expiry(deps, record)


async def start(deps: Deps, record: RunRecord, delay: float = 0) -> None:
    """Somebody must drive this run, now or after so many seconds."""
    await send(deps, record, "start", delay)


def log_queued(record: RunRecord) -> None:
    """Say that the run waits for whoever takes its message; `run_claimed` says that somebody has."""
    logger.info("run queued", extra={"action": "run_queued", "run_id": record.run.id, "owner": record.owner})


async def cancel(deps: Deps, record: RunRecord) -> None:
    """The run is being cancelled: end it, unless its driver does."""
    await send(deps, record, "cancel")


def is_early(message: RunMessage, record: RunRecord | None) -> bool:
    """Whether the message came before the commit it announces; there may be no run yet."""
    if record is None:
        return message.reason in ("start", "watch")
    if message.reason == "start":
        return record.run.status == "requires_action" or record.is_in_line
    if message.reason == "poll":
        return record.response_id is None and record.turns == message.turn
    return message.reason == "cancel" and record.run.status != "cancelling"


def is_late(message: RunMessage, record: RunRecord) -> bool:
    """Whether the message is one too many: its turn is over, or a later watchdog is under way."""
    if message.reason == "poll":
        return record.turns > message.turn
    return message.reason == "watch" and record.watched_until > message.until


async def watch(deps: Deps, record: RunRecord, until: float) -> None:
    """Whoever holds the lease until then (unix seconds) may die: look again."""
    await watchdog(deps, record, until).make()


def watchdog(deps: Deps, record: RunRecord, until: float) -> Prepared[Sent]:
    """The message of `watch`, for the commit that takes the lease."""
    visible = until + WATCH_SLACK
    lease.watch_until(record, visible)
    body = message_about(record, "watch", until=visible)
    return deps.spares.prepare(body, max(0.0, visible - deps.clock()))


async def call_off(deps: Deps, record: RunRecord, watchdog: Sent) -> None:
    """The run is over: nobody need look. A watchdog that comes nevertheless finds nothing to do."""
    await deps.spares.take_back(watchdog, record.watched_until - deps.clock())


async def poll(deps: Deps, record: RunRecord, polls: int) -> None:
    """Ask the provider for the background response again, ever more patiently."""
    await send(deps, record, "poll", pace(record).delay(polls + 1), polls=polls + 1, turn=record.turns)


def pace(record: RunRecord) -> Backoff:
    """How often the provider is asked whether the run's response is there."""
    return POLLS if record.completion_window is None else PATIENT_POLLS


async def at_expiry(deps: Deps, record: RunRecord) -> None:
    """The client may never come back: end the run when its time is over."""
    assert record.run.expires_at is not None
    await send(deps, record, "expiry", min(LONGEST_DELAY, max(0.0, record.run.expires_at + 1 - deps.clock())))
