"""From a file's bytes to its chunks in the index."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from shared import layout
from shared.blobs.base import BlobNotFound
from shared.deadline import left
from shared.deps import Caller
from shared.json_types import Json
from shared.objects.vector_store import ItemRecord
from shared.search.base import Chunk, OtherSpace
from shared.search.parsing.chunking import Strategy
from shared.search.parsing.formats import ParsingFailed
from shared.search.parsing.parser import parse
from shared.vector_stores.embedding import embed, forget
from shared.vector_stores.file_status import IndexingResult, failed
from shared.vector_stores.rows import index_of, item_row

#: How many omissions a file's record names.
OMISSIONS: Final = 5

logger = logging.getLogger(__name__)


async def read(caller: Caller, store_id: str, item: ItemRecord) -> IndexingResult:
    """Parse, cut, embed and index a file. What the file is to blame for is an outcome, everything else is raised.

    Raises EmbeddingPaused when the rest of it must wait.
    """
    try:
        content = caller.deps.blobs.read(layout.file_blob(caller.owner, item.file.id))
        readers = caller.deps.readers
        async with readers.gate:
            parsed = await parse(item.filename, content, strategy_of(item), left(), owner=caller.owner, readers=readers)
    except ParsingFailed as error:
        return failed(error.code, error.message)
    except BlobNotFound:
        return failed("invalid_file", "The file was deleted.")
    size = await _index(caller, store_id, item, parsed.chunks)
    if size is None:
        return IndexingResult("cancelled")
    await forget(caller.deps, await index_of(caller, store_id), item.file.id, parsed.chunks)
    return IndexingResult("completed", usage_bytes=size, last_error=omission(item, parsed.omitted))


async def _index(caller: Caller, store_id: str, item: ItemRecord, chunks: Sequence[Chunk]) -> int | None:
    """Embed and add the chunks; the bytes they take, or None if nobody waits for them any more."""
    index = await index_of(caller, store_id)
    while True:
        embedded = await embed(caller.deps, index, item.file.id, chunks)
        if not await wanted(caller, store_id, item):
            return None
        # Another file has brought its own space meanwhile: the store's first one, or a new one.
        with suppress(OtherSpace):
            return await caller.deps.index.add(index, item.file.id, chunks, embedded)


def omission(item: ItemRecord, omitted: Sequence[str]) -> Json | None:
    """What a file's record says of text that it holds and that cannot be found; all else of it can."""
    if not omitted:
        return None
    logger.warning(
        "file read in part",
        extra={"action": "file_read_in_part", "file_id": item.file.id, "parts": len(omitted), "reason": omitted[0]},
    )
    named = "; ".join(omitted[:OMISSIONS]) + (f"; and {len(omitted) - OMISSIONS} more" * (len(omitted) > OMISSIONS))
    return {"code": "invalid_file", "message": f"The file was read in part: {named}."}


async def wanted(caller: Caller, store_id: str, item: ItemRecord) -> bool:
    """Whether the file still waits for this reading: attached anew, it may be in the index already, cut otherwise."""
    row = await item_row(caller, store_id, item.file.id)
    return row is not None and row[0].token == item.token and row[0].file.status == "in_progress"


def strategy_of(item: ItemRecord) -> Strategy:
    """How the file is to be cut."""
    sizes = item.file.chunking_strategy["static"]
    return Strategy(sizes["max_chunk_size_tokens"], sizes["chunk_overlap_tokens"])
