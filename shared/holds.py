"""Legal holds of an owner's threads, as those see them who delete. Who sets and lifts them is an operator's business.

A hold is a row in `OWNER:holds`. Beside it, each file that a held thread names has a row `kept_FILE:HOLD`, because
nobody could find in time all threads that name a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared import layout
from shared.deps import Caller
from shared.errors import InvalidRequest
from shared.objects.common import Metadata
from shared.objects.hold import Hold

#: Holds that an owner may have: all are read whenever a thread is deleted.
MOST: Final = 500


class OnHold(InvalidRequest):
    """It may not be deleted or changed, because a legal hold keeps it."""

    status = 403

    def __init__(self, what: str, hold_ids: Sequence[str]):
        super().__init__(f"{what}: it is on legal hold ({', '.join(hold_ids)}).", code="legal_hold")
        self.hold_ids = hold_ids


async def of(caller: Caller) -> list[Hold]:
    """The owner's holds, newest first."""
    rows = await caller.deps.store.scan(layout.holds(caller.owner), layout.HOLD, f"{layout.HOLD}~", MOST)
    return [Hold.from_json(row.data) for row in rows]


async def on(caller: Caller, thread_id: str, metadata: Metadata) -> list[str]:
    """The holds on a thread."""
    return [hold.id for hold in await of(caller) if hold.holds(thread_id, metadata)]


async def check_thread(caller: Caller, thread_id: str, metadata: Metadata) -> None:
    """Refuse to delete a thread, or from it. Raises OnHold."""
    if found := await on(caller, thread_id, metadata):
        raise OnHold(f"Thread '{thread_id}' can't be deleted, nor can anything in it", found)


async def check_change(caller: Caller, thread_id: str, before: Metadata, after: Metadata) -> None:
    """Refuse a change of metadata by which a thread would slip out of a hold. Raises OnHold."""
    found = [hold.id for hold in await of(caller) if hold.holds(thread_id, before) and not hold.holds(thread_id, after)]
    if found:
        raise OnHold(f"The metadata of thread '{thread_id}' can't be changed so", found)


async def on_file(caller: Caller, file_id: str) -> list[str]:
    """The holds for whose threads a file is kept."""
    rows = await caller.deps.store.scan(layout.holds(caller.owner), *layout.kept_range(file_id), MOST)
    return [row.data["hold_id"] for row in rows]


async def check_file(caller: Caller, file_id: str) -> None:
    """Refuse to delete a file. Raises OnHold."""
    if found := await on_file(caller, file_id):
        raise OnHold(f"File '{file_id}' can't be deleted", found)
