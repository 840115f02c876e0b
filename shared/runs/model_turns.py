"""A run's turns: the model is asked, again if that may help, and what it says is written into the run's state."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import asdict
from typing import Final

from msgspec.structs import replace

from shared.llm.base import UNREPORTED, LlmError, PromptTooLong, Retried, Turn, TurnDone, TurnRequest, TurnUsage
from shared.runs import background
from shared.runs.prompt.prompt import RunningPrompt
from shared.runs.recorder import Recorder
from shared.runs.references import of_steps, steps
from shared.runs.toolset import Toolset
from shared.runs.turn import TurnWriter
from shared.runs.usage import of_attempts

logger = logging.getLogger(__name__)

#: How often a turn that broke off in the middle is taken again.
BROKEN_TURNS: Final = 2


class ModelTurns:
    """Takes the turns of one driver. A turn that is over is in the state, and in the prompt; the caller commits.

    None instead of a turn: it is not over. The state says how it goes on: the provider takes it in the background, or
    it is to be asked for again.
    """

    def __init__(self, recorder: Recorder, toolset: Toolset, prompt: RunningPrompt) -> None:
        self.deps, self.recorder, self.state = recorder.deps, recorder, recorder.state
        self.toolset, self.prompt = toolset, prompt
        #: By turns that broke off, since the last one that was counted.
        self._used = TurnUsage()

    async def take_up(self, outcome: Turn | LlmError) -> Turn | None:
        """Go on with what came of a turn in the background. Raises LlmError and Superseded."""
        self.deps.telemetry.answered(self.state.record, outcome)
        if isinstance(outcome, LlmError):
            await background.begin_anew(self.recorder, outcome)
            return None
        self.state.earlier = of_steps(await steps(self.deps, self.state.record))
        return self._finish(outcome, TurnWriter(self.recorder, self.toolset), None)

    async def take_turn(self, request: TurnRequest) -> Turn | None:
        """Ask for the next turn, once the owner's budget allows it. Raises LlmError and Superseded."""
        await self.deps.budgets.reserve(self.state.record, self.prompt.tokens, request.max_output_tokens)
        if background.is_wanted(self.recorder):
            await background.begin(self.recorder, request)
            return None
        writer, begun, breaks = TurnWriter(self.recorder, self.toolset), time.monotonic(), 0
        while True:
            try:
                turn = await self._stream(request, writer)
            except LlmError as error:
                breaks += 1
                # What somebody has heard cannot be unsaid.
                if not error.broke_off or breaks > BROKEN_TURNS or self.recorder.listener is not None:
                    raise
                self._used = self._used.plus(error.usage)
            else:
                return self._finish(turn, writer, time.monotonic() - begun)

    async def ask_for_less(self, error: PromptTooLong) -> None:
        """Let the next turn send half of a prompt that was too long. Raises the error if that is no remedy."""
        if not await self.prompt.halve():
            raise error
        run_id, tokens = self.state.run.id, self.state.record.window
        logger.warning("prompt halved", extra={"action": "prompt_halved", "run_id": run_id, "tokens": tokens})
        self._used = self._used.plus(error.usage)
        self.recorder.note("prompt.halved", tokens=tokens)
        await self.recorder.commit()

    def give_up(self, error: LlmError) -> None:
        """There will be no turn: count what the attempts at it used."""
        used = self._used.plus(error.usage)
        self.state.count_usage(*of_attempts(used))
        self._report(used)

    async def _stream(self, request: TurnRequest, writer: TurnWriter) -> Turn:
        deadline, turn = self.state.run.deadline, self.state.record.turns + 1
        finished: Turn | None = None
        try:
            with self.deps.telemetry.chat(self.state.record, request) as chat:
                async with aclosing(self.deps.llm.stream(request, deadline)) as events:
                    async for event in events:
                        if isinstance(event, TurnDone):
                            chat.done(event.turn)
                            finished = event.turn
                        elif isinstance(event, Retried):
                            self.recorder.note("turn.retried", turn=turn, **asdict(event))
                        else:
                            chat.heard()
                            await writer.on_event(event)
        except LlmError as error:
            self.recorder.note("turn.failed", turn=turn, code=error.code)
            writer.break_off()
            raise
        except asyncio.CancelledError:
            self.recorder.note("turn.stopped", turn=turn)
            writer.break_off()
            self._report(UNREPORTED)
            raise
        if finished is None:
            raise LlmError("server_error", "Sorry, something went wrong.")
        return finished

    def _finish(self, turn: Turn, writer: TurnWriter, seconds: float | None) -> Turn:
        """Write a turn down, with what attempts at it used, and how long it took if that is known."""
        turn, self._used = replace(turn, usage=turn.usage.plus(self._used)), TurnUsage()
        self._report(turn.usage)
        if turn.withheld:
            more = {"run_id": self.state.run.id, "reasons": turn.withheld}
            logger.info("reasoning withheld", extra={"action": "reasoning_withheld", **more})
        writer.finish(turn)
        self.prompt.add_turn(turn)
        self._note(turn, seconds)
        return turn

    def _note(self, turn: Turn, seconds: float | None) -> None:
        self.recorder.note(
            "turn.finished",
            turn=self.state.record.turns,
            duration_ms=None if seconds is None else round(1000 * seconds),
            model=turn.model,
            response_id=turn.response_id,
            request_id=turn.request_id,
            prompt_tokens=turn.usage.input_tokens,
            completion_tokens=turn.usage.output_tokens,
            calls=len(turn.calls) or None,
            incomplete=turn.incomplete,
        )

    def _report(self, used: TurnUsage) -> None:
        """Say in the log that tokens were used which nobody can count."""
        if not used.is_complete:
            run_id, turn = self.state.run.id, self.state.record.turns
            logger.warning("usage unknown", extra={"action": "usage_unknown", "run_id": run_id, "turn": turn})
