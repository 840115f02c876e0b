"""How long to wait between attempts: one value type; each policy is named beside what it is for."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that grow by a factor up to a longest one, each spread at random."""

    #: Seconds before the second attempt.
    first: float
    factor: float = 2.0
    #: Seconds that no wait exceeds before it is spread.
    longest: float = math.inf
    #: Attempts in all, the first among them.
    attempts: int = 1_000_000
    #: A wait is multiplied by something in between, so that those who failed together do not come back together.
    spread: tuple[float, float] = (1.0, 1.0)

    def delay(self, failures: int) -> float:
        """Seconds to wait after the n-th failure, counted from 1."""
        grown = self.first * self.factor ** min(failures - 1, 64)
        return min(self.longest, grown) * random.uniform(*self.spread)

    def delays(self) -> Iterator[float]:
        """The waits before each further attempt; one fewer than there are attempts."""
        return (self.delay(failures) for failures in range(1, self.attempts))
