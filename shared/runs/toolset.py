"""What the model may call in a run: the client's functions, server tools the run opted into, and the built-in tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.runs import kinds, web_search
from shared.runs.tool_call_views import CallView, DetailsView
from shared.runs.tool_calls import Denied, Handler, ServerFunction, definition
from shared.tools import policy


@dataclass(frozen=True, slots=True)
class Toolset:
    """The functions of a run, and who carries them out."""

    #: With the tools that the model's provider carries out itself.
    definitions: list[Json]
    handlers: Mapping[str, Handler]
    #: The kind of tool by which the provider's searches are shown.
    searches: str = web_search.OWN[0]

    def view(self, name: str, call_id: str) -> CallView:
        """How clients see a call of that name."""
        handler = self.handlers.get(name)
        return DetailsView(call_id, "function", name) if handler is None else handler.view(call_id)

    def search(self, item: Json) -> Json:
        """How clients see a search of the provider's."""
        return web_search.shown(self.searches, item)


def toolset(deps: Deps, record: RunRecord) -> Toolset:
    """The toolset of a run. A client's function keeps its name; a built-in tool of that name is not offered then.

    A tool that the run opted into and that is denied is not offered; should the model call it all the same, it is told
    so. If the client declares a function of that name, that is the client's.
    """
    declared = {tool["function"]["name"]: definition(tool) for tool in record.run.tools if tool["type"] == "function"}
    handlers: dict[str, Handler] = {}
    denied: dict[str, Handler] = {}
    for name, tool in deps.toolbox.items() if record.server_tools else ():
        if policy.names(record.server_tools, name):
            verdict = policy.verdict(deps.settings.server_tools_allowed, record.owner, name, record.server_tools)
            function = ServerFunction(tool, record, declared.get(name) or definition(tool.describe()), verdict)
            if verdict != "deny":
                handlers[name] = function
            elif name not in declared:
                denied[name] = function
    for each in kinds.handlers(deps, record):
        if each.definition["name"] not in declared:
            (denied if isinstance(each, Denied) else handlers)[each.definition["name"]] = each
    definitions = declared | {name: handler.definition for name, handler in handlers.items()}
    provided = kinds.provided(record)
    shown_as = next(iter(provided), web_search.OWN[0])
    return Toolset([*definitions.values(), *provided.values()], denied | handlers, shown_as)
