"""The thread: the object clients see, and the head that orders everything in it."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from shared.json_types import Json
from shared.objects.common import Metadata
from shared.objects.stored import ApiObject, StoredRecord


class Thread(ApiObject, kw_only=True):
    """A thread as answered. `tool_resources` has, by tool, the ids of files or vector stores."""

    id: str
    object: Literal["thread"] = "thread"
    created_at: int
    metadata: Metadata = field(default_factory=dict)
    tool_resources: Json = field(default_factory=dict)


class Counters(StoredRecord, kw_only=True):
    """The numbers the next message, run and step of a thread will get."""

    message: int = 0
    run: int = 0
    step: int = 0


class Head(StoredRecord, kw_only=True):
    """The row through which everything that adds to a thread goes: next numbers and the lock.

    While `active_run` is set, only the holder of that run's row (its version is the fence) writes this row, in the same
    commit; so a driver need not read it.
    """

    next: Counters = field(default_factory=Counters)
    active_run: str | None = None
    #: Whether finished runs left steps that belong into later prompts: calls, reasoning, phases.
    calls: bool = False
