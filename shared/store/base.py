"""The record store's port: records in partitions, changed by atomic commits.

A partition is the unit of consistency: a thread with everything in it, or one owner's collection. What a record means
is its writer's business; the store sees a key, a JSON object and a version.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from msgspec import Struct

from shared import json_text
from shared.json_types import Json
from shared.layout import FORMAT, is_collection
from shared.prepared import Earlier, Prepared

logger = logging.getLogger(__name__)

#: Changes in one commit; the smallest limit among the homes we know (an Azure entity-group transaction).
MAX_CHANGES: Final = 100
#: The same in a collection, where a change may stand for two.
MAX_CHANGES_OF_COLLECTION: Final = MAX_CHANGES // 2


class StoreError(Exception):
    """A store could not do what it was asked; see the kinds below."""


class NotFound(StoreError):
    """A record that had to exist does not."""


class Conflict(StoreError):
    """A precondition failed: somebody else wrote first. Nothing of the commit was applied."""


class Unavailable(StoreError):
    """The store did not answer in time, after retries. Whether the commit was applied is unknown."""


class UnreadableRecord(StoreError):
    """A record of which this version can make nothing. It is left alone, and `Store.overdue` leaves it out."""


class NewerFormat(UnreadableRecord):
    """A record was written by a later version, in a format that this one would misread."""


class Existing:
    """The type of `EXISTING`; a class of its own keeps the checker strict."""


#: As a version: the record must exist, whatever its version is. For rows fenced by another row of the same commit.
EXISTING: Final = Existing()


class Record(Struct, frozen=True):
    """A record as read: its key, JSON, and the version that a later write may be bound to."""

    key: str
    data: Json
    #: Opaque; changes with every write.
    version: str


class Put(Struct, frozen=True):
    """A change that writes a whole record; `version` binds it to what was read."""

    key: str
    data: Json
    #: None: the record must not exist yet. A version: it must be at that version. EXISTING: it must exist.
    version: str | Existing | None = None
    #: Unix seconds at which somebody must look at this record even if every message was lost (see `Store.overdue`).
    due: int | None = None


class Delete(Struct, frozen=True):
    """Remove a record; with a version, only if it is at that version. Without one, a missing record is no error."""

    key: str
    version: str | None = None


Change = Put | Delete


#: The field of a stored record that tells its format; nobody but this module sees it.
FORMAT_FIELD: Final = "_format"
#: That of records that do not tell.
FIRST_FORMAT: Final = "1.0"
#: Said of what is no record at all.
UNREADABLE: Final = "unreadable"

_FORMAT: Final = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")

#: Printable ASCII without `#`, `/`, `?` and `\`.
_KEY: Final = re.compile(r"[ -\"$-.0->@-\[\]-~]{1,512}")


def is_key(text: str) -> bool:
    """Whether the text can be a key or a partition at all."""
    return _KEY.fullmatch(text) is not None


def encode(data: Json) -> str:
    """The record's data as stored, with the format that it is in.

    Compact and ASCII, so that text that is no valid Unicode survives, too.
    """
    return json_text.ascii_bytes({**data, FORMAT_FIELD: FORMAT}).decode()


def decode(text: str) -> Json:
    """The inverse of `encode`. Version 0.1 told no format. Raises UnreadableRecord; of a later major NewerFormat."""
    try:
        data: Json = json_text.read(text)
        written = data.pop(FORMAT_FIELD, FORMAT)
        is_newer = written != FORMAT and major(written) > major(FORMAT)
    except (ValueError, TypeError, AttributeError) as error:
        raise UnreadableRecord("A record is damaged, or was written by something else.") from error
    if is_newer:
        raise NewerFormat(f"A record is of format {written}; this version reads formats up to {FORMAT}: upgrade it.")
    return data


def log_left_out(key: str, error: UnreadableRecord) -> None:
    """Say which overdue record nobody looks after."""
    extra = {"action": "record_unreadable", "key": key}
    logger.warning("overdue record left out", extra=extra, exc_info=error)


def format_of(text: str) -> str:
    """The format that a stored record says it is in; what version 0.1 wrote says none, and is in the first.

    `UNREADABLE` of what is no record.
    """
    try:
        written = str(json_text.read(text).get(FORMAT_FIELD, FIRST_FORMAT))
    except (ValueError, AttributeError):
        return UNREADABLE
    return written if _FORMAT.fullmatch(written) else UNREADABLE


def major(written: str) -> int:
    """The first number of a format."""
    return int(written.partition(".")[0])


def check_changes(partition: str, changes: Sequence[Change]) -> None:
    """Raise ValueError for a commit that no store may accept."""
    keys = {change.key for change in changes}
    most = MAX_CHANGES_OF_COLLECTION if is_collection(partition) else MAX_CHANGES
    if len(changes) > most or len(keys) < len(changes):
        raise ValueError(f"{len(changes)} changes of {len(keys)} keys in one commit")
    for text in (partition, *keys):
        if not is_key(text):
            raise ValueError(f"{text!r} is not a key")


class Store(Protocol):
    """Records by partition and key. Keys and partitions are ASCII without `/ \\ # ?`; keys sort bytewise."""

    async def get(self, partition: str, key: str) -> Record | None:
        """Read one record. Raises Unavailable and UnreadableRecord."""
        ...

    async def scan(self, partition: str, first: str, last: str, limit: int, *, backwards: bool = False) -> list[Record]:
        """Read records with `first <= key < last` in ascending key order, at most `limit`. Raises as `get` does.

        Backwards: the last ones, the last first. Of a collection (`layout.is_collection`) that takes no longer.
        """
        ...

    def prepare(self, partition: str, put: Put) -> Prepared[None]:
        """A row that has to be there before what it leads to; one that is there already is left as it is."""
        ...

    async def commit(self, partition: str, changes: Sequence[Change], after: Earlier = ()) -> list[str]:
        """Apply all changes or none, and return the new version of each Put (empty string for a Delete).

        What was prepared is made before, in its order, and raises its own errors; what goes into the same file is made
        with the changes or not at all. They are never there without it, and a second commit does not make it again.

        A key may occur once, `MAX_CHANGES` in all. Raises Conflict when a precondition on a version or on absence
        fails (a missing record is at no version), NotFound when an `EXISTING` record is not there, Unavailable when the
        outcome is unknown. A commit whose answer was lost but which was applied is reported as done, not as Conflict.
        """
        ...

    def overdue(self, now: int) -> AsyncIterator[tuple[str, Record]]:
        """Every (partition, record) whose `due` is at or before `now`: a scan of everything, for housekeeping only.

        Records that cannot be read are left out, with a line in the log. Raises Unavailable.
        """
        ...

    async def formats(self, most: int | None = None) -> Counter[str]:
        """How many stored records are of which format, among `most` of them or all. Raises Unavailable."""
        ...

    async def sweep(self, before: int) -> int:
        """Remove what broken commits left behind before that time, for housekeeping only; how many pieces it was."""
        ...

    async def scrub(self, rewrite_up_to: float = 0) -> bool:
        """Overwrite what deleted and replaced records left in files of the store's own. Raises Unavailable.

        A file of at most so many bytes is rewritten whole, which alone reaches everything and keeps others from
        writing meanwhile. Whether nothing is left.
        """
        ...

    async def close(self) -> None:
        """Release connections and files."""
        ...
