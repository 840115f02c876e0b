"""A fake of the service that conversations move to: files, conversations and their items, as strict as the real one.

What it takes is checked against the types of the `openai` package, member by member, and by the rules that the types do
not say: how many items come at a time, how their ids begin, that files were uploaded and that calls are answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from openai.types.conversations import ConversationCreateParams
from openai.types.conversations.item_create_params import ItemCreateParams
from openai.types.responses import (
    ResponseCodeInterpreterToolCallParam,
    ResponseFileSearchToolCallParam,
    ResponseFunctionToolCallParam,
    ResponseOutputMessageParam,
)
from openai.types.responses.response_input_item_param import FunctionCallOutput, McpCall, Message
from pydantic import TypeAdapter

from tests.fakes.responses_rules import bad_items

Json = dict[str, Any]

MOST_ITEMS: Final = 20
#: The type of an item, and for messages the role -> its form, and how its id begins.
FORMS: Final[dict[str, tuple[Any, str]]] = {
    "user": (Message, ""),
    "assistant": (ResponseOutputMessageParam, "msg_"),
    "function_call": (ResponseFunctionToolCallParam, "fc_"),
    "function_call_output": (FunctionCallOutput, "fco_"),
    "code_interpreter_call": (ResponseCodeInterpreterToolCallParam, "ci_"),
    "file_search_call": (ResponseFileSearchToolCallParam, "fs_"),
    "mcp_call": (McpCall, "mcp_"),
}


@dataclass
class FakeConversations:
    """What was uploaded and made, by id."""

    files: dict[str, bytes] = field(default_factory=dict)
    conversations: dict[str, list[Json]] = field(default_factory=dict)
    metadata: dict[str, Json] = field(default_factory=dict)

    def app(self) -> web.Application:
        """The service, under /v1."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_post("/v1/conversations", self._create)
        app.router.add_post("/v1/conversations/{id}/items", self._add)
        return app

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file: Any = form["file"]
        identifier = f"file-new{len(self.files)}"
        self.files[identifier] = file.file.read()
        made = {"id": identifier, "object": "file", "created_at": 0, "filename": file.filename, "status": "processed"}
        return web.json_response(made | {"purpose": form["purpose"], "bytes": len(self.files[identifier])})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        check(body, ConversationCreateParams, set(self.files))
        identifier = f"conv_{len(self.conversations)}"
        self.conversations[identifier], self.metadata[identifier] = body["items"], body["metadata"]
        made = {"id": identifier, "object": "conversation", "created_at": 0, "metadata": body["metadata"]}
        return web.json_response(made)

    async def _add(self, request: web.Request) -> web.Response:
        body = await request.json()
        check(body, ItemCreateParams, set(self.files))
        self.conversations[request.match_info["id"]] += body["items"]
        return web.json_response({"object": "list", "data": [], "has_more": False, "first_id": "", "last_id": ""})

    def refusals(self) -> list[str]:
        """What the model's endpoint would say of the conversations, taken as its input."""
        found = (bad_items(items, stored=True) for items in self.conversations.values() if items)
        return [each.message for each in found if each is not None]


def check(body: Json, form: Any, files: set[str] | None = None) -> None:
    """Fail unless the service would take it; `files` are those that there are, None: any."""
    assert set(body) <= form.__annotations__.keys()
    assert len(body["items"]) <= MOST_ITEMS
    for item in body["items"]:
        kind, begins = FORMS[item.get("role") or item["type"]]
        assert _in_form(item, kind) == item
        assert item.get("id", begins).startswith(begins)
        assert files is None or set(_files(item)) <= files


def _in_form(item: Json, kind: Any) -> Any:
    """The members that the form knows. Raises ValidationError for those that are missing or wrong."""
    adapter = TypeAdapter(kind)
    return json.loads(adapter.dump_json(adapter.validate_python(item)))


def _files(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("file_id"), str):
            yield value["file_id"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _files(each)
