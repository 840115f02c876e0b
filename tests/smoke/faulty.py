"""A proxy between a client and a box that breaks one thing: what stands between them in the world, on a bad day."""

from __future__ import annotations

import asyncio
import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "content-encoding"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is broken for the calls whose `METHOD /path` matches."""

    calls: str
    #: Answer with this and forward nothing.
    status: int = 0
    body: str = ""
    #: Only bodies of more bytes than this.
    above: int = -1
    #: What becomes of the request's and of the answer's body; of an event stream: of each event.
    asks: Callable[[bytes], bytes] | None = None
    tells: Callable[[bytes], bytes] | None = None
    #: End the stream before the event that has this.
    cut: bytes = b""
    #: Seconds for which nothing of an answer passes.
    held: float = 0.0

    def hits(self, request: web.Request) -> bool:
        size = request.content_length or 0
        return size > self.above and re.fullmatch(self.calls, f"{request.method} {request.path}") is not None


@dataclass
class Proxy:
    """Forwards to the box; `fault` says what goes wrong."""

    upstream: str
    fault: Fault | None = None
    url: str = ""
    #: Calls that the fault hit.
    hits: list[str] = field(default_factory=list)
    #: Calls that came, with the sizes of their bodies.
    calls: list[tuple[str, int]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = f"{request.method} {request.path}"
        self.calls.append((call, request.content_length or 0))
        fault = self.fault if self.fault is not None and self.fault.hits(request) else None
        if fault is not None:
            self.hits.append(call)
        body = await request.read()
        if fault is None:
            fault = Fault("")
        if fault.status:
            kind = "application/json" if fault.body.startswith("{") else "text/html"
            return web.Response(status=fault.status, text=fault.body, content_type=kind)
        sent = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        async with (
            aiohttp.ClientSession() as client,
            client.request(
                request.method,
                self.upstream + request.path_qs,
                headers=sent,
                data=io.BytesIO(body if fault.asks is None else fault.asks(body)),
            ) as answer,
        ):
            await asyncio.sleep(fault.held)
            return await self.relay(request, answer, fault)

    async def relay(self, request: web.Request, answer: aiohttp.ClientResponse, fault: Fault) -> web.StreamResponse:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        if answer.content_type != "text/event-stream":
            body = await answer.read()
            return web.Response(
                status=answer.status, headers=headers, body=body if fault.tells is None else fault.tells(body)
            )
        relayed = web.StreamResponse(status=answer.status, headers=headers)
        await relayed.prepare(request)
        with suppress(ConnectionError):
            while event := await self.event(answer):
                if fault.cut and fault.cut in event:
                    break
                await relayed.write(event if fault.tells is None else fault.tells(event))
            await relayed.write_eof()
        return relayed

    @staticmethod
    async def event(answer: aiohttp.ClientResponse) -> bytes:
        try:
            return await answer.content.readuntil(b"\n\n")
        except asyncio.IncompleteReadError as error:
            return error.partial


@contextmanager
def proxied(upstream: str, fault: Fault | None = None) -> Iterator[Proxy]:
    """A proxy in a thread of its own."""
    proxy, ready, over = Proxy(upstream, fault), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        loops.append(asyncio.get_running_loop())
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    assert ready.wait(10)
    try:
        yield proxy
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
