"""The messages that bring a run back: to be driven, watched over, polled, or expired.

A message is always sent before the commit it serves. It names the run and why; what to do is read from the run's row.
"""

from __future__ import annotations

from typing import Final

from shared.deps import Deps
from shared.objects.common import Json
from shared.objects.run import RunRecord
from shared.runs.recorder import Recorder

#: Seconds a watchdog comes after the lease it watches has run out.
WATCH_SLACK: Final = 0.5
FIRST_POLL: Final = 0.5
POLL_GROWTH: Final = 1.5
SLOWEST_POLL: Final = 10.0
#: Seconds until a message whose commit is still missing is looked at again; then it is taken that it never came. The
#: store may try for minutes: five attempts that are given up after half a minute each.
RETURNS: Final = (2.0, 20.0, 60.0, 120.0)


def wakeup(record: RunRecord, reason: str, **more: float) -> Json:
    """The body of a message about the run."""
    return {
        "owner": record.owner,
        "thread_id": record.run.thread_id,
        "run_id": record.run.id,
        "reason": reason,
        **more,
    }


async def start(deps: Deps, record: RunRecord) -> None:
    """Somebody must drive this run, now."""
    await deps.queue.send(wakeup(record, "start"))


async def cancel(deps: Deps, record: RunRecord) -> None:
    """The run is being cancelled: end it, unless its driver does."""
    await deps.queue.send(wakeup(record, "cancel"))


def is_early(body: Json, record: RunRecord | None) -> bool:
    """Whether the message came before the commit it announces; there may be no run yet."""
    reason = body["reason"]
    if record is None:
        return reason in ("start", "watch")
    if reason == "start":
        return record.run.status == "requires_action"
    if reason == "poll":
        return record.response_id is None and record.turns == body["turn"]
    return reason == "cancel" and record.run.status != "cancelling"


def is_late(body: Json, record: RunRecord) -> bool:
    """Whether the message is one too many: its turn is over, or a later watchdog is under way."""
    if body["reason"] == "poll":
        return record.turns > int(body["turn"])
    return body["reason"] == "watch" and record.watched_until > float(body["until"])


async def again(deps: Deps, body: Json) -> None:
    """Look for the announced commit once more, later; but not for ever."""
    returns = body.get("returns", 0)
    if returns < len(RETURNS):
        await deps.queue.send({**body, "returns": returns + 1}, RETURNS[returns])


async def watch(deps: Deps, record: RunRecord, until: float) -> None:
    """Whoever holds the lease until then may die: look again."""
    visible = until + WATCH_SLACK
    record.watched_until = visible
    await deps.queue.send(wakeup(record, "watch", until=visible), delay=max(0.0, visible - deps.clock()))


async def poll(deps: Deps, record: RunRecord, polls: int) -> None:
    """Ask the provider for the background response again, ever more patiently."""
    delay = min(SLOWEST_POLL, FIRST_POLL * POLL_GROWTH**polls)
    await deps.queue.send(wakeup(record, "poll", polls=polls + 1, turn=record.turns), delay)


async def at_expiry(deps: Deps, record: RunRecord) -> None:
    """The client may never come back: end the run when its time is over."""
    assert record.run.expires_at is not None
    await deps.queue.send(wakeup(record, "expiry"), delay=max(0.0, record.run.expires_at + 1 - deps.clock()))


def in_background(deps: Deps, recorder: Recorder) -> bool:
    """Whether the next turn is left to run at the provider: nobody is listening, and the setting says so."""
    wanted = deps.settings.model_turns == "background"
    return wanted and deps.llm.can_run_in_background and recorder.listener is None
