"""What all resources do with their rows: find one by an id from outside, try again after a conflict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared import foreign_ids, ids
from shared.backoff import Backoff
from shared.errors import not_found, wrong_shape
from shared.store.base import Conflict, Record, Store

Result = TypeVar("Result")

#: Between attempts at a row that everybody writes to; the last waits take up to a second each.
BACKOFF: Final = Backoff(first=0.005, longest=1.0, attempts=12, spread=(0.0, 1.0))


def check_shape(identifier: str, kind: str, prefix: str, param: str) -> None:
    """Refuse what cannot be an id of that kind. Raises InvalidRequest, or NotFoundError if it cannot be a key."""
    if not identifier.startswith(prefix):
        raise wrong_shape(param, identifier, prefix)
    if not ids.is_key(identifier):
        raise not_found(kind, identifier)


async def find(store: Store, partition: str, identifier: str, kind: str) -> Record:
    """The row of an id whose shape is checked. Raises NotFoundError."""
    row = await foreign_ids.read(store, partition, identifier)
    if row is None:
        raise not_found(kind, identifier)
    return row


async def until_committed(
    attempt: Callable[[], Awaitable[Result]], meanwhile: Callable[[], Awaitable[None]] | None = None
) -> Result:
    """Repeat an attempt that reads, decides and commits until it meets no conflict. Raises Conflict after many.

    `meanwhile` is asked after a conflict whether there is anything left to do: it raises, if not.
    """
    for failures in range(1, BACKOFF.attempts):
        try:
            return await attempt()
        except Conflict:
            if meanwhile is not None:
                await meanwhile()
            await asyncio.sleep(BACKOFF.delay(failures))
    return await attempt()
