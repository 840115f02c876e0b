"""A provider of everything that is not the box's: chat, embeddings, pictures, sound, moderations, beside responses.

It answers in the shapes of OpenAI's API, streams word by word, and notes what came: path, headers, body or form.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from openai.types.moderation import Categories
from python_multipart.multipart import Field, File, parse_form

from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses

Json = dict[str, Any]

WORDS = ("Hello", ", ", "world", ".")
PICTURE = base64.b64encode(b"\x89PNG picture").decode()
SOUND = bytes(range(256)) * 400
VECTOR = [0.25, -0.5]


@dataclass
class Seen:
    """A call as it arrived."""

    path: str
    headers: dict[str, str]
    #: The body, or the fields of a form; of a file: name, content type, bytes and digest.
    body: Json


class FakeProvider(FakeResponses):
    """The whole endpoint."""

    def __init__(self) -> None:
        super().__init__()
        #: Where it is served.
        self.url = ""
        self.calls: list[Seen] = []
        #: The next answers instead of good ones: status, body, headers.
        self.errors: list[tuple[int, bytes, dict[str, str]]] = []
        #: Seconds between the pieces of an answer, and before it.
        self.pace = self.thinking = 0.0
        #: What ends streams instead of their last events; unless it is whole, the connection is lost, too.
        self.breaks: bytes | None = None
        #: Set when somebody waits for an answer, and when that one has left.
        self.asked, self.left = asyncio.Event(), asyncio.Event()

    @property
    def last(self) -> Seen:
        """The newest call."""
        return self.calls[-1]

    def app(self) -> web.Application:
        """The endpoint, under /v1 and Azure's path."""
        app = super().app()
        for prefix in ("/v1", "/openai/v1"):
            for path, answer in {
                "chat/completions": self._chat,
                "completions": self._text,
                "moderations": self._judge,
                "images/generations": self._draw,
                "images/edits": self._draw,
                "images/variations": self._draw,
                "audio/speech": self._speak,
                "audio/transcriptions": self._listen,
                "audio/translations": self._listen,
            }.items():
                app.router.add_post(f"{prefix}/{path}", answer)
        return app

    async def _create(self, request: web.Request) -> web.StreamResponse:
        self._note(request, json.loads(await request.read()))
        self.script(FakeTurn(text=WORDS))
        return await self._instead(request) or await super()._create(request)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request)
        if (error := await self._instead(request)) is not None:
            return error
        if body.get("stream"):
            pieces = [_chunk(body, {"content": word}) for word in WORDS]
            return await self._events(request, [*pieces, _chunk(body, {}, "stop"), "[DONE]"])
        return web.json_response(_completion(body, message={"role": "assistant", "content": "".join(WORDS)}))

    async def _text(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request)
        choice = {"index": 0, "text": "".join(WORDS), "finish_reason": "stop", "logprobs": None}
        return await self._instead(request) or web.json_response(
            {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": body["model"], "choices": [choice]}
        )

    async def _embed(self, request: web.Request) -> web.Response:
        body = await self._read(request)
        if (error := await self._instead(request)) is not None:
            return error
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [{"object": "embedding", "index": index, "embedding": VECTOR} for index in range(len(texts))]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def _judge(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request)
        names = [field.alias or name for name, field in Categories.model_fields.items()]
        result = {
            "flagged": False,
            "categories": dict.fromkeys(names, False),
            "category_scores": dict.fromkeys(names, 0.0),
            "category_applied_input_types": {name: ["text"] for name in names},
        }
        model = body.get("model", "omni-moderation-latest")
        return await self._instead(request) or web.json_response({"id": "modr-1", "model": model, "results": [result]})

    async def _draw(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request)
        if (error := await self._instead(request)) is not None:
            return error
        if body.get("stream") in (True, "true"):
            said = {"size": "auto", "quality": "auto", "background": "auto", "output_format": "png"}
            event = {"type": "image_generation.completed", "b64_json": PICTURE, "created_at": 1, **said}
            event["usage"] = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
            event["usage"]["input_tokens_details"] = {"image_tokens": 0, "text_tokens": 1}
            return await self._events(request, [event])
        return web.json_response({"created": 1, "data": [{"b64_json": PICTURE}]})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        await self._read(request)
        response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
        await response.prepare(request)
        for start in range(0, len(SOUND), 25_600):
            await self._write(response, SOUND[start : start + 25_600])
        return response

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        body = await self._read(request)
        if (error := await self._instead(request)) is not None:
            return error
        if body.get("stream") in (True, "true"):
            deltas = [{"type": "transcript.text.delta", "delta": word} for word in WORDS]
            return await self._events(request, [*deltas, {"type": "transcript.text.done", "text": "".join(WORDS)}])
        return web.json_response({"text": "".join(WORDS)})

    async def _instead(self, request: web.Request) -> web.Response | None:
        self.asked.set()
        try:
            await asyncio.sleep(self.thinking)
        except asyncio.CancelledError:
            self.left.set()
            raise
        if not self.errors:
            return None
        status, body, headers = self.errors.pop(0)
        kind = "text/html" if body.startswith(b"<") else "application/json"
        return web.Response(status=status, body=body, headers={"Content-Type": kind} | headers)

    async def _events(self, request: web.Request, events: Sequence[Json | str]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "openai-organization": "acme"})
        await response.prepare(request)
        for number, event in enumerate(events):
            if self.breaks is not None and number == len(events) - 2:
                await response.write(self.breaks)
                if not self.breaks.endswith(b"\n\n"):
                    assert request.transport is not None
                    request.transport.abort()
                return response
            data = event if isinstance(event, str) else json.dumps(event)
            await self._write(response, f"data: {data}\n\n".encode())
        return response

    async def _write(self, response: web.StreamResponse, piece: bytes) -> None:
        try:
            await response.write(piece)
            await asyncio.sleep(self.pace)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise

    async def _read(self, request: web.Request) -> Json:
        seen = self._note(request, {})
        if request.content_type != "multipart/form-data":
            seen.body = json.loads(await request.read())
            return seen.body
        sent = io.BytesIO()
        try:
            while piece := await request.content.readany():
                self.asked.set()
                sent.write(piece)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        sent.seek(0)
        headers = {"Content-Type": request.headers["Content-Type"].encode()}
        parse_form(headers, sent, lambda field: _add_field(seen.body, field), lambda file: _add_file(seen.body, file))
        return seen.body

    def _note(self, request: web.Request, body: Json) -> Seen:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append(Seen(request.path_qs, headers, body))
        return self.last


def _add_field(body: Json, field: Field) -> None:
    assert field.field_name is not None
    body[field.field_name.decode()] = (field.value or b"").decode()


def _add_file(body: Json, file: File) -> None:
    assert file.field_name is not None
    assert file.file_name is not None
    file.file_object.seek(0)
    read = file.file_object.read()
    file.close()
    told = {"filename": file.file_name.decode(), "type": file.content_type, "bytes": len(read)}
    body.setdefault(file.field_name.decode(), []).append(told | {"sha256": hashlib.sha256(read).hexdigest()})


def _completion(body: Json, **choice: Any) -> Json:
    whole = {"index": 0, "finish_reason": "stop", "logprobs": None, **choice}
    usage = {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [whole],
        "usage": usage,
    }


def _chunk(body: Json, delta: Json, finish: str | None = None) -> Json:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
    }
