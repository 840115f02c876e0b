"""Steps with large files: whole and in parts."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from shared.smoke.box import BoxUnderTest
from shared.smoke.report import Look, Wrong

#: Bytes.
MEGABYTE: Final = 2**20
#: Parts of the file that is sent in parts; together they are a quarter of the large file.
PARTS: Final = 3


def uploaded_whole(box: BoxUnderTest) -> dict[str, float]:
    """A large file goes up in one request and comes back the same."""
    content = os.urandom(box.options.megabytes * MEGABYTE)
    file = box.uploaded("large.bin", content)
    same(box, file, content)
    return {"megabytes": box.options.megabytes}


def uploaded_in_parts(box: BoxUnderTest) -> dict[str, float]:
    """A file goes up part by part and comes back the same."""
    part = max(1, box.options.megabytes * MEGABYTE // 4 // PARTS)
    content = os.urandom(part * PARTS)
    upload = box.client.uploads.create(
        filename=f"{box.mark}-parts.bin", bytes=len(content), mime_type="application/octet-stream", purpose="assistants"
    )
    box.pending.append(upload.id)
    pieces = [content[start : start + part] for start in range(0, len(content), part)]
    parts = [box.client.uploads.parts.create(upload.id, data=piece).id for piece in pieces]
    file = box.client.uploads.complete(upload.id, part_ids=parts).file
    box.pending.remove(upload.id)
    if file is None:
        raise Wrong("the upload was completed, but is no file", Look.UPLOADS)
    same(box, file.id, content)
    return {"parts": PARTS}


def same(box: BoxUnderTest, file: str, content: bytes) -> None:
    """Whether the file holds this. Raises Wrong."""
    digest, size = hashlib.sha256(), 0
    with box.client.files.with_streaming_response.content(file) as answer:
        for piece in answer.iter_bytes(MEGABYTE):
            digest.update(piece)
            size += len(piece)
    if digest.digest() != hashlib.sha256(content).digest():
        raise Wrong(f"{len(content)} bytes were sent, {size} others came back", Look.UPLOADS)
