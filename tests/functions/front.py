"""The HTTP side of the Functions host: find the function, tell the worker, forward the request to its HTTP server.

Like the host's own forwarder: bodies stream both ways, the invocation id and X-Forwarded-* headers are set, answer
headers leave with the first byte of the body, and a caller that hangs up takes the forwarded request with it.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from tests.functions import paths
from tests.functions.routes import Route, compile_route, find
from tests.functions.runtime import Outcome
from tests.functions.upload import TooLarge, Upload
from tests.functions.worker_process import RESTART_SECONDS, WorkerProcess

MAX_BODY = 104_857_600
MAX_LINE = 8192
MAX_HEADERS = 32768
HOP_BY_HOP = {"connection", "host", "keep-alive", "transfer-encoding", "upgrade"}
#: Set by the host, whatever the caller says.
OWN = {"x-ms-invocation-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}


@dataclass
class Front:
    """Serves the app's HTTP functions, and starts any function by `POST /admin/functions/NAME` as the host does."""

    worker: WorkerProcess
    route_prefix: str
    #: How the invocations of this process ended.
    outcomes: list[Outcome]
    max_body: int = MAX_BODY
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _calls: set[asyncio.Task[Outcome]] = field(default_factory=set)

    async def start(self, port: int) -> int:
        """Listen on a loopback port (0: a free one) and return it."""
        http = [function for function in self.worker.functions if function.trigger["type"] == "httpTrigger"]
        self._functions = {function.name: function for function in self.worker.functions}
        self._routes: list[Route] = [compile_route(f.name, f.trigger, self.route_prefix) for f in http]
        self._client = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_read=240),
                connector=aiohttp.TCPConnector(limit=0),
            )
        )
        app = web.Application()
        app.router.add_post("/admin/functions/{name}", self._start_function)
        app.router.add_get("/admin/outcomes", self._list_outcomes)
        app.router.add_delete("/admin/outcomes", self._forget_outcomes)
        app.router.add_get("/admin/worker", self._tell_worker)
        app.router.add_route("*", "/{path:.*}", self._answer)
        limits = {"max_line_size": 4 * MAX_LINE, "max_field_size": 4 * MAX_HEADERS}
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None, auto_decompress=False, **limits)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _start_function(self, request: web.Request) -> web.Response:
        function = self._functions[request.match_info["name"]]
        self.outcomes.append(await self.worker.invoke(function, "timer", {}))
        return web.Response(status=202)

    async def _list_outcomes(self, request: web.Request) -> web.Response:
        return web.json_response([{"function": o.function, "ok": o.ok, "error": o.error} for o in self.outcomes])

    async def _forget_outcomes(self, request: web.Request) -> web.Response:
        self.outcomes.clear()
        return web.Response(status=204)

    async def _tell_worker(self, request: web.Request) -> web.Response:
        return web.json_response({"pid": self.worker.pid, "started": self.worker.started})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw, _, query = request.raw_path.partition("?")
        if len(f"{request.method} {request.raw_path} HTTP/1.1\r\n") > MAX_LINE:
            return web.Response(status=414)
        if sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > MAX_HEADERS:
            return web.Response(status=431)
        path = paths.read(raw)
        found = find(self._routes, request.method, path)
        if found is None:
            return web.Response(status=404)
        if (request.content_length or 0) > self.max_body:
            return web.Response(status=500)
        await self.worker.ready()
        target = paths.forwarded(path) + (f"?{query}" if query else "")
        return await self._invoke(request, *found, target)

    async def _invoke(self, request: web.Request, name: str, params: dict[str, str], target: str) -> web.StreamResponse:
        invocation = str(uuid.uuid4())
        arguments = {"params": params, "invocation_id": invocation}
        call = asyncio.create_task(self.worker.invoke(self._functions[name], "http", arguments, invocation))
        self._calls.add(call)
        call.add_done_callback(self._ended)
        relayed = web.StreamResponse()
        try:
            async with asyncio.timeout(self.worker.function_timeout):
                await self._forward(request, invocation, target, relayed)
        except (aiohttp.ClientError, TimeoutError, TooLarge, UnicodeEncodeError) as error:
            if isinstance(error, aiohttp.ClientError):  # whoever hears of a worker's death finds its successor
                await asyncio.wait([call], timeout=RESTART_SECONDS)
            if not relayed.prepared:
                return web.Response(status=500)
            assert request.transport is not None
            request.transport.close()  # in the middle of the answer
        return relayed

    async def _forward(self, request: web.Request, invocation: str, target: str, relayed: web.StreamResponse) -> None:
        headers: list[tuple[str, Any]] = [
            (key, value) for key, value in request.headers.items() if key.lower() not in HOP_BY_HOP | OWN
        ]
        headers += [
            ("x-ms-invocation-id", invocation),
            ("X-Forwarded-For", request.remote or ""),
            ("X-Forwarded-Host", request.host),
            ("X-Forwarded-Proto", request.scheme),
        ]
        if not self.worker.http_uri:
            await asyncio.Event().wait()  # the worker has no HTTP server; its function waits for the request
        async with (
            Upload(request.content, self.max_body) as upload,
            self._client.request(
                request.method,
                URL(self.worker.http_uri + target, encoded=True),
                headers=headers,
                data=upload.pieces() if request.can_read_body else None,
                allow_redirects=False,
            ) as answer,
        ):
            await upload.end()
            await _relay(answer, request, relayed)

    def _ended(self, call: asyncio.Task[Outcome]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            self.outcomes.append(call.result())


async def _relay(answer: aiohttp.ClientResponse, request: web.Request, relayed: web.StreamResponse) -> None:
    """Pass the answer on. Raises UnicodeEncodeError for a header that the host cannot read."""
    relayed.set_status(answer.status, answer.reason)
    for key, value in answer.headers.items():
        value.encode("ascii")
        if key.lower() not in HOP_BY_HOP:
            relayed.headers.add(key, value)
    chunk = await answer.content.readany()
    await relayed.prepare(request)
    while chunk:
        await relayed.write(chunk)
        chunk = await answer.content.readany()
    await relayed.write_eof()
