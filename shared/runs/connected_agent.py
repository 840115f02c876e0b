"""Assistants that are tools of another one: each is a function, by which the model asks it.

What asking is, a run on a thread of its own, is the business of `children.py`, which `Deps` has: it drives runs, and
driving runs needs this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared import ids, layout
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import ChildRun, RunKey, RunRecord
from shared.runs.offered_names import offered_name
from shared.runs.tool_call_views import CallView, DetailsView
from shared.runs.tool_calls import Handler, ToolResult, built_in_function, permitted, told, verdict_on
from shared.tools.base import ToolFailure, arguments_object

KIND: Final = "connected_agent"
ARGUMENT: Final = "message"
#: What the model is told of the argument.
WORDS: Final = "What you ask. It sees nothing else of this conversation."


@dataclass(frozen=True, slots=True)
class AgentFunction:
    """An assistant as the model of another one is offered it."""

    deps: Deps
    record: RunRecord
    assistant_id: str
    definition: Json
    needs_approval: bool
    #: Made again, a call finds the run that it began.
    attempts: int | None = None
    #: Those of the other run are counted there.
    side_effects: bool = False

    def view(self, call_id: str) -> CallView:
        child = child_of(self.record, call_id)
        ids = {"run_id": child.run_id, "thread_id": child.thread_id, "assistant_id": self.assistant_id}
        return DetailsView(call_id, KIND, self.definition["name"], ids)

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        return await told(self, call_id, arguments, self._ask(call_id, arguments))

    async def _ask(self, call_id: str, arguments: str) -> str:
        """What the other assistant answers. Raises ToolFailure."""
        message = arguments_object(arguments).get(ARGUMENT)
        if not isinstance(message, str) or not message:
            raise ToolFailure(f"'{ARGUMENT}' must be a text")
        key = child_of(self.record, call_id)
        return await self.deps.ask_child(self.deps, ChildRun(self.record, key, self.assistant_id, message))

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        raise AssertionError("a call that finds its run may be begun without end")


def child_of(record: RunRecord, call_id: str) -> RunKey:
    """The run that a call of the open step begins, the same whoever makes the call: a step has each call id once."""
    made, source = record.run.created_at * ids.MICROS, f"{record.open_step} {call_id}"
    thread_id = ids.placed(layout.THREAD, made, source)
    return RunKey(record.owner, thread_id, ids.placed_number(layout.RUN, 0, source))


def handlers(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """The assistants that the run may ask, which the operator may deny."""
    verdict = verdict_on(deps, record, KIND)
    found = list[Handler]()
    for tool in record.run.tools:
        if tool["type"] == KIND:
            agent = tool[KIND]
            name = offered_name("agent", agent["name"] or KIND, taken)
            schema = {"type": "string", "description": WORDS}
            definition = built_in_function(name, agent["description"], ARGUMENT, schema)
            found.append(AgentFunction(deps, record, agent["id"], definition, verdict == "ask"))
    return permitted(found, verdict, KIND)
