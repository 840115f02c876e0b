"""Blobs that hold the data of records too large for a table entity.

Each commit writes new ones, before its transaction; what the record referred to until then is removed after it. What a
dying process leaves behind is found by its first line, which names the record.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from typing import Final
from uuid import uuid4

from shared import layout
from shared.blobs.base import BlobNotFound, Blobs, BlobsUnavailable, read_all, write_bytes
from shared.store.base import Unavailable

logger = logging.getLogger(__name__)

#: Longer than any first line.
FIRST_LINE: Final = 2048
#: Blobs seen lately, remembered to be removed when their record is replaced.
REMEMBERED: Final = 1000

#: A record's partition and key.
RecordPlace = tuple[str, str]


class Spill:
    """The blobs of one store's large records."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._seen: OrderedDict[RecordPlace, str] = OrderedDict()

    async def write(self, place: RecordPlace, text: str) -> str:
        """Keep the text in a new blob and return its name. Raises Unavailable."""
        name = f"{layout.SPILL}{uuid4().hex}"
        try:
            await write_bytes(self._blobs, name, f"{json.dumps(place)}\n{text}".encode("ascii"))
        except BlobsUnavailable as error:
            raise Unavailable(str(error)) from error
        return name

    async def read(self, name: str) -> str:
        """The text of a blob. Raises Unavailable, and BlobNotFound when its record was replaced meanwhile."""
        try:
            content = await read_all(self._blobs, name)
        except BlobsUnavailable as error:
            raise Unavailable(str(error)) from error
        return content.partition(b"\n")[2].decode("ascii")

    def see(self, place: RecordPlace, name: str | None) -> None:
        """Remember which blob the record refers to, if any."""
        self._seen.pop(place, None)
        if name is not None:
            self._seen[place] = name
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def seen(self, places: Iterable[RecordPlace]) -> list[str]:
        """The blobs that these records were last seen to refer to."""
        return [self._seen[place] for place in places if place in self._seen]

    async def remove(self, names: Iterable[str]) -> None:
        """Remove blobs that no record refers to; what fails is left to the sweep."""
        for name in names:
            try:
                await self._blobs.delete(name)
            except BlobsUnavailable:
                logger.warning("A spilled blob stays behind", extra={"action": "spill_kept", "blob": name})

    async def older(self, before: int) -> AsyncIterator[tuple[RecordPlace, str]]:
        """The blobs last written before that time, with the record that each was written for."""
        async for info in self._blobs.list(layout.SPILL):
            if info.modified < before:
                try:
                    start = await read_all(self._blobs, info.name, 0, FIRST_LINE)
                except BlobNotFound:
                    continue
                try:
                    partition, key = json.loads(start.partition(b"\n")[0])
                except (ValueError, TypeError):
                    logger.warning("foreign blob", extra={"action": "spill_foreign", "blob": info.name})
                    continue
                yield (partition, key), info.name
