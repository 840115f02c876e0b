"""Routes of what is not ours: calls that the model's provider answers, with the box's credentials."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shared.api.forwarded import forwarded
from shared.api.openapi import Passed
from shared.api.routing import Routes
from shared.deps import Caller
from shared.forwarding import calls

routes = Routes("/v1", "Passed on to the model's provider")

JSON: Final = Passed(("application/json",))
FORM: Final = Passed(("multipart/form-data",))
JSON_OR_FORM: Final = Passed(("application/json", "multipart/form-data"))
#: An object, or its events.
STREAMED: Final = Passed(("application/json", "text/event-stream"))
SOUND: Final = Passed(("audio/*", "text/event-stream"))
TEXT: Final = Passed(("application/json", "text/plain", "text/event-stream"))


@routes.post("/chat/completions", passes=JSON, gives=STREAMED)
async def chat_completion(caller: Caller, request: Request) -> Response:
    """Complete a chat, streamed or not; `store` is false."""
    return await forwarded(caller, request, calls.CHAT)


@routes.post("/completions", passes=JSON, gives=STREAMED)
async def completion(caller: Caller, request: Request) -> Response:
    """Complete a text, streamed or not."""
    return await forwarded(caller, request, calls.COMPLETIONS)


@routes.post("/responses", passes=JSON, gives=STREAMED)
async def response(caller: Caller, request: Request) -> Response:
    """Make a response, streamed or not; `store` is false, and nothing stored can be referred to."""
    return await forwarded(caller, request, calls.RESPONSES)


@routes.post("/embeddings", passes=JSON, gives=JSON)
async def embeddings(caller: Caller, request: Request) -> Response:
    """Make vectors of texts."""
    return await forwarded(caller, request, calls.EMBEDDINGS)


@routes.post("/moderations", passes=JSON, gives=JSON)
async def moderation(caller: Caller, request: Request) -> Response:
    """Judge texts and pictures."""
    return await forwarded(caller, request, calls.MODERATIONS)


@routes.post("/images/generations", passes=JSON, gives=STREAMED)
async def image_generation(caller: Caller, request: Request) -> Response:
    """Make pictures of words."""
    return await forwarded(caller, request, calls.IMAGE_GENERATIONS)


@routes.post("/images/edits", passes=JSON_OR_FORM, gives=STREAMED)
async def image_edit(caller: Caller, request: Request) -> Response:
    """Change pictures."""
    return await forwarded(caller, request, calls.IMAGE_EDITS)


@routes.post("/images/variations", passes=FORM, gives=JSON)
async def image_variation(caller: Caller, request: Request) -> Response:
    """Make variations of a picture."""
    return await forwarded(caller, request, calls.IMAGE_VARIATIONS)


@routes.post("/audio/speech", passes=JSON, gives=SOUND)
async def speech(caller: Caller, request: Request) -> Response:
    """Speak a text."""
    return await forwarded(caller, request, calls.SPEECH)


@routes.post("/audio/transcriptions", passes=FORM, gives=TEXT)
async def transcription(caller: Caller, request: Request) -> Response:
    """Write down what is spoken."""
    return await forwarded(caller, request, calls.TRANSCRIPTIONS)


@routes.post("/audio/translations", passes=FORM, gives=TEXT)
async def translation(caller: Caller, request: Request) -> Response:
    """Write down in English what is spoken."""
    return await forwarded(caller, request, calls.TRANSLATIONS)
