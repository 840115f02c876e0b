"""A proxy in front of a service that misbehaves on demand, as networks and busy services do."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

Forward = Callable[[], Awaitable[web.Response]]
#: What happens to one request: it may forward it, and answers it or raises `Dropped`.
Fault = Callable[[Forward], Awaitable[web.Response]]
#: What the proxy must not add, since the signature covers it.
UNSIGNED = ("Accept", "Content-Type", "User-Agent")


class Dropped(Exception):
    """The connection breaks, perhaps in the middle of an answer."""

    def __init__(self, answer: web.Response | None = None):
        self.answer = answer


async def never_sent(forward: Forward) -> web.Response:
    raise Dropped


async def answer_lost(forward: Forward) -> web.Response:
    await forward()
    raise Dropped


async def answer_cut(forward: Forward) -> web.Response:
    raise Dropped(await forward())


async def answered_by_another(forward: Forward) -> web.Response:
    """A proxy on the way lets nothing pass, and calls its own page a success."""
    return web.Response(text="<html>Sign in to the network</html>", content_type="text/html")


async def answered_with_nothing(forward: Forward) -> web.Response:
    return web.json_response({})


def answers(status: int, code: str = "") -> Fault:
    """The service refuses, and does nothing."""

    async def fault(forward: Forward) -> web.Response:
        return web.Response(status=status, headers={"x-ms-error-code": code} if code else {})

    fault.__name__ = f"answers_{status}{code}"
    return fault


def answer_lost_after(meanwhile: Callable[[], Awaitable[object]]) -> Fault:
    """The request is carried out, then something else happens, and the answer is lost."""

    async def fault(forward: Forward) -> web.Response:
        await forward()
        await meanwhile()
        raise Dropped

    return fault


class Proxy:
    """Stands before one service; the next requests meet the `faults`, one each, later ones pass."""

    def __init__(self, target: str):
        self._target = target
        self.faults: deque[Fault] = deque()
        #: What the next request meets; None: nothing.
        self.choose: Callable[[], Fault | None] = self._planned
        self.requests = 0

    def _planned(self) -> Fault | None:
        return self.faults.popleft() if self.faults else None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()

        async def forward() -> web.Response:
            url = URL(f"http://{self._target}{request.raw_path}", encoded=True)
            headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
            async with (
                aiohttp.ClientSession(auto_decompress=False) as session,
                session.request(request.method, url, headers=headers, data=body, skip_auto_headers=UNSIGNED) as answer,
            ):
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in ("transfer-encoding", "date")}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())

        fault = self.choose()
        try:
            return await (forward() if fault is None else fault(forward))
        except Dropped as dropped:
            if dropped.answer is not None:
                await _send_half(request, dropped.answer)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()


async def _send_half(request: web.Request, answer: web.Response) -> None:
    body = answer.body
    assert isinstance(body, bytes)
    half = web.StreamResponse(status=answer.status, headers=answer.headers)
    half.content_length = len(body) + 1
    await half.prepare(request)
    await half.write(body[: len(body) // 2])


@asynccontextmanager
async def proxy_to(endpoint: str) -> AsyncIterator[tuple[Proxy, str]]:
    """The proxy and its own endpoint."""
    parts = urlsplit(endpoint)
    proxy = Proxy(parts.netloc)
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", proxy.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield proxy, endpoint.replace(parts.netloc, f"127.0.0.1:{port}")
    finally:
        await runner.cleanup()
