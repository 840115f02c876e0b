"""Carries out the calls of an open step that are the box's own, in parallel, each as often as it may be."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from shared.json_types import Json
from shared.objects.step import StepRecord
from shared.runs import history, side_effects
from shared.runs.events import call_delta
from shared.runs.recorder import Recorder
from shared.runs.tool_calls import DENIED, ToolResult, arguments_of, refused
from shared.runs.toolset import Toolset

logger = logging.getLogger(__name__)


class ToolRunner:
    """The hands of one driver. A call is the model's item as the step keeps it:

    `{"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{\\"city\\": \\"Oslo\\"}"}`.
    """

    def __init__(self, recorder: Recorder, toolset: Toolset) -> None:
        self.deps, self.recorder, self.state = recorder.deps, recorder, recorder.state
        self.handlers = toolset.handlers
        #: Calls whose turn, or whose new attempt, this driver committed: no other can have begun to carry them out.
        self._own: set[str] = set()
        #: What is left to do once the results so far are committed.
        self._unsettled: list[Callable[[], Awaitable[None]]] = []

    def expect(self, calls: list[Json]) -> bool:
        """The turn that made these calls is committed next: no other driver has seen them.

        Returns whether any is to be carried out here at once.
        """
        self._own.update(call["call_id"] for call in calls)
        counted = [call["call_id"] for call in calls if self._has_side_effects(call)]
        self.state.record.count_side_effects(counted, self.deps.settings.side_effects_per_run)
        ours = [call for call in calls if call["name"] in self.handlers and not self._needs_approval(call)]
        for call in reversed({call["call_id"]: call for call in reversed(ours)}.values()):
            self._note("call.started", call, attempt=1)
        return bool(ours)

    def to_approve(self, calls: list[Json]) -> list[Json]:
        """Those of the calls that wait for somebody to approve them, as they are asked for."""
        waiting = {call["call_id"]: call for call in reversed(calls) if self._needs_approval(call)}
        return [
            self.handlers[call["name"]].view(call_id).asked(arguments_of(call))
            for call_id, call in reversed(waiting.items())
        ]

    def _note(self, kind: str, call: Json, **details: int | str) -> None:
        turn, name = self.state.record.turns, call["name"]
        self.recorder.note(kind, None, turn=turn, call_id=call["call_id"], name=name, **details)

    def _needs_approval(self, call: Json) -> bool:
        handler = self.handlers.get(call["name"])
        return handler is not None and handler.needs_approval

    def _has_side_effects(self, call: Json) -> bool:
        handler = self.handlers.get(call["name"])
        return handler is not None and handler.side_effects

    async def carry_out(self, step: StepRecord) -> list[Json]:
        """Carry out what may be, and return the calls that wait for a client. The last results are not committed."""
        calls = [item for item in step.items if item["type"] == "function_call"]
        # A turn that uses an id twice makes one call, the first.
        missing = {call["call_id"]: call for call in reversed(calls) if call["call_id"] not in step.outputs}
        ours = [call for call in reversed(missing.values()) if self._is_free(step, call)]
        await self._count_attempts(step, ours)
        await self._execute_all(step, ours)
        return [call for call in calls if call["call_id"] not in step.outputs]

    async def settle(self) -> None:
        """The results are committed: nobody needs what they were made of any more."""
        unsettled, self._unsettled = self._unsettled, []
        for each in unsettled:
            await each()

    def _is_free(self, step: StepRecord, call: Json) -> bool:
        """Whether the call is the box's own, and nobody need be asked (any more)."""
        return call["name"] in self.handlers and (not self._needs_approval(call) or call["call_id"] in step.approvals)

    async def _count_attempts(self, step: StepRecord, calls: list[Json]) -> None:
        """Write down which calls are begun again, before they are: whatever they do may end this process, too."""
        again = {}
        for call in calls:
            allowed = self.handlers[call["name"]].attempts
            # Whoever made the turn has begun its calls, but for those that waited to be approved.
            attempt = step.attempts.get(call["call_id"], 0 if call["call_id"] in step.approvals else 1) + 1
            if call["call_id"] not in self._own and (allowed is None or attempt <= allowed):
                self._note_begun_again(step, call)
                if allowed is not None:
                    again[call["call_id"]] = attempt
        if again:
            self.state.count_attempts(again)
            await self.recorder.commit()
            self._own.update(again)

    def _note_begun_again(self, step: StepRecord, call: Json) -> None:
        if is_approved(step, call):
            attempt = history.begun(self.state.record, call["call_id"]) + 1
            self._note("call.started", call, attempt=attempt)

    async def _execute_all(self, step: StepRecord, calls: list[Json]) -> None:
        """Write results down as they come; the last ones wait for the commit that ends the step."""
        tasks = {asyncio.create_task(self._timed(step, call)): call for call in calls}
        running = set(tasks)
        try:
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    result, seconds = task.result()
                    outcome = self._outcome(step, tasks[task], result)
                    self._note("call.finished", tasks[task], outcome=outcome, duration_ms=round(1000 * seconds))
                    index = self.state.add_result(tasks[task]["call_id"], result)
                    if result.settle is not None:
                        self._unsettled.append(result.settle)
                    for delta in result.deltas:
                        self.recorder.emit(call_delta(step.step.id, index, delta))
                if running:
                    await self.recorder.commit()
                    await self.settle()
        finally:
            for task in tasks:
                task.cancel()
            if running:  # an assistant that was asked is handed on before its run is
                await asyncio.wait(running)

    def _outcome(self, step: StepRecord, call: Json, result: ToolResult) -> str:
        if not is_approved(step, call):
            return "denied"
        if self._is_given_up(call):
            return "given_up"
        return "failed" if result.has_failed else "ok"

    def _is_given_up(self, call: Json) -> bool:
        """Whether earlier drivers began the call as often as it may be."""
        return call["call_id"] not in self._own and self.handlers[call["name"]].attempts is not None

    async def _timed(self, step: StepRecord, call: Json) -> tuple[ToolResult, float]:
        begun = time.monotonic()
        return await self._execute(step, call), time.monotonic() - begun

    async def _execute(self, step: StepRecord, call: Json) -> ToolResult:
        handler, call_id, arguments = self.handlers[call["name"]], call["call_id"], arguments_of(call)
        if not is_approved(step, call):
            return refused(handler.view(call_id), arguments, DENIED)
        if self._is_given_up(call):
            logger.warning("call given up", extra={"action": "call_given_up", "call_id": call_id})
            return await handler.given_up(call_id, arguments)
        if handler.side_effects:
            refusal = await side_effects.refusal(self.deps, self.state.record, call_id)
            if refusal is not None:
                return refused(handler.view(call_id), arguments, refusal)
        logger.info("call", extra={"action": "tool_call", "tool": call["name"], "call_id": call_id})
        with self.deps.telemetry.call(self.state.record, call) as span:
            result = await handler.execute(call_id, arguments)
            span.gave(result.output)
            return result


def is_approved(step: StepRecord, call: Json) -> bool:
    """Whether the call may be carried out as far as people were asked."""
    approved: bool = step.approvals.get(call["call_id"], {"approve": True})["approve"]
    return approved
