"""The vectors of a file's chunks, made in as many turns as the model's quota takes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from shared.deadline import Overdue, within
from shared.deps import Deps
from shared.logs import kind_of
from shared.search.base import Chunk, Embedded, EmbeddingRefused, EmbeddingUnavailable, Space
from shared.vector_stores import kept_vectors

logger = logging.getLogger(__name__)

#: Vectors of files with no more chunks are not kept: making them again costs less than looking for them.
FEW: Final = 8
#: Seconds until the next turn after a failure that names no time.
PAUSE_SECONDS: Final = 30.0


#: Seconds until the next turn when only the invocation's time was over.
NEXT_INVOCATION: Final = 1.0


class EmbeddingPaused(Exception):
    """The embedding model will do no more for now; what it did is kept."""

    def __init__(self, seconds: float, *, advanced: bool):
        super().__init__(f"embedding goes on in {seconds:.0f} s")
        #: When to go on, and whether anything was embedded in this turn.
        self.seconds, self.advanced = seconds, advanced


async def embed(deps: Deps, index: str, file_id: str, chunks: Sequence[Chunk]) -> Embedded | None:
    """The chunks' vectors, in the index's space: the one it has, else the box's.

    A model that will never embed them does not keep them from being found by their words. Raises EmbeddingPaused, or
    EmbeddingUnavailable when the model fails without having done anything.
    """
    space = await deps.index.space(index) or await preferred(deps)
    embedder = None if space is None else deps.embedders.of(space.name)
    if space is None or embedder is None:
        reason = "the endpoint refuses our key" if space is None else f"no way to ask {space.name}"
        not_embedded(file_id, reason)
        return None
    texts = [chunk.text for chunk in chunks]
    of = kept_vectors.digest(embedder.name, texts)
    few = len(texts) <= FEW
    vectors = {} if few else await kept_vectors.kept(deps.blobs, index, file_id, of)
    missing = [number for number in range(len(texts)) if number not in vectors]
    advanced = False
    try:
        with within():
            async for made in embedder.batches([texts[number] for number in missing]):
                numbered = {missing[number]: vector for number, vector in made.items()}
                vectors |= numbered
                advanced = True
                if len(vectors) < len(texts) and not few:
                    await kept_vectors.keep(deps.blobs, index, file_id, of, numbered)
    except Overdue as error:
        if not advanced:
            raise EmbeddingUnavailable("the model did not answer in time") from error
        raise EmbeddingPaused(NEXT_INVOCATION, advanced=True) from error
    except EmbeddingRefused as error:
        not_embedded(file_id, kind_of(error.__cause__ or error))
        return None
    except EmbeddingUnavailable as error:
        if error.retry_after is None and not advanced:
            raise
        raise EmbeddingPaused(error.retry_after or PAUSE_SECONDS, advanced=advanced) from error
    embedded = Embedded(embedder.name, [vectors[number] for number in range(len(texts))])
    if not space.takes(embedded.space):
        not_embedded(file_id, f"{space.name} made {space.dimensions} numbers, now {embedded.space.dimensions}")
        return None
    return embedded


async def preferred(deps: Deps) -> Space | None:
    """The space for a store that has none yet. Raises EmbeddingPaused or EmbeddingUnavailable."""
    try:
        return await deps.embedders.preferred()
    except EmbeddingUnavailable as error:
        if error.retry_after is None:
            raise
        raise EmbeddingPaused(error.retry_after, advanced=False) from error


def not_embedded(file_id: str, reason: str) -> None:
    """Say in the log that the file is found by its words only, and why; a model's answer may quote the file."""
    extra = {"action": "file_not_embedded", "file_id": file_id, "reason": reason}
    logger.warning("file not embedded", extra=extra)


async def forget(deps: Deps, index: str, file_id: str, chunks: Sequence[Chunk]) -> None:
    """Remove what was kept of an indexed file."""
    if len(chunks) > FEW:
        await kept_vectors.forget(deps.blobs, index, file_id)
