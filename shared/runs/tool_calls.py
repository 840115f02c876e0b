"""Which tool calls the box carries out itself, and how.

A handler carries out one function. A function without one is the client's: the run stops in `requires_action` for it,
whatever its name.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.runs.tool_call_views import CallView, DetailsView
from shared.tools import policy
from shared.tools.base import Tool, ToolContext, ToolFailure, Unanswered
from shared.tools.policy import Verdict

#: What the model is told of a call with side effects whose driver died: it must not be repeated, so nobody knows.
UNKNOWN: Final = (
    "the server was interrupted during this call. It is unknown whether it took effect: "
    "do not repeat it, tell the user."
)
#: How often a call without side effects, whose work may be what ends the box, is begun.
ATTEMPTS: Final = 2
#: What the model is told of such a call.
STOPPED: Final = "the box stopped during this call, and again when it was repeated: it will not be begun again."
#: What the model is told of a call that somebody was asked to approve and did not.
DENIED: Final = "the user did not approve this call. It was not carried out: do not try it again."


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call."""

    #: What the model is told.
    output: str
    #: The call as the finished step shows it.
    call: Json
    #: Files drawn by the call, to be shown by the next message.
    images: list[str] = field(default_factory=list)
    #: Files written by the call: name in the sandbox -> file id.
    files: dict[str, str] = field(default_factory=dict)
    #: What the answer may cite: marker -> file id, or the address of a page.
    sources: dict[str, str] = field(default_factory=dict)
    #: How long code ran for it.
    milliseconds: int = 0
    #: Deltas that show the outcome in a stream, without their `index`.
    deltas: list[Json] = field(default_factory=list)
    #: Whether the call did not do what it should: so it is, too, where the output begins with `Error: `.
    failed: bool = False
    #: To be done once the result is stored: removes what another driver would need until then. Raises nothing.
    settle: Callable[[], Awaitable[None]] | None = None

    @property
    def has_failed(self) -> bool:
        """Whether the call failed: that is what every failure's output begins with."""
        return self.failed or self.output.startswith("Error: ")


class Handler(Protocol):
    """A function the box carries out."""

    @property
    def definition(self) -> Json:
        """The function as the model is offered it."""
        ...

    @property
    def attempts(self) -> int | None:
        """How often a call may be begun when each time its driver dies; None: without end."""
        ...

    @property
    def side_effects(self) -> bool:
        """Whether a call changes something outside of the box and nobody is asked: such calls are counted."""
        ...

    @property
    def needs_approval(self) -> bool:
        """Whether somebody must approve each call before it is begun."""
        ...

    def view(self, call_id: str) -> CallView:
        """How clients see a call."""
        ...

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        """Carry out a call. Failures are results; raises nothing but cancellation."""
        ...

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        """The result of a call that was begun as often as it may be, and whose drivers all died or had to stop.

        Where others carry it out meanwhile, it is waited for.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServerFunction:
    """A tool of the box that the assistant or run opted into by `metadata["server_tools"]`."""

    tool: Tool
    record: RunRecord
    definition: Json
    #: Whether operator and assistant let this owner's runs use it.
    verdict: Verdict

    @property
    def attempts(self) -> int | None:
        return None if self.tool.idempotent else 1

    @property
    def side_effects(self) -> bool:
        return self.verdict == "auto" and not self.tool.idempotent

    @property
    def needs_approval(self) -> bool:
        return self.verdict == "ask"

    def view(self, call_id: str) -> CallView:
        return DetailsView(call_id, "function", self.tool.name)

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        run = self.record.run
        if self.verdict == "deny":
            return refused(
                self.view(call_id), arguments, f"{self.tool.name} is not allowed here (SERVER_TOOLS_ALLOWED)"
            )
        output = await self.tool.run(arguments, ToolContext(call_id, self.record.owner, run.thread_id, run.id))
        return text_result(self.view(call_id), arguments, output)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        return refused(self.view(call_id), arguments, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Denied:
    """A function that the operator keeps from the run: not offered, and refused if it was called all the same.

    It may have been called before the operator said so, and have waited to be approved.
    """

    handler: Handler
    #: As `SERVER_TOOLS_ALLOWED` has it.
    tool: str
    attempts: int | None = None
    side_effects: bool = False
    needs_approval: bool = False

    @property
    def definition(self) -> Json:
        return self.handler.definition

    def view(self, call_id: str) -> CallView:
        return self.handler.view(call_id)

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        return refused(self.view(call_id), arguments, f"{self.tool} is not allowed here (SERVER_TOOLS_ALLOWED)")

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        raise AssertionError("a call that does nothing may be begun without end")


def verdict_on(deps: Deps, record: RunRecord, kind: str) -> Verdict:
    """What operator and assistant say of a kind of tool that the run has; who says nothing lets it be called."""
    chosen = record.server_tools if policy.names(record.server_tools, kind) else (policy.ANY,)
    return policy.verdict(deps.settings.server_tools_allowed, record.owner, kind, chosen)


def permitted(handlers: Sequence[Handler], verdict: Verdict, kind: str) -> list[Handler]:
    """The functions of a kind of tool, as the operator lets them be called."""
    return [Denied(each, kind) for each in handlers] if verdict == "deny" else [*handlers]


def definition(tool: Json) -> Json:
    """An assistant's function tool as the Responses API takes it: strict servers want the members of an object said."""
    function = tool["function"]
    strict = bool(function.get("strict"))
    unsaid: Json = {"additionalProperties": False} if strict else {}
    parameters = {"type": "object", "properties": {}} | (function.get("parameters") or {})
    return {
        "type": "function",
        "name": function["name"],
        "description": function.get("description"),
        "parameters": parameters if parameters["properties"] else unsaid | parameters,
        "strict": strict,
    }


