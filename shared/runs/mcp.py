"""Tools of MCP servers: listed once per run, offered to the model, approved where that is wanted, and called.

The list is committed with the run, so that the model is offered the same tools in every turn, whatever the server says
meanwhile. A server that cannot be used ends no run: the model is told why.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from shared import ids
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.objects.schema_rules import malformed, not_an_object
from shared.runs.mcp_servers import KIND, server_of, servers_of
from shared.runs.offered_names import LONGEST_NAME, offered_name
from shared.runs.recorder import Recorder
from shared.runs.tool_call_views import CallView
from shared.runs.tool_calls import UNKNOWN, Denied, Handler, ToolResult, function_definition, refused, told, verdict_on
from shared.tools.base import ToolFailure, arguments_object

logger = logging.getLogger(__name__)

#: Tools that one run may be offered by all its servers, and characters of their descriptions and schemas.
MOST_TOOLS: Final = 128
MOST_CHARACTERS: Final = 200_000
#: Servers that one run asks for their tools at a time.
SERVERS_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class McpView:
    """A call of a server's tool: `{"id", "type": "mcp", "name", "arguments", "server_label", "output"}`."""

    call_id: str
    name: str
    label: str

    def opening(self) -> Json:
        return self.call("")

    def feed(self, arguments: str) -> Json | None:
        return {"type": KIND, "arguments": arguments}

    def call(self, arguments: str) -> Json:
        return self.asked(arguments) | {"output": None}

    def asked(self, arguments: str) -> Json:
        call = {"id": self.call_id, "type": KIND, "name": self.name, "arguments": arguments}
        return call | {"server_label": self.label}


@dataclass(frozen=True, slots=True)
class McpFunction:
    """A tool of a server, as the model is offered it."""

    deps: Deps
    record: RunRecord
    #: The server, as the run has it, and what is kept of it.
    server: Json
    known: Json
    #: As the server lists it.
    tool: Json
    definition: Json
    needs_approval: bool

    @property
    def attempts(self) -> int | None:
        return None if self._is("readOnlyHint") or self._is("idempotentHint") else 1

    @property
    def side_effects(self) -> bool:
        return not self.needs_approval and not self._is("readOnlyHint")

    def _is(self, hint: str) -> bool:
        return (self.tool.get("annotations") or {}).get(hint) is True

    def view(self, call_id: str) -> CallView:
        return McpView(call_id, self.tool["name"], self.server["server_label"])

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        return await told(self, call_id, arguments, self._call(call_id, arguments))

    async def _call(self, call_id: str, arguments: str) -> str:
        asked, by_sse = arguments_object(arguments), self.known["by_sse"]
        server = await server_of(self.deps, self.record, self.server, by_sse=by_sse, call_id=call_id)
        return await server.call(self.tool["name"], asked)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        return refused(self.view(call_id), arguments, UNKNOWN)


@dataclass(frozen=True, slots=True)
class UnusableServer:
    """Stands where a server's tools would be, so that the model knows why there are none."""

    label: str
    reason: str
    definition: Json
    attempts: int | None = None
    side_effects: bool = False
    needs_approval: bool = False

    def view(self, call_id: str) -> CallView:
        return McpView(call_id, self.definition["name"], self.label)

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        return refused(self.view(call_id), arguments, self.reason)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        raise AssertionError("a call that does nothing may be begun without end")


async def prepare(recorder: Recorder) -> None:
    """Ask the run's servers for their tools, and commit the lists, each with an activity that shows it.

    Raises Superseded.
    """
    record = recorder.record
    tools = [tool for tool in servers_of(record) if tool["server_label"] not in record.mcp_servers]
    if not tools or verdict_on(recorder.deps, record, KIND) == "deny":
        return
    places = asyncio.Semaphore(SERVERS_AT_ONCE)
    known = await asyncio.gather(*(_listed(recorder.deps, record, tool, places) for tool in tools))
    record.mcp_servers |= {tool["server_label"]: each for tool, each in zip(tools, known, strict=True)}
    _limit(record.mcp_servers)
    shown = [_activity(label, each["tools"]) for label, each in record.mcp_servers.items() if "tools" in each]
    if shown and recorder.state.step is None:
        recorder.state.open_step("activities", shown)
        recorder.state.close_step(None)
    await recorder.commit()


