"""Wake-ups: whoever waits for something by its name looks at once when somebody calls that name.

A name says where to look, never what is there: the store is the truth. One that is lost costs what polling costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.siblings import Siblings


class Ear(asyncio.Event):
    """Set when the name was called."""

    async def listen(self, seconds: float) -> None:
        """Wait until the name is called, so many seconds at most; a call since the last look counts."""
        # Queues listen many times a second: an error for each time that nobody calls would cost several times as much.
        timer = asyncio.get_running_loop().call_later(seconds, self.set)
        try:
            await self.wait()
        finally:
            timer.cancel()
        self.clear()


class Wakes:
    """Calls names, in this process and, where there are any, in its siblings."""

    def __init__(self, siblings: Siblings | None = None) -> None:
        self._siblings = siblings
        self._ears: dict[str, list[Ear]] = {}

    def open(self) -> None:
        """Hear what siblings call, from now on, in this event loop."""
        if self._siblings is not None:
            self._siblings.open(self.hear)

    def close(self) -> None:
        """Hear and call nobody else any more."""
        if self._siblings is not None:
            self._siblings.close()

    def call(self, name: str) -> None:
        """Wake who waits for the name. What they will look for is committed by now."""
        self.hear(name)
        if self._siblings is not None:
            self._siblings.tell(name)

    def hear(self, name: str) -> None:
        """Wake those of this process alone."""
        for ear in self._ears.get(name, ()):
            ear.set()

    @contextmanager
    def listening(self, name: str) -> Iterator[Ear]:
        """Hear the name in the block. Look first, then listen: nothing is missed in between."""
        ear = Ear()
        self._ears.setdefault(name, []).append(ear)
        try:
            yield ear
        finally:
            ears = self._ears[name]
            ears.remove(ear)
            if not ears:
                del self._ears[name]


def wakes_at(home: Path, *, shared: bool) -> Wakes:
    """Those of a process at this home, which others share or, as their sockets' folder shows, have shared."""
    folder = home / "wake"
    return Wakes(Siblings(folder)) if shared or folder.is_dir() else Wakes()
