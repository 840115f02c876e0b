"""The record store in one SQLite file, for a laptop and for tests."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from shared.prepared import Earlier, Prepared
from shared.prepared_job import PreparedJob, joining
from shared.sqlite import Database
from shared.store.base import (
    Change,
    Conflict,
    Delete,
    Existing,
    NotFound,
    Put,
    Record,
    Unavailable,
    UnreadableRecord,
    check_changes,
    decode,
    encode,
    format_of,
    log_left_out,
)

#: Characters that are encoded in one go, and written on the event loop.
LARGE: Final = 1024 * 1024
#: Overdue records read at a time.
OVERDUE_PER_PAGE: Final = 200
#: Rows read at a time where all are looked at.
FORMATS_PER_PAGE: Final = 500

_FORWARDS: Final = (
    "SELECT key, data, version FROM records WHERE partition = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"
)
_BACKWARDS: Final = _FORWARDS.replace("ORDER BY key", "ORDER BY key DESC")


class SqliteStore:
    """A `Store` in the table `records`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, partition: str, key: str) -> Record | None:
        """Read one record."""
        query = "SELECT key, data, version FROM records WHERE partition = ? AND key = ?"
        row = await self._database.read(lambda file: file.execute(query, (partition, key)).fetchone(), Unavailable)
        return None if row is None else _record(*row)

    async def scan(self, partition: str, first: str, last: str, limit: int, *, backwards: bool = False) -> list[Record]:
        """Read a range of keys in ascending or descending order."""
        query = _BACKWARDS if backwards else _FORWARDS
        bounds = (partition, first, last, max(limit, 0))
        rows = await self._database.read(lambda file: file.execute(query, bounds).fetchall(), Unavailable)
        return [_record(*row) for row in rows]

    def prepare(self, partition: str, put: Put) -> Prepared[None]:
        """A row for the transaction of the commit that it is handed to."""
        check_changes(partition, [put])
        text = encode(put.data)

        def insert(file: sqlite3.Connection) -> None:
            with suppress(Conflict):
                _apply(file, partition, put, text)

        return PreparedJob(self._database, insert, Unavailable)

    async def commit(self, partition: str, changes: Sequence[Change], after: Earlier = ()) -> list[str]:
        """Apply all changes in one transaction, which other commits may share."""
        check_changes(partition, changes)
        if not changes:
            return []
        texts, large = await _encoded(changes)
        joined = await joining(self._database, after)

        def apply(file: sqlite3.Connection) -> list[str]:
            for each in joined:
                each.join(file)
            return [_apply(file, partition, change, text) for change, text in zip(changes, texts, strict=True)]

        return await self._database.write(apply, Unavailable, large=large)

    async def overdue(self, now: int) -> AsyncIterator[tuple[str, Record]]:
        """Every record that is due, the longest overdue first."""
        seen: tuple[int, str, str] = (-1, "", "")
        while True:
            rows = await self._overdue_after(seen, now)
            for _, partition, key, data, version in rows:
                try:
                    record = _record(key, data, version)
                except UnreadableRecord as error:
                    log_left_out(key, error)
                    continue
                yield partition, record
            if len(rows) < OVERDUE_PER_PAGE:
                return
            seen = rows[-1][:3]

    async def _overdue_after(self, seen: tuple[int, str, str], now: int) -> list[Any]:
        query = (
            "SELECT due, partition, key, data, version FROM records WHERE due <= ?"
            " AND (due, partition, key) > (?, ?, ?) ORDER BY due, partition, key LIMIT ?"
        )
        return await self._database.read(
            lambda file: file.execute(query, (now, *seen, OVERDUE_PER_PAGE)).fetchall(), Unavailable
        )

    async def formats(self, most: int | None = None) -> Counter[str]:
        """Count the formats of the newest rows."""
        found: Counter[str] = Counter()
        before, left = sys.maxsize, sys.maxsize if most is None else most
        query = "SELECT rowid, data FROM records WHERE rowid < ? ORDER BY rowid DESC LIMIT ?"
        while left > 0:
            rows = await self._database.read(partial(_rows, query, (before, min(left, FORMATS_PER_PAGE))), Unavailable)
            found.update(format_of(data) for _, data in rows)
            if len(rows) < FORMATS_PER_PAGE:
                break
            before, left = rows[-1][0], left - len(rows)
        return found

    async def sweep(self, before: int) -> int:
        """A broken transaction leaves nothing behind."""
        return 0

    async def scrub(self, rewrite_up_to: float = 0) -> bool:
        """Empty the write-ahead log, and rewrite the file if it is not too large."""
        return await self._database.scrub(rewrite_up_to, Unavailable)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()


async def _encoded(changes: Sequence[Change]) -> tuple[list[str], bool]:
    """What each change writes, and whether that is much; others have their turn in between."""
    texts, size, large = [], 0, False
    for change in changes:
        text = encode(change.data) if isinstance(change, Put) else ""
        texts.append(text)
        size += len(text)
        if size > LARGE:
            size, large = 0, True
            await asyncio.sleep(0)
    return texts, large


def _apply(file: sqlite3.Connection, partition: str, change: Change, text: str) -> str:
    place = (partition, change.key)
    if isinstance(change, Delete):
        return _delete(file, change, place)
    if change.version is None:
        # The count begins at the clock: a record that is deleted and made again never repeats a version.
        version = time.time_ns() // 1000
        row = (*place, text, version, change.due)
        if file.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount == 0:
            raise Conflict(f"{change.key} exists")
        return str(version)
    update = "UPDATE records SET data = ?, due = ?, version = version + 1 WHERE partition = ? AND key = ?"
    if isinstance(change.version, Existing):
        written = file.execute(f"{update} RETURNING version", (text, change.due, *place)).fetchall()
        if not written:
            raise NotFound(f"{change.key} does not exist")
        return str(written[0][0])
    if file.execute(f"{update} AND version = ?", (text, change.due, *place, int(change.version))).rowcount == 0:
        raise Conflict(f"{change.key} is not at version {change.version}")
    return str(int(change.version) + 1)


def _delete(file: sqlite3.Connection, change: Delete, place: tuple[str, str]) -> str:
    delete = "DELETE FROM records WHERE partition = ? AND key = ?"
    if change.version is None:
        file.execute(delete, place)
    elif file.execute(f"{delete} AND version = ?", (*place, int(change.version))).rowcount == 0:
        raise Conflict(f"{change.key} is not at version {change.version}")
    return ""


def _rows(query: str, values: tuple[Any, ...], file: sqlite3.Connection) -> list[Any]:
    return file.execute(query, values).fetchall()


def _record(key: str, data: str, version: int) -> Record:
    return Record(key, decode(data), str(version))
