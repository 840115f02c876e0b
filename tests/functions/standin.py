"""A box for testing the host alone: its ASGI app and handlers do next to nothing, but tell what reached them.

A stream waits for the test's word (`POST /v1/assistants/go`) before it goes on: what is held up on the way shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

MEBIBYTE = bytes(range(256)) * 4096


class Box:
    def __init__(self) -> None:
        self.calls: list[Any] = []
        self._go = asyncio.Semaphore(0)
        self._received = 0
        self.asgi = Starlette(
            routes=[
                Route("/v1/assistants/go", self._release, methods=["POST"]),
                Route("/v1/assistants/calls", self._tell),
                Route("/v1/assistants/crash", self._crash),
                Route("/v1/assistants/hang", self._hang),
                Route("/v1/assistants/refuse", self._refuse, methods=["POST"]),
                Route("/v1/assistants/umlaut", self._umlaut),
                Route("/v1/threads/{thread}/runs", self._stream, methods=["POST"]),
                Route("/v1/files", self._upload, methods=["POST"]),
                Route("/v1/files/{file}/content", self._download),
                Route("/{path:path}", self._echo, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    async def handle_run(self, body: dict[str, Any]) -> None:
        self.calls.append(["run", body])
        if "fail" in body:
            raise RuntimeError("this run cannot be driven")
        if "hang" in body:
            await asyncio.Event().wait()

    async def handle_poisoned_run(self, body: dict[str, Any]) -> None:
        self.calls.append(["poisoned run", body])

    async def handle_ingestion(self, body: dict[str, Any]) -> None:
        self.calls.append(["ingestion", body])
        if "fail" in body:
            raise RuntimeError("this file cannot be indexed")

    async def handle_poisoned_ingestion(self, body: dict[str, Any]) -> None:
        self.calls.append(["poisoned ingestion", body])

    async def handle_backup(self, body: dict[str, Any]) -> None:
        self.calls.append(["backup", body])

    async def handle_poisoned_backup(self, body: dict[str, Any]) -> None:
        self.calls.append(["poisoned backup", body])

    async def on_timer(self) -> None:
        self.calls.append(["housekeeping"])

    async def _release(self, request: Request) -> Response:
        self._go.release()
        return JSONResponse({})

    async def _tell(self, request: Request) -> Response:
        return JSONResponse({"calls": self.calls, "received": self._received})

    async def _crash(self, request: Request) -> Response:
        raise RuntimeError("nobody catches this")

    async def _hang(self, request: Request) -> Response:
        await asyncio.Event().wait()
        return Response()

    async def _refuse(self, request: Request) -> Response:
        return JSONResponse({"error": "who are you?"}, 401)

    async def _umlaut(self, request: Request) -> Response:
        return Response(headers={"x-name": "\u00e4"})

    async def _echo(self, request: Request) -> Response:
        told = {
            "method": request.method,
            "path": request.scope["path"],
            "raw_path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "forwarded": request.headers.getlist("x-forwarded-host"),
        }
        return JSONResponse(told, headers={"x-request-id": "req_1"})

    async def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        try:
            for number in range(4):
                yield f"event: thread.message.delta\ndata: {number}\n\n"
                await self._go.acquire()
            yield "event: done\ndata: [DONE]\n\n"
        except asyncio.CancelledError:
            self.calls.append(["left"])
            raise

    async def _upload(self, request: Request) -> Response:
        self._received = 0
        try:
            async for chunk in request.stream():
                self._received += len(chunk)
        except ClientDisconnect:
            self.calls.append(["broken upload"])
            raise
        return JSONResponse({"bytes": self._received})

    async def _download(self, request: Request) -> Response:
        async def forty() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield MEBIBYTE

        return StreamingResponse(forty(), media_type="application/octet-stream")


_built: Box | None = None


async def box() -> Box:
    global _built
    _built = _built or Box()
    return _built
