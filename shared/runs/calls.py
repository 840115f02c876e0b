"""Which tool calls the box carries out itself, and how.

Every function the model may call is offered here. One whose name has no handler is the client's: the run stops in
`requires_action` for it, whatever its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.deps import Deps
from shared.objects.common import Json
from shared.objects.run import RunRecord
from shared.runs.events import Event, step_delta
from shared.runs.views import CallView, FunctionView
from shared.tools.base import Tool, ToolContext


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call."""

    #: What the model is told.
    output: str
    #: The call as the finished step shows it.
    call: Json
    #: Files drawn by the call, to be shown by the next message.
    images: list[str] = field(default_factory=list)
    #: Deltas that show the outcome in a stream, without their `index`.
    deltas: list[Json] = field(default_factory=list)


class Handler(Protocol):
    """A function the box carries out."""

    @property
    def definition(self) -> Json:
        """The function as the model is offered it."""
        ...

    @property
    def idempotent(self) -> bool:
        """Whether a call that was started by a driver that died may be run again."""
        ...

    def view(self, call_id: str) -> CallView:
        """How clients see a call."""
        ...

    async def execute(self, call_id: str, arguments: str) -> Outcome:
        """Carry out a call. Failures are outcomes; raises nothing but cancellation."""
        ...


@dataclass(frozen=True, slots=True)
class ServerFunction:
    """A tool of the box that the assistant or run opted into by `metadata["server_tools"]`."""

    tool: Tool
    record: RunRecord
    definition: Json

    @property
    def idempotent(self) -> bool:
        return self.tool.idempotent

    def view(self, call_id: str) -> CallView:
        return FunctionView(call_id, self.tool.name)

    async def execute(self, call_id: str, arguments: str) -> Outcome:
        run = self.record.run
        output = await self.tool.run(arguments, ToolContext(call_id, self.record.owner, run.thread_id, run.id))
        call = self.view(call_id).call(arguments)
        call["function"]["output"] = output
        return Outcome(output, call)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the model may call in this run."""

    definitions: list[Json]
    handlers: Mapping[str, Handler]

    def view(self, name: str, call_id: str) -> CallView:
        """How clients see a call of that name."""
        handler = self.handlers.get(name)
        return FunctionView(call_id, name) if handler is None else handler.view(call_id)


def offer(deps: Deps, record: RunRecord) -> Offer:
    """The functions of a run: those it declares, and the server tools it opted into."""
    declared = {tool["function"]["name"]: definition(tool) for tool in record.run.tools if tool["type"] == "function"}
    wanted = record.server_tools
    handlers: dict[str, Handler] = {}
    for name, tool in deps.toolbox.items():
        if name in wanted or "*" in wanted:
            handlers[name] = ServerFunction(tool, record, declared.get(name) or definition(tool.describe()))
    definitions = declared | {name: handler.definition for name, handler in handlers.items()}
    return Offer(list(definitions.values()), handlers)


def definition(tool: Json) -> Json:
    """An assistant's function tool as the Responses API takes it."""
    function = tool["function"]
    return {
        "type": "function",
        "name": function["name"],
        "description": function.get("description"),
        "parameters": function.get("parameters") or {"type": "object", "properties": {}},
        "strict": bool(function.get("strict")),
    }


def failed_before(view: CallView, arguments: str) -> Outcome:
    """The outcome of a call with side effects whose driver died: it must not be repeated, so nobody knows."""
    output = (
        "Error: the server was interrupted during this call. It is unknown whether it took effect: "
        "do not repeat it, tell the user."
    )
    call = view.call(arguments)
    if call["type"] == "function":
        call["function"]["output"] = output
    return Outcome(output, call)


def indexed(step_id: str, index: int, call: Json) -> Event:
    """A delta of the call at that place in the step."""
    return step_delta(step_id, {"index": index, **call})


def arguments_of(item: Json) -> str:
    """The arguments text of a function call item; some servers send an object."""
    arguments: Any = item["arguments"]
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
