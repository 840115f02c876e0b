"""Which embedder makes a store's vectors: the model's, or hashes where no model can.

A store keeps the space of its first vectors, so what is chosen here is for stores that have none yet.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shared.search.base import Embedded, Embedder, EmbeddingForbidden, EmbeddingRefused, Space
from shared.search.embeddings.hashed import HashedVectors
from shared.search.embeddings.openai import OpenAIEmbedder, VectorSource

logger = logging.getLogger(__name__)

#: Seconds for which it is not asked again whether the endpoint embeds.
FRESH: Final = 600.0
#: Embedded to find it out.
SAMPLE: Final = "Hello"


class ModelVectors:
    """`Embedders` of a box with an endpoint, where hashes stand in if `model` does not embed.

    `sources` tells which endpoints have a model, the first to ask in front; `close` closes them; `forbidden` are errors
    that mean a refused identity.
    """

    def __init__(
        self,
        sources: Callable[[str], Sequence[VectorSource]],
        model: str,
        close: Callable[[], Awaitable[None]],
        forbidden: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        self._sources, self._close, self._forbidden, self._clock = sources, close, forbidden, clock
        self._hashed = HashedVectors()
        self._model = self._embedder(model, sources(model))
        self._embedders = {self._model.name: self._model}
        self._preferred: Space | None = None
        self._until = 0.0
        self._looking = asyncio.Lock()

    async def preferred(self, *, anew: bool = False) -> Space | None:
        """The model's space if it embeds, which is asked once in ten minutes; else that of hashes."""
        async with self._looking:
            if anew or self._preferred is None or self._clock() >= self._until:
                before, self._preferred = self._preferred, await self._look()
                self._until = self._clock() + FRESH
                if self._preferred is not None and self._preferred != before:
                    extra = {"action": "vectors_chosen", "embedder": self._preferred.name}
                    logger.info("vectors chosen", extra=extra)
        return self._preferred

    def of(self, name: str) -> Embedder | None:
        """Hashes, or whichever model the name tells: stores keep theirs when the settings name another."""
        if (hashed := self._hashed.of(name)) is not None:
            return hashed
        if name not in self._embedders:
            model = OpenAIEmbedder.model_in(name)
            if not (sources := self._sources(model)):
                return None
            self._embedders[name] = self._embedder(model, sources)
        return self._embedders[name]

    async def close(self) -> None:
        """Release connections."""
        await self._close()

    def _embedder(self, model: str, sources: Sequence[VectorSource]) -> OpenAIEmbedder:
        return OpenAIEmbedder(sources, model, self._close, forbidden=self._forbidden)

    async def _look(self) -> Space | None:
        try:
            return Embedded(self._model.name, await self._model.embed([SAMPLE], retries=0)).space
        except EmbeddingForbidden as error:
            extra = {"action": "embedding_forbidden", "embedder": self._model.name, "reason": str(error)[:200]}
            logger.warning("embedding forbidden", extra=extra)
            return None
        except EmbeddingRefused as error:
            extra = {"action": "hashes_stand_in", "embedder": self._model.name, "reason": str(error)[:200]}
            logger.warning("the endpoint does not embed: hashed words stand in", extra=extra)
            return await self._hashed.preferred()
