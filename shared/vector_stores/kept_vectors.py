"""Vectors of files that are being indexed, kept until the whole file is: no failure makes the model do it again."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from shared import layout
from shared.blobs.base import BlobNotFound, Blobs, read_all, write_bytes
from shared.ids import random_text
from shared.search.base import Vector


def digest(embedder: str, texts: Sequence[str]) -> str:
    """What vectors belong to: the same texts, by the same model."""
    whole = blake2b(embedder.encode(), digest_size=12)
    for text in texts:
        whole.update(b"\0" + text.encode("utf-8", "replace"))
    return whole.hexdigest()


async def keep(blobs: Blobs, index: str, file_id: str, of: str, vectors: Mapping[int, Vector]) -> None:
    """Store some vectors by the numbers of their texts. Raises BlobsUnavailable."""
    import numpy as np

    data = io.BytesIO()
    np.savez(data, numbers=np.array([*vectors]), vectors=np.array([*vectors.values()], dtype=np.float32))
    await write_bytes(blobs, layout.vectors_blob(index, file_id, f"{of}-{random_text(8)}"), data.getvalue())


async def kept(blobs: Blobs, index: str, file_id: str, of: str) -> dict[int, Vector]:
    """The vectors that were kept of these texts. Raises BlobsUnavailable."""
    import numpy as np

    found: dict[int, Vector] = {}
    async for info in blobs.list(layout.vectors_blob(index, file_id, of)):
        try:
            data = await read_all(blobs, info.name)
        except BlobNotFound:
            continue
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            found |= zip(arrays["numbers"].tolist(), arrays["vectors"], strict=True)
    return found


async def forget(blobs: Blobs, index: str, file_id: str = "") -> None:
    """Remove what was kept of a file, or of a whole store, whatever it was made from. Raises BlobsUnavailable."""
    names = [info.name async for info in blobs.list(layout.vectors_blob(index, file_id))]
    for name in names:
        await blobs.delete(name)
