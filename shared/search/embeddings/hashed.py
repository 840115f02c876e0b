"""The vectoriser for boxes without an embedding model: words and their letter groups, hashed into a vector.

It knows no meanings. What it adds to the search for words is nearness of inflected, compound and misspelt ones.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from typing import Final
from zlib import crc32

from shared.search.base import Embedder, Space, Vector
from shared.search.folding import folded

#: Numbers of a vector.
DIMENSIONS: Final = 1024
#: Lengths of letter groups.
GROUPS: Final = (3, 4, 5)
WORD: Final = re.compile(r"[^\W_]{2,}")


class HashedEmbedder:
    """`Embedder` that needs nothing and answers at once."""

    @property
    def name(self) -> str:
        """What makes vectors of this kind comparable."""
        return f"hashed-{DIMENSIONS}"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector per text, in their order."""
        # heavy (numpy): loaded on first use
        from bm25s.stopwords import STOPWORDS_EN

        left_out = frozenset(STOPWORDS_EN)
        return await asyncio.to_thread(lambda: [vector(text, left_out) for text in texts])

    async def batches(self, texts: Sequence[str]) -> AsyncIterator[Mapping[int, Vector]]:
        """All texts in one batch: by number in the list, their vectors."""
        yield dict(enumerate(await self.embed(texts)))

    async def close(self) -> None:
        """There is nothing to release."""


class HashedVectors:
    """`Embedders` of a box without an embedding model."""

    def __init__(self) -> None:
        self._hashed = HashedEmbedder()

    async def preferred(self, *, anew: bool = False) -> Space | None:
        """Hashed vectors, always."""
        return Space(self._hashed.name, DIMENSIONS)

    def of(self, name: str) -> Embedder | None:
        """Hashed vectors; nobody can be asked for others."""
        return self._hashed if name == self._hashed.name else None

    async def close(self) -> None:
        """There is nothing to release."""


def vector(text: str, left_out: Container[str]) -> Vector:
    """Signed counts of the text's features, each in the place its hash says, dampened."""
    values = [0.0] * DIMENSIONS
    for feature, times in Counter(features(text, left_out)).items():
        place, sign = divmod(crc32(feature.encode()), 2)
        values[place % DIMENSIONS] += (2 * sign - 1) * math.log1p(times)
    return values


def features(text: str, left_out: Container[str]) -> Iterator[str]:
    """The words but for those in every text, and the groups of letters in them, those at the edges marked as such."""
    for word in WORD.findall(folded(text)):
        if word in left_out:
            continue
        edged = f"<{word}>"
        yield edged
        for length in GROUPS:
            for start in range(len(edged) - length + 1):
                yield edged[start : start + length]
