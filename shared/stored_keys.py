"""API keys that were made at run time: the store has their SHA-256 and the owner whom each opens, never the keys.

Each process compares with what it read last. So a key that was removed elsewhere works for `FRESH` seconds more at
most, and keys that nobody has cost a read in `LOOK_AGAIN` seconds at most, however many are tried.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from shared import ids, layout
from shared.store.base import Change, Delete, Put, Record, Store, StoreError, Unavailable

logger = logging.getLogger(__name__)

#: Names become part of the names of partitions and blobs.
OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
#: How every key begins that a box has made.
MADE: Final = "box-"

#: Seconds for which a key that was removed in another process works on, at most.
FRESH: Final = 10.0
#: Seconds between two looks into the store for keys that are not known.
LOOK_AGAIN: Final = 1.0
#: Keys of all owners that were made at run time.
MOST_KEYS: Final = 1000


def owner_name(name: str) -> str:
    """The name, if it may be an owner's. Raises ValueError."""
    if OWNER.fullmatch(name) is None:
        raise ValueError(f"{name!r} is no owner's name: letters, digits, - and _")
    return name


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is known of a key."""

    owner: str
    id: str
    digest: bytes
    #: Unix seconds.
    created_at: int

    @property
    def row(self) -> str:
        """The key of its row."""
        return f"{self.owner}:{self.id}"

    def put(self) -> Put:
        """The change that keeps it."""
        return Put(self.row, {"sha256": self.digest.hex(), "created_at": self.created_at})

    def delete(self) -> Delete:
        """The change after which nobody can call with it."""
        return Delete(self.row)


def new_key(owner: str, created_at: int) -> tuple[StoredKey, str]:
    """A key nobody has yet, and what is kept of it."""
    key = MADE + secrets.token_urlsafe(32)
    digest = hashlib.sha256(key.encode()).digest()
    return StoredKey(owner, layout.KEY + ids.random_text(ids.LENGTH), digest, created_at), key


class StoredKeys:
    """The keys in one box's store, as one process knows them."""

    def __init__(self, store: Store, clock: Callable[[], float]):
        self._store, self._clock = store, clock
        self._keys: list[StoredKey] = []
        self._read_at = self._looked_at = -float("inf")
        self._failed = False
        self._looking = asyncio.Lock()

    async def owner(self, key: bytes) -> str | None:
        """Whose key it is, or None. Raises Unavailable when that cannot be told."""
        if not key.startswith(MADE.encode()):
            return None
        digest = hashlib.sha256(key).digest()
        found = self._find(digest) if self._age(self._read_at) < FRESH else None
        if found is None:
            await self._look()
            found = self._find(digest)
        return found

    async def are_none(self) -> bool:
        """Whether there is no key in the store. Raises Unavailable."""
        if not self._keys:
            await self._look()
        return not self._keys

    async def read(self) -> list[StoredKey]:
        """What is in the store now, by owner. Raises Unavailable."""
        began = self._clock()
        try:
            rows = await self._store.scan(layout.KEYS, " ", "~", 2 * MOST_KEYS)
        except StoreError:
            self._failed, self._looked_at = True, self._clock()
            raise
        self._keys = [each for each in map(_stored, rows) if each is not None]
        self._failed, self._read_at, self._looked_at = False, began, self._clock()
        return self._keys

    async def change(self, changes: Sequence[Change]) -> None:
        """Commit changes of keys, and know of them at once. Raises Unavailable."""
        self._read_at = self._looked_at = -float("inf")
        await self._store.commit(layout.KEYS, changes)
        self._read_at = self._looked_at = -float("inf")

    def _find(self, digest: bytes) -> str | None:
        """Compares with every key, so that the time taken tells nothing."""
        found = None
        for each in self._keys:
            if hmac.compare_digest(digest, each.digest):
                found = each.owner
        return found

    async def _look(self) -> None:
        """Read again, unless that was done, or failed, a moment ago."""
        async with self._looking:
            if self._age(self._looked_at) >= LOOK_AGAIN:
                await self.read()
        if self._failed or self._age(self._read_at) >= FRESH:
            raise Unavailable("the keys in the store cannot be read")

    def _age(self, moment: float) -> float:
        """Seconds since; for ever if the clock was put back."""
        age = self._clock() - moment
        return age if age >= 0 else float("inf")


def _stored(row: Record) -> StoredKey | None:
    """The key of a row; None for a row that is none, which opens nothing and must not lock others out."""
    owner, _, identifier = row.key.partition(":")
    try:
        return StoredKey(owner, identifier, bytes.fromhex(row.data["sha256"]), int(row.data["created_at"]))
    except (KeyError, TypeError, ValueError):
        logger.warning("key unreadable", extra={"action": "key_unreadable", "key_id": identifier})
        return None
