"""Azure functions behind two queues, offered to the model as functions.

A call is a message in the function's input queue, sent once: by whoever committed the turn that made the call. Its
answer is waited for in the output queue, by whoever drives the run; so a driver that takes the run over waits for the
same one. An answer leaves the queue when it is stored. Where none comes, the call fails before the run's time is over.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from dataclasses import dataclass
from typing import Any, Final

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.runs import tool_calls
from shared.runs.offered_names import offered_name
from shared.runs.tool_call_views import CallView, DetailsView
from shared.runs.tool_calls import Handler, ToolResult, permitted, text_result, verdict_on
from shared.tools.base import ToolFailure, arguments_object
from shared.tools.domains import domains_of
from shared.tools.function_queue import Answer, QueueAccess
from shared.tools.values import as_json

logger = logging.getLogger(__name__)

KIND: Final = "azure_function"
#: Seconds between two looks for an answer: at first, and at most.
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
#: Seconds of the run's time that are left for the model to tell that no answer came, at most a fifth of it.
SPARE: Final = 60.0


@dataclass(frozen=True, slots=True)
class QueuedFunction:
    """A function behind two queues, as the model is offered it."""

    deps: Deps
    record: RunRecord
    #: `function`, `input_binding` and `output_binding`.
    function: Json
    definition: Json
    needs_approval: bool
    attempts: int | None = 1

    @property
    def side_effects(self) -> bool:
        return not self.needs_approval

    def view(self, call_id: str) -> CallView:
        return DetailsView(call_id, KIND, self.definition["name"])

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        return await self._result(call_id, arguments, sends=True)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        return await self._result(call_id, arguments, sends=False)

    async def _result(self, call_id: str, arguments: str, *, sends: bool) -> ToolResult:
        view = self.view(call_id)
        try:
            answer = await self._answer(call_id, arguments_object(arguments), sends=sends)
        except ToolFailure as failure:
            return text_result(view, arguments, f"Error: {failure}")
        return text_result(view, arguments, _text_of(answer.value), lambda: self._settle(answer))

    async def _answer(self, call_id: str, arguments: Json, *, sends: bool) -> Answer:
        """Wait for the answer, after sending the request if that is left to us. Raises ToolFailure."""
        correlation_id, clock, end = self._correlation_id(call_id), self.deps.clock, self._end()
        async with self._access.open(*self._queue("output")) as outputs:
            # Whoever may not read answers sends no request.
            answer = await outputs.take(correlation_id)
            if answer is None and sends:
                if clock() >= end:
                    raise ToolFailure("the run's time is almost over: the function was not called")
                told = {"OutputQueueUri": outputs.url, "CorrelationId": correlation_id}
                async with self._access.open(*self._queue("input")) as inputs:
                    await inputs.send({**arguments, **told}, end - clock())
            pause = FIRST_PAUSE
            while answer is None and clock() < end:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE)
                answer = await outputs.take(correlation_id)
        if answer is None:
            logger.warning("no answer", extra={"action": "function_silent", "run_id": self.record.run.id})
            raise ToolFailure(
                "the function did not answer in time. It is unknown whether it did its work: tell the user"
            )
        return answer

    async def _settle(self, answer: Answer) -> None:
        try:
            async with self._access.open(*self._queue("output")) as outputs:
                await outputs.delete(answer)
        except ToolFailure:
            # It stays there until it expires, and nobody waits for it.
            logger.info("answer not deleted", extra={"action": "function_answer_left", "run_id": self.record.run.id})

    @property
    def _access(self) -> QueueAccess:
        settings = self.deps.settings
        hosts, own = domains_of(settings.azure_function_queue_hosts), settings.azure_web_jobs_storage
        return QueueAccess(hosts, self.deps.identity, own.get_secret_value())

    def _queue(self, direction: str) -> tuple[str, str]:
        queue = self.function[f"{direction}_binding"]["storage_queue"]
        return queue["queue_service_endpoint"], queue["queue_name"]

    def _correlation_id(self, call_id: str) -> str:
        """The same for every driver of the call, and nobody else's to guess: ids of runs are random."""
        run = self.record.run
        place = f"{self.record.owner} {run.thread_id} {run.id} {self.record.call_of_turn(call_id)}"
        return str(uuid.UUID(bytes=hashlib.sha256(place.encode()).digest()[:16]))

    def _end(self) -> float:
        """Unix seconds at which no answer is waited for any more: the same for every driver of the call."""
        return self.record.run.deadline - min(SPARE, self.deps.settings.run_lifetime_seconds / 5)


def handlers(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """The Azure functions of the run, which the operator may deny."""
    verdict = verdict_on(deps, record, KIND)
    functions = [tool[KIND] for tool in record.run.tools if tool["type"] == KIND]
    found = [QueuedFunction(deps, record, each, _definition(each, taken), verdict == "ask") for each in functions]
    return permitted(found, verdict, KIND)


def _text_of(value: Any) -> str:
    """A function's answer as the model is told it."""
    try:
        return value if isinstance(value, str) else as_json(value)
    except (ValueError, RecursionError):
        return "Error: the function's answer is nested too deeply to be read"


def _definition(function: Json, taken: set[str]) -> Json:
    offered = tool_calls.definition(function)
    return offered | {"name": offered_name(KIND, offered["name"], taken)}
