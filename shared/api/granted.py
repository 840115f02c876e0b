"""What bearers of client tokens may say and see on the routes that are open to them.

They are anybody: a token is in a page that anybody can read. So they say what a visitor of that page types, in the name
of the user, and nothing that chooses tools, instructions, files or models; and an owner's settings are left out of
what they are shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace
from pydantic import BaseModel
from starlette.responses import Response

from shared import client_tokens, json_text
from shared.api.directory import CLOSED
from shared.api.sse import EventStream
from shared.client_tokens import Grant
from shared.deps import Caller
from shared.errors import Forbidden, RateLimited
from shared.json_types import Json
from shared.objects.client_token import Verb
from shared.objects.message_requests import CreateMessage, ImageFilePart
from shared.objects.run_requests import CreateRun, CreateThreadAndRun, RunSettings, SubmitToolOutputs
from shared.objects.thread_requests import CreateThread

NOT_FOR: Final = "This client token was not made for {}."
NOT_SAID: Final = "Callers with a client token cannot say '{}'."

BUSY: Final = "There is no more room for this at the moment. Please try again later."
SORRY: Final = "Sorry, something went wrong."

#: What a bearer may say in each request; the rest must be left out, or say nothing.
SAID: Final[dict[type[BaseModel], frozenset[str]]] = {
    CreateMessage: frozenset({"role", "content", "metadata"}),
    CreateThread: frozenset({"messages"}),
    CreateRun: frozenset(
        {"assistant_id", "additional_messages", "stream", "max_prompt_tokens", "max_completion_tokens"}
    ),
    CreateThreadAndRun: frozenset({"assistant_id", "thread", "stream", "max_prompt_tokens", "max_completion_tokens"}),
    SubmitToolOutputs: frozenset({"tool_outputs", "stream"}),
}
#: What is not shown of an object, and what is there instead.
HIDDEN: Final[dict[str, Json]] = {
    "thread": {"metadata": {}, "tool_resources": {}},
    "thread.run": {"instructions": "", "tools": [], "metadata": {}, "tool_resources": {}},
}
#: What is told of why runs and steps failed, by `code`; the words of the operator and the provider are the owner's.
FAILED: Final = {"rate_limit_exceeded": BUSY}
#: A streamed event about such an object.
SHOWING: Final = re.compile(rb"event: thread\.(created|run\.(?!step)\w+|run\.step\.failed)\ndata: (.*)\n\n")


def check_route(grant: Grant, verb: Verb | None, parts: Json) -> None:
    """Refuse a route that is not open to the bearer, or a thread that is not the token's. Raises Forbidden."""
    if verb is None:
        raise Forbidden(CLOSED, code="insufficient_permissions")
    _check_verb(grant, verb)
    if "thread_id" in parts:
        client_tokens.check_thread(grant, parts["thread_id"])


async def admit(grant: Grant, caller: Caller, arguments: Json) -> Caller:
    """The bearer, who may call the route with these arguments; that is counted. Raises Forbidden and Unauthorized."""
    if arguments.get("include"):
        raise _unsaid("include[]")
    body = arguments.get("body")
    if body is None:
        return caller
    _check_said(body, "")
    messages = _messages(body)
    for path, message in messages:
        _check_message(message, path)
    if messages:
        _check_verb(grant, "post_messages")
    if isinstance(body, RunSettings):
        _check_run(grant, body)
    await client_tokens.count(grant, caller.deps, messages=len(messages), runs=isinstance(body, RunSettings))
    if isinstance(body, CreateThread | CreateThreadAndRun):
        wanted = "" if caller.once is None else caller.once.id
        return replace(caller, thread_id=await client_tokens.own_thread(grant, caller.deps, wanted))
    return caller


def refused(error: RateLimited) -> RateLimited:
    """The 429 as bearers see it: when to come back, and nothing of the owner's budget."""
    return RateLimited(BUSY, error.type, error.code or error.type, _without_budget(error.headers))


def shown(response: Response) -> Response:
    """The answer as bearers see it."""
    for name in response.headers.keys() - _without_budget(response.headers).keys():
        del response.headers[name]
    if isinstance(response, EventStream):
        response.shown = _shown_events
    elif response.media_type == "application/json":
        response.body = json_text.ascii_bytes(_shown(json.loads(bytes(response.body))))
        response.headers["content-length"] = str(len(response.body))
    return response


def _without_budget(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith("x-ratelimit-")}


def _check_verb(grant: Grant, verb: Verb) -> None:
    if verb not in grant.token.verbs:
        raise Forbidden(NOT_FOR.format(f"'{verb}'"), code="insufficient_permissions")


def _check_run(grant: Grant, body: RunSettings) -> None:
    if body.assistant_id not in grant.token.assistant_ids:
        raise Forbidden(NOT_FOR.format("this assistant"), param="assistant_id", code="insufficient_permissions")
    if isinstance(body, CreateThreadAndRun) and body.thread is not None:
        _check_said(body.thread, "thread.")
    most = grant.token.limits.completion_tokens
    if most is not None:
        body.max_completion_tokens = min(most, body.max_completion_tokens or most)


def _messages(body: BaseModel) -> Sequence[tuple[str, CreateMessage]]:
    """The messages that come with a request, and how their paths begin."""
    if isinstance(body, CreateMessage):
        return [("", body)]
    if isinstance(body, CreateRun):
        path, found = "additional_messages", body.additional_messages
    else:
        thread = body.thread if isinstance(body, CreateThreadAndRun) else body
        path, found = "thread.messages" if thread is not body else "messages", getattr(thread, "messages", None)
    return [(f"{path}[{index}].", each) for index, each in enumerate(found or ())]


def _check_message(message: CreateMessage, path: str) -> None:
    _check_said(message, path)
    if message.role != "user":
        raise Forbidden("Callers with a client token speak as 'user'.", param=f"{path}role")
    if not isinstance(message.content, str):
        for index, part in enumerate(message.content):
            if isinstance(part, ImageFilePart):
                raise _unsaid(f"{path}content[{index}].image_file")


def _check_said(body: BaseModel, path: str) -> None:
    for name in type(body).model_fields:
        value: Any = getattr(body, name)
        if name not in SAID[type(body)] and value is not None and value not in ([], {}):
            raise _unsaid(f"{path}{name}")


def _unsaid(path: str) -> Forbidden:
    return Forbidden(NOT_SAID.format(path), param=path, code="insufficient_permissions")


def _shown(thing: Json) -> Json:
    if thing.get("object") == "list":
        return thing | {"data": [_shown(each) for each in thing["data"]]}
    hidden = HIDDEN.get(thing.get("object", ""), {})
    shown = thing | {name: value for name, value in hidden.items() if name in thing}
    error = shown.get("last_error")
    return shown if not error else shown | {"last_error": error | {"message": FAILED.get(error["code"], SORRY)}}


def _shown_events(piece: bytes) -> bytes:
    def event(found: re.Match[bytes]) -> bytes:
        data = json_text.ascii_bytes(_shown(json.loads(found[2])))
        return found[0][: found.start(2) - found.start()] + data + b"\n\n"

    return SHOWING.sub(event, piece)
