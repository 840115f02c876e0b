"""What a run does next: a model turn, the calls it made, the next turn. One engine for every host.

Everything the engine needs to go on is in the store: it can die between any two lines and be started again elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from shared.llm.base import UNREPORTED, LlmError, PromptTooLong, Turn, TurnDone, TurnRequest, TurnUsage
from shared.runs import background
from shared.runs.prompt.estimate import request_tokens
from shared.runs.prompt.prompt import RunningPrompt
from shared.runs.recorder import Recorder
from shared.runs.references import of_steps, steps
from shared.runs.request import exhausted, text_format, turn_request
from shared.runs.tool_runner import ToolRunner
from shared.runs.toolset import toolset
from shared.runs.turn import TurnWriter
from shared.runs.usage import remarks_on, usage_of

logger = logging.getLogger(__name__)

#: How often a turn that broke off in the middle is taken again.
BROKEN_TURNS: Final = 2


class Engine:
    """Drives one run that is `in_progress` and leased to us.

    Which of two things comes next is read from the state. A step of calls that is open is carried out: its `items` hold
    the calls, `outputs` those that are done (`{"call_1": "12 degrees"}`). Else the model takes a turn, `Turn(items=[
    {"type": "reasoning", ...}, {"type": "message", "content": [...]}, {"type": "function_call", "call_id": "call_1",
    "name": "get_weather", "arguments": "{}"}], usage=..., incomplete=None)`, and one commit has it whole.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.deps, self.recorder, self.state = recorder.deps, recorder, recorder.state
        self.toolset = toolset(self.deps, recorder.record)
        self.tools = ToolRunner(recorder, self.toolset)
        #: Kept and continued by this driver: nobody adds to a thread while its run is active.
        self.prompt = RunningPrompt(self.deps, recorder.state, self._beside(), recorder.messages)
        #: By turns that broke off, since the last one that was counted.
        self._used = TurnUsage()

    async def drive(self, turn: Turn | LlmError | None = None) -> None:
        """Go on until the run waits for somebody or is over. `turn` is what came of one taken in the background.

        Raises Superseded when the run is not ours any more.
        """
        try:
            if isinstance(turn, PromptTooLong):
                await self._ask_for_less(turn)
            elif isinstance(turn, LlmError):
                await background.begin_anew(self.recorder, turn)
            elif turn is not None:
                self.state.earlier = of_steps(await steps(self.deps, self.state.record))
                await self._settle(turn, TurnWriter(self.recorder, self.toolset))
            while self.state.run.status == "in_progress" and self.state.record.response_id is None:
                if self.state.step is not None:
                    await self._carry_out()
                else:
                    await self._take_turn()
        except LlmError as error:
            logger.warning("model failed", extra={"action": "run_failed", "run_id": self.state.run.id})
            used = self._used.plus(error.usage)
            self.state.count_usage(usage_of(used), remarks_on(used))
            self._report(used)
            await self._fail(error.code, error.message)

    async def _fail(self, code: str, message: str) -> None:
        self.state.advance("failed", last_error={"code": code, "message": message})
        await self.recorder.commit()

    def _beside(self) -> int:
        run = self.recorder.run
        return request_tokens(run.instructions, self.toolset.definitions, text_format(run.response_format))

    # -- turns -------------------------------------------------------------------------------------------------------

    async def _take_turn(self) -> None:
        record, limit = self.state.record, self.deps.settings.max_turns
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
            await self._fail("server_error", message)
        else:
            request = turn_request(record, items, self.toolset.definitions, continues=self.prompt.continues)
            try:
                await self._ask(request)
            except PromptTooLong as error:
                await self._ask_for_less(error)

    async def _ask(self, request: TurnRequest) -> None:
        if background.is_wanted(self.recorder):
            await background.begin(self.recorder, request)
        else:
            writer = TurnWriter(self.recorder, self.toolset)
            await self._settle(await self._stream_turn(request, writer), writer)

    async def _ask_for_less(self, error: PromptTooLong) -> None:
        """Let the next turn send half of a prompt that was too long. Raises the error if that is no remedy."""
        if not await self.prompt.halve():
            raise error
        run_id, tokens = self.state.run.id, self.state.record.window
        logger.warning("prompt halved", extra={"action": "prompt_halved", "run_id": run_id, "tokens": tokens})
        self._used = self._used.plus(error.usage)
        await self.recorder.commit()

    async def _stream_turn(self, request: TurnRequest, writer: TurnWriter) -> Turn:
        """Take the turn; one that broke off is taken again if nobody has heard of it."""
        for _ in range(BROKEN_TURNS):
            try:
                return await self._stream(request, writer)
            except LlmError as error:
                if not error.broke_off or self.recorder.listener is not None:
                    raise
                self._used = self._used.plus(error.usage)
        return await self._stream(request, writer)

    async def _stream(self, request: TurnRequest, writer: TurnWriter) -> Turn:
        deadline = self.state.run.deadline
        try:
            async with aclosing(self.deps.llm.stream(request, deadline)) as events:
                async for event in events:
                    if isinstance(event, TurnDone):
                        return event.turn
                    await writer.on_event(event)
        except LlmError:
            writer.break_off()
            raise
        except asyncio.CancelledError:
            writer.break_off()
            self._report(UNREPORTED)
            raise
        raise LlmError("server_error", "Sorry, something went wrong.")

    async def _settle(self, turn: Turn, writer: TurnWriter) -> None:
        """Commit a turn whole: its text, its calls, and what becomes of the run."""
        turn, self._used = replace(turn, usage=turn.usage.plus(self._used)), TurnUsage()
        self._report(turn.usage)
        if turn.withheld:
            more = {"run_id": self.state.run.id, "reasons": turn.withheld}
            logger.info("reasoning withheld", extra={"action": "reasoning_withheld", **more})
        calls = writer.finish(turn)
        self.prompt.add_turn(turn)
        if turn.incomplete == "content_filter":
            error = {"code": "server_error", "message": "The model's answer was stopped by its content filter."}
            self.state.advance("failed", last_error=error)
        elif turn.incomplete is not None:
            self.state.advance("incomplete", incomplete="max_completion_tokens")
        elif not calls:
            self.state.advance("completed")
        elif self.tools.has_ours(calls):
            self.tools.expect(calls)
        else:
            self.state.require_action(calls)
        await self.recorder.commit()

    def _report(self, used: TurnUsage) -> None:
        """Say in the log that tokens were used which nobody can count."""
        if not used.is_complete:
            run_id, turn = self.state.run.id, self.state.record.turns
            logger.warning("usage unknown", extra={"action": "usage_unknown", "run_id": run_id, "turn": turn})

    # -- calls -------------------------------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """Carry out the open step's calls that are ours; then ask the client for the rest, or close the step."""
        step = self.state.step
        assert step is not None
        theirs = await self.tools.carry_out(step)
        if theirs:
            self.state.require_action(theirs)
        else:
            self.state.close_step(step.usage)
            self.prompt.add_outputs(step)
        await self.recorder.commit()
