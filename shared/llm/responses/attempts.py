"""Repeating a request: what the model does not support is left out, what may pass is waited for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from msgspec.structs import replace

from shared.backoff import Backoff
from shared.json_types import Json
from shared.llm.base import LlmError, Retried, Turn, TurnDone, TurnUsage
from shared.llm.responses import pictures
from shared.llm.responses.body import REASONING_ITEMS, whole, without
from shared.llm.responses.caching import OPTIONS
from shared.llm.responses.dialect import Dialect, effort_in
from shared.llm.responses.errors import (
    OtherEffort,
    PictureRefused,
    Retry,
    WithoutParameter,
    WithoutThoughts,
    decide,
    facts,
    host_of,
    mark,
    retry_after,
)
from shared.llm.responses.mistakes import told
from shared.llm.responses.waiting_place import WaitingPlace

logger = logging.getLogger(__name__)

#: Between attempts at a request whose failures are transient.
BACKOFF = Backoff(first=0.5, longest=16.0, attempts=7, spread=(0.75, 1.25))
#: Seconds for which a busy endpoint is not left for another.
SHORT_WAIT: Final = 2.0


@dataclass(slots=True)
class Attempts:
    """The attempts at one request; `body` is what to send next."""

    body: Json
    dialect: Dialect
    #: Unix seconds.
    deadline: float
    backoff: Backoff
    #: The request's own input: there pictures have their names.
    input: list[Json] = field(default_factory=list)
    #: The request as models have it that know no breakpoints.
    plain: Json = field(default_factory=dict)
    waiting: WaitingPlace = field(default_factory=WaitingPlace)
    #: Whether nobody else can be asked, so that what may pass is waited for.
    alone: bool = True
    #: Seconds in which the endpoint should begin to answer; None: until the deadline.
    patience: float | None = None
    #: Of the last answer that began well; a stream that is throttled says there when to come back.
    headers: Mapping[str, str] = field(default_factory=dict, init=False)
    #: What the attempts that failed have used.
    used: TurnUsage = field(default_factory=TurnUsage, init=False)
    _effort: str | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _without_pictures: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._effort = effort_in(self.body)
        self.body = self.dialect.apply(self.body)

    @property
    def seconds_left(self) -> float:
        """Time until the deadline; never quite nothing, since zero means forever to some."""
        return max(0.001, self.deadline - time.time())

    @property
    def request_id(self) -> str | None:
        """By what the provider finds the request that began well: OpenAI's and Azure's name for it."""
        return self.headers.get("x-request-id") or self.headers.get("apim-request-id")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.waiting.leave()

    async def enter(self) -> None:
        """Wait for our turn, if the endpoint is busy. Raises LlmError."""
        await self.waiting.enter(self.deadline)

    def served(self) -> None:
        """The endpoint has taken the request."""
        self.waiting.leave(served=True)

    def done(self, turn: Turn) -> TurnDone:
        """The turn is over: what is told of it, with what the attempts that failed have used."""
        return TurnDone(replace(turn, usage=turn.usage.plus(self.used), request_id=self.request_id))

    def count(self, used: TurnUsage) -> None:
        """An attempt has failed, and used this."""
        self.used = self.used.plus(used)

    async def recover(self, error: Exception) -> Retried:
        """Return when the request should be sent again. Raises LlmError when it should not."""
        begun, known = time.monotonic(), facts(error)
        try:
            await self._recover(error)
        except LlmError as final:
            final.usage = self.used
            mark(final, error)
            raise
        waited = round(time.monotonic() - begun, 3)
        return Retried(known["status"], str(known["code"] or type(error).__name__), waited, known["request_id"])

    async def _recover(self, error: Exception) -> None:
        # Once: what cannot be encoded may be the key, and that stays as it is.
        if isinstance(error, UnicodeEncodeError) and (mended := whole(self.body)) != self.body:
            self.body = mended
            return
        decision = decide(error, self.body)
        match decision:
            case WithoutParameter(name):
                self._log("model_parameter_dropped", error, parameter=name)
                self.dialect.remember(self.body["model"], self._effort, name)
                self.body = self.dialect.apply(self.plain) if name == OPTIONS else without(self.body, name)
            case WithoutThoughts():
                self._log("model_reasoning_dropped", error)
                self.dialect.forget(self.body)
                self.body = without(self.body, REASONING_ITEMS)
            case OtherEffort(supported, last):
                self._change_effort(supported, last, error)
            case PictureRefused():
                self._leave_out_pictures(decision, error)
            case Retry(after, last):
                await self._wait(retry_after(self.headers) if after is None else after, last, error)
            case _:
                self._log("model_gave_up", error)
                raise decision.error from error

    def _change_effort(self, supported: tuple[str, ...], last: LlmError, error: Exception) -> None:
        changed = self.dialect.replace_effort(self.body, supported)
        if changed is None:
            self._log("model_gave_up", error)
            raise last from error
        self._log("model_effort_changed", error, effort=changed["reasoning"]["effort"])
        self.body = changed

    def _leave_out_pictures(self, refused: PictureRefused, error: Exception) -> None:
        """The request without the earlier picture that is meant; the second time without all earlier ones."""
        blamed = pictures.blamed(refused.refusal, self.body)
        names = pictures.names_in(self.input)
        earlier = pictures.earlier(self.body, blamed)
        if earlier and self._without_pictures > 0:
            earlier = pictures.earlier(self.body, pictures.all_of(self.body))
        if not earlier:
            self._log("model_gave_up", error)
            named = pictures.named(self.body, blamed, names)
            raise told(f"The model's provider refused {named}", refused.refusal.message, host_of(error)) from error
        self._log("model_pictures_left_out", error, pictures=len(earlier))
        self._without_pictures += 1
        self.body = pictures.without(self.body, earlier, names)

    async def _wait(self, after: float | None, last: LlmError, error: Exception) -> None:
        self._failures += 1
        own = self.backoff.delay(self._failures)
        delay = own if after is None else after + own * 0.1
        if last.code == "rate_limit_exceeded":
            self.waiting.refused(delay)
        else:
            self.waiting.leave()
        given_up = self._failures >= self.backoff.attempts or time.time() + delay >= self.deadline
        if given_up or not (self.alone or self._is_short(delay, last)):
            self._log("model_gave_up", error)
            raise last from error
        self._log("model_retried", error, delay=round(delay, 3))
        await asyncio.sleep(delay)

    def _is_short(self, delay: float, last: LlmError) -> bool:
        """Whether so short a wait, the first time, costs less than to leave where the prompt is cached."""
        return last.code == "rate_limit_exceeded" and delay <= SHORT_WAIT and self._failures == 1

    def _log(self, action: str, error: Exception, **more: object) -> None:
        logger.warning(
            action.replace("_", " "),
            extra={"action": action, "model": self.body["model"], **facts(error), **more},
        )
