"""What a run's MCP servers are sent: headers of the settings, of the tool, of `tool_resources` and of an approval.

What stands later in that list counts more. Headers of requests are sealed in the run's row and opened for each list
and call; the commit that ends the run removes them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from shared import layout
from shared.assistants import mcp_headers
from shared.assistants.mcp_headers import SERVERS, TOOLS, Sealed
from shared.backoff import Backoff
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.objects.run_requests import CreateRun, CreateThreadAndRun, ToolApproval
from shared.objects.tools.headers import NO_HEADERS, values_of
from shared.runs.rows import CALLS
from shared.sealing.base import KeyUnavailable, NotOpened
from shared.store.base import Put
from shared.threads import threads
from shared.tools.base import ToolFailure
from shared.tools.domains import domains_of
from shared.tools.mcp_server import RemoteTools

logger = logging.getLogger(__name__)

KIND: Final = "mcp"
#: Between attempts to have headers opened whose key is away; some half a minute in all.
KEY_WAITS: Final = Backoff(first=0.5, longest=8.0, attempts=8, spread=(0.7, 1.3))


def servers_of(record: RunRecord) -> list[Json]:
    """The run's tools that are MCP servers; of two with one label, which objects from elsewhere may have, the first."""
    found = {tool["server_label"]: tool for tool in reversed(record.run.tools) if tool["type"] == KIND}
    return [*reversed(found.values())]


async def settle(
    caller: Caller,
    record: RunRecord,
    body: CreateRun | CreateThreadAndRun,
    assistant: Sealed,
    created: Sequence[Put] | None = None,
) -> None:
    """Give a run that is drafted the headers, and the `tool_resources.mcp`, of the request, its thread or assistant.

    `created` are the rows of a thread that is made with the run. Raises InvalidRequest and TryLater.
    """
    labels = {tool["server_label"] for tool in servers_of(record)}
    if not labels:
        return
    servers = mcp_headers.servers_said(body)
    sealed = await mcp_headers.settled(caller, assistant, body.tools, servers)
    if servers is None:
        of_thread, sealed_of_thread = await _of_thread(caller, record, created)
        if of_thread:
            record.resources[KIND] = of_thread
            sealed |= {SERVERS: sealed_of_thread}
    used = {kind: {label: each[label] for label in each.keys() & labels} for kind, each in sealed.items()}
    record.headers = {kind: each for kind, each in used.items() if each}


async def _of_thread(
    caller: Caller, record: RunRecord, created: Sequence[Put] | None
) -> tuple[list[Json], dict[str, str]]:
    """What the thread's resources say of servers, and its sealed headers for them."""
    partition, key = record.key.partition, layout.THREAD_KEY
    if created is None:
        thread = (await threads.row(caller, record.run.thread_id)).data
        row = await mcp_headers.stored(caller, partition, key, thread)
        sealed = mcp_headers.of_row(row)
    else:
        rows = {each.key: each.data for each in created}
        thread, sealed = rows[key], rows.get(layout.headers_key(key), {"sealed": {}})["sealed"]
    return thread["tool_resources"].get(KIND) or [], sealed.get(SERVERS, {})


async def server_of(
    deps: Deps, record: RunRecord, tool: Json, *, by_sse: bool | None = None, call_id: str | None = None
) -> RemoteTools:
    """The server of a tool with all that it is sent, in a call of that id. Raises ToolFailure."""
    url, label, settings = tool["server_url"], tool["server_label"], deps.settings
    headers: dict[str, str] = {}
    for connection in settings.connections.values():
        headers = _over(headers, connection.secrets() if connection.covers(url) else {})
    places = ((TOOLS, label), (SERVERS, label), (CALLS, call_id))
    caller = Caller(deps, record.owner)
    for kind, name in places:
        sealed = record.headers.get(kind, {}).get(name or "")
        if sealed is not None:
            try:
                headers = _over(headers, await _opened(caller, record, label, sealed))
            except (KeyUnavailable, NotOpened) as error:
                raise ToolFailure(f"the headers for this server cannot be read: {error}") from error
    lost = [name for name in _shown(record, tool) if name.lower() not in headers]
    if lost:
        raise ToolFailure(f"the value of its header '{lost[0]}' is not known here: it must be given anew")
    return RemoteTools(url, headers, by_sse, domains_of(settings.mcp_allowed_hosts))


async def _opened(caller: Caller, record: RunRecord, label: str, sealed: str) -> dict[str, str]:
    """Sealed headers, opened; while the key is away it is waited for, as for a busy model, within the run's time.

    Raises KeyUnavailable and NotOpened.
    """
    for delay in KEY_WAITS.delays():
        try:
            return await mcp_headers.opened(caller, label, sealed)
        except KeyUnavailable as error:
            if caller.deps.clock() + delay >= record.run.deadline:
                raise
            details = {"run_id": record.run.id, "seconds": round(delay, 1), "reason": error.reason}
            logger.warning("key waited for", extra={"action": "key_waited_for", **details})
            await asyncio.sleep(delay)
    return await mcp_headers.opened(caller, label, sealed)


def _over(headers: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Headers with others over them: their names count alike in capital and small letters."""
    return {**headers, **{name.lower(): value for name, value in more.items()}}


def _shown(record: RunRecord, tool: Json) -> list[str]:
    """The names of the headers that the run's objects show for the server."""
    servers = [each for each in record.resources.get(KIND) or () if each.get("server_label") == tool["server_label"]]
    return [name for each in (tool, *servers) for name in mcp_headers.names(each)]


async def of_approvals(deps: Deps, record: RunRecord, given: Sequence[ToolApproval], calls: Sequence[Json]) -> None:
    """Keep the headers that come with approvals, until their calls are made. Raises InvalidRequest, TryLater."""
    labels = {call["id"]: call.get("server_label") for call in calls}
    for index, each in enumerate(given):
        headers = {name: value for name, value in values_of(each.headers).items() if value is not None}
        label, param = labels[each.tool_call_id], f"tool_approvals[{index}].headers"
        if not headers:
            continue
        if label is None:
            words = "This box passes headers on to MCP servers, and to no other tools."
            raise InvalidRequest(words, param=param, code="unsupported_parameter")
        if deps.sealing is None:
            raise InvalidRequest(NO_HEADERS.replace("{path}", param), param=param, code="unsupported_value")
        if each.approve:
            sealed = await mcp_headers.sealed_now(Caller(deps, record.owner), label, headers)
            record.headers.setdefault(CALLS, {})[each.tool_call_id] = sealed