def handlers(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """The tools of the run's servers, as far as the run allows them; what may not be called is not offered."""
    verdict = verdict_on(deps, record, KIND)
    found: list[Handler] = []
    for tool in servers_of(record):
        label = tool["server_label"]
        known = record.mcp_servers.get(label, {"error": "this box does not let its runs call MCP servers"})
        if "error" in known:
            found.append(_unusable(label, known["error"], taken))
            continue
        for each in known["tools"]:
            if is_allowed(tool, each["name"]):
                definition = _definition(label, each, taken)
                approval = verdict == "ask" or needs_approval(record, tool, each["name"])
                function = McpFunction(deps, record, tool, known, each, definition, approval)
                found.append(Denied(function, KIND) if verdict == "deny" else function)
    return found


def is_allowed(tool: Json, name: str) -> bool:
    """Whether the assistant lets the model see the tool of that name; without a word all of them."""
    allowed = tool.get("allowed_tools")
    names = allowed.get("tool_names") if isinstance(allowed, dict) else allowed
    return not names or name in names


def needs_approval(record: RunRecord, tool: Json, name: str) -> bool:
    """Whether a call waits to be approved: what the run's resources say, else the tool; without a word always."""
    resources = record.resources.get(KIND) or []
    said: Any = tool.get("require_approval")
    for each in resources:
        if each.get("server_label") == tool["server_label"] and each.get("require_approval") is not None:
            said = each["require_approval"]
    if isinstance(said, dict):
        never: list[str] = (said.get("never") or {}).get("tool_names") or []
        always: list[str] = (said.get("always") or {}).get("tool_names") or []
        return name in always or name not in never
    return bool(said != "never")


async def _listed(deps: Deps, record: RunRecord, tool: Json, places: asyncio.Semaphore) -> Json:
    """What is kept of a server: `url`, `by_sse` and `tools`, or an `error`. Asked when there is a place."""
    try:
        async with places:
            server = await (await server_of(deps, record, tool)).known()
            tools = await server.list_tools()
    except ToolFailure as failure:
        logger.warning("server not usable", extra={"action": "mcp_unusable", "server": tool["server_label"]})
        return {"error": str(failure)}
    allowed = [each for each in tools if is_allowed(tool, each["name"])]
    return {"url": tool["server_url"], "by_sse": server.by_sse, "tools": [*_sound(allowed)]}


def _sound(tools: Iterable[Json]) -> Iterable[Json]:
    """Tools as they are kept: those with a name of their own and a schema that a model can be shown."""
    names: set[str] = set()
    for tool in tools:
        schema = tool.get("inputSchema") or {"type": "object", "properties": {}}
        kept = {
            "name": tool["name"],
            "description": tool.get("description") or "",
            "inputSchema": schema,
            "annotations": tool.get("annotations") or {},
        }
        if not tool["name"] or tool["name"] in names or not_an_object(schema) or malformed(schema):
            _leave_out(tool["name"])
        else:
            names.add(tool["name"])
            yield kept


def _limit(servers: Json) -> None:
    """Leave out what is more than a run may be offered, of the last servers first."""
    number, characters = MOST_TOOLS, MOST_CHARACTERS
    for each in servers.values():
        fitting = []
        for tool in each.get("tools", ()):
            number, characters = number - 1, characters - len(json.dumps(tool))
            if number >= 0 and characters >= 0:
                fitting.append(tool)
            else:
                _leave_out(tool["name"])
        if "tools" in each:
            each["tools"] = fitting


def _leave_out(name: str) -> None:
    logger.warning("tool left out", extra={"action": "mcp_tool_left_out", "tool": name[:LONGEST_NAME]})


def _activity(label: str, tools: list[Json]) -> Json:
    shown = {each["name"]: _shown(each) for each in tools}
    return {"type": "mcp_list_tools", "id": f"mcpl_{ids.random_text(24)}", "server_label": label, "tools": shown}


def _shown(tool: Json) -> Json:
    schema = {"type": "object", "properties": {}, "required": []} | tool["inputSchema"]
    return {"description": tool["description"], "parameters": schema}


def _definition(label: str, tool: Json, taken: set[str]) -> Json:
    parameters = {"type": "object", "properties": {}} | tool["inputSchema"]
    return function_definition(offered_name(label, tool["name"], taken), tool["description"], parameters)


def _unusable(label: str, reason: str, taken: set[str]) -> UnusableServer:
    words = f"The tools of the server '{label}' cannot be used now: {reason}. Tell the user if it matters."
    parameters: Json = {"type": "object", "properties": {}}
    name = offered_name(label, f"{label}_tools", taken)
    return UnusableServer(label, reason, function_definition(name, words, parameters))
