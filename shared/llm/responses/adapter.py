"""The model port over the Responses API: streams by `wire`, other calls through the OpenAI SDK."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, cast

from shared.backoff import Backoff
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
from shared.llm.responses import probe
from shared.llm.responses.attempts import BACKOFF, Attempts
from shared.llm.responses.body import body_of, readable
from shared.llm.responses.caching import OPTIONS, PromptCache
from shared.llm.responses.calendar import offered
from shared.llm.responses.candidates import Candidate
from shared.llm.responses.dialect import Dialect
from shared.llm.responses.endpoint import CONNECT_SECONDS, CredentialRefused, Endpoint
from shared.llm.responses.errors import (
    SORRY,
    Fail,
    OtherEffort,
    PictureRefused,
    Retry,
    StreamCut,
    WithoutParameter,
    WithoutThoughts,
    decide,
    facts,
    mark,
)
from shared.llm.responses.events import UNREAD, Reader, TurnFailed, failure_of, turn_of, usage_in
from shared.llm.responses.wire import EventAnswer, Wire
from shared.model_aliases import DEFAULT, resolve

logger = logging.getLogger(__name__)

_SHORT_CALL_SECONDS = 30.0
_PROBE_SECONDS = 10.0
_TAIL_SECONDS = 1.0
_NOT_FOUND = 404
#: Not every server lists its models.
_NO_SUCH_CALL = (_NOT_FOUND, 405, 501)
#: How a request without a model and an input is refused.
_INCOMPLETE = (400, 422)


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
        place: Candidate | None = None,
    ):
        """`aliases` maps model names and patterns of them, `*` all others; `backoff` tells how requests are repeated.

        `summary` is how much models should tell of their reasoning; without `obfuscation` streams are not to be padded.
        At a `place` among others, what another endpoint can mend is not waited for.
        """
        self._endpoint, self._place = endpoint, place
        self._wire = Wire(endpoint)
        self._aliases = dict(aliases or {})
        self._backoff = backoff
        self._summary = summary
        self._streamed: Json = {"stream": True, "store": False}
        if not obfuscation:
            self._streamed["stream_options"] = {"include_obfuscation": False}
        self._dialect = Dialect()
        self._cache = cache or PromptCache()
        default = self._aliases.get(DEFAULT)
        self.description = endpoint.name if default is None else f"{endpoint.name}, model {default}"

    async def stream(self, request: TurnRequest, deadline: float) -> AsyncGenerator[TurnEvent, None]:
        """Take a turn over one connection; nothing of it stays at the endpoint."""
        attempts = self._attempts(request, deadline, **self._streamed)
        while True:
            spoken, reader = False, Reader()
            try:
                async with aclosing(self._events(attempts, reader)) as events:
                    async for event in events:
                        spoken = True
                        yield event
                return
            except _foreign_errors() as error:
                attempts.count(reader.used(error))
                if spoken:
                    logger.warning("model stream broke", extra={"action": "model_stream_broke", **facts(error)})
                    final, broke_off = _final(error), isinstance(decide(error), Retry)
                    broken = LlmError(final.code, final.message, broke_off=broke_off, usage=attempts.used)
                    mark(broken, error)
                    raise broken from error
                await attempts.recover(error)

    async def start(self, request: TurnRequest, key: str, deadline: float) -> str:
        """Begin a turn that the endpoint goes on with by itself."""
        window = {"background_options": {"completion_window": request.completion_window}}
        more = window if request.completion_window is not None else {}
        attempts = self._attempts(request, deadline, background=True, store=True, **more)
        while True:
            options = {"timeout": _timeout(attempts.seconds_left), "headers": {"Idempotency-Key": key}}
            try:
                response = await self._call("post", "/responses", body=attempts.body, options=options)
                return str(response["id"])
            except _foreign_errors() as error:
                await attempts.recover(error)

    async def poll(self, response_id: str) -> Turn | None:
        """The turn if it is over. A failure that may pass counts as not over: the next poll will tell.

        At a place among others it is raised as one that `passes`: it may last.
        """
        try:
            response = await self._short_call("get", f"/responses/{response_id}")
            if response["status"] in ("queued", "in_progress"):
                return None
            if response["status"] in ("completed", "incomplete"):
                return turn_of(response)
            raise failure_of(response)
        except _foreign_errors() as error:
            logger.warning("model poll failed", extra={"action": "model_poll_failed", **facts(error)})
            may_pass = isinstance(decide(error), Retry)
            is_unknown = may_pass and not isinstance(error, TurnFailed)
            if is_unknown and self._place is None:
                return None
            final = _final(error)
            final.passes = is_unknown
            final.usage = getattr(error, "usage", None) or TurnUsage()
            # A response that the endpoint has forgotten is begun anew, too.
            final.broke_off = may_pass or getattr(error, "status_code", None) == _NOT_FOUND
            raise final from error

    async def cancel(self, response_id: str) -> TurnUsage:
        """Ask the endpoint to stop; if it cannot be asked, the turn ends by itself and nobody reads it."""
        for method, path in (("post", f"/responses/{response_id}/cancel"), ("get", f"/responses/{response_id}")):
            try:
                return usage_in(await self._short_call(method, path)) or UNREPORTED
            except _foreign_errors() as error:
                # One that is over may refuse to be cancelled; it still says what it has used.
                logger.info("model cancel failed", extra={"action": "model_cancel_failed", **facts(error)})
        return UNREPORTED

    def origin(self, model: str) -> str:
        """The model as it is called at this endpoint, and the endpoint, in a few letters."""
        name = f"{self._endpoint.base_url.rstrip('/')} {self._name(model)}"
        return hashlib.sha256(name.encode()).hexdigest()[:16]

    @property
    def mark(self) -> str:
        """The endpoint, in a few letters: on reasoning that no other endpoint can read."""
        return hashlib.sha256(self._endpoint.base_url.rstrip("/").encode()).hexdigest()[:16]

    async def models(self) -> list[OfferedModel]:
        """What the endpoint lists, by id."""
        try:
            listed = await self._short_call("get", "/models")
            return sorted((offered(model) for model in listed["data"]), key=lambda model: model.id)
        except _foreign_errors() as error:
            logger.warning("model list failed", extra={"action": "model_list_failed", **facts(error)})
            raise _final(error) from error

    async def health(self) -> ModelHealth:
        """Whether the endpoint lists its models, and those that the settings name are among them."""
        if not probe.is_address(self._endpoint.base_url):
            return ModelHealth(answers=False, words=probe.NO_ADDRESS)
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                listed = await self._short_call("get", "/models")
            names = [str(model["id"]) for model in listed["data"]]
        except _foreign_errors() as error:
            if getattr(error, "status_code", None) in _NO_SUCH_CALL and await self._takes_turns():
                return ModelHealth(answers=True)
            logger.warning("model probe failed", extra={"action": "model_probe_failed", **facts(error)})
            return ModelHealth(answers=False, words=probe.trouble(error))
        wanted = [] if self._endpoint.has_deployments else [self._here(each) for each in self.asked_for()]
        unlisted = probe.unlisted(wanted, names)
        if unlisted:
            return ModelHealth(answers=False, words=f"The model's server does not list {', '.join(unlisted)}.")
        return ModelHealth(answers=True)

    def asked_for(self) -> list[str]:
        """The models that the settings name and this endpoint has."""
        place, named = self._place, dict.fromkeys(self._aliases.values())
        return [each for each in named if place is None or place.deployment(each) is not None]

    async def _takes_turns(self) -> bool:
        """Whether a turn that asks for nothing is refused as such: then there is the call, and it costs nothing."""
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._call("post", "/responses", body={}, options={"timeout": _timeout(_PROBE_SECONDS)})
        except _foreign_errors() as error:
            return getattr(error, "status_code", None) in _INCOMPLETE
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    def _attempts(self, request: TurnRequest, deadline: float, **how: object) -> Attempts:
        model = self._name(request.model)
        if any("origin" in item for item in request.input) or not self._reads_unmarked:
            own = readable(request.input, self.mark, unmarked=self._reads_unmarked)
            request = replace(request, input=own)
        plain = self._cache.keyed(body_of(request, model, self._summary), request.caching) | how
        knows = self._dialect.has(model, OPTIONS)
        body = self._cache.with_breakpoints(plain, request.caching) if knows else plain
        return Attempts(body, self._dialect, deadline, self._backoff, request.input, plain, self._place is None)

    @property
    def _reads_unmarked(self) -> bool:
        return self._place is None or self._place.is_main

    def _name(self, model: str) -> str:
        """What the endpoint calls the model."""
        return self._here(resolve(model, self._aliases))

    def _here(self, name: str) -> str:
        return name if self._place is None else self._place.deployment(name) or name

    async def _events(self, attempts: Attempts, reader: Reader) -> AsyncGenerator[TurnEvent, None]:
        attempts.headers = {}
        async with self._wire.post("/responses", attempts.body, attempts.seconds_left, UNREAD) as answer:
            attempts.headers = answer.headers
            async for events in answer.events():
                for event in map(reader.read, events):
                    if isinstance(event, TurnDone):
                        await _read_to_the_end(answer)
                        yield TurnDone(replace(event.turn, usage=event.turn.usage.plus(attempts.used)))
                        return
                    if event is not None:
                        yield event
        raise reader.failure or StreamCut

    async def _short_call(self, method: str, path: str) -> Json:
        return await self._call(method, path, options={"timeout": _timeout(_SHORT_CALL_SECONDS)})

    async def _call(self, method: str, path: str, **arguments: Any) -> Json:
        client = self._endpoint.client()
        send = client.get if method == "get" else client.post
        return cast("Json", await send(path, cast_to=object, **arguments))


async def _read_to_the_end(answer: EventAnswer) -> None:
    """Nothing more is expected, but only a connection that was read to its end can be used again."""
    if not answer.has_ended:
        with suppress(*_foreign_errors()):
            async with asyncio.timeout(_TAIL_SECONDS):
                await answer.read_to_the_end()


def _timeout(seconds: float) -> Any:
    from openai import Timeout

    return Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


def _final(error: Exception) -> LlmError:
    """The error a client sees when nothing more is tried."""
    decision = decide(error)
    match decision:
        case Retry() | OtherEffort() | PictureRefused():
            return decision.last
        case Fail():
            return decision.error
        case WithoutParameter() | WithoutThoughts():
            return LlmError("server_error", SORRY)


def _foreign_errors() -> tuple[type[Exception], ...]:
    """What may come out of the SDK, its transport, the credential, and answers that are not as the API says."""
    from aiohttp import ClientError
    from azure.core.exceptions import AzureError
    from openai import OpenAIError

    own = (StreamCut, TurnFailed, CredentialRefused)
    return (*own, OpenAIError, AzureError, ClientError, OSError, ValueError, LookupError, TypeError)
