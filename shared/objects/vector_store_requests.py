"""Bodies of the vector store calls."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, Tag, model_validator

from shared.json_types import Json
from shared.objects.bounds import AtMost
from shared.objects.common import MAP, MetadataIn, RequestBody
from shared.objects.parse import BY_SHAPE, rejected
from shared.objects.tools.resources import ChunkingStrategy, StaticChunking
from shared.objects.vector_store import DEFAULT_CHUNKS

COMPARISONS: Final = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")
#: How deep filters may be nested.
DEEPEST: Final = 8

AttributeValue = Annotated[
    Annotated[str, StringConstraints(max_length=512), Tag("(a string)")]
    | Annotated[bool, Tag("(a boolean)")]
    | Annotated[int, Tag("(an integer)")]
    | Annotated[float, Tag("(a decimal)")],
    BY_SHAPE,
]
Attributes = Annotated[
    dict[Annotated[str, StringConstraints(max_length=64)], AttributeValue],
    AtMost(16),
    MAP,
]


def _known_filter(condition: Json) -> Json:
    _check_filter(condition, "", 1)
    return condition


def _check_filter(condition: Any, path: str, depth: int) -> None:
    """Refuse what is no filter; `path` is relative to `filters`."""
    where = f"{{path}}{path}"
    if not isinstance(condition, dict) or depth > DEEPEST:
        raise rejected(f"Invalid '{where}': expected a comparison or compound filter.", "invalid_value")
    kind = condition.get("type")
    if kind in ("and", "or"):
        filters = condition.get("filters")
        if not isinstance(filters, list) or set(condition) != {"type", "filters"}:
            raise rejected(f"Invalid '{where}': expected 'type' and an array of 'filters'.", "invalid_value")
        for index, inner in enumerate(filters):
            _check_filter(inner, f"{path}.filters[{index}]", depth + 1)
    elif kind in COMPARISONS:
        if set(condition) != {"type", "key", "value"} or not isinstance(condition["key"], str):
            raise rejected(f"Invalid '{where}': expected 'type', 'key' and 'value'.", "invalid_value")
        _check_value(kind, condition["value"], where)
    else:
        raise rejected(f"Invalid '{where}': '{kind}' is no filter type.", "invalid_value")


def _check_value(kind: str, value: object, where: str) -> None:
    values = value if isinstance(value, list) else [value]
    if isinstance(value, list) != (kind in ("in", "nin")) or not all(isinstance(v, str | int | float) for v in values):
        raise rejected(f"Invalid '{where}': the value does not suit '{kind}'.", "invalid_value")


class StoreExpiresAfter(RequestBody):
    """When a store expires: so many days after it was last active."""

    anchor: Literal["last_active_at"]
    days: Annotated[int, Field(ge=1, le=365)]


class CreateVectorStore(RequestBody):
    """The body of POST /vector_stores."""

    name: str | None = None
    description: str | None = None
    file_ids: Annotated[list[str], AtMost(500)] | None = None
    expires_after: StoreExpiresAfter | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: MetadataIn | None = None


class ModifyVectorStore(RequestBody):
    """The body of POST /vector_stores/{id}: omitted is unchanged, null is reset."""

    name: str | None = None
    expires_after: StoreExpiresAfter | None = None
    metadata: MetadataIn | None = None


class AttachFile(RequestBody):
    """The body of POST /vector_stores/{id}/files, and each file of a batch."""

    file_id: str
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class UpdateFile(RequestBody):
    """The body of POST /vector_stores/{id}/files/{file_id}."""

    attributes: Attributes | None


class CreateFileBatch(RequestBody):
    """The body of POST /vector_stores/{id}/file_batches."""

    file_ids: Annotated[list[str], Field(min_length=1), AtMost(2000)] | None = None
    files: Annotated[list[AttachFile], Field(min_length=1), AtMost(2000)] | None = None
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None

    @model_validator(mode="after")
    def _one_way_only(self) -> CreateFileBatch:
        if (self.file_ids is None) == (self.files is None):
            raise rejected("Exactly one of 'file_ids' and 'files' must be provided.", "invalid_value")
        return self

    def each(self) -> list[AttachFile]:
        """The files one by one; settings for all count only when there are none for each."""
        if self.files is not None:
            return self.files
        return [
            AttachFile(file_id=file_id, attributes=self.attributes, chunking_strategy=self.chunking_strategy)
            for file_id in self.file_ids or ()
        ]


class SearchRanking(RequestBody):
    """Which ranker a search asks for, and the least score of its results, 0 to 1."""

    ranker: Literal["none", "auto", "default-2024-11-15"] | None = None
    score_threshold: Annotated[float, Field(ge=0.0, le=1.0)] | None = None


class SearchVectorStore(RequestBody):
    """The body of POST /vector_stores/{id}/search."""

    query: Annotated[
        Annotated[str, Tag("(a string)")] | Annotated[list[str], Field(min_length=1), AtMost(20), Tag("(an array)")],
        BY_SHAPE,
    ]
    rewrite_query: bool | None = None
    max_num_results: Annotated[int, Field(ge=1, le=50)] | None = None
    filters: Annotated[Json, AfterValidator(_known_filter)] | None = None
    ranking_options: SearchRanking | None = None

    def queries(self) -> list[str]:
        """The queries as a list, be it one string or several."""
        return [self.query] if isinstance(self.query, str) else self.query


def chunking_json(strategy: ChunkingStrategy | None) -> Json:
    """A chunking strategy as answered: always with its sizes."""
    sizes = strategy.static.model_dump() if isinstance(strategy, StaticChunking) else dict(DEFAULT_CHUNKS)
    return {"type": "static", "static": sizes}
