"""Repeating a request: what the model does not support is left out, what may pass is waited for."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from shared.backoff import Backoff
from shared.json_types import Json
from shared.llm.base import LlmError
from shared.llm.responses.body import Dialect, whole, without
from shared.llm.responses.errors import Retry, WithoutParameter, decide, facts

logger = logging.getLogger(__name__)

#: Between attempts at a request whose failures are transient.
BACKOFF = Backoff(first=0.5, longest=16.0, attempts=7, spread=(0.75, 1.25))


@dataclass(slots=True)
class Attempts:
    """The attempts at one request; `body` is what to send next."""

    body: Json
    dialect: Dialect
    #: Unix seconds.
    deadline: float
    backoff: Backoff
    _failures: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.body = self.dialect.apply(self.body)

    @property
    def seconds_left(self) -> float:
        """Time until the deadline; never quite nothing, since zero means forever to some."""
        return max(0.001, self.deadline - time.time())

    async def recover(self, error: Exception) -> None:
        """Return when the request should be sent again. Raises LlmError when it should not."""
        # Once: what cannot be encoded may be the key, and that stays as it is.
        if isinstance(error, UnicodeEncodeError) and (mended := whole(self.body)) != self.body:
            self.body = mended
            return
        decision = decide(error, self.body)
        match decision:
            case WithoutParameter(name, this_value_only):
                self._log("model_parameter_dropped", error, parameter=name)
                self.dialect.remember(self.body, name, this_value_only=this_value_only)
                self.body = without(self.body, name)
            case Retry(after, last):
                await self._wait(after, last, error)
            case _:
                self._log("model_gave_up", error)
                raise decision.error from error

    async def _wait(self, after: float | None, last: LlmError, error: Exception) -> None:
        self._failures += 1
        own = self.backoff.delay(self._failures)
        delay = own if after is None else after + own * 0.1
        if self._failures >= self.backoff.attempts or time.time() + delay >= self.deadline:
            self._log("model_gave_up", error)
            raise last from error
        self._log("model_retried", error, delay=round(delay, 3))
        await asyncio.sleep(delay)

    def _log(self, action: str, error: Exception, **more: object) -> None:
        logger.warning(
            action.replace("_", " "),
            extra={"action": action, "model": self.body["model"], **facts(error), **more},
        )
