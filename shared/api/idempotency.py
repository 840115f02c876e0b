"""`Idempotency-Key` over HTTP: which routes take it, what counts as the same request, and the answer given again.

The same request is the same route, query and body; a JSON body by its values, a form by its parts, since clients draw
another boundary each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from shared import ids, json_text, layout
from shared.api.answers import answer
from shared.api.multipart import FormPart
from shared.api.sse import EventStream
from shared.deps import Caller
from shared.errors import ApiError
from shared.files import uploads
from shared.idempotency import AnsweredBefore, Once, digest_of
from shared.json_types import Json
from shared.objects.run import RunKey
from shared.objects.tools.headers import TO_COMPARE
from shared.runs.driven import DrivenRuns
from shared.store.base import Conflict
from shared.threads import threads

HEADER: Final = "idempotency-key"
#: As it is among a request's headers.
NAME: Final = HEADER.encode()
#: On answers that were given before.
REPLAYED: Final = "idempotent-replayed"

#: As the OpenAPI document has it.
KEY_PARAMETER: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "Sent again with the same key within 24 hours, the request is not carried out twice.",
}

Answering = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A route whose requests may be sent again: where the answer lies, beside what is made."""

    #: Owner, request and the handler's arguments -> the partition in whose commit the request is carried out.
    partition: Callable[[str, Once, Json], str]
    #: Makes the id of what has a partition of its own.
    new_id: Callable[[], str] = str


#: Routes that make a thread, a store or an upload, work in one, or are about other objects of the owner's.
NEW_THREAD: Final = Repeatable(
    lambda owner, once, path: layout.thread(owner, once.id), lambda: ids.newest_first(layout.THREAD)
)
IN_THREAD: Final = Repeatable(lambda owner, once, path: layout.thread(owner, path["thread_id"]))
NEW_STORE: Final = Repeatable(
    lambda owner, once, path: layout.vector_store(owner, once.id), lambda: ids.newest_first_hex(layout.VECTOR_STORE)
)
IN_STORE: Final = Repeatable(lambda owner, once, path: layout.vector_store(owner, path["vector_store_id"]))
NEW_UPLOAD: Final = Repeatable(lambda owner, once, path: layout.upload(owner, once.id), uploads.new_id)
IN_UPLOAD: Final = Repeatable(lambda owner, once, path: layout.upload(owner, path["upload_id"]))
NEW_FILE: Final = Repeatable(lambda owner, once, path: layout.files(owner))
OF_ASSISTANTS: Final = Repeatable(lambda owner, once, path: layout.assistants(owner))


async def answer_once(
    route: Repeatable, request: Request, caller: Caller, handler: Answering, arguments: dict[str, Any]
) -> Response:
    """The handler's answer to a request with a key, or that of the same one before. Raises KeyUsed, InvalidRequest."""
    grant = request.scope["box"].grant
    # What bearers of a token make up leads to no key of their owner's.
    once = Once(caller.owner, digest_of(request.headers[HEADER], "" if grant is None else grant.token.id), route.new_id)
    # The key is kept nowhere: without it, nobody who has the digest can try what secrets there may be in the body.
    once.feed(request.headers[HEADER].encode(), request.scope["path"].encode(), str(request.query_params).encode())
    caller = replace(caller, once=once)
    request.scope["repeatable"] = True

    async def look() -> None:
        if grant is not None and grant.token.thread_id is not None:
            once.id = grant.token.thread_id  # the one that a bearer makes
        await caller.look(route.partition(caller.owner, once, arguments))

    async def claim() -> None:
        await once.claim(caller.deps.store, caller.deps.now())
        await look()

    body = arguments.get("body")
    try:
        if body is None or isinstance(body, BaseModel):
            asked = {} if body is None else body.model_dump(mode="json", exclude_unset=True, context=TO_COMPARE)
            once.feed(json_text.ascii_bytes(asked))
            await claim()
        else:
            arguments["body"] = then_claimed(body, once, claim)
        try:
            return await handler(caller, **arguments)
        except (ApiError, Conflict):
            # Perhaps it is in the way of itself.
            if once.at >= 0:
                await look()
            raise
    except AnsweredBefore as before:
        return await replayed(caller, before.answer, arguments)


async def then_claimed(
    parts: AsyncIterator[FormPart], once: Once, claim: Callable[[], Awaitable[None]]
) -> AsyncIterator[FormPart]:
    """The parts of a form, read along; behind the last the request is claimed. Raises KeyUsed and AnsweredBefore."""
    async for part in parts:
        once.feed(part.name.encode(), (part.filename or "").encode(errors="replace"))
        part.pieces = read_along(part.pieces, once)
        yield part
    await claim()


async def read_along(pieces: AsyncIterator[bytes], once: Once) -> AsyncIterator[bytes]:
    """The pieces of a part; where they are cut makes no difference."""
    size = 0
    async for piece in pieces:
        size += len(piece)
        once.asked.update(piece)
        yield piece
    once.feed(b"%d" % size)


async def replayed(caller: Caller, before: Json, arguments: dict[str, Any]) -> Response:
    """The answer given before, or a stream that follows the run that there is."""
    driven: DrivenRuns | None = arguments.get("driven")
    if driven is None or not arguments["body"].stream:
        response = answer(before)
    else:
        key = RunKey(caller.owner, before["thread_id"], before["id"])
        # A thread that was made with the run is told first, as it was then.
        thread = None if "thread_id" in arguments else await threads.get(caller, before["thread_id"])
        response = EventStream(driven.retell(key, before, arguments.get("include", ()), thread))
    response.headers[REPLAYED] = "true"
    return response
