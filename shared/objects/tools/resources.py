"""What tools may use, as requested: files, vector stores that exist or are to be made, and what Foundry has besides."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from shared.objects.bounds import AtMost
from shared.objects.common import MetadataIn, OneOfKinds, RequestBody
from shared.objects.parse import BY_SHAPE, rejected
from shared.objects.tools.foundry import LABELS
from shared.objects.tools.foundry_resources import AzureVectorStore, DataSources, McpServer, SearchIndexes
from shared.objects.tools.kind import MAX_TOOLS


class CodeInterpreterResources(RequestBody):
    """Files for the code interpreter."""

    file_ids: Annotated[list[str], AtMost(20)] | None = None
    data_sources: DataSources | None = None


class FileSearchResources(RequestBody):
    """The vector store to search; `vector_stores` are Foundry's of data in Azure."""

    vector_store_ids: Annotated[list[str], AtMost(1)] | None = None
    vector_stores: Annotated[list[AzureVectorStore], AtMost(1)] | None = None


class FoundryResources(RequestBody):
    """What Foundry's own tools use: kept as it came."""

    azure_ai_search: SearchIndexes | None = None
    mcp: Annotated[list[McpServer], AtMost(MAX_TOOLS), LABELS] | None = None


class ToolResources(FoundryResources):
    """Resources of an existing object, or of a run."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: FileSearchResources | None = None


class StaticChunks(RequestBody):
    """Sizes of a static chunking strategy, in tokens."""

    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _overlap_is_at_most_half(self) -> StaticChunks:
        if self.chunk_overlap_tokens * 2 > self.max_chunk_size_tokens:
            text = "Invalid '{path}': must be at most half of 'max_chunk_size_tokens'."
            raise rejected(text, "invalid_value", "chunk_overlap_tokens")
        return self


class ChunkingKind(OneOfKinds):
    """How a file is cut into chunks for a vector store: `auto` or `static`."""

    kinds: ClassVar[frozenset[str]] = frozenset({"static"})


class AutoChunking(ChunkingKind):
    """The default chunking strategy."""

    type: Literal["auto"]


class StaticChunking(ChunkingKind):
    """A chunking strategy with given sizes."""

    type: Literal["static"]
    static: StaticChunks


ChunkingStrategy = Annotated[
    Annotated[AutoChunking, Tag("(=auto)")] | Annotated[StaticChunking, Tag("(=static)")], BY_SHAPE
]


class NewVectorStore(RequestBody):
    """A vector store to be created along with an assistant or thread."""

    file_ids: Annotated[list[str], AtMost(10_000)] | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: MetadataIn | None = None


def _of_azure(value: object) -> str:
    """Which of two shapes a vector store has."""
    named = "configuration" in value if isinstance(value, dict) else isinstance(value, AzureVectorStore)
    return "(of Azure)" if named else "(new)"


VectorStoreIn = Annotated[
    Annotated[NewVectorStore, Tag("(new)")] | Annotated[AzureVectorStore, Tag("(of Azure)")], Discriminator(_of_azure)
]


class NewFileSearchResources(RequestBody):
    """The vector store to search: one that exists, or one to create, or Foundry's of data in Azure."""

    vector_store_ids: Annotated[list[str], AtMost(1)] | None = None
    vector_stores: Annotated[list[VectorStoreIn], AtMost(1)] | None = None

    @model_validator(mode="after")
    def _one_way_only(self) -> NewFileSearchResources:
        if self.vector_store_ids and any(isinstance(each, NewVectorStore) for each in self.vector_stores or ()):
            text = "Invalid '{path}': only one of 'vector_store_ids' and 'vector_stores' can be provided."
            raise rejected(text, "invalid_value")
        return self


class NewToolResources(FoundryResources):
    """Resources of an object being created."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: NewFileSearchResources | None = None
