"""The HTTP side of the Functions host: find the function, tell the runtime, forward the request to its HTTP server.

Like the host's own forwarder: bodies stream both ways, the invocation id and X-Forwarded-* headers are set, answer
headers leave with the first byte of the body, and a caller that hangs up takes the forwarded request with it.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.functions.routes import Route, compile_route, find
from tests.functions.runtime import Outcome, Runtime

MAX_BODY = 104_857_600
HOP_BY_HOP = {"connection", "host", "keep-alive", "transfer-encoding", "upgrade", "x-ms-invocation-id"}


@dataclass
class Front:
    """Serves the app's HTTP functions, and starts any function by `POST /admin/functions/NAME` as the host does."""

    runtime: Runtime
    route_prefix: str
    #: How the invocations of this process ended.
    outcomes: list[Outcome]
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _calls: set[asyncio.Task[Outcome]] = field(default_factory=set)

    async def start(self, port: int) -> int:
        """Listen on a loopback port (0: a free one) and return it."""
        http = [function for function in self.runtime.functions if function.trigger["type"] == "httpTrigger"]
        self._functions = {function.name: function for function in self.runtime.functions}
        self._routes: list[Route] = [compile_route(f.name, f.trigger, self.route_prefix) for f in http]
        self._client = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_read=240),
                connector=aiohttp.TCPConnector(limit=0),
            )
        )
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/admin/functions/{name}", self._start_function)
        app.router.add_get("/admin/outcomes", self._list_outcomes)
        app.router.add_delete("/admin/outcomes", self._forget_outcomes)
        app.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _start_function(self, request: web.Request) -> web.Response:
        function = self._functions[request.match_info["name"]]
        self.outcomes.append(await self.runtime.invoke_timer(function))
        return web.Response(status=202)

    async def _list_outcomes(self, request: web.Request) -> web.Response:
        return web.json_response([{"function": o.function, "ok": o.ok, "error": o.error} for o in self.outcomes])

    async def _forget_outcomes(self, request: web.Request) -> web.Response:
        self.outcomes.clear()
        return web.Response(status=204)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        found = find(self._routes, request.method, request.path)
        if found is None:
            return web.Response(status=404)
        if (request.content_length or 0) > MAX_BODY:
            return web.Response(status=413)
        name, params = found
        invocation_id = str(uuid.uuid4())
        call = asyncio.create_task(self.runtime.invoke_http(self._functions[name], params, invocation_id))
        self._calls.add(call)
        call.add_done_callback(self._ended)
        headers = [(key, value) for key, value in request.headers.items() if key.lower() not in HOP_BY_HOP]
        headers += [
            ("x-ms-invocation-id", invocation_id),
            ("X-Forwarded-For", request.remote or ""),
            ("X-Forwarded-Host", request.host),
            ("X-Forwarded-Proto", request.scheme),
        ]
        async with self._client.request(
            request.method,
            self.runtime.http_uri + request.raw_path,
            headers=headers,
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        ) as answer:
            return await _relay(answer, request)

    def _ended(self, call: asyncio.Task[Outcome]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            self.outcomes.append(call.result())


async def _relay(answer: aiohttp.ClientResponse, request: web.Request) -> web.StreamResponse:
    relayed = web.StreamResponse(status=answer.status, reason=answer.reason)
    for key, value in answer.headers.items():
        if key.lower() not in HOP_BY_HOP:
            relayed.headers.add(key, value)
    chunk = await answer.content.readany()
    await relayed.prepare(request)
    while chunk:
        await relayed.write(chunk)
        chunk = await answer.content.readany()
    await relayed.write_eof()
    return relayed
