"""Writes that a commit must not be there without: made before it, or with it where one file holds both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Prepared(Generic[T]):
    """A write that is still to be made, for `Store.commit(..., after=[...])`."""

    #: What came of it, once it is made, or the commit is there that it was made with.
    outcome: T

    def __init__(self, write: Callable[[], Awaitable[T]]) -> None:
        self._write = write
        self.is_made = False

    async def make(self) -> None:
        """Make it by itself, unless that was done. Raises what its port does."""
        if not self.is_made:
            self.outcome = await self._write()
            self.is_made = True


#: What a commit must not be there without.
Earlier = Sequence[Prepared[Any]]
