"""Embedding a store anew, in the background: its model ends, or a better one is there.

The index is told its new space, then each file in turn gets vectors of it in place of its old ones. A search compares
every chunk within its own space, so that all can be found all the while. What is left to do is read from the index:
whoever dies in between is followed by the next message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from shared import ids, layout
from shared.deps import Caller
from shared.errors import ApiError, InvalidRequest, NotFoundError
from shared.files import index_messages
from shared.json_types import Json
from shared.objects.vector_store import EmbeddedFiles, Progress, Reembedding, StoreEmbedding, StoreRecord
from shared.optimistic import until_committed
from shared.search.base import Chunk, Embedded, EmbeddingRefused, EmbeddingUnavailable, Space
from shared.vector_stores import stores
from shared.vector_stores.embedding import embed, forget
from shared.vector_stores.rows import OVERDUE, index_of, item_put, item_row, store_put, store_row

#: Seconds after which the rest is left to the next message: one that takes longer may be delivered twice.
STEP_SECONDS: Final = 20.0
SAMPLE: Final = "Hello"


class ModelGone(Exception):
    """The model that the store was to have refuses even a single word."""


async def state(caller: Caller, store_id: str) -> Json:
    """By what the store's vectors are made, and what is still to be done. Raises NotFoundError."""
    record, _ = await stores.row(caller, store_id)
    return await _present(caller, record)


async def begin(caller: Caller, store_id: str) -> Json:
    """Have the store embedded by the model that new stores get. Raises NotFoundError, InvalidRequest or ApiError."""
    await stores.active(caller, store_id)
    try:
        target = await caller.deps.embedders.preferred(anew=True)
    except EmbeddingUnavailable as error:
        message = "The embedding model did not answer. Please try again later."
        raise ApiError(message, status=503, code="embedding_unavailable") from error
    if target is None:
        raise InvalidRequest("The endpoint refuses the box's key for embeddings.", code="embedding_forbidden")
    token = ids.random_text(12)
    waiting = await outside(caller, store_id, target)
    if waiting:
        await caller.deps.ingestion.send(index_messages.reembed(caller.owner, store_id, token).to_json())

    async def attempt() -> StoreRecord:
        record, version = await stores.active(caller, store_id)
        until = caller.deps.now() + OVERDUE
        wanted = Reembedding(name=target.name, dimensions=target.dimensions, token=token, until=until)
        record.reembedding = wanted if waiting else None
        await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), [store_put(record, version)])
        return record

    return await _present(caller, await until_committed(attempt))


async def advance(caller: Caller, store_id: str, target: Space, after: str) -> str | None:
    """Embed the files that come after that one, for a while; the last that is done, or None when all are.

    Raises EmbeddingPaused, EmbeddingUnavailable or ModelGone.
    """
    deps, started = caller.deps, asyncio.get_running_loop().time()
    await deps.index.enter(await index_of(caller, store_id), target)
    for file_id in await outside(caller, store_id, target):
        if file_id <= after:
            continue
        if asyncio.get_running_loop().time() - started > STEP_SECONDS:
            return after
        await _embed_file(caller, store_id, file_id, target)
        after = file_id
    return None


async def outside(caller: Caller, store_id: str, target: Space) -> list[str]:
    """The files whose vectors are not of that space, in the order of their ids."""
    found = await caller.deps.index.files(await index_of(caller, store_id))
    return sorted(file_id for file_id, space in found.items() if space != target)


async def settle(
    caller: Caller, store_id: str, token: str, change: Callable[[Reembedding], Reembedding | None]
) -> bool:
    """Note how it goes on, or that it is over; False if somebody else has it now, or the store is gone."""

    async def attempt() -> bool:
        record, version = await store_row(caller, store_id)
        if record.reembedding is None or record.reembedding.token != token:
            return False
        record.reembedding = change(record.reembedding)
        await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), [store_put(record, version)])
        return True

    try:
        return await until_committed(attempt)
    except NotFoundError:
        return False


async def _embed_file(caller: Caller, store_id: str, file_id: str, target: Space) -> None:
    deps, index = caller.deps, await index_of(caller, store_id)
    seen: list[Chunk] = []

    async def vectors(chunks: Sequence[Chunk]) -> Embedded | None:
        seen[:] = chunks
        embedded = await embed(deps, index, file_id, chunks)
        if embedded is None and not await _embeds(caller, target):
            raise ModelGone(target.name)
        return embedded

    size = await deps.index.reembed(index, file_id, vectors)
    await forget(deps, index, file_id, seen)
    if size is not None:
        await until_committed(lambda: _resize(caller, store_id, file_id, size))


async def _embeds(caller: Caller, target: Space) -> bool:
    """Whether the model still makes such vectors at all. Raises EmbeddingUnavailable."""
    embedder = caller.deps.embedders.of(target.name)
    try:
        return embedder is not None and Embedded(target.name, await embedder.embed([SAMPLE])).space == target
    except EmbeddingRefused:
        return False


async def _resize(caller: Caller, store_id: str, file_id: str, size: int) -> None:
    """Count what the file takes now."""
    row = await item_row(caller, store_id, file_id)
    if row is None or row[0].file.status != "completed":
        return
    item, item_version = row
    record, version = await store_row(caller, store_id)
    record.store.usage_bytes += size - item.file.usage_bytes
    item.file.usage_bytes = size
    changes = [store_put(record, version), item_put(item, caller.deps.now(), item_version)]
    await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), changes)


async def _present(caller: Caller, record: StoreRecord) -> Json:
    wanted, index = record.reembedding, await index_of(caller, record.store.id)
    space = await caller.deps.index.space(index) if wanted is None else Space(wanted.name, wanted.dimensions)
    found = await caller.deps.index.files(index)
    done = sum(each == space for each in found.values())
    status: Progress = "completed" if wanted is None else "failed" if wanted.until is None else "in_progress"
    waiting = len(found) - done if status == "in_progress" else 0
    return StoreEmbedding(
        vector_store_id=record.store.id,
        model=None if space is None else space.name,
        dimensions=None if space is None else space.dimensions,
        status=status,
        file_counts=EmbeddedFiles(in_progress=waiting, completed=done, total=len(found)),
    ).to_json()
