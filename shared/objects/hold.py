"""The legal hold, as stored and as shown to administrators."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from shared.objects.common import Metadata
from shared.objects.stored import StoredRecord


class Hold(StoredRecord, kw_only=True):
    """Threads that nobody may delete: one by its id, or all with this metadata, those of the future included."""

    id: str
    object: Literal["legal_hold"] = "legal_hold"
    created_at: int
    thread_id: str | None = None
    metadata: Metadata = field(default_factory=dict)
    #: The operator's words, such as the number of a case; shown to nobody else.
    reason: str = ""

    def holds(self, thread_id: str, metadata: Metadata) -> bool:
        """Whether it is about a thread with that id and metadata."""
        if self.thread_id is not None:
            return self.thread_id == thread_id
        return self.metadata.items() <= metadata.items()


class HoldList(StoredRecord, kw_only=True):
    """An owner's legal holds."""

    object: Literal["list"] = "list"
    data: list[Hold]
