"""Pictures as the model is shown them, and words in place of those that it cannot see."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from shared import layout
from shared.blobs.base import BlobNotFound, read_all
from shared.deps import Caller, Deps
from shared.files import files
from shared.json_types import Json
from shared.objects.pictures import HEAD_BYTES, head_of_data_url, is_data_url, media_type
from shared.store.base import Record

#: Bytes of pictures in one request, as they are sent (a third more than the files have): OpenAI takes 50 MB in all.
PICTURE_BYTES: Final = 40_000_000

#: A picture's place: its message's key, and the number of the part in it.
Place = tuple[str, int]


async def too_many(deps: Deps, owner: str, messages: Iterable[Record]) -> set[Place]:
    """The places of the user's older pictures for which a request has no room. Reads the files' rows, not the files."""
    shown = [
        (row.key, index, part)
        for row in messages
        if row.data["role"] == "user"
        for index, part in enumerate(row.data["content"])
        if part["type"] in ("image_file", "image_url")
    ]
    if not shown:
        return set()
    ids = [part["image_file"]["file_id"] for _, _, part in shown if part["type"] == "image_file"]
    known = await files.sizes(Caller(deps, owner), ids)
    by_message = groupby(shown, key=itemgetter(0))
    first = first_with_room([[_sent_bytes(part, known) for *_, part in each] for _, each in by_message], PICTURE_BYTES)
    return {(key, index) for key, index, _ in shown[:first]}


def first_with_room(messages: Iterable[Sequence[int]], most: int) -> int:
    """From which picture on they fit; each message is given by its pictures' bytes.

    Goes through the thread as it grew: a message whose pictures did not fit any more pushed older ones out until half
    was free, so the beginning of prompts seldom changes. Its own went only where they were too much by themselves.
    """
    sizes: list[int] = []
    start = total = 0
    for own in messages:
        older, total = len(sizes), total + sum(own)
        sizes += own
        if total > most:
            while start < older and total > most // 2:
                total, start = total - sizes[start], start + 1
            while total > most:
                total, start = total - sizes[start], start + 1
    return start


def _sent_bytes(part: Json, known: Mapping[str, int]) -> int:
    if part["type"] == "image_file":
        return known.get(part["image_file"]["file_id"], 0) * 4 // 3
    url: str = part["image_url"]["url"]
    return len(url) if is_data_url(url) else 0


def linked_picture(image: Json) -> Json:
    """A picture by its address, or within it; threads of earlier versions may hold what is no picture."""
    url = image["url"]
    if is_data_url(url) and media_type(head_of_data_url(url)) is None:
        return unreadable("a picture")
    return {"type": "input_image", "image_url": url, "detail": image.get("detail") or "auto"}


async def picture(deps: Deps, owner: str, image: Json) -> Json:
    """An uploaded picture, inline: the provider cannot see our files. It is `name`d for errors; that is not sent."""
    file_id, blob = image["file_id"], layout.file_blob(owner, image["file_id"])
    try:
        kind = media_type(await read_all(deps.blobs, blob, 0, HEAD_BYTES))
        if kind is None:
            return unreadable(f"the file {file_id}")
        data = await read_all(deps.blobs, blob)
    except BlobNotFound:
        return {"type": "input_text", "text": f"(the image {file_id} was deleted)"}
    url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return {"type": "input_image", "image_url": url, "detail": image.get("detail") or "auto", "name": file_id}


def without_room(part: Json) -> Json:
    """Words in place of a picture that newer ones have pushed out."""
    name = f"the picture {part['image_file']['file_id']}" if part["type"] == "image_file" else "a picture"
    return {"type": "input_text", "text": f"({name} was left out: newer ones take all the room there is)"}


def unreadable(what: str) -> Json:
    """Words in place of what was shown as a picture and is none; sent as one, it would fail every run of its thread."""
    return {"type": "input_text", "text": f"({what} was left out: it is no PNG, JPEG, GIF or WebP picture)"}
