"""Messages on their way into a thread: with a new thread, one by one, or together with a run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from shared import ids, layout
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest, wrong_shape
from shared.files import files
from shared.json_types import Json
from shared.objects.message import Message
from shared.objects.message_requests import CreateMessage
from shared.objects.pictures import HEAD_BYTES, NOT_A_PICTURE, head_of_data_url, media_type
from shared.objects.tools.resources import NewVectorStore
from shared.store.base import Put
from shared.vector_stores import attaching, stores

#: What a message is told whose attachment is not a file of the box.
IN_AZURE: Final = (
    "'{}' names data in Azure, which this box cannot read. Upload the file, and attach it by its id as 'file_id'."
)


async def check_files(caller: Caller, bodies: Sequence[CreateMessage], param: str = "") -> None:
    """Refuse messages that show or attach files which do not exist, or show what is no picture.

    `param` is the path of the list. Raises InvalidRequest.
    """
    for index, body in enumerate(bodies):
        path = f"{param}[{index}]." if param else ""
        for field, named in (("content", body.shown_files()), ("attachments", body.attached_files())):
            for inner, file_id in named.items():
                if not file_id.startswith(("file", layout.FOREIGN_FILE)):
                    raise _no_file(f"{path}{inner}", file_id)
            if named:
                await files.check(caller, named.values(), f"{path}{field}")
        await _check_pictures(caller, body, path)


def _no_file(param: str, file_id: str) -> InvalidRequest:
    if param.endswith(".data_source"):
        return InvalidRequest(IN_AZURE.format(param), param=param, code="unsupported_value")
    return wrong_shape(param, file_id, "file")


async def _check_pictures(caller: Caller, body: CreateMessage, path: str) -> None:
    """Refuse what no model can look at: it would fail every run of its thread."""
    shown, data = body.shown_files(), body.shown_data()
    if not shown and not data:
        return
    file_ids = [*dict.fromkeys(shown.values())]
    heads = await asyncio.gather(*(files.head(caller, each, HEAD_BYTES) for each in file_ids))
    by_file = dict(zip(file_ids, heads, strict=True))
    begun = {inner: by_file[file_id] for inner, file_id in shown.items()}
    begun |= {inner: head_of_data_url(url) for inner, url in data.items()}
    for inner, head in begun.items():
        if media_type(head) is None:
            raise InvalidRequest(NOT_A_PICTURE, param=f"{path}{inner}", code="invalid_value")


def rows(deps: Deps, thread_id: str, bodies: Sequence[CreateMessage], first: int) -> list[Put]:
    """The rows of new messages, numbered from `first`; the head must be written in the same commit."""
    return [
        _row(deps, thread_id, body, ids.numbered(layout.MESSAGE, number)) for number, body in enumerate(bodies, first)
    ]


def rows_in_line(deps: Deps, thread_id: str, bodies: Sequence[CreateMessage]) -> list[Put]:
    """The rows of messages that wait until the thread is free: found by their ids, and in no list."""
    return [_row(deps, thread_id, body, ids.unnumbered(layout.MESSAGE)) for body in bodies]


async def attach(caller: Caller, thread: Json, bodies: Sequence[CreateMessage]) -> Json:
    """The thread with the messages' attachments added to its tools; the very same object if there are none."""
    file_ids = [file_id for body in bodies for file_id in body.attached_to("code_interpreter")]
    if file_ids:
        thread = _with_files(thread, file_ids)
    searched = [*dict.fromkeys(file_id for body in bodies for file_id in body.attached_to("file_search"))]
    return await _searching(caller, thread, searched) if searched else thread


def need_thread(bodies: Sequence[CreateMessage]) -> bool:
    """Whether `attach` may change the thread at all."""
    return any(body.attachments for body in bodies)


def _row(deps: Deps, thread_id: str, body: CreateMessage, message_id: str) -> Put:
    now = deps.now()
    message = Message(
        id=message_id,
        created_at=now,
        completed_at=now,
        thread_id=thread_id,
        role=body.role,
        content=body.content_json(),
        attachments=body.attachments_json(),
        metadata=body.metadata or {},
    )
    return Put(message_id, message.to_json())


async def _searching(caller: Caller, thread: Json, file_ids: list[str]) -> Json:
    """The thread whose vector store has the files, too; it gets one if it has none."""
    resources = thread["tool_resources"]
    specs = await attaching.searchable(caller, file_ids, param="attachments")
    store_ids = resources.get("file_search", {}).get("vector_store_ids")
    if store_ids:
        await stores.add(caller, store_ids[0], specs)
        return thread
    new = NewVectorStore(file_ids=file_ids)
    store_id = await stores.create_for_tools(caller, new, stores.THREAD_DAYS)
    search = resources.get("file_search", {}) | {"vector_store_ids": [store_id]}
    return thread | {"tool_resources": resources | {"file_search": search}}


def _with_files(thread: Json, file_ids: list[str]) -> Json:
    resources = thread["tool_resources"]
    code = resources.get("code_interpreter", {})
    merged = [*dict.fromkeys([*code.get("file_ids", []), *file_ids])]
    return thread | {"tool_resources": resources | {"code_interpreter": code | {"file_ids": merged}}}
