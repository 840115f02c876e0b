"""What a run does next: a model turn, the calls it made, the next turn. One engine for every host.

Everything the engine needs to go on is in the store: it can die between any two lines and be started again elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import Final

from shared.deps import Deps
from shared.json_types import Json
from shared.llm.base import LlmError, Turn, TurnDone, TurnRequest
from shared.runs import queue_messages, side_effects
from shared.runs.prompt import answered, assistant_items, budget, build_input, estimate_tokens
from shared.runs.recorder import Recorder, Superseded
from shared.runs.references import of_steps, steps
from shared.runs.request import exhausted, turn_request
from shared.runs.tool_calls import ToolResult, arguments_of, indexed, refused
from shared.runs.toolset import toolset
from shared.runs.turn import TurnWriter

logger = logging.getLogger(__name__)

#: How often a turn that broke off in the middle is taken again.
BROKEN_TURNS: Final = 2


class Engine:
    """Drives one run that is `in_progress` and leased to us."""

    def __init__(self, deps: Deps, recorder: Recorder):
        self.deps, self.recorder = deps, recorder
        self.toolset = toolset(deps, recorder.record)
        #: Calls whose turn, or whose new attempt, this driver committed: no other can have begun to carry them out.
        self._own: set[str] = set()
        #: The prompt as built and continued by this driver: nobody adds to a thread while its run is active.
        self._prompt: list[Json] | None = None
        self._assistant_items: list[Json] = []

    async def drive(self, turn: Turn | LlmError | None = None) -> None:
        """Go on until the run waits for somebody or is over. `turn` is what came of one taken in the background.

        Raises Superseded when the run is not ours any more.
        """
        try:
            if isinstance(turn, LlmError):
                raise turn
            if turn is not None:
                await self._settle(turn, TurnWriter(self.recorder, self.toolset))
            while self.recorder.run.status == "in_progress" and self.recorder.record.response_id is None:
                if self.recorder.step is not None:
                    await self._carry_out()
                else:
                    await self._take_turn()
        except LlmError as error:
            await self._fail(error)

    async def _fail(self, error: LlmError) -> None:
        logger.warning("model failed", extra={"action": "run_failed", "run_id": self.recorder.run.id})
        self.recorder.advance("failed", last_error={"code": error.code, "message": error.message})
        await self.recorder.commit()

    # -- turns -------------------------------------------------------------------------------------------------------

    async def _take_turn(self) -> None:
        recorder = self.recorder
        reason = exhausted(recorder.record)
        if reason is not None:
            recorder.advance("incomplete", incomplete=reason)
            await recorder.commit()
            return
        if recorder.record.turns >= self.deps.settings.max_turns:
            await self._stop_turning()
            return
        request = turn_request(recorder.record, await self._input(), self.toolset.definitions)
        if queue_messages.in_background(self.deps, recorder):
            await self._start_in_background(request)
            return
        writer = TurnWriter(recorder, self.toolset)
        turn = await self._stream_turn(request, writer)
        await self._settle(turn, writer)

    async def _stop_turning(self) -> None:
        logger.warning("turns used up", extra={"action": "turns_used_up", "run_id": self.recorder.run.id})
        limit = f"The run did not end within {self.deps.settings.max_turns} turns, the limit of this box (MAX_TURNS)."
        self.recorder.advance("failed", last_error={"code": "server_error", "message": limit})
        await self.recorder.commit()

    async def _input(self) -> list[Json]:
        """The prompt: continued while it fits, else built anew from the thread."""
        record = self.recorder.record
        if self._prompt is None or estimate_tokens(self._prompt) > budget(self.deps, record):
            self._prompt = await build_input(self.deps, record)
        return self._prompt

    async def _stream_turn(self, request: TurnRequest, writer: TurnWriter) -> Turn:
        """Take the turn; one that broke off is taken again if nobody has heard of it."""
        for _ in range(BROKEN_TURNS):
            try:
                return await self._stream(request, writer)
            except LlmError as error:
                if not error.broke_off or self.recorder.listener is not None:
                    raise
        return await self._stream(request, writer)

    async def _stream(self, request: TurnRequest, writer: TurnWriter) -> Turn:
        deadline = float(self.recorder.run.expires_at or 0)
        try:
            async with aclosing(self.deps.llm.stream(request, deadline)) as events:
                async for event in events:
                    if isinstance(event, TurnDone):
                        return event.turn
                    await writer.on_event(event)
        except (LlmError, asyncio.CancelledError):
            writer.break_off()
            raise
        raise LlmError("server_error", "Sorry, something went wrong.")

    async def _start_in_background(self, request: TurnRequest) -> None:
        record = self.recorder.record
        key = f"{record.run.id}-{record.turns}"
        response_id = await self.deps.llm.start(request, key, float(record.run.expires_at or 0))
        record.response_id, record.lease = response_id, None
        await queue_messages.poll(self.deps, record, polls=0)
        try:
            await self.recorder.commit()
        except Superseded:
            await self.deps.llm.cancel(response_id)
            raise

    async def _settle(self, turn: Turn, writer: TurnWriter) -> None:
        """Commit a turn whole: its text, its calls, and what becomes of the run."""
        calls = writer.finish(turn)
        self._assistant_items = assistant_items(turn.items)
        if turn.incomplete == "content_filter":
            error = {"code": "server_error", "message": "The model's answer was stopped by its content filter."}
            self.recorder.advance("failed", last_error=error)
        elif turn.incomplete is not None:
            self.recorder.advance("incomplete", incomplete="max_completion_tokens")
        elif not calls:
            self.recorder.advance("completed")
        elif not any(call["name"] in self.toolset.handlers for call in calls):
            await self._require_action(calls)
        else:
            self._own.update(call["call_id"] for call in calls)
            counted = [call["call_id"] for call in calls if self._has_side_effects(call)]
            side_effects.count_in_run(self.recorder.record, counted, self.deps.settings.side_effects_per_run)
        await self.recorder.commit()

    async def _require_action(self, calls: list[Json]) -> None:
        await queue_messages.at_expiry(self.deps, self.recorder.record)
        tool_calls = [
            {
                "id": call["call_id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": arguments_of(call)},
            }
            for call in calls
        ]
        action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": tool_calls}}
        self.recorder.record.lease = None
        self.recorder.advance("requires_action", required_action=action)

    def _has_side_effects(self, call: Json) -> bool:
        handler = self.toolset.handlers.get(call["name"])
        return handler is not None and handler.side_effects

    # -- calls -------------------------------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """Run the open step's calls that are ours, in parallel; then ask the client for the rest, or close the step."""
        step = self.recorder.step
        assert step is not None
        calls = [item for item in step.items if item["type"] == "function_call"]
        # A turn that uses an id twice makes one call, the first.
        missing = {call["call_id"]: call for call in reversed(calls) if call["call_id"] not in step.outputs}
        ours = [call for call in reversed(missing.values()) if call["name"] in self.toolset.handlers]
        await self._count_attempts(ours)
        tasks = {asyncio.create_task(self._execute(call)): call for call in ours}
        try:
            await self._collect(calls, tasks)
        finally:
            for task in tasks:
                task.cancel()
        theirs = [call for call in calls if call["call_id"] not in step.outputs]
        if theirs:
            await self._require_action(theirs)
        else:
            self.recorder.end_step(step.usage)
            if self._prompt is not None:
                self._prompt = [*self._prompt, *self._assistant_items, *answered(step.items, step.outputs)]
        await self.recorder.commit()

    async def _count_attempts(self, calls: list[Json]) -> None:
        """Write down which calls are begun again, before they are: whatever they do may end this process, too."""
        assert self.recorder.step is not None
        again = {}
        for call in calls:
            allowed = self.toolset.handlers[call["name"]].attempts
            attempt = self.recorder.step.attempts.get(call["call_id"], 1) + 1
            if call["call_id"] not in self._own and allowed is not None and attempt <= allowed:
                again[call["call_id"]] = attempt
        if again:
            self.recorder.count_attempts(again)
            await self.recorder.commit()
            self._own.update(again)

    async def _collect(self, calls: list[Json], tasks: dict[asyncio.Task[ToolResult], Json]) -> None:
        """Write outcomes down as they come; the last ones wait for the commit that ends the step."""
        running = set(tasks)
        while running:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._write_outcome(calls, tasks[task]["call_id"], task.result())
            if running:
                await self.recorder.commit()

    def _write_outcome(self, calls: list[Json], call_id: str, outcome: ToolResult) -> None:
        step = self.recorder.step
        assert step is not None
        step.outputs[call_id] = outcome.output
        shown = list(step.step.step_details["tool_calls"])
        places = [index for index, call in enumerate(calls) if call["call_id"] == call_id]
        for index in places:
            shown[index] = outcome.call
        self.recorder.record.images.extend(outcome.images)
        self.recorder.record.files |= outcome.files
        self.recorder.record.sources |= outcome.sources
        step.files |= outcome.files
        step.sources |= outcome.sources
        self.recorder.set_calls(shown)
        for delta in outcome.deltas:
            self.recorder.emit(indexed(step.step.id, places[0], delta))

    async def _execute(self, call: Json) -> ToolResult:
        handler, call_id, arguments = self.toolset.handlers[call["name"]], call["call_id"], arguments_of(call)
        if call_id not in self._own and handler.attempts is not None:
            logger.warning("call given up", extra={"action": "call_given_up", "call_id": call_id})
            return handler.given_up(call_id, arguments)
        if handler.side_effects:
            refusal = await side_effects.refusal(self.deps, self.recorder.record, call_id)
            if refusal is not None:
                return refused(handler.view(call_id), arguments, refusal)
        logger.info("call", extra={"action": "tool_call", "tool": call["name"], "call_id": call_id})
        return await handler.execute(call_id, arguments)
