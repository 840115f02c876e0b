"""What a run is checked for before it begins: tools, stores, and when it has waited in line, once more."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from shared.assistants import assistants
from shared.deps import Caller, Deps
from shared.errors import ApiError, InvalidRequest, NotFoundError
from shared.json_types import Json
from shared.objects.common import Metadata
from shared.objects.run import RunRecord
from shared.objects.run_requests import RunSettings
from shared.objects.tools.tools import FunctionChoice, tools_json
from shared.runs import file_search, kinds
from shared.tools import policy
from shared.vector_stores import stores

EXPIRED: Final = "Vector store {} is expired."
#: The metadata key that opts into the box's own tools, in the words of `tools/policy.py`, separated by spaces.
SERVER_TOOLS: Final = "server_tools"


async def check_stores(caller: Caller, record: RunRecord) -> None:
    """Refuse a run that would search a store that has expired, or an assistant's that is gone.

    Raises InvalidRequest and NotFoundError.
    """
    if any(tool["type"] == "file_search" for tool in record.run.tools):
        of_assistant = record.resources.get("file_search", {}).get("vector_store_ids", [])
        await stores.check(caller, of_assistant, EXPIRED)
        for store_id in await file_search.thread_stores(caller.deps, record):
            with suppress(NotFoundError):
                await stores.check(caller, [store_id], EXPIRED)


def check_tools(body: RunSettings, assistant: Json) -> None:
    """Refuse a run with tools of which the box knows nothing, or not enough: objects from elsewhere may have them.

    Raises InvalidRequest.
    """
    tools = assistant["tools"] if body.tools is None else ()
    unknown = [*dict.fromkeys(str(tool.get("type")) for tool in tools if tool.get("type") not in kinds.KINDS)]
    if unknown:
        words = f"This box has no tools of type {', '.join(unknown)}. Give the assistant, or the run, other tools."
        raise InvalidRequest(words, param="tools", code="unsupported_tool")
    kinds.check(tools)


def check_tool_choice(deps: Deps, body: RunSettings, assistant: Json) -> None:
    """Refuse the choice of a tool that the run will not have. Raises InvalidRequest."""
    choice = body.tool_choice
    if choice is None or isinstance(choice, str):
        return
    tools = assistant["tools"] if body.tools is None else tools_json(body.tools)
    offered = {tool["function"]["name"] if tool["type"] == "function" else tool["type"] for tool in tools}
    words = opted(body, assistant["metadata"])
    offered |= {name for name in deps.toolbox if policy.names(words, name)}
    name = choice.function.name if isinstance(choice, FunctionChoice) else choice.type
    if name not in offered:
        raise InvalidRequest(f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice")


def opted(body: RunSettings, of_assistant: Metadata) -> list[str]:
    """The words about the box's own tools that the run may use."""
    return (body.metadata or {}).get(SERVER_TOOLS, of_assistant.get(SERVER_TOOLS, "")).split()


async def refusal_at_turn(deps: Deps, record: RunRecord) -> str | None:
    """Why a run that waited in line cannot begin now, though it could when it joined; None: it can, or has begun."""
    if record.place is None or record.turns > 0 or record.response_id is not None:
        return None
    caller = Caller(deps, record.owner)
    try:
        await assistants.get(caller, record.run.assistant_id)
        await check_stores(caller, record)
    except ApiError as error:
        return error.message
    return None
