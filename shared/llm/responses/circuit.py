"""Endpoints that were seen to fail are left alone for a while: for seconds at first, then ever longer.

When the while is over, one request finds out whether it answers again; the others wait for what comes of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.backoff import Backoff

#: How long an endpoint is left alone after its n-th failure in a row.
PAUSES: Final = Backoff(first=1.0, longest=120.0)
#: Seconds in which an endpoint should begin to answer, also the request that tries it again.
TRIAL_SECONDS: Final = 30.0
#: Endpoints and models that a process remembers; names of models come from clients.
MOST_CIRCUITS: Final = 1000


@dataclass(slots=True)
class _Circuit:
    failures: int
    #: Of the monotonic clock: when it broke, and until when it is left alone.
    since: float
    until: float


class Circuits:
    """What is broken, by endpoint and model. What works is not in here."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._broken: dict[tuple[str, str], _Circuit] = {}

    def left(self, endpoint: str, model: str) -> float:
        """Seconds for which it should be left alone; 0: ask it."""
        broken = self._broken.get((endpoint, model))
        return 0.0 if broken is None else max(0.0, broken.until - self._clock())

    def asked(self, endpoint: str, model: str) -> None:
        """It is being asked: if it is broken, nobody else need try meanwhile."""
        if (broken := self._broken.get((endpoint, model))) is not None:
            broken.until = max(broken.until, self._clock() + TRIAL_SECONDS)

    def answered(self, endpoint: str, model: str) -> None:
        """It works."""
        self._broken.pop((endpoint, model), None)

    def failed(self, endpoint: str, model: str, after: float | None = None) -> float:
        """It does not; it may have said how many seconds to wait. Returns for how many it has not by now.

        Whatever it said, it is asked again within the longest of our own pauses.
        """
        now, key = self._clock(), (endpoint, model)
        if (broken := self._broken.get(key)) is None:
            if len(self._broken) >= MOST_CIRCUITS:
                del self._broken[next(iter(self._broken))]
            broken = self._broken[key] = _Circuit(0, now, now)
        broken.failures += 1
        broken.until = now + min(PAUSES.longest, max(after or 0.0, PAUSES.delay(broken.failures)))
        return now - broken.since

    def of(self, endpoint: str) -> float:
        """Seconds for which the endpoint is left alone with some model."""
        return max((self.left(*key) for key in self._broken if key[0] == endpoint), default=0.0)
