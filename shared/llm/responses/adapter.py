"""The model port over the Responses API: streams by `wire`, other calls through the OpenAI SDK."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

from shared.backoff import Backoff
from shared.busy import BusyLines
from shared.json_types import Json
from shared.llm.base import (
    UNREPORTED,
    LlmError,
    ModelHealth,
    OfferedModel,
    Turn,
    TurnDone,
    TurnEvent,
    TurnRequest,
    TurnUsage,
)
from shared.llm.responses.attempts import BACKOFF, Attempts
from shared.llm.responses.body import body_of, readable
from shared.llm.responses.caching import OPTIONS, PromptCache
from shared.llm.responses.dialect import Dialect
from shared.llm.responses.endpoint import Endpoint
from shared.llm.responses.errors import (
    Retry,
    StreamCut,
    decide,
    facts,
    foreign_errors,
    last_error,
    mark,
)
from shared.llm.responses.events import UNREAD, Reader, TurnFailed, failure_of, turn_of, usage_in
from shared.llm.responses.members import Member
from shared.llm.responses.short_calls import ShortCalls, timeout_of
from shared.llm.responses.waiting_place import WaitingPlace, line_of
from shared.llm.responses.wire import EventAnswer, Wire
from shared.settings.model_aliases import DEFAULT, resolve

logger = logging.getLogger(__name__)

_NOT_FOUND = 404
#: For what follows a turn's last event, so that the connection can be used again.
_TAIL_SECONDS = 1.0


class ResponsesLlm:
    """A model behind a Responses API endpoint."""

    can_run_in_background = True

    def __init__(
        self,
        endpoint: Endpoint,
        aliases: Mapping[str, str] | None = None,
        *,
        backoff: Backoff = BACKOFF,
        cache: PromptCache | None = None,
        summary: str = "",
        obfuscation: bool = True,
        member: Member | None = None,
        busy: BusyLines | None = None,
    ):
        """`aliases` maps model names and patterns of them, `*` all others; `backoff` tells how requests are repeated.

        `summary` is how much models should tell of their reasoning; without `obfuscation` streams are not to be padded.
        As a `member` of several, what another endpoint can mend is not waited for. Who waits while the endpoint is
        busy stands in the lines of `busy`.
        """
        self._endpoint, self._member = endpoint, member
        #: The endpoint, in a few letters: on reasoning that no other endpoint can read.
        self.mark = _in_letters(endpoint.base_url.rstrip("/"))
        self._wire, self._calls = Wire(endpoint), ShortCalls(endpoint)
        self._aliases = dict(aliases or {})
        self._backoff = backoff
        self._summary = summary
        self._streamed: Json = {"stream": True, "store": False}
        if not obfuscation:
            self._streamed["stream_options"] = {"include_obfuscation": False}
        self._dialect, self._busy = Dialect(), BusyLines() if busy is None else busy
        self._cache = cache or PromptCache()
        default = self._aliases.get(DEFAULT)
        self.description = endpoint.name if default is None else f"{endpoint.name}, model {default}"

    async def stream(
        self, request: TurnRequest, deadline: float, patience: float | None = None
    ) -> AsyncGenerator[TurnEvent, None]:
        """Take a turn over one connection; nothing of it stays at the endpoint.

        With `patience` it is given up if the answer does not begin within so many seconds.
        """
        with self._attempts(request, deadline, patience, **self._streamed) as attempts:
            while True:
                spoken, reader = False, Reader()
                try:
                    with await self._answer(attempts) as answer:
                        while events := await answer.events():
                            for event in map(reader.read, events):
                                if isinstance(event, TurnDone):
                                    for late in reader.late:
                                        yield late
                                    await _read_to_the_end(answer)
                                    yield attempts.done(event.turn)
                                    return
                                if event is not None:
                                    spoken = True
                                    yield event
                    raise reader.failure or StreamCut
                except foreign_errors() as error:
                    attempts.count(reader.used(error))
                    if spoken:
                        logger.warning("model stream broke", extra={"action": "model_stream_broke", **facts(error)})
                        final, broke_off = last_error(error), isinstance(decide(error), Retry)
                        broken = LlmError(final.code, final.message, broke_off=broke_off, usage=attempts.used)
                        mark(broken, error)
                        raise broken from error
                    yield await attempts.recover(error)

    async def start(self, request: TurnRequest, key: str, deadline: float, patience: float | None = None) -> str:
        """Begin a turn that the endpoint goes on with by itself; `patience` as `stream` has it."""
        window = {"background_options": {"completion_window": request.completion_window}}
        more = window if request.completion_window is not None else {}
        with self._attempts(request, deadline, patience, background=True, store=True, **more) as attempts:
            while True:
                await attempts.enter()
                options = {
                    "timeout": timeout_of(min(attempts.seconds_left, patience or math.inf)),
                    "headers": {"Idempotency-Key": key},
                }
                try:
                    response = await self._calls.call("post", "/responses", body=attempts.body, options=options)
                    attempts.served()
                    return str(response["id"])
                except foreign_errors() as error:
                    await attempts.recover(error)

    async def poll(self, response_id: str) -> Turn | None:
        """The turn if it is over. A failure that may pass counts as not over: the next poll will tell.

        Of a member of several it is raised as one that `passes`: it may last.
        """
        try:
            response = await self._calls.response(response_id)
            if response["status"] in ("queued", "in_progress"):
                return None
            if response["status"] in ("completed", "incomplete"):
                return turn_of(response)
            raise failure_of(response)
        except foreign_errors() as error:
            logger.warning("model poll failed", extra={"action": "model_poll_failed", **facts(error)})
            may_pass = isinstance(decide(error), Retry)
            is_unknown = may_pass and not isinstance(error, TurnFailed)
            if is_unknown and self._member is None:
                return None
            final = last_error(error)
            final.passes = is_unknown
            final.usage = getattr(error, "usage", None) or TurnUsage()
            # A response that the endpoint has forgotten is begun anew, too.
            final.broke_off = may_pass or getattr(error, "status_code", None) == _NOT_FOUND
            raise final from error

    async def cancel(self, response_id: str) -> TurnUsage:
        """Ask the endpoint to stop; if it cannot be asked, the turn ends by itself and nobody reads it."""
        for method, path in (("post", f"/responses/{response_id}/cancel"), ("get", f"/responses/{response_id}")):
            try:
                return usage_in(await self._calls.short(method, path)) or UNREPORTED
            except foreign_errors() as error:
                # One that is over may refuse to be cancelled; it still says what it has used.
                logger.info("model cancel failed", extra={"action": "model_cancel_failed", **facts(error)})
        return UNREPORTED

    def origin(self, model: str) -> str:
        """The model as it is called at this endpoint, and the endpoint, in a few letters."""
        return _in_letters(f"{self._endpoint.base_url.rstrip('/')} {self._name(model)}")

    def answering(self, model: str) -> str:
        """What the settings let the name stand for."""
        return resolve(model, self._aliases)

    def seconds_busy(self, model: str) -> float:
        """Seconds until the model could be asked; where somebody waits, more than none."""
        return self._busy.left(line_of(self.mark, self._name(model)))

    async def models(self) -> list[OfferedModel]:
        """What the endpoint lists, by id."""
        return await self._calls.models()

    async def health(self) -> ModelHealth:
        """Whether the endpoint lists its models, and those that the settings name are among them."""
        return await self._calls.health([self._here(each) for each in self.asked_for()])

    def asked_for(self) -> list[str]:
        """The models that the settings name and this endpoint has."""
        member, named = self._member, dict.fromkeys(self._aliases.values())
        return [each for each in named if member is None or member.deployment(each) is not None]

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    def _attempts(self, request: TurnRequest, deadline: float, patience: float | None, **how: object) -> Attempts:
        model = self._name(request.model)
        if any("origin" in item for item in request.input) or not self._reads_unmarked:
            own = readable(request.input, self.mark, unmarked=self._reads_unmarked)
            request = replace(request, input=own)
        plain = self._cache.keyed(body_of(request, model, self._summary), request.caching) | how
        knows = self._dialect.has(model, OPTIONS)
        body = self._cache.with_breakpoints(plain, request.caching) if knows else plain
        waiting = WaitingPlace(self._busy, self.mark, model, request.owner)
        alone = self._member is None
        return Attempts(body, self._dialect, deadline, self._backoff, request.input, plain, waiting, alone, patience)

    @property
    def _reads_unmarked(self) -> bool:
        return self._member is None or self._member.is_main

    def _name(self, model: str) -> str:
        """What the endpoint calls the model."""
        return self._here(self.answering(model))

    def _here(self, name: str) -> str:
        return name if self._member is None else self._member.deployment(name) or name

    async def _answer(self, attempts: Attempts) -> EventAnswer:
        """The endpoint's answer, which has begun well."""
        attempts.headers = {}
        if attempts.waiting.has_to_wait:
            await attempts.enter()
        answering = self._wire.post("/responses", attempts.body, attempts.seconds_left, UNREAD)
        answer = await (answering if attempts.patience is None else asyncio.wait_for(answering, attempts.patience))
        attempts.headers = answer.headers
        attempts.served()
        return answer


@lru_cache(1000)
def _in_letters(name: str) -> str:
    """What a name is known again by, in a few letters."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


async def _read_to_the_end(answer: EventAnswer) -> None:
    """Nothing more is expected, but only a connection that was read to its end can be used again."""
    if not answer.has_ended:
        with suppress(*foreign_errors()):
            async with asyncio.timeout(_TAIL_SECONDS):
                await answer.read_to_the_end()
