"""Turns left to run at the provider: nobody drives the run meanwhile, messages ask until the turn is over."""

from __future__ import annotations

from shared.llm.base import LlmError, Turn, TurnRequest
from shared.runs import queue_messages
from shared.runs.queue_messages import RunMessage
from shared.runs.recorder import Recorder, Superseded
from shared.runs.usage import remarks_on, usage_of


def is_wanted(recorder: Recorder) -> bool:
    """Whether the next turn is taken in the background: nobody is listening, and the setting says so."""
    deps = recorder.deps
    wanted = deps.settings.model_turns == "background"
    return wanted and deps.llm.can_run_in_background and recorder.listener is None


async def begin(recorder: Recorder, request: TurnRequest) -> None:
    """Begin the turn and leave the run to its polls. Raises LlmError and Superseded."""
    deps, record = recorder.deps, recorder.record
    key = f"{record.run.id}-{record.turns}"
    response_id = await deps.llm.start(request, key, record.run.deadline)
    recorder.state.await_response(response_id)
    await queue_messages.poll(deps, record, polls=0)
    try:
        await recorder.commit()
    except Superseded:
        used = await deps.llm.cancel(response_id)
        recorder.state.count_usage(usage_of(used), remarks_on(used))
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
        await queue_messages.watch(deps, record, deps.clock() + deps.settings.lease_seconds)
    elif turn is None:
        await queue_messages.poll(deps, record, message.polls)
    return turn
