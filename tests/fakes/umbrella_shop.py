"""A shop of umbrellas as a FastAPI app on loopback, with the OpenAPI document that FastAPI makes of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel


class Order(BaseModel):
    """An order, with its parts."""

    umbrella: str
    sizes: list[int] = []
    gift: Order | None = None


def shop(seen: list[dict[str, Any]], url: str) -> FastAPI:
    """A shop of umbrellas; `seen` is what it was asked."""
    app = FastAPI(servers=[{"url": url}])

    @app.middleware("http")
    async def note(request: Request, answer: Any) -> Any:
        seen.append({"path": request.url.path, "query": str(request.url.query), **dict(request.headers)})
        return await answer(request)

    @app.get("/umbrellas/{colour}", operation_id="find")
    def find(colour: str, size: Annotated[list[int] | None, Header()] = None, limit: int = 3) -> dict[str, Any]:
        """Umbrellas of a colour."""
        return {"colour": colour, "limit": limit}

    @app.post("/orders", operation_id="order")
    def order(order: Order) -> dict[str, Any]:
        """Order an umbrella."""
        return {"ordered": order.umbrella, "gift": order.gift is not None}

    @app.get("/away", operation_id="away")
    def away() -> RedirectResponse:
        return RedirectResponse("http://127.0.0.1:1/inside")

    @app.get("/packed", operation_id="packed")
    def packed() -> Response:
        return Response(gzip.compress(b"x" * 10_000), headers={"Content-Encoding": "gzip"}, media_type="text/plain")

    @app.get("/spoken/{charset}", operation_id="spoken")
    def spoken(charset: str) -> Response:
        return Response("caf\u00e9".encode(), headers={"Content-Type": f"text/plain; charset={charset}"})

    @app.get("/much", operation_id="much")
    def much() -> str:
        return "x" * 6_000_000

    return app


class Shop:
    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.listening.getsockname()[1]}"
        self.url = f"http://{self.host}"
        self.app = shop(self.seen, self.url)
        self.server = uvicorn.Server(uvicorn.Config(self.app, log_config=None))
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([self.listening])), daemon=True)

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(json.dumps(self.app.openapi()))


@contextmanager
def umbrella_shop() -> Iterator[Shop]:
    """The shop, while it is open."""
    shop = Shop()
    shop.thread.start()
    try:
        yield shop
    finally:
        shop.server.should_exit = True
        shop.thread.join(10)
        shop.listening.close()
