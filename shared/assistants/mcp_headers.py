"""Headers for MCP servers that requests bring: sealed, and kept in a row beside their object, which shows names alone.

The row is written in the same commit as its object. Sealed headers are bound to owner and label, so that a run can
take those of its assistant along; `{"tools": {"LABEL": "..."}, "servers": {"LABEL": "..."}}` are those of `tools` and
those of `tool_resources.mcp`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shared import layout
from shared.deps import Caller
from shared.errors import InvalidRequest, TryLater
from shared.json_types import Json
from shared.objects.common import RequestBody
from shared.objects.tools.foundry import McpTool
from shared.objects.tools.foundry_resources import McpServer
from shared.objects.tools.headers import NO_HEADERS
from shared.objects.tools.resources import FoundryResources
from shared.objects.tools.tools import AnyTool
from shared.sealing.base import KeyUnavailable, NotOpened
from shared.store.base import Change, Delete, Put, Record

logger = logging.getLogger(__name__)

AWAY: Final = "The key that encrypts headers for MCP servers cannot be had at the moment. Please try again later."
#: Headers of `tools`, and of `tool_resources.mcp`.
TOOLS: Final = "tools"
SERVERS: Final = "servers"

Sealed = dict[str, dict[str, str]]
Secrets = Mapping[str, str | None]


async def settled(
    caller: Caller,
    known: Sealed,
    tools: Sequence[AnyTool] | None,
    servers: Sequence[McpServer] | None,
    param: str = "",
) -> Sealed:
    """The headers after a request that says these tools and servers; of what it does not say (None) those known.

    `param` says where the request is inside a larger one. Raises InvalidRequest where there is no key to seal them
    with, and TryLater.
    """
    sealed, path = dict(known), f"{param}." if param else ""
    if tools is not None:
        sealed[TOOLS] = await _sealed(caller, of_tools(tools, f"{path}tools"), known.get(TOOLS, {}))
    if servers is not None:
        given = of_servers(servers, f"{path}tool_resources.mcp")
        sealed[SERVERS] = await _sealed(caller, given, known.get(SERVERS, {}))
    return {kind: by_label for kind, by_label in sealed.items() if by_label}


def tools_said(body: Any) -> Sequence[AnyTool] | None:
    """The tools that a request for an object sets; None: it leaves them alone."""
    return body.tools or [] if "tools" in body.model_fields_set else None


def servers_said(body: Any) -> Sequence[McpServer] | None:
    """The servers of its tool resources, likewise."""
    if "tool_resources" not in body.model_fields_set:
        return None
    resources: FoundryResources | None = body.tool_resources
    if resources is None:
        return []
    return resources.mcp or [] if "mcp" in resources.model_fields_set else None


def of_tools(tools: Sequence[AnyTool], path: str) -> Iterable[tuple[str, str, Secrets]]:
    """Where headers of servers are, the servers' labels, and the headers."""
    for index, tool in enumerate(tools):
        if isinstance(tool, McpTool):
            name = "headers" if tool.headers else "authorization"
            yield f"{path}[{index}].{name}", tool.server_label, tool.secrets()


def of_servers(servers: Sequence[McpServer], path: str) -> Iterable[tuple[str, str, Secrets]]:
    """The same of tool resources."""
    for index, server in enumerate(servers):
        yield f"{path}[{index}].headers", server.server_label, server.secrets()


async def _sealed(
    caller: Caller, given: Iterable[tuple[str, str, Secrets]], known: Mapping[str, str]
) -> dict[str, str]:
    """What is given, sealed; values that are left out are those known under the label."""
    sealed = {}
    for path, label, headers in given:
        if any(value is not None for value in headers.values()) and caller.deps.sealing is None:
            raise InvalidRequest(NO_HEADERS.replace("{path}", path), param=path, code="unsupported_value")
        try:
            values = await _filled(caller, label, headers, known.get(label))
        except KeyUnavailable as error:
            raise _away(error) from error
        if values:
            sealed[label] = await sealed_now(caller, label, values)
    return sealed


