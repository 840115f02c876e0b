"""What a run does next: a model turn, the calls it made, the next turn. One engine for every host.

Everything the engine needs to go on is in the store: it can die between any two lines and be started again elsewhere.
"""

from __future__ import annotations

import logging

from shared.json_types import Json
from shared.llm.base import LlmError, PromptTooLong, Turn, TurnRequest
from shared.objects.step import StepRecord
from shared.runs import checks, kinds
from shared.runs.model_turns import ModelTurns
from shared.runs.prompt.prompt import RunningPrompt
from shared.runs.recorder import Recorder
from shared.runs.request import exhausted, turn_request
from shared.runs.tool_calls import function_call
from shared.runs.tool_runner import ToolRunner
from shared.runs.toolset import toolset

logger = logging.getLogger(__name__)


async def run(recorder: Recorder, outcome: Turn | LlmError | None = None) -> None:
    """Drive a run on. `outcome` is what came of a turn in the background. Raises Superseded."""
    refusal = kinds.refusal(recorder.record) or await checks.refusal_at_turn(recorder.deps, recorder.record)
    if refusal is not None:
        await fail(recorder, "invalid_prompt", refusal)
        return
    await kinds.prepare(recorder)
    await Engine(recorder).drive(outcome)


async def fail(recorder: Recorder, code: str, message: str) -> None:
    """End a run that is ours. Raises Superseded."""
    recorder.state.advance("failed", last_error={"code": code, "message": message})
    await recorder.commit()


class Engine:
    """Drives one run that is `in_progress` and leased to us.

    Which of two things comes next is read from the state. A step of calls that is open is carried out: its `items` hold
    the calls, `outputs` those that are done (`{"call_1": "12 degrees"}`). Else the model takes a turn, `Turn(items=[
    {"type": "reasoning", ...}, {"type": "message", "content": [...]}, {"type": "function_call", "call_id": "call_1",
    "name": "get_weather", "arguments": "{}"}], usage=..., incomplete=None)`, and one commit has it whole.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.state = recorder, recorder.state
        self.toolset = toolset(recorder.deps, recorder.record)
        #: Kept and continued by this driver: nobody adds to a thread while its run is active.
        self.prompt = RunningPrompt(recorder.deps, recorder.state, self.toolset.definitions, recorder.messages)
        recorder.messages = None
        self.turns, self.tools = ModelTurns(recorder, self.toolset, self.prompt), ToolRunner(recorder, self.toolset)

    async def drive(self, outcome: Turn | LlmError | None = None) -> None:
        """Go on until the run waits for somebody or is over. Raises Superseded when it is not ours any more."""
        try:
            if outcome is not None:
                await self._take_turn(outcome)
            while self.state.run.status == "in_progress" and self.state.record.response_id is None:
                if self.state.step is None:
                    await self._take_turn()
                else:
                    await self._carry_out(self.state.step)
        except LlmError as error:
            logger.warning("model failed", extra={"action": "run_failed", "run_id": self.state.run.id})
            self.turns.give_up(error)
            await fail(self.recorder, error.code, error.message)

    async def _take_turn(self, outcome: Turn | LlmError | None = None) -> None:
        """Ask the model, or go on with what came of asking it before, and settle the turn if it is over."""
        try:
            if outcome is not None:
                turn = await self.turns.take_up(outcome)
            elif (request := await self._next_request()) is not None:
                turn = await self.turns.take_turn(request)
            else:
                return
        except PromptTooLong as error:
            await self.turns.ask_for_less(error)
        else:
            if turn is not None:
                await self._settle(turn)

    async def _next_request(self) -> TurnRequest | None:
        """What to ask for next. None: the run may take no further turn, and has ended."""
        record, limit = self.state.record, self.recorder.deps.settings.max_turns
        reason = exhausted(record)
        items = [] if reason is not None else await self.prompt.items()
        if reason is None and not self.prompt.is_allowed:
            reason = "max_prompt_tokens"
        if reason is not None:
            self.state.advance("incomplete", incomplete=reason)
            await self.recorder.commit()
        elif record.turns >= limit:
            logger.warning("turns used up", extra={"action": "turns_used_up", "run_id": record.run.id})
            message = f"The run did not end within {limit} turns, the limit of this box (MAX_TURNS)."
            await fail(self.recorder, "server_error", message)
        else:
            return turn_request(record, items, self.toolset.definitions, continues=self.prompt.continues)
        return None

    async def _settle(self, turn: Turn) -> None:
        """Commit a turn whole: its text, its calls, and what becomes of the run."""
        if turn.incomplete == "content_filter":
            error = {"code": "server_error", "message": "The model's answer was stopped by its content filter."}
            self.state.advance("failed", last_error=error)
        elif turn.incomplete == "max_output_tokens":
            self.state.advance("incomplete", incomplete="max_completion_tokens")
        elif turn.incomplete is not None:
            message = f"The model's provider stopped the answer before its end ({turn.incomplete})."
            self.state.advance("failed", last_error={"code": "server_error", "message": message})
        elif not turn.calls:
            self.state.advance("completed")
        elif not self.tools.expect(turn.calls):
            self._wait_for_client(turn.calls)
        await self.recorder.commit()

    async def _carry_out(self, step: StepRecord) -> None:
        """Carry out the open step's calls that may be; then ask the client for the rest, or close the step."""
        rest = await self.tools.carry_out(step)
        if rest:
            self._wait_for_client(rest)
        else:
            self.state.close_step(step.usage)
            self.prompt.add_outputs(step)
        await self.recorder.commit()
        await self.tools.settle()

    def _wait_for_client(self, calls: list[Json]) -> None:
        """Leave the run to its client: to approve calls of ours first, then to give the outputs of its own."""
        asked = self.tools.to_approve(calls)
        ids = [each["id"] for each in asked] or [call["call_id"] for call in calls]
        self.recorder.note("approval.asked" if asked else "outputs.asked", calls=len(ids), call_ids=ids)
        if asked:
            self.state.require_approval(asked, self.recorder.deps.settings.approval_lifetime_seconds)
        else:
            self.state.require_action([function_call(call) for call in calls])
