"""A server of tools that speaks the Model Context Protocol, over streamable HTTP or, as older ones do, over SSE.

Whatever it does, it costs no more than a bounded time and a bounded answer, and only servers on the public internet or
named by the operator are visited (`reach.py`). A session lasts for one list or one call: nothing stays open while a
model thinks or a person decides.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shared.json_types import Json
from shared.tools import reach
from shared.tools.base import ToolFailure, Unanswered, cut, discreet
from shared.tools.values import as_json

logger = logging.getLogger(__name__)

#: Seconds for a list and for a call, connecting included.
LIST_SECONDS: Final = 30.0
CALL_SECONDS: Final = 100.0
#: Bytes of an answer, tools of a list and its pages, characters of what went wrong.
MOST_BYTES: Final = 4_000_000
MOST_TOOLS: Final = 1000
MOST_PAGES: Final = 10
LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class RemoteTools:
    """The tools of a server, and how one gets there."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Whether it speaks the older transport, by SSE alone; None: that is found out, at the cost of a request.
    by_sse: bool | None = None
    #: Hosts, or `host:port`, that need not be on the public internet.
    trusted: Collection[str] = frozenset()
    resolve: reach.Resolve = reach.resolve

    async def known(self) -> RemoteTools:
        """The server, and which transport it speaks. Raises ToolFailure."""
        if self.by_sse is not None:
            return self
        async with self._bounded(LIST_SECONDS), self._client(LIST_SECONDS) as http:
            return replace(self, by_sse=await self._is_of_old(http))

    async def list_tools(self) -> list[Json]:
        """Its tools, each with `name`, `description`, `inputSchema` and `annotations`. Raises ToolFailure."""
        tools: list[Json] = []
        async with self._session(LIST_SECONDS) as session:
            from mcp.types import PaginatedRequestParams

            cursor = None
            for _ in range(MOST_PAGES):
                page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
                listed = [each.model_dump_json(by_alias=True, exclude_none=True) for each in page.tools]
                tools += [json.loads(self._discreet(each)) for each in listed]
                cursor = page.next_cursor
                if cursor is None or len(tools) >= MOST_TOOLS:
                    break
        return tools[:MOST_TOOLS]

    async def call(self, name: str, arguments: Json) -> str:
        """What a tool answers, as text. Raises ToolFailure if it failed, Unanswered if nobody knows."""
        async with self._session(CALL_SECONDS) as session:
            from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult

            # The session's own `call_tool` lists the tools again after the answer (findings/), and raises where that
            # fails: as if nobody knew whether the call was made.
            request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
            result = await session.send_request(request, CallToolResult)
        text = cut(self._discreet(_text_of(result)))
        if result.is_error:
            raise ToolFailure(text or "the tool failed and did not say why")
        return text

    @asynccontextmanager
    async def _session(self, seconds: float) -> AsyncIterator[Any]:
        """A session with the server. Raises ToolFailure for whatever goes wrong in it."""
        import mcp
        from mcp.client.sse import sse_client
        from mcp.client.streamable_http import streamable_http_client

        async with self._bounded(seconds) as visit, self._client(seconds) as http:
            if self.by_sse:
                visit.ends_with_a_failed_post(http)
                ours: Any = lambda **_: nullcontext(http)  # noqa: E731
                transport: Any = sse_client(self.url, httpx_client_factory=ours)
            else:
                transport = streamable_http_client(self.url, http_client=http, max_sse_event_size=MOST_BYTES)
            async with mcp.Client(transport, read_timeout_seconds=seconds, cache=None) as client:
                yield client.session

    @asynccontextmanager
    async def _bounded(self, seconds: float) -> AsyncIterator[_Visit]:
        """What is done with the server in so many seconds. Raises Unanswered or ToolFailure for all that goes wrong."""
        import httpx2
        import mcp

        visit = _Visit(asyncio.timeout(seconds))
        try:
            async with visit.limit:
                # Told here in plain words; each request is checked again.
                await reach.hop(httpx2.URL(self.url), self.resolve, self.trusted)
                yield visit
        except TimeoutError as error:
            if visit.failure is not None:
                raise self._failure(visit.failure) from visit.failure
            raise Unanswered(f"the server did not answer within {seconds:g} seconds") from error
        except httpx2.InvalidURL as error:
            raise ToolFailure("this is not a valid URL") from error
        except (ToolFailure, asyncio.CancelledError):
            raise
        except BaseExceptionGroup as group:
            raise self._failure(_first(group)) from group
        except (httpx2.HTTPError, mcp.MCPError, RuntimeError, ValueError, OSError) as error:
            raise self._failure(error) from error

    def _client(self, seconds: float) -> Any:
        import httpx2

        timeout = httpx2.Timeout(seconds, connect=reach.CONNECT_SECONDS)
        return reach.client(self.trusted, MOST_BYTES, self.resolve, headers=dict(self.headers), timeout=timeout)

    def _discreet(self, text: str) -> str:
        return discreet(text, self.headers.values())

    def _failure(self, error: BaseException) -> ToolFailure:
        """What went wrong, for the model; a server's words are cut."""
        if isinstance(error, ToolFailure):
            return error
        if (status := getattr(getattr(error, "response", None), "status_code", None)) is not None:
            return Unanswered(f"the server answered HTTP {status}")
        theirs = f"the server could not be used: {type(error).__name__}: {error}"
        words = reach.told(error, "the server") or self._discreet(theirs).rstrip(".")
        return Unanswered(words[:LONGEST_REASON])

    async def _is_of_old(self, http: Any) -> bool:
        """Whether the URL takes no POST and gives events: the protocol's own way to tell."""
        body = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
        accept = {"Accept": "application/json, text/event-stream"}
        async with http.stream("POST", self.url, json=body, headers=accept) as response:
            if response.status_code not in (404, 405):
                return False
        async with http.stream("GET", self.url, headers={"Accept": "text/event-stream"}) as response:
            kind = response.headers.get("content-type", "")
            return bool(response.status_code == 200 and kind.startswith("text/event-stream"))


@dataclass(slots=True)
class _Visit:
    """What is done with a server in a limited time, and why it ended before."""

    limit: asyncio.Timeout
    failure: Exception | None = None

    def ends_with_a_failed_post(self, http: Any) -> None:
        """End the visit when a message cannot be sent: over SSE the SDK would log that, and wait for its answer."""
        import httpx2

        send = http.send

        async def sending(request: Any, **options: Any) -> Any:
            try:
                response = await send(request, **options)
                if request.method != "POST" or not response.is_error:
                    return response
                await response.aclose()
                response.raise_for_status()
            except httpx2.HTTPError as error:
                if request.method != "POST":
                    raise
                if self.failure is None:
                    self.failure = error
                    self.limit.reschedule(0)
            return httpx2.Response(202, request=request)  # as good as any: nobody waits for what comes of it

        http.send = sending


def _text_of(result: Any) -> str:
    """The parts of an answer that a model can read; of the others, what they are."""
    parts = []
    for each in result.content:
        if each.type == "text":
            parts.append(each.text)
        elif each.type == "resource" and hasattr(each.resource, "text"):
            parts.append(each.resource.text)
        else:
            kind = getattr(each, "mime_type", None) or each.type
            parts.append(f"[{kind}: not shown]")
    if not parts and result.structured_content is not None:
        return as_json(result.structured_content)
    return "\n".join(parts)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of the errors that ended a session's tasks."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
