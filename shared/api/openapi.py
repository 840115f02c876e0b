"""What a route takes and gives: the words of its declaration, of which `document` makes OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from shared.json_types import Json
from shared.objects.stored import StoredRecord

#: What can be described: our objects, and models of what is no object of the box.
Described = type[BaseModel] | type[StoredRecord]


class Deleted(BaseModel):
    """The answer to a delete."""

    id: str
    object: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of objects, as an answer."""

    item: Described


@dataclass(frozen=True, slots=True)
class Binary:
    """Bytes as an answer, `application/octet-stream`."""


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart form, as a body: read part by part."""

    schema: Json
    #: Bytes of the file in it; a request that announces many more is refused unread.
    max_bytes: int | None = None
    #: Parts that it may have.
    max_parts: int = 20


@dataclass(frozen=True, slots=True)
class Passed:
    """A body or an answer that the model's provider defines, and the box passes on."""

    #: Content types.
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A route of the API, as its document describes it."""

    #: The resource.
    tag: str
    gives: Described | ListOf | Binary | Passed
    takes: type[BaseModel] | Form | Passed | None
    #: Of the query and the headers, as OpenAPI describes them.
    parameters: tuple[Json, ...] = ()
    optional_body: bool = False
    #: Whether the answer may be a stream of events, too.
    streams: bool = False
