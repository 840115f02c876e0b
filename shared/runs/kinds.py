"""How each kind of tool is carried out: one line of a table for each kind that an assistant can have.

A line is one of three values:

- `Ours(handlers, prepare)`: the box carries out its calls. `handlers(deps, record, taken)` gives, for all tools of the
  kind that the run has, the functions that the model is offered, each a `Handler` (`tool_calls.py`): its definition,
  how a call is shown in a run step, how often it may be begun, whether it has side effects or needs an approval, and
  `execute`. A kind that this host cannot carry out gives none. `taken` are the names that other tools have
  (`offered_names.py`). `prepare(recorder)`, if there is one, is awaited before: what it learns elsewhere it writes into
  the record, so that the run's next driver need not ask again.
- `Models(declare)`: the model's provider carries it out, inside a turn. `declare(tool)` gives the tool as the Responses
  API takes it; what the provider did comes back as items of the turn (`turn.py`, `web_search.py`).
- `Refused(words)`: a run with such a tool fails at once, before the model is asked, and `last_error` has the words.

A new kind is a file beside this one, with its handlers, and its line here. The shape of its definition is in
`shared/objects/tools` (`foundry.py`, `provider.py`): handlers find in `record.run.tools` what was checked against
it when the run was created, and in `record.resources` what the assistant or the run says of `tool_resources`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.common import RequestBody
from shared.objects.parse import parse
from shared.objects.run import RunRecord
from shared.objects.tools.tools import Tool
from shared.runs import (
    azure_ai_search,
    azure_function,
    code_interpreter,
    connected_agent,
    file_search,
    mcp,
    openapi,
    web_search,
)
from shared.runs.offered_names import names_taken
from shared.runs.recorder import Recorder
from shared.runs.tool_calls import Handler


@dataclass(frozen=True, slots=True)
class Ours:
    """The box carries it out."""

    handlers: Callable[[Deps, RunRecord, set[str]], list[Handler]]
    prepare: Callable[[Recorder], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """The model's provider carries it out, if it has such a tool; one that has none refuses the turn."""

    declare: Callable[[Json], Json]


@dataclass(frozen=True, slots=True)
class Refused:
    """A run that has it fails at once. The words say where the tool can still be had; they follow its name."""

    words: str


def _by_name(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """Functions are the client's, or the toolbox's: `toolset.py` tells by their names."""
    return []


def _in_foundry(tool: str) -> Refused:
    return Refused(f"is not carried out by this box. Foundry's new agents, by its Responses API, have it as '{tool}'.")


#: A kind without a line.
UNKNOWN: Final = Refused("is not known to this box.")

KINDS: Final[Mapping[str, Ours | Models | Refused]] = {
    "function": Ours(_by_name),
    "code_interpreter": Ours(code_interpreter.handlers),
    "file_search": Ours(file_search.handlers),
    "azure_ai_search": Ours(azure_ai_search.handlers),
    "azure_function": Ours(azure_function.handlers),
    "connected_agent": Ours(connected_agent.handlers),
    "mcp": Ours(mcp.handlers, mcp.prepare),
    "openapi": Ours(openapi.handlers),
    "bing_custom_search": Models(web_search.declare),
    "bing_grounding": Models(web_search.declare),
    "web_search": Models(web_search.declare),
    "web_search_preview": Models(web_search.declare),
    "browser_automation": _in_foundry("browser_automation_preview"),
    "computer_use_preview": _in_foundry("computer_use_preview"),
    "deep_research": Refused(
        "is not carried out by this box. The Responses API has models for it, such as o3-deep-research with web search."
    ),
    "fabric_dataagent": _in_foundry("fabric_dataagent_preview"),
    "image_generation": Refused(
        "is not carried out by this box. The Responses API has it, and so has POST /v1/images/generations."
    ),
    "sharepoint_grounding": _in_foundry("sharepoint_grounding_preview"),
}

#: The kinds that the Assistants API had.
OF_ASSISTANTS: Final = frozenset({"function", "code_interpreter", "file_search"})
#: Stands where a tool is not looked at.
PLACE: Final = {"type": "code_interpreter"}
#: Data in Azure that a tool of the box cannot read -> where `tool_resources` have it.
IN_AZURE: Final = {"code_interpreter": "data_sources", "file_search": "vector_stores"}


class _Tools(RequestBody):
    """Tools as a request has them."""

    tools: list[Tool]


def check(tools: Sequence[Json]) -> None:
    """Refuse definitions without the shape on which handlers rely: objects from elsewhere may have any.

    Those of the Assistants API's own tools are read as they are. Raises InvalidRequest.
    """
    if any(tool["type"] not in OF_ASSISTANTS for tool in tools):
        # Places are kept, so that a message can name one.
        parse(_Tools, {"tools": [PLACE if tool["type"] in OF_ASSISTANTS else tool for tool in tools]})


def of_run(record: RunRecord) -> list[str]:
    """The kinds of tools that the run has, each once."""
    return [*dict.fromkeys([tool["type"] for tool in record.run.tools])]


def line_of(kind: str) -> Ours | Models | Refused:
    """The line of a kind; objects from elsewhere, or of a later version, may have any."""
    return KINDS.get(kind, UNKNOWN)


def handlers(deps: Deps, record: RunRecord) -> list[Handler]:
    """What the box can carry out of the run's tools."""
    taken = names_taken(deps, record)
    lines = (line_of(kind) for kind in of_run(record))
    return [each for line in lines if isinstance(line, Ours) for each in line.handlers(deps, record, taken)]


async def prepare(recorder: Recorder) -> None:
    """Find out what the run's tools are, where others know. Raises Superseded."""
    for kind in of_run(recorder.record):
        line = line_of(kind)
        if isinstance(line, Ours) and line.prepare is not None:
            await line.prepare(recorder)


def provided(record: RunRecord) -> dict[str, Json]:
    """What the model's provider carries out of the run's tools, as it is told of each kind; the same tool only once."""
    declared: dict[str, Json] = {}
    for tool in record.run.tools:
        line = line_of(tool["type"])
        if isinstance(line, Models):
            told = line.declare(tool)
            if all(each["type"] != told["type"] for each in declared.values()):
                declared[tool["type"]] = told
    return declared


def refusal(record: RunRecord) -> str | None:
    """Why the run must fail at once, if it must: every tool that nobody would carry out, with its words."""
    lines = {kind: line_of(kind) for kind in of_run(record)}
    words = [f"The tool '{kind}' {line.words}" for kind, line in lines.items() if isinstance(line, Refused)]
    for kind, name in IN_AZURE.items():
        if kind in lines and record.resources.get(kind, {}).get(name):
            words.append(f"'tool_resources.{kind}.{name}' names data in Azure, which this box cannot read.")
    return " ".join(words) or None
