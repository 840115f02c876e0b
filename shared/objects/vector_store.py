"""Vector stores, files in them and batches of files: as answered, and with what the box keeps beside it."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import field

from shared.json_types import Json
from shared.objects.common import Metadata
from shared.objects.stored import ApiObject, StoredRecord

FileStatus = Literal["in_progress", "completed", "failed", "cancelled"]
#: Of embedding a store anew.
Progress = Literal["in_progress", "completed", "failed"]

#: What `auto` means.
DEFAULT_CHUNKS: Final = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}


class FileCounts(StoredRecord, kw_only=True):
    """How many files have which status; `total` is their sum."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0

    def move(self, before: FileStatus | None, after: FileStatus | None) -> None:
        """A file comes (from None), changes its status, or goes (to None)."""
        if before is not None:
            setattr(self, before, getattr(self, before) - 1)
        if after is not None:
            setattr(self, after, getattr(self, after) + 1)
        self.total += (before is None) - (after is None)


class VectorStore(ApiObject, kw_only=True):
    """A vector store as answered; `expires_after` is `{"anchor": "last_active_at", "days": n}`, times unix seconds."""

    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int
    name: str = ""
    description: str | None = None
    usage_bytes: int = 0
    file_counts: FileCounts = field(default_factory=FileCounts)
    status: Literal["in_progress", "completed", "expired"] = "completed"
    expires_after: Json | None = None
    expires_at: int | None = None
    last_active_at: int
    metadata: Metadata = field(default_factory=dict)


class Reembedding(StoredRecord, kw_only=True):
    """That a store's files are given the vectors of another space."""

    #: The embedder's name, and how many numbers its vectors have.
    name: str
    dimensions: int
    #: The message that goes on with it has the same: there is one at a time.
    token: str
    #: When housekeeping looks whether it goes on (unix seconds); None: it failed.
    until: int | None


class StoreRecord(StoredRecord, kw_only=True):
    """A vector store's row: every change to its files goes through it."""

    store: VectorStore
    #: The number of the next file.
    next: int = 0
    #: None: nobody asked for it, or it is done.
    reembedding: Reembedding | None = None

    def derive(self) -> None:
        """Bring `status` and `expires_at` in line with what they follow from."""
        self.store.status = "in_progress" if self.store.file_counts.in_progress else "completed"
        days = None if self.store.expires_after is None else self.store.expires_after["days"]
        self.store.expires_at = None if days is None else self.store.last_active_at + days * 86_400

    def expired(self, now: int) -> bool:
        """Whether its time is over."""
        return self.store.expires_at is not None and self.store.expires_at <= now


class EmbeddedFiles(ApiObject, kw_only=True):
    """How many files of a store have vectors of its model, and how many still wait for them."""

    in_progress: int = 0
    completed: int = 0
    total: int = 0


class StoreEmbedding(ApiObject, kw_only=True):
    """By what model a store's vectors are made (null: it has none yet), and whether it is being embedded anew."""

    object: Literal["vector_store.embedding"] = "vector_store.embedding"
    vector_store_id: str
    model: str | None
    dimensions: int | None
    status: Progress
    file_counts: EmbeddedFiles


class VectorStoreFile(ApiObject, kw_only=True):
    """A file in a vector store; its id is the file's."""

    id: str
    object: Literal["vector_store.file"] = "vector_store.file"
    usage_bytes: int = 0
    created_at: int
    vector_store_id: str
    status: FileStatus = "in_progress"
    last_error: Json | None = None
    chunking_strategy: Json
    attributes: dict[str, str | bool | int | float] = field(default_factory=dict)


class ItemRecord(StoredRecord, kw_only=True):
    """The row of a file in a vector store."""

    file: VectorStoreFile
    number: int
    filename: str
    #: Changes with every attachment, so that work on an earlier one cannot end this one.
    token: str
    #: Batches the file came with, and those whose counts still have it in progress.
    batches: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


class FileBatch(ApiObject, kw_only=True):
    """A file batch as answered: files attached together, counted by status."""

    id: str
    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "cancelled", "failed"] = "in_progress"
    file_counts: FileCounts = field(default_factory=FileCounts)


class TextContent(ApiObject, kw_only=True):
    """A piece of a file's text."""

    type: Literal["text"] = "text"
    text: str


class ContentPage(ApiObject, kw_only=True):
    """The text of a file as it was read, in one piece per chunk."""

    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: list[TextContent]
    has_more: bool = False
    next_page: str | None = None


class SearchResult(ApiObject, kw_only=True):
    """A chunk that a search found, with the name and attributes of its file; `score` is from 0 to 1."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, str | bool | int | float]
    content: list[TextContent]


class SearchPage(ApiObject, kw_only=True):
    """What a search found, best first."""

    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: list[str]
    data: list[SearchResult]
    has_more: bool = False
    next_page: str | None = None


class FileSpec(StoredRecord, kw_only=True):
    """A file to attach: its id, attributes and chunking strategy, checked and resolved."""

    file_id: str
    filename: str
    chunking_strategy: Json
    attributes: dict[str, str | bool | int | float] = field(default_factory=dict)
    #: Of a file that comes from elsewhere, where it was not searchable: it is as it was there, and not read.
    ended: Literal["failed", "cancelled"] | None = None
    last_error: Json | None = None
    #: Batches with which it was attached there.
    batches: list[str] = field(default_factory=list)


class BatchRecord(StoredRecord, kw_only=True):
    """A batch as stored, with the files that still have to be attached."""

    batch: FileBatch
    #: Files that are not attached yet: it takes several commits.
    pending: list[FileSpec] = field(default_factory=list)
    cancelled: bool = False

    def derive(self) -> None:
        """The status follows from the counts, so that they always change together."""
        counts = self.batch.file_counts
        if counts.in_progress:
            self.batch.status = "in_progress"
        elif self.cancelled:
            self.batch.status = "cancelled"
        else:
            self.batch.status = "failed" if counts.failed == counts.total else "completed"
