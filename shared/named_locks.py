"""Locks by name: what everybody of this process would write at once and conflict over, one does after the other.

Other processes know nothing of them: what is written stays bound to the version that was read.
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class NamedLocks:
    """Hands out locks, which exist for as long as somebody holds one or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        """The lock of that name: `async with locks.of("vs_1"): ...`."""
        return self._locks.setdefault(name, asyncio.Lock())
