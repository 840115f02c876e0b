"""What happened to a run, as answered, and as it comes in from another box."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import field
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.json_types import Json
from shared.objects.stored import ApiObject

#: Entries that a run keeps: the first half of them, and the newest.
MOST_ENTRIES: Final = 200
#: Characters of a name or id in an entry.
LONGEST_WORD: Final = 100
#: Ids of calls that one entry names.
MOST_NAMED: Final = 16
#: How many entries may have been left out, as another box exports them: more than a run ever has.
MOST_LEFT_OUT: Final = 10_000_000
#: The latest time that an entry may have, in unix milliseconds: the end of the year 9999.
LATEST: Final = 253_402_300_799_999


class RunEvent(ApiObject, kw_only=True):
    """Something that happened to a run, who did it, and what else is known of it; no texts, arguments or outputs."""

    id: str
    object: Literal["thread.run.event"] = "thread.run.event"
    created_at: int
    #: Unix milliseconds, by the clock of the host that wrote it.
    created_at_ms: int
    thread_id: str
    run_id: str
    #: Such as `turn.finished`; docs/contract.md has them all.
    type: str
    #: An owner, the drive that holds the lease, or the run that began this one; null: nobody in particular.
    by: str | None = None
    details: Json = field(default_factory=dict)


Word = Annotated[str, StringConstraints(max_length=LONGEST_WORD)]
Detail = Word | bool | int | float | Annotated[list[Word], Field(max_length=MOST_NAMED)]


class HistoryEntry(BaseModel):
    """An entry as the run's row has it; what else it has are its details."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Word, Detail] = Field(init=False)

    type: Word
    at: Annotated[int, Field(ge=0, le=LATEST)]
    by: Word | None = None

    def to_json(self) -> Json:
        """The entry, as short as it came."""
        entry: dict[str, Any] = self.model_dump(mode="json", exclude_unset=True)
        return entry


class History(BaseModel):
    """A run's own record as another box exports it, with how much of it was left out."""

    entries: Annotated[list[HistoryEntry], Field(max_length=MOST_ENTRIES)]
    left_out: Annotated[int, Field(ge=0, le=MOST_LEFT_OUT)] = 0

    @model_validator(mode="after")
    def _is_full_if_cut(self) -> History:
        """Entries are left out of a history that is full, and of no other."""
        if self.left_out and len(self.entries) < MOST_ENTRIES:
            raise ValueError(f"left_out: entries are left out where there are {MOST_ENTRIES} of them")
        return self
