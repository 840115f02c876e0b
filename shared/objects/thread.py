"""The thread: the object clients see, and the head that orders everything in it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from shared.json_types import Json
from shared.objects.bounds import AtMost
from shared.objects.common import ApiObject, Metadata, MetadataIn, RequestBody, StoredRecord
from shared.objects.message import CreateMessage
from shared.objects.tools import NewToolResources, ToolResources

#: Messages that come with a new thread or run: they are stored in one commit with it.
MAX_MESSAGES: Final = 90

NewMessages = Annotated[list[CreateMessage], AtMost(MAX_MESSAGES)]


class Thread(ApiObject):
    """A thread."""

    id: str
    object: Literal["thread"] = "thread"
    created_at: int
    metadata: Metadata = Field(default_factory=dict)
    tool_resources: Json = Field(default_factory=dict)


class Counters(StoredRecord):
    """The numbers the next message, run and step of a thread will get."""

    message: int = 0
    run: int = 0
    step: int = 0


class Head(StoredRecord):
    """The row through which everything that adds to a thread goes: next numbers and the lock.

    While `active_run` is set, only the holder of that run's row (its version is the fence) writes this row, in the same
    commit; so a driver need not read it.
    """

    next: Counters = Field(default_factory=Counters)
    active_run: str | None = None
    #: Whether finished runs left tool calls that belong into later prompts.
    calls: bool = False


class CreateThread(RequestBody):
    """The body of POST /threads, and `thread` of POST /threads/runs."""

    messages: NewMessages | None = None
    tool_resources: NewToolResources | None = None
    metadata: MetadataIn | None = None


class ModifyThread(RequestBody):
    """The body of POST /threads/{id}: omitted is unchanged, null is reset."""

    tool_resources: ToolResources | None = None
    metadata: MetadataIn | None = None
