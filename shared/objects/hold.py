"""The legal hold, as stored and as shown to administrators."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.objects.common import Metadata, StoredRecord


class Hold(StoredRecord):
    """Threads that nobody may delete: one by its id, or all with this metadata, those of the future included."""

    id: str
    object: Literal["legal_hold"] = "legal_hold"
    created_at: int
    thread_id: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    #: The operator's words, such as the number of a case; shown to nobody else.
    reason: str = ""

    def holds(self, thread_id: str, metadata: Metadata) -> bool:
        """Whether it is about a thread with that id and metadata."""
        if self.thread_id is not None:
            return self.thread_id == thread_id
        return self.metadata.items() <= metadata.items()


class HoldList(StoredRecord):
    """An owner's legal holds."""

    object: Literal["list"] = "list"
    data: list[Hold]
