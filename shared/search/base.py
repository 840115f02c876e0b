"""The search ports: an index of chunks per vector store, and an embedder.

An index knows chunks, files and stores by id; names, attributes and owners are its caller's business.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Vector = Sequence[float]


class EmbeddingUnavailable(Exception):
    """The embedding model did not answer, after retries; later it may."""

    def __init__(self, message: str = "", *, retry_after: float | None = None):
        super().__init__(message)
        #: Seconds until its quota is filled again; None when that was not the reason.
        self.retry_after = retry_after


class EmbeddingRefused(Exception):
    """The embedding model will not embed this, or does not exist: trying again is useless."""


class EmbeddingForbidden(EmbeddingRefused):
    """The endpoint does not take our key or identity, which says nothing about what it can embed."""


class IndexUnavailable(Exception):
    """The index could not be read or changed now; later it may."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file's text."""

    text: str
    #: How many characters at the beginning repeat the end of the chunk before.
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Space:
    """Where vectors can be compared: the embedder's name, and how many numbers a vector has (0: nobody knows)."""

    name: str
    dimensions: int = 0

    def takes(self, other: Space) -> bool:
        """Whether vectors of the other space can be compared with those of this one, as far as is known."""
        return self.name == other.name and (
            self.dimensions == other.dimensions or 0 in (self.dimensions, other.dimensions)
        )


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors with the name of what made them; vectors of different names are not comparable."""

    name: str
    vectors: Sequence[Vector]

    @property
    def space(self) -> Space:
        """The space that they are in."""
        return Space(self.name, len(self.vectors[0]) if len(self.vectors) > 0 else 0)


#: Gives the vectors of a search's queries by the embedder of a name, or None if they cannot be had.
EmbedQueries = Callable[[str], Awaitable[Embedded | None]]


def given(embedded: Embedded | None) -> EmbedQueries:
    """Vectors that are there already."""

    async def embed(name: str) -> Embedded | None:
        return embedded if embedded is not None and embedded.name == name else None

    return embed


#: Gives the vectors of a file's chunks, or None if they are not to be had.
EmbedChunks = Callable[[Sequence[Chunk]], Awaitable[Embedded | None]]


class OtherSpace(Exception):
    """The vectors are of another space than those of the index, which never mixes them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What to search: a store, or some of its files."""

    store_id: str
    #: None: every file.
    files: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """How hits are ordered: by words, by meaning, or (the default) by both, fused."""

    text_weight: float = 1.0
    embedding_weight: float = 1.0
    #: Hits that are less relevant are left out.
    score_threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with its score."""

    store_id: str
    file_id: str
    #: The chunk's number in its file.
    index: int
    text: str
    #: Its relevance, 0..1: above 0.5 it is likelier about the query than not. Hits come by rank, not by it.
    score: float


class Embedder(Protocol):
    """Turns texts into vectors that are near when the meanings are."""

    @property
    def name(self) -> str:
        """The name of model and dimensions: vectors of different names are never compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector per text, at once. Raises EmbeddingUnavailable or EmbeddingRefused."""
        ...

    def batches(self, texts: Sequence[str]) -> AsyncIterator[Mapping[int, Vector]]:
        """Vectors by the texts' numbers, as they come, within what the model's quota allows in about a minute.

        Raises EmbeddingUnavailable, after the vectors that were made have been given, or EmbeddingRefused.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class Embedders(Protocol):
    """The embedders of a box: the one that new stores get, and those that stores have had since they were made."""

    async def preferred(self, *, anew: bool = False) -> Space | None:
        """The space for stores that have none yet; None while the endpoint does not let us find out.

        `anew`: as it is now, whatever was found out before. Raises EmbeddingUnavailable.
        """
        ...

    def of(self, name: str) -> Embedder | None:
        """The embedder of that name, or None if the settings leave no way to ask it."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class Index(Protocol):
    """Chunks by vector store and file, searchable by words and by vectors. Many writers at once are safe.

    Everything here may raise IndexUnavailable.
    """

    async def add(self, store_id: str, file_id: str, chunks: Sequence[Chunk], embedded: Embedded | None) -> int:
        """Index a file's chunks, in place of any it had, and return the bytes they take. Raises OtherSpace."""
        ...

    async def reembed(self, store_id: str, file_id: str, embed: EmbedChunks) -> int | None:
        """Give a file other vectors, or none, and return the bytes it takes then; None: there is no such file.

        Its chunks stay, and can be found all the while. Raises OtherSpace, and what `embed` raises.
        """
        ...

    async def enter(self, store_id: str, space: Space) -> None:
        """From now on the vectors of new files are of this space; others stay until they are replaced."""
        ...

    async def files(self, store_id: str) -> dict[str, Space | None]:
        """The store's files with the spaces of their vectors; None: a file has none."""
        ...

    async def space(self, store_id: str) -> Space | None:
        """The space of the store's vectors, which those of new files must be in; None: it has no vectors yet."""
        ...

    async def remove(self, store_id: str, file_id: str) -> None:
        """Forget a file; an unknown one is no error."""
        ...

    async def search(
        self, scopes: Sequence[Scope], queries: Sequence[str], limit: int, ranking: Ranking, embed: EmbedQueries
    ) -> list[Hit]:
        """The best chunks for any of the queries, best first; `embed` gives one vector per query.

        Without vectors words must do, whatever their weight.
        """
        ...

    async def chunks(self, store_id: str, file_id: str) -> list[Chunk]:
        """A file's chunks in order; empty for an unknown file."""
        ...

    async def drop(self, store_id: str) -> None:
        """Forget a whole store."""
        ...

    async def purge(self, store_id: str) -> None:
        """Have no bytes left of files that were removed; that costs reading and writing what they lay among."""
        ...

    async def sweep(self, store_id: str) -> None:
        """The same, and remove what crashed writers left behind; the store may be gone."""
        ...

    async def compact(self, store_id: str) -> bool:
        """Merge small and half-dead parts if it is worth it; True if anything was done. Call it after changes."""
        ...
