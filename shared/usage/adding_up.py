"""Rows of single runs become rows of days, so that a report of a year reads hundreds of rows, not millions.

A day is added up two days after its end, and an hour after housekeeping has seen that it may be: by then every message
that could write a run's row has come, also in a box that was switched off meanwhile. A commit removes the rows of some
runs and adds them to their days', so who dies in between has lost and doubled nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from shared.json_types import Json
from shared.store.base import MAX_CHANGES, Change, Conflict, Delete, Put, Record, Store
from shared.usage import keys
from shared.usage.rows import DAY, added, day_in, day_of, stored_key, sum_key

#: Whole days after which a day is added up.
DAYS: Final = 2
#: Seconds between housekeeping's first sight of such a day and its being added up: all messages come meanwhile.
SEEN_SECONDS: Final = 1800
#: Rows of runs in one commit; each may belong to another row of a day.
AT_ONCE: Final = MAX_CHANGES // 2
#: Commits of one look at an owner: the next hour goes on.
MOST_COMMITS: Final = 1000


async def add_up(store: Store, owner: str, now: float) -> None:
    """Add up the days of an owner whose time has come, as far as it goes in one look. Raises StoreError."""
    due = day_of(now - DAYS * DAY)
    for _ in range(MOST_COMMITS):
        rows = await store.scan(keys.usage(owner), keys.RUN, f"{keys.RUN}{due}~", AT_ONCE)
        if not rows:
            return
        try:
            through = await _through(store, owner, due, now)
            ready = [row for row in rows if day_in(row.key) <= through]
            if not ready:
                return
            await _move(store, owner, ready)
        except Conflict:
            return  # another host is at it


async def _through(store: Store, owner: str, due: str, now: float) -> str:
    """Up to which day may be added up; what becomes ready is noted before, for those who come late."""
    row = await store.get(keys.usage(owner), keys.ADDED_UP)
    data: Json = {"through": "", "next": None, "since": 0} | ({} if row is None else row.data)
    through: str = data["through"]
    if through >= due:
        return through
    if data["next"] is None:
        data |= {"next": due, "since": now}
    elif data["since"] + SEEN_SECONDS <= now:
        data |= {"through": data["next"], "next": None}
    else:
        return through
    await store.commit(keys.usage(owner), [Put(keys.ADDED_UP, data, None if row is None else row.version)])
    return str(data["through"])


async def _move(store: Store, owner: str, rows: list[Record]) -> None:
    by_sum: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        by_sum[sum_key(row.data)].append(row.data)
    changes: list[Change] = [Delete(row.key, row.version) for row in rows]
    for key, parts in by_sum.items():
        before = await store.get(keys.usage(owner), key)
        whole = parts if before is None else [before.data, *parts]
        names = {name: parts[0][name] for name in ("day", "assistant_id", "model")}
        changes.append(Put(key, names | added(whole), None if before is None else before.version))
    await store.commit(keys.usage(owner), changes)


async def note_stored(store: Store, owner: str, size: int, now: float) -> None:
    """Write down how many bytes of files the owner has today. Raises StoreError."""
    key = stored_key(day_of(now))
    row = await store.get(keys.usage(owner), key)
    data = {"day": day_of(now), "bytes": size}
    await store.commit(keys.usage(owner), [Put(key, data, None if row is None else row.version)])
