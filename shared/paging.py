"""Pages over a partition: `limit`, `order`, `after` and `before`, with an exact `has_more`.

A cursor is an id, and an id carries its position; so the id of a deleted object still marks its place. Objects of a
thread are numbered and sort ascending (`numbered_page`), objects of an owner sort newest first (`newest_page`).
What clients expect: docs/contract.md, Lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from shared import foreign_ids, ids
from shared.errors import not_found
from shared.json_types import Json
from shared.store.base import Record, Store

#: Rows read at once when filters or holes make a page look further.
STRIDE: Final = 1000

Keep = Callable[[Record], bool]


class Scanned(Protocol):
    """Where pages are read: a store, or what was read of it."""

    async def scan(self, partition: str, first: str, last: str, limit: int, *, backwards: bool = False) -> list[Record]:
        """As `Store.scan`."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """Records of one partition that have been read, in the order of their keys, in the store's place."""

    records: Sequence[Record]

    async def scan(self, partition: str, first: str, last: str, limit: int, *, backwards: bool = False) -> list[Record]:
        """As `Store.scan`."""
        found = [each for each in self.records if first <= each.key < last]
        return (found[::-1] if backwards else found)[:limit]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list call asks for. `before` alone gives the items right before it, still in the asked order."""

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None

    @property
    def backwards(self) -> bool:
        """Whether the page is filled from its end."""
        return self.before is not None and self.after is None


@dataclass(frozen=True, slots=True)
class Page:
    """Records in the asked order."""

    records: list[Record]
    has_more: bool


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Where the numbered objects of a kind are: `prefix` of their ids, and the numbers `first <= n < end`.

    With `stop`, only those before it are listed, though cursors may lie behind it.
    """

    prefix: str
    #: The API's word for one of them.
    kind: str
    end: int
    first: int = 0
    stop: int | None = None


async def numbered_page(
    store: Scanned, partition: str, numbers: NumberRange, query: ListQuery, keep: Keep | None = None
) -> Page:
    """A page over numbered ids. What it reads does not depend on how many there are. Raises NotFoundError."""
    low, high = numbers.first, numbers.end if numbers.stop is None else numbers.stop
    after, before = (_number(cursor, numbers) for cursor in (query.after, query.before))
    ascending = query.order == "asc"
    lower, upper = (after, before) if ascending else (before, after)
    low = low if lower is None else max(low, lower + 1)
    high = high if upper is None else min(high, upper)
    walk = _up if ascending != query.backwards else _down
    rows = Rows(store, partition, keep or _any)
    return _page(await walk(rows, numbers.prefix, low, high, query.limit + 1), query)


async def newest_page(
    store: Store, partition: str, prefix: str, kind: str, query: ListQuery, keep: Keep | None = None
) -> Page:
    """A page over the newest-first ids of a collection. Raises NotFoundError."""
    asked, query = query, await with_keys(store, partition, query)
    for name, cursor in ((asked.after, query.after), (asked.before, query.before)):
        if name is not None and cursor is not None and not await _is_in_time(store, partition, prefix, cursor):
            raise not_found(kind, name)
    descending = query.order == "desc"
    lower, upper = (query.after, query.before) if descending else (query.before, query.after)
    first = prefix if lower is None else _behind(lower)
    last = prefix + "~" if upper is None else upper
    rows = Rows(store, partition, keep or _any)
    backwards = descending == query.backwards
    return _page(await rows.take(first, last, query.limit + 1, backwards=backwards), query)


async def with_keys(store: Store, partition: str, query: ListQuery, end: int = 0) -> ListQuery:
    """The query with keys in place of foreign ids as cursors.

    A number below `end` tells an id of ours; a time may be chance, so in collections every cursor is looked up.
    """

    async def key(cursor: str | None) -> str | None:
        if cursor is None or ids.is_number_below(cursor, end):
            return cursor
        return await foreign_ids.key_of(store, partition, cursor) or cursor

    return replace(query, after=await key(query.after), before=await key(query.before))


def list_json(data: list[Json], has_more: bool) -> Json:
    """The list as answered: `object`, `data`, `first_id`, `last_id`, `has_more`."""
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a partition that pass a filter."""

    store: Scanned
    partition: str
    keep: Keep

    async def take(self, first: str, last: str, wanted: int, *, backwards: bool = False) -> list[Record]:
        """The first rows with `first <= key < last`; backwards: the last ones, last first."""
        found: list[Record] = []
        stride = wanted
        while True:
            batch = await self.store.scan(self.partition, first, last, stride, backwards=backwards)
            found += filter(self.keep, batch)
            if len(found) >= wanted or len(batch) < stride:
                return found[:wanted]
            stride = STRIDE
            if backwards:
                last = batch[-1].key
            else:
                first = _behind(batch[-1].key)

    async def between(self, first: str, last: str, most: int) -> list[Record]:
        """All rows with `first <= key < last`, of which there are `most` at most."""
        return [*filter(self.keep, await self.store.scan(self.partition, first, last, most))]


async def _up(rows: Rows, prefix: str, low: int, high: int, wanted: int) -> list[Record]:
    if low >= high:
        return []
    return await rows.take(ids.key_at(prefix, low), ids.key_at(prefix, high), wanted)


async def _down(rows: Rows, prefix: str, low: int, high: int, wanted: int) -> list[Record]:
    """Window below window: numbers are dense, so the first window is enough unless objects were deleted."""
    found: list[Record] = []
    window = wanted
    while high > low and len(found) < wanted:
        bottom = max(low, high - window)
        batch = await rows.between(ids.key_at(prefix, bottom), ids.key_at(prefix, high), high - bottom)
        found += reversed(batch)
        high, window = bottom, min(window * 4, STRIDE)
    return found[:wanted]


def _page(records: list[Record], query: ListQuery) -> Page:
    has_more = len(records) > query.limit
    records = records[: query.limit]
    return Page(records[::-1] if query.backwards else records, has_more)


def _number(cursor: str | None, numbers: NumberRange) -> int | None:
    if cursor is None:
        return None
    try:
        number = ids.number_of(cursor)
    except ValueError:
        number = numbers.end
    if not cursor.startswith(numbers.prefix) or number >= numbers.end:
        raise not_found(numbers.kind, cursor)
    return number


async def _is_in_time(store: Store, partition: str, prefix: str, cursor: str) -> bool:
    """Whether the id can be of this list: of a plausible time, or among the objects there are.

    A clock that ran ahead and was put back leaves ids from the future, one that stood at 1970 ids from before us.
    """
    try:
        made = ids.micros_of(cursor)
    except ValueError:
        return False
    if not cursor.startswith(prefix) or not ids.is_key(cursor):
        return False
    if ids.EPOCH_MICROS < made < ids.micros() + ids.SKEW_MICROS:
        return True
    first, last = (cursor, prefix + "~") if made <= ids.EPOCH_MICROS else (prefix, _behind(cursor))
    return bool(await store.scan(partition, first, last, 1))


def _behind(key: str) -> str:
    """The smallest bound that leaves the key out: `!` sorts before letters and digits."""
    return key + "!"


def _any(record: Record) -> bool:
    return True
