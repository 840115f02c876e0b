"""A service of Azure AI Search as its REST API shows it: keys or tokens, indexes, words, filters, vectors by text."""

from __future__ import annotations

import asyncio
import gzip
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "key-of-the-operator"
DEFINITION = {
    "name": "rules",
    "fields": [
        {"name": "id", "type": "Edm.String", "key": True},
        {"name": "content", "type": "Edm.String"},
        {"name": "vector", "type": "Collection(Edm.Single)", "dimensions": 3, "vectorSearchProfile": "p"},
    ],
    "semantic": {"configurations": [{"name": "by-meaning"}]},
}


class SearchService:
    """The service; `bodies` is what it was asked."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        #: Whether answers are compressed, whoever asks.
        self.packs = False
        #: Statuses by which the next requests are refused; what a proxy answers in place of the service.
        self.refusals: list[int] = []
        self.proxy: Any = None
        self.definition: Any = DEFINITION
        self.documents = [
            {"id": "1", "title": "Holidays", "content": "Thirty days of holiday.", "url": "https://x.example/1"},
            {"id": "2", "title": "Travel", "content": "Trains come first.", "url": None},
        ]
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        routes = [
            Route("/indexes('{index}')/docs/search", self._search, methods=["POST"]),
            Route("/indexes('{index}')", self._definition, methods=["GET"]),
        ]
        self.server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))

    async def _definition(self, request: Request) -> Response:
        return self._refusal(request) or JSONResponse(self.definition)

    async def _search(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if self.proxy is not None:
            return JSONResponse(self.proxy)
        body = await request.json()
        self.bodies.append(body)
        known = {"search", "queryType", "semanticConfiguration", "vectorQueries", "top", "filter"}
        if body.keys() - known:
            return self._error(400, f"Unknown parameters: {body.keys() - known}")
        if body.get("filter") and re.fullmatch(r"\w+ eq '[^']*'", body["filter"]) is None:
            return self._error(400, "Invalid expression: Syntax error in $filter")
        words = re.findall(r"\w+", body.get("search", body.get("vectorQueries", [{}])[0].get("text", "")).lower())
        found = [each for each in self.documents if any(word in str(each).lower() for word in words)]
        value = [{"@search.score": 1.5, "vector": [0.1, 1, 0.3], **each} for each in found[: body["top"]]]
        answer = JSONResponse({"@odata.context": f"{self.url}/indexes('rules')/$metadata#docs(*)", "value": value})
        if self.packs:
            return Response(gzip.compress(bytes(answer.body)), headers={"Content-Encoding": "gzip"})
        return answer

    def _refusal(self, request: Request) -> Response | None:
        if self.refusals:
            return self._error(self.refusals.pop(0), "Too many requests.")
        if request.headers.get("api-key") != KEY and not request.headers.get("authorization", "").startswith("Bearer "):
            return Response(status_code=403)
        if request.query_params.get("api-version") != "2024-07-01":
            return self._error(400, "Invalid or missing api-version query string parameter.")
        if request.path_params["index"] != "rules":
            return self._error(404, f"The index '{request.path_params['index']}' was not found.")
        return None

    def _error(self, status: int, message: str) -> Response:
        return JSONResponse({"error": {"code": "", "message": message}}, status)


@contextmanager
def search_service() -> Iterator[SearchService]:
    service = SearchService()
    thread = threading.Thread(target=lambda: asyncio.run(service.server.serve([service.socket])), daemon=True)
    thread.start()
    yield service
    service.server.should_exit = True
    thread.join(10)
    service.socket.close()
