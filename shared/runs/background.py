"""Turns left to run at the provider: nobody drives the run meanwhile, messages ask until the turn is over."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from shared.backoff import Backoff
from shared.llm.base import LlmError, Turn, TurnRequest
from shared.runs import queue_messages, waiting
from shared.runs.fences import Superseded
from shared.runs.queue_messages import RunMessage
from shared.runs.recorder import Recorder
from shared.runs.usage import of_attempts

logger = logging.getLogger(__name__)

#: Between responses that fail at the provider; 30 seconds in all.
RESTARTS: Final = Backoff(first=0.5, factor=4.0, longest=16.0, attempts=5, spread=(0.75, 1.25))


def is_wanted(recorder: Recorder) -> bool:
    """Whether the next turn is taken in the background: nobody waits here, and the setting or the run says so."""
    deps = recorder.deps
    wanted = deps.settings.model_turns == "background" or recorder.record.completion_window is not None
    heard = recorder.listener is not None or recorder.record.parent is not None
    return wanted and deps.llm.can_run_in_background and not heard


async def begin(recorder: Recorder, request: TurnRequest) -> None:
    """Begin the turn and leave the run to its polls. Raises LlmError and Superseded."""
    deps, record = recorder.deps, recorder.record
    key = f"{record.run.id}-{record.turns}" + f"-{record.lost_responses}" * (record.lost_responses > 0)
    if record.window is not None:  # asked before, for more than the model takes
        key += f"-of-{record.window}"
    # However long the turn may take, it must have begun within the time of an ordinary run.
    deadline = min(record.run.deadline, deps.clock() + deps.settings.run_lifetime_seconds)
    response_id = await deps.llm.start(request, key, deadline)
    waiting.prolong(deps, record)
    recorder.note("turn.left", turn=record.turns + 1, response_id=response_id)
    recorder.state.await_response(response_id)
    deps.telemetry.asked(record)
    try:
        await recorder.commit()
    except Superseded:
        used = await deps.llm.cancel(response_id)
        recorder.state.count_usage(*of_attempts(used))
        raise


async def collect(recorder: Recorder, message: RunMessage) -> Turn | LlmError | None:
    """What came of the turn that the run waits for; None while it goes on: then the next message is under way."""
    deps, record = recorder.deps, recorder.record
    assert record.response_id is not None
    try:
        turn = await deps.llm.poll(record.response_id)
    except LlmError as error:
        return error
    # Two chains are kept apart: polls follow polls, and the watchdog only watches that the polls go on.
    if turn is None and message.reason == "watch":
        pause = queue_messages.pace(record).longest if record.completion_window is not None else 0.0
        await queue_messages.watch(deps, record, deps.clock() + max(deps.settings.lease_seconds, 2 * pause))
    elif turn is None:
        await queue_messages.poll(deps, record, message.polls)
    return turn


async def begin_anew(recorder: Recorder, error: LlmError) -> None:
    """Forget a response that failed for a reason that may pass, and wait a little: the turn is taken again.

    Nothing is committed before the new response is known: whoever dies meanwhile finds the failed one again. Raises the
    error if another attempt is no use.
    """
    failures = recorder.record.lost_responses + 1
    if not error.broke_off or failures >= RESTARTS.attempts:
        raise error
    recorder.record.response_id, recorder.record.lost_responses = None, failures
    recorder.state.count_usage(*of_attempts(error.usage))
    recorder.note("turn.failed", turn=recorder.record.turns + 1, code=error.code)
    run_id, delay = recorder.run.id, RESTARTS.delay(failures)
    extra = {"action": "model_turn_begun_anew", "run_id": run_id, "code": error.code, "delay": round(delay, 3)}
    logger.warning("model turn begun anew", extra=extra)
    await asyncio.sleep(delay)
