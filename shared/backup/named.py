"""Which blobs the records of a database name: a backup has those, and no other.

Vectors of files that are being indexed are left out: they are made again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from shared import layout

RECORDS: Final = "SELECT partition, key, data FROM records WHERE partition GLOB ? AND key GLOB ?"
OWNERS: Final = (
    "SELECT DISTINCT substr(partition, 1, instr(partition, ':') - 1) FROM records WHERE instr(partition, ':') > 0"
)


def blobs_named(database: Path) -> list[str]:
    """The names of the blobs, in order."""
    with closing(sqlite3.connect(database)) as connection:
        return sorted({*_files(connection), *_segments(connection), *_parts(connection)})


def owners_in(database: Path) -> list[str]:
    """The owners that have anything there, in order."""
    with closing(sqlite3.connect(database)) as connection:
        return sorted(owner for (owner,) in connection.execute(OWNERS))


def _files(connection: sqlite3.Connection) -> Iterator[str]:
    for partition, data in _rows(connection, "*:files", f"{layout.FILE}*"):
        yield layout.file_blob(layout.owner_of(partition), data["id"])


def _segments(connection: sqlite3.Connection) -> Iterator[str]:
    start = layout.index("")
    for partition, data in _rows(connection, f"{start}{layout.VECTOR_STORE}*", layout.MANIFEST_KEY):
        for entry in data["entries"]:
            yield layout.segment_blob(partition.removeprefix(start), entry["id"])


def _parts(connection: sqlite3.Connection) -> Iterator[str]:
    """The parts of uploads that are not over; those of others are gone, or are about to go."""
    uploads = f"*:{layout.UPLOAD}*"
    rows = _rows(connection, uploads, f"{layout.UPLOAD}*")
    pending = {partition for partition, data in rows if data["upload"]["status"] == "pending"}
    for partition, data in _rows(connection, uploads, f"{layout.PART}*"):
        if partition in pending:
            owner, _, upload_id = partition.partition(":")
            yield layout.part_blob(owner, upload_id, data["part"]["id"])


def _rows(connection: sqlite3.Connection, partition: str, key: str) -> Iterator[tuple[str, Any]]:
    for name, _, data in connection.execute(RECORDS, (partition, key)):
        yield name, json.loads(data)
