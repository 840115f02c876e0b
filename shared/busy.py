"""Who waits for a model that is busy: as long as it is, owners take turns; as long as it is not, nobody waits.

A provider that refuses a request for its rate says when to come back. Until then nobody asks; from then on one request
goes out at first, and one more for each that is served, those of every owner in turn. All processes of a box are told
by a row, which is written when a provider has said so, and read while somebody waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Final

from shared import layout
from shared.store.base import Conflict, Put, Store, Unavailable
from shared.wakes import Wakes

logger = logging.getLogger(__name__)

#: Seconds between two looks at what other processes were told; and what is shorter is not worth telling them.
LOOK_SECONDS: Final = 3.0
WORTH_TELLING: Final = 1.0
#: Seconds within which a request is answered, or others stop waiting for what comes of it.
ANSWER_SECONDS: Final = 10.0
#: Seconds after which a provider is asked again, however long it asked to wait: quotas can be raised.
LONGEST_PAUSE: Final = 60.0
#: Seconds for which a provider is believed: a quota of a day may be raised within the hour, and some say anything.
LONGEST_SAID: Final = 3600.0


class WaitingLine:
    """Those who wait for one model of one endpoint. For one event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        #: Until when nobody asks, and when the provider said to come back (unix seconds).
        self.until = self.said = 0.0
        #: Requests that may be under way without being served yet, and that are.
        self.width, self.out = 1, 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def left(self) -> float:
        """Seconds for which nobody asks."""
        return max(0.0, self.until - self._clock())

    @property
    def is_over(self) -> bool:
        """Whether it is as if the model had never been busy."""
        return not self._waiting and self.out == 0 and self.left == 0

    def waiting(self, owner: str | None = None) -> int:
        """How many wait, or how many of an owner's."""
        lines = self._waiting.values() if owner is None else [self._waiting.get(owner, deque())]
        return sum(map(len, lines))

    def pause(self, said: float) -> None:
        """Somebody was told to come back then."""
        self.said = max(self.said, said)
        self.until = max(self.until, min(said, self._clock() + LONGEST_PAUSE))

    def hear(self, known: float) -> None:
        """Somebody else was told to come back then. Heard before, it makes no pause longer."""
        if known > self.said:
            self.pause(known)

    async def wait(self, owner: str, *, again: bool) -> None:
        """Wait for the owner's turn; who was refused before (`again`) comes before the owner's others."""
        turn = asyncio.get_running_loop().create_future()
        line = self._waiting.setdefault(owner, deque())
        (line.appendleft if again else line.append)(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn in line:
                line.remove(turn)
            if not line and self._waiting.get(owner) is line:
                del self._waiting[owner]
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self, *, served: bool = False) -> None:
        """A request that was let go is over, or has been served: then one more may be under way."""
        self.out -= 1
        self.width += served
        self._admit()

    def refuse(self, said: float) -> None:
        """The model refused a request for its rate: half as many at once, after the pause it asked for."""
        self.width = max(1, self.width // 2)
        self.pause(said)

    def _admit(self) -> None:
        """Let go who may: the first of each owner in turn."""
        left = self.left  # read once: a pause that ends between two looks would leave those who wait without a timer
        while self._waiting and self.out < self.width and left == 0:
            owner, line = next(iter(self._waiting.items()))
            turn = line.popleft()
            self._waiting.move_to_end(owner)
            if not line:
                del self._waiting[owner]
            if not turn.done():  # else its request was abandoned just now
                self.out += 1
                turn.set_result(None)
        if self._waiting and self._timer is None and left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._admit()


class Admission:
    """A request's place among those under way. Leaving twice is no error."""

    def __init__(self, line: WaitingLine, patience: float) -> None:
        """After `patience` seconds without an answer the others go on without it."""
        self._line: WaitingLine | None = line
        self._timer = asyncio.get_running_loop().call_later(patience, self.leave)

    def leave(self, *, served: bool = False) -> None:
        """It is over, or served: others may come."""
        self._timer.cancel()
        line, self._line = self._line, None
        if line is not None:
            line.leave(served=served)


class TooLong(Exception):
    """The model is busy for longer than there is time."""

    def __init__(self, seconds: float):
        super().__init__("the model is busy")
        self.seconds = seconds


class BusyLines:
    """The lines of a process, by a name for endpoint and model. Without a store, nobody else is told."""

    def __init__(
        self,
        store: Store | None = None,
        wakes: Wakes | None = None,
        clock: Callable[[], float] = time.time,
        patience: float = ANSWER_SECONDS,
    ) -> None:
        self._store, self._wakes, self._clock, self._patience = store, wakes or Wakes(), clock, patience
        self._lines: dict[str, WaitingLine] = {}
        self._following: dict[str, asyncio.Task[None]] = {}

    @property
    def is_any(self) -> bool:
        """Whether something may be busy."""
        return bool(self._lines)

    async def enter(self, name: str, owner: str, seconds: float, *, again: bool = False) -> Admission | None:
        """Wait for the owner's turn, for so many seconds at the most; None: it is not busy. Raises TooLong."""
        line = self._line(name)
        if line is None:
            return None
        if line.left > 0 and line.said - self._clock() > seconds:
            raise TooLong(line.said - self._clock())
        try:
            async with asyncio.timeout(None if seconds == float("inf") else seconds):
                await line.wait(owner, again=again)
        except TimeoutError:
            raise TooLong(line.left) from None
        return Admission(line, self._patience)

    def refused(self, name: str, seconds: float) -> None:
        """The provider refused a request for its rate, and asks to wait so many seconds."""
        line = self._line(name)
        if line is None:
            line = self._lines[name] = WaitingLine(self._clock)
        line.refuse(self._clock() + min(seconds, LONGEST_SAID))
        if self._store is not None and seconds >= WORTH_TELLING:
            following = self._following.get(name)
            if following is None or following.done():
                self._following[name] = asyncio.create_task(self._follow(name, self._store))
            self._wakes.hear(key_of(name))

    def left(self, name: str) -> float:
        """Seconds until it could be asked; where somebody waits, more than none."""
        line = self._line(name)
        return 0.0 if line is None else line.left + 0.001 * (line.waiting() > 0)

    def waiting(self, owner: str) -> int:
        """How many requests of the owner wait in this process."""
        return sum(line.waiting(owner) for line in self._lines.values())

    async def close(self) -> None:
        """Tell and hear nobody any more."""
        tasks = [*self._following.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _line(self, name: str) -> WaitingLine | None:
        line = self._lines.get(name)
        if line is not None and line.is_over:
            del self._lines[name]
            return None
        return line

    async def _follow(self, name: str, store: Store) -> None:
        """While it is busy: tell what this process was told, hear what others were."""
        told = 0.0
        with self._wakes.listening(key_of(name)) as ear:
            while (line := self._line(name)) is not None:
                with suppress(Unavailable, Conflict):  # somebody else has written; or it is told the next time
                    told = max(told, await self._exchange(name, line, store, told))
                await ear.listen(LOOK_SECONDS)
                await asyncio.sleep(0.2)  # who is refused together writes once

    async def _exchange(self, name: str, line: WaitingLine, store: Store, told: float) -> float:
        row = await store.get(layout.BOX, key_of(name))
        known = 0.0 if row is None else float(row.data["until"])
        if known > self._clock() + LONGEST_SAID:
            known = 0.0  # nobody was told so, by this clock
        if line.said > max(known, told) + WORTH_TELLING:
            put = Put(key_of(name), {"until": line.said}, None if row is None else row.version)
            await store.commit(layout.BOX, [put])
            logger.info("model busy", extra={"action": "model_busy", "seconds": round(line.left, 1)})
            self._wakes.call(key_of(name))
            return line.said
        line.hear(known)
        return told


def key_of(name: str) -> str:
    """The key of the row, and what is called when it has changed; the name may have an address in it."""
    return layout.BUSY + sha256(name.encode()).hexdigest()[:16]