async def check_key(caller: Caller, *bodies: Any) -> None:
    """Refuse requests with headers that cannot be sealed now, before anything of them is carried out. Raises TryLater.

    A key that answers is kept for a while, so that what follows does not fail in the middle.
    """
    given = [
        each
        for body in bodies
        for each in (*of_tools(tools_said(body) or (), ""), *of_servers(servers_said(body) or (), ""))
    ]
    if caller.deps.sealing is not None and any(value is not None for _, _, has in given for value in has.values()):
        await sealed_now(caller, "", {})


def _away(error: KeyUnavailable) -> TryLater:
    """The 503; why it is so is the operator's business."""
    logger.error("key unavailable", extra={"action": "key_unavailable", "reason": error.reason})
    return TryLater(AWAY, code="key_unavailable")


async def _filled(caller: Caller, label: str, headers: Secrets, known: str | None) -> dict[str, str]:
    values = {name: value for name, value in headers.items() if value is not None}
    if known is None or len(values) == len(headers):
        return values
    try:
        earlier = await opened(caller, label, known)
    except NotOpened:  # they must be given anew, which a run says
        return values
    by_name = {name.lower(): value for name, value in earlier.items()}
    return values | {name: by_name[name.lower()] for name in headers.keys() - values if name.lower() in by_name}


async def sealed_now(caller: Caller, label: str, headers: Mapping[str, str]) -> str:
    """Headers for the server with that label, sealed. Raises TryLater."""
    assert caller.deps.sealing is not None
    try:
        return await caller.deps.sealing.seal(json.dumps(dict(headers)), place(caller.owner, label))
    except KeyUnavailable as error:
        raise _away(error) from error


async def opened(caller: Caller, label: str, sealed: str) -> dict[str, str]:
    """The inverse. Raises KeyUnavailable and NotOpened."""
    if caller.deps.sealing is None:
        raise NotOpened("this box has no key any more")
    headers: dict[str, str] = json.loads(await caller.deps.sealing.open(sealed, place(caller.owner, label)))
    return headers


def place(owner: str, label: str) -> str:
    """What sealed headers are for."""
    return f"{owner}\n{label}"


def mentions(data: Json) -> bool:
    """Whether the object shows headers, so that there may be a row with them."""
    tools, servers = data.get("tools") or (), (data.get("tool_resources") or {}).get("mcp") or ()
    return any(names(each) or "authorization" in each for each in (*tools, *servers))


def names(entry: Json) -> list[str]:
    """The names of the headers that a tool, or a server of tool resources, shows."""
    headers = entry.get("headers") or {}
    return [*headers] if entry.get("type", "mcp") == "mcp" and isinstance(headers, dict) else []


async def stored(caller: Caller, partition: str, key: str, data: Json) -> Record | None:
    """The row with an object's headers; not even looked for where the object shows none."""
    return await caller.deps.store.get(partition, layout.headers_key(key)) if mentions(data) else None


def of_row(row: Record | None) -> Sealed:
    """What a row has."""
    return {} if row is None else row.data["sealed"]


async def created(caller: Caller, key: str, body: RequestBody, param: str = "") -> list[Put]:
    """The row, if there is to be one, of a new object with that key. Raises InvalidRequest and TryLater."""
    sealed = await settled(caller, {}, tools_said(body), servers_said(body), param)
    return [Put(layout.headers_key(key), {"sealed": sealed})] if sealed else []


async def put(caller: Caller, partition: str, row: Record, data: Json, body: RequestBody) -> Json:
    """Write an object that a request has changed into `data`, with what that does to its headers; the data.

    Raises InvalidRequest, TryLater and Conflict.
    """
    changes = [Put(row.key, data, row.version), *await changed(caller, partition, row, body), *caller.answering(data)]
    await caller.deps.store.commit(partition, changes)
    return data


async def changed(caller: Caller, partition: str, row: Record, body: RequestBody) -> list[Change]:
    """What a request that changes the object does to its row. Raises InvalidRequest and TryLater."""
    before = await stored(caller, partition, row.key, row.data)
    sealed = await settled(caller, of_row(before), tools_said(body), servers_said(body))
    if sealed == of_row(before):
        return []
    key, version = layout.headers_key(row.key), None if before is None else before.version
    return [Put(key, {"sealed": sealed}, version) if sealed else Delete(key, version)]
