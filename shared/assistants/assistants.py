"""Assistants: one row each in the owner's partition."""

from __future__ import annotations

from typing import Any

from shared import idempotency, ids, layout
from shared.assistants import mcp_headers, tool_resources
from shared.deps import Caller
from shared.json_types import Json
from shared.objects.assistant import Assistant
from shared.objects.assistant_requests import AssistantSettings, CreateAssistant, ModifyAssistant
from shared.objects.tools.tools import choice_json, tools_json
from shared.optimistic import check_shape, find
from shared.paging import ListQuery, newest_page
from shared.store.base import Delete, Put, Record


async def create(caller: Caller, body: CreateAssistant) -> Json:
    """Store a new assistant. Raises InvalidRequest and TryLater."""
    caller.deps.budgets.check(caller.owner, "", body.metadata or {})
    await mcp_headers.check_key(caller, body)
    resources = await tool_resources.resolve(caller, body.tool_resources)
    assistant = Assistant(id=ids.newest_first(layout.ASSISTANT), created_at=caller.deps.now(), model=body.model)
    data = _with_sandbox(assistant.to_json() | _settings(body) | {"tool_resources": resources})
    headers = await mcp_headers.created(caller, assistant.id, body)
    changes = [Put(assistant.id, data), *headers, *caller.answering(data)]
    await caller.deps.store.commit(layout.assistants(caller.owner), changes)
    return data


async def get(caller: Caller, assistant_id: str) -> Json:
    """An assistant. Raises NotFoundError."""
    row = await _row(caller, assistant_id)
    return await tool_resources.present(caller, row.data)


async def headers(caller: Caller, assistant: Json) -> mcp_headers.Sealed:
    """The sealed headers for the assistant's MCP servers. Raises NotFoundError."""
    if not mcp_headers.mentions(assistant):
        return {}
    row = await _row(caller, assistant["id"])
    return mcp_headers.of_row(await mcp_headers.stored(caller, layout.assistants(caller.owner), row.key, row.data))


async def list_page(caller: Caller, query: ListQuery) -> tuple[list[Json], bool]:
    """The owner's assistants, and whether there are more."""
    page = await newest_page(caller.deps.store, layout.assistants(caller.owner), layout.ASSISTANT, "assistant", query)
    return [await tool_resources.present(caller, each.data) for each in page.records], page.has_more


async def modify(caller: Caller, assistant_id: str, body: ModifyAssistant) -> Json:
    """Change what the body sets. Raises NotFoundError."""
    await _row(caller, assistant_id)
    caller.deps.budgets.check(caller.owner, assistant_id, body.metadata or {})
    resources = await tool_resources.resolve(caller, body.tool_resources)

    partition = layout.assistants(caller.owner)

    async def attempt() -> Json:
        row = await _row(caller, assistant_id)
        changed = row.data | _settings(body)
        if body.model is not None:
            changed["model"] = body.model
        if "tool_resources" in body.model_fields_set:
            before = row.data["tool_resources"]
            changed["tool_resources"] = tool_resources.merge(before, body.tool_resources, resources)
        return await mcp_headers.put(caller, partition, row, _with_sandbox(changed), body)

    return await caller.carry_out(partition, attempt)


async def delete(caller: Caller, assistant_id: str) -> Json:
    """Remove an assistant; its threads and runs stay. Raises NotFoundError."""
    row = await _row(caller, assistant_id)
    partition = layout.assistants(caller.owner)
    answer = await idempotency.forgotten(caller.deps.store, partition, row.key)
    headers = [Delete(layout.headers_key(row.key))] if mcp_headers.mentions(row.data) else []
    await caller.deps.store.commit(partition, [Delete(row.key), *headers, *answer])
    return {"id": assistant_id, "object": "assistant.deleted", "deleted": True}


def check_id(assistant_id: str) -> None:
    """Refuse what cannot be an assistant's id. Raises InvalidRequest."""
    check_shape(assistant_id, "assistant", "asst", "assistant_id")


async def _row(caller: Caller, assistant_id: str) -> Record:
    check_id(assistant_id)
    return await find(caller.deps.store, layout.assistants(caller.owner), assistant_id, "assistant")


def _settings(body: AssistantSettings) -> Json:
    """The fields the body sets, in answer form; null is the default."""
    settings: Json = {}
    for name in AssistantSettings.model_fields.keys() & body.model_fields_set:
        value: Any = getattr(body, name)
        if name == "tools":
            settings[name] = tools_json(value)
        elif name == "response_format":
            settings[name] = choice_json(value)
        elif value is None:
            settings[name] = getattr(Assistant(id="", created_at=0, model=""), name)
        else:
            settings[name] = value
    return settings


def _with_sandbox(data: Json) -> Json:
    """The code interpreter always has a list of files, be it empty."""
    if any(tool["type"] == "code_interpreter" for tool in data["tools"]):
        data["tool_resources"] = {"code_interpreter": {"file_ids": []}} | data["tool_resources"]
    return data
