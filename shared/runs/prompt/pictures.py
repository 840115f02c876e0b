"""Pictures as the model is shown them, and words in place of those that it cannot see."""

from __future__ import annotations

import base64

from shared import layout
from shared.blobs.base import BlobNotFound, read_all
from shared.deps import Deps
from shared.json_types import Json
from shared.objects.pictures import HEAD_BYTES, head_of_data_url, is_data_url, media_type


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


def unreadable(what: str) -> Json:
    """Words in place of what was shown as a picture and is none; sent as one, it would fail every run of its thread."""
    return {"type": "input_text", "text": f"({what} was left out: it is no PNG, JPEG, GIF or WebP picture)"}
