"""A small internet: names that resolve as told, and one local server behind every address.

The fetcher's own checks, client and connections are real; only the last step, to the address, is led to the server.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import httpx2
from aiohttp import web

PUBLIC = "93.184.215.14"


class Internet(httpx2.AsyncBaseTransport):
    """Keeps a list of the addresses it was asked to connect to."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[web.Request], Any]] = {}
        #: Name -> the answers of the resolver, one list after the other; the last one stays.
        self.names: dict[str, list[list[str]]] = {}
        self.unreachable: set[str] = set()
        self.connected: list[tuple[str, str | None]] = []
        self.requests: list[httpx2.Request] = []
        self._inner = httpx2.AsyncHTTPTransport(verify=False)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def serve_tls(self, context: ssl.SSLContext) -> int:
        """Offer the pages over TLS too; the port."""
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        return int(self._runner.addresses[1][1])

    async def stop(self) -> None:
        await self._inner.aclose()
        await self._runner.cleanup()

    async def resolve(self, host: str, port: int) -> list[str]:
        answers = self.names.get(host)
        if answers is None:
            raise OSError(f"no such host: {host}")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        address = request.url.host
        self.connected.append((address, request.extensions.get("sni_hostname")))
        self.requests.append(request)
        if address in self.unreachable:
            raise httpx2.ConnectError("no route", request=request)
        here = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        return await self._inner.handle_async_request(httpx2.Request(request.method, here, headers=request.headers))

    async def aclose(self) -> None:
        """Outlives the clients that use it."""

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        page = self.pages.get(request.host + request.path)
        if page is None:
            return web.Response(status=404)
        answer = page(request)
        return answer if isinstance(answer, web.StreamResponse) else await answer
