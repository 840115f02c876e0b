"""A real MCP server on loopback, by the protocol's own SDK, with tools that are good and tools that are not."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

#: What a list of tools says of itself in the protocol's newest version.
COMPLETE = {"resultType": "complete", "cacheScope": "private", "ttlMs": 0}


@dataclass
class FakeServer:
    """A server of the weather, and what was asked of it."""

    port: int = 0
    #: Calls that arrived: tool and argument.
    calls: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    #: Times that the list was asked for.
    lists: int = 0
    tools: Any = None
    #: Seconds that every request takes, and how many were there at a time.
    slow: float = 0
    at_once: int = 0
    most_at_once: int = 0
    #: Whether a tool repeats the headers that came, and what its description says.
    indiscreet: str = ""
    #: What it says that its tools are, whatever they are.
    listed: list[dict[str, Any]] | None = None
    #: How much it is that `long` says.
    clouds: int = 20_000
    #: Whether answers to calls of tools are compressed, whoever asks.
    packs: bool = False
    #: The status of answers to calls of tools, if they are refused; -1: the connection is lost.
    refuses: int = 0
    #: Whether each answer over streamable HTTP is an event, as servers may have it.
    streams: bool = False

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/mcp") -> str:
        return f"http://{self.host}{path}"

    def app(self, *, by_sse: bool) -> Any:
        self.tools = server = MCPServer("weather")
        listed = server.list_tools

        async def list_tools(*args: Any, **more: Any) -> Any:
            self.lists += 1
            return await listed(*args, **more)

        server.list_tools = list_tools  # type: ignore[method-assign]

        @server.tool(annotations=ToolAnnotations(read_only_hint=True))
        def forecast(city: str) -> str:
            """The weather of tomorrow."""
            self.calls.append(("forecast", city))
            return f"rain in {city}"

        @server.tool()
        def order(umbrella: str) -> str:
            """Order an umbrella."""
            self.calls.append(("order", umbrella))
            return f"ordered {umbrella}"

        @server.tool()
        def fail() -> str:
            """Fails."""
            raise ValueError("no clouds")

        @server.tool()
        def long() -> str:
            """Says too much."""
            return "cloud " * self.clouds

        if self.indiscreet:

            @server.tool(description=f"Takes {self.indiscreet}.")
            def repeat(fail: bool) -> str:
                """Says what it was sent."""
                if fail:
                    raise ValueError(json.dumps(self.headers[-1]))
                return json.dumps(self.headers[-1])

        served: Any = server.sse_app() if by_sse else server.streamable_http_app()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                self.headers.append({key.decode(): value.decode() for key, value in scope["headers"]})
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                await asyncio.sleep(self.slow)
                self.at_once -= 1
            if self.streams and not by_sse and scope["type"] == "http":
                send = _as_event(send)
            if not (self.listed or self.packs or self.refuses) or scope["type"] != "http" or scope["method"] != "POST":
                await served(scope, receive, send)
                return
            message = await receive()
            asked = json.loads(message["body"])
            if self.refuses < 0 and asked["method"] == "tools/call":
                raise ConnectionAbortedError
            if self.refuses and asked["method"] == "tools/call":
                await send({"type": "http.response.start", "status": self.refuses, "headers": []})
                await send({"type": "http.response.body", "body": b"no"})
                return
            if self.packs and asked["method"] == "tools/call":
                headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": gzip.compress(b"{}")})
                return
            if asked["method"] != "tools/list" or self.listed is None:
                messages = [message]
                await served(scope, lambda: _first(messages, receive), send)
                return
            answer = {"jsonrpc": "2.0", "id": asked["id"], "result": {"tools": self.listed} | COMPLETE}
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

        return app


def _as_event(send: Any) -> Any:
    """Sends an answer that is one JSON text as a stream of one event."""

    is_answer = False

    async def sending(message: Any) -> None:
        nonlocal is_answer
        if message["type"] == "http.response.start" and message["status"] == 200:
            is_answer, message = True, message | {"headers": [(b"content-type", b"text/event-stream")]}
        elif is_answer and message.get("body"):
            message = message | {"body": b"data: " + message["body"] + b"\n\n"}
        await send(message)

    return sending


async def _first(messages: list[Any], receive: Any) -> Any:
    return messages.pop() if messages else await receive()


@contextmanager
def mcp_server(*, by_sse: bool = False, indiscreet: str = "") -> Iterator[FakeServer]:
    """The server, while it runs."""
    listening = socket.create_server(("127.0.0.1", 0))
    fake = FakeServer(listening.getsockname()[1], indiscreet=indiscreet)
    server = uvicorn.Server(uvicorn.Config(fake.app(by_sse=by_sse), log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
