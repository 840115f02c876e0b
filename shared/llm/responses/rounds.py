"""One turn's way from endpoint to endpoint: each in turn, and after a while all of them once more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.backoff import Backoff
from shared.llm.base import LlmError, TurnUsage
from shared.llm.responses.circuit import Circuits

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Rounds:
    """Which endpoint is asked next, and what the attempts so far have used."""

    #: The endpoints as they should be asked now. Raises LlmError.
    order: Callable[[], list[str]]
    circuits: Circuits
    #: What is asked for, as MODEL_ALIASES has it.
    model: str
    backoff: Backoff
    #: Unix seconds.
    deadline: float
    #: Seconds in which an endpoint should begin to answer.
    patience: float
    #: What the attempts that failed have used.
    used: TurnUsage = field(default_factory=TurnUsage, init=False)
    _left: list[str] = field(default_factory=list, init=False)
    _rounds: int = field(default=0, init=False)
    #: What the turn ends with if nobody takes it: rather what may pass than what will not.
    _last: LlmError | None = field(default=None, init=False)
    #: The shortest wait that an endpoint asked for in this round.
    _after: float | None = field(default=None, init=False)

    async def next(self) -> str:
        """The endpoint to ask. Raises LlmError when none is left, and no time or hope for another round."""
        if not self._left:
            if self._last is not None:
                await self._pause(self._last)
            self._left = self.order()
        name = self._left.pop(0)
        self.circuits.asked(name, self.model)
        return name

    @property
    def within(self) -> float | None:
        """Seconds for the endpoint to begin to answer; None: there is no other one to ask."""
        return self.patience if self._left else None

    def answered(self, name: str) -> None:
        """It has begun to answer."""
        self.circuits.answered(name, self.model)

    def failed(self, name: str, error: LlmError, *, is_last: bool = False) -> None:
        """It has not taken the turn, or not to its end. Raises the error if nobody else may."""
        self.used = self.used.plus(error.usage)
        error.usage = self.used
        if error.elsewhere:
            self.circuits.failed(name, self.model, error.after)
        else:
            self.circuits.answered(name, self.model)
        if is_last or not error.elsewhere:
            raise error
        extra = {"action": "model_endpoint_failed", "endpoint": name, "model": self.model, "code": error.code}
        logger.warning("model endpoint failed", extra=extra)
        if self._last is None or error.passes or not self._last.passes:
            self._last = error
        if error.passes:
            after = error.after or 0.0
            self._after = after if self._after is None else min(after, self._after)

    async def _pause(self, last: LlmError) -> None:
        self._rounds += 1
        own = self.backoff.delay(self._rounds)
        delay, self._after = (self._after + own * 0.1 if self._after else own), None
        too_late = self._rounds >= self.backoff.attempts or time.time() + delay >= self.deadline
        if too_late or not last.passes:
            last.usage = self.used
            raise last
        logger.warning(
            "model endpoints all failed", extra={"action": "model_endpoints_failed", "delay": round(delay, 3)}
        )
        await asyncio.sleep(delay)
