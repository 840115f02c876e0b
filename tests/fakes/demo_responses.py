"""A Responses API endpoint that answers by the rules of the demo model: it follows what it is asked, over HTTP."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from shared.demo.offline.turn import turn_of
from shared.llm.base import TurnRequest
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses

Json = dict[str, Any]


class DemoResponses(FakeResponses):
    """Turns of the demo model, and embeddings that are all the same."""

    def app(self) -> web.Application:
        app = super().app()
        app.router.add_post("/v1/embeddings", self._embed)
        return app

    def _next(self, body: Json) -> FakeTurn:
        tools, choice = body.get("tools", []), body.get("tool_choice", "auto")
        items = body["input"]
        request = TurnRequest(body["model"], body.get("instructions") or "", items, tools, tool_choice=choice)
        made = turn_of(request).items
        calls = tuple((item["name"], item["arguments"]) for item in made if item["type"] == "function_call")
        texts = [item["content"][0]["text"] for item in made if item["type"] == "message"]
        return FakeTurn(text=tuple(word for text in texts for word in text.splitlines(keepends=True)), calls=calls)

    async def _embed(self, request: web.Request) -> web.Response:
        texts = (await request.json())["input"]
        data = [{"object": "embedding", "index": index, "embedding": [1.0] * 256} for index in range(len(texts))]
        return web.json_response({"object": "list", "data": data, "model": "fake", "usage": {}})