def built_in_function(name: str, description: str, parameter: str, schema: Json) -> Json:
    """A built-in tool as a function with one required parameter."""
    parameters = {"type": "object", "properties": {parameter: schema}, "required": [parameter]}
    return function_definition(name, description, parameters)


def function_definition(name: str, description: str, parameters: Json) -> Json:
    """A function as the Responses API takes it."""
    return {"type": "function", "name": name, "description": description, "parameters": parameters, "strict": False}


def refused(view: CallView, arguments: str, reason: str) -> ToolResult:
    """The result of a call that is not carried out; the reason tells the model why."""
    return text_result(view, arguments, f"Error: {reason}")


def text_result(
    view: CallView, arguments: str, output: str, settle: Callable[[], Awaitable[None]] | None = None
) -> ToolResult:
    """The result of which there is nothing to show but a text."""
    call = view.call(arguments)
    set_output(call, output)
    return ToolResult(output, call, settle=settle)


async def told(handler: Handler, call_id: str, arguments: str, answer: Awaitable[str]) -> ToolResult:
    """What somebody else answers a call, or why it does not (ToolFailure, Unanswered)."""
    try:
        output = await answer
    except Unanswered as failure:
        doubt = "" if handler.attempts is None else " It is unknown whether it took effect: do not repeat it."
        output = f"Error: {failure}.{doubt}"
    except ToolFailure as failure:
        output = f"Error: {failure}"
    return text_result(handler.view(call_id), arguments, output)


def set_output(call: Json, output: str) -> None:
    """Write a text into a call as steps show it, where its kind has a place for one."""
    details = call if "output" in call else call.get(call["type"], {})
    if "output" in details:
        details["output"] = output


def set_outputs(calls: list[Json], outputs: dict[str, str]) -> None:
    """Write texts, by call id, into those of the calls that have one."""
    for call in calls:
        if call["id"] in outputs:
            set_output(call, outputs[call["id"]])


def function_call(item: Json) -> Json:
    """A function call item of the model as clients are asked to carry it out."""
    function = {"name": item["name"], "arguments": arguments_of(item)}
    return {"id": item["call_id"], "type": "function", "function": function}


def arguments_of(item: Json) -> str:
    """The arguments text of a function call item; some servers send an object."""
    arguments: Any = item["arguments"]
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
