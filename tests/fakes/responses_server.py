"""A fake Responses API endpoint: scriptable, countable, fast.

In a test: `async with serving(fake := FakeResponses()) as base_url`. As a process of its own:
`python -m tests.fakes.responses_server --port 0 --delay 0.05` prints its base URL; then `POST /fake/script` takes
turns (fields of FakeTurn), `POST /fake/settings` the fields below, `GET /fake/state` tells what happened.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.accents import Accent
from tests.fakes.prompt_cache import CHARACTERS_PER_TOKEN, Cost, PromptCache
from tests.fakes.responses_events import MARK, FakeTurn, error_bytes, final_status, response_bytes, stream_bytes
from tests.fakes.responses_rules import refused, told_by_user

Json = dict[str, Any]

HELLO = FakeTurn(text=("Hello", " from", " the", " fake", " model", "."))
#: What POST /fake/settings may change.
SETTINGS = ("delay", "event_delay", "fault_rate", "polls_before_done", "refuses", "keep_bodies")


@dataclass
class Background:
    """A response that is under way without a connection."""

    turn: FakeTurn
    model: str
    done_at: float
    polls_left: int
    status: str = "queued"
    instructions: str = ""


@dataclass
class FakeResponses:
    """The fake's script, settings and counters."""

    #: Seconds before every answer.
    delay: float = 0.0
    #: Seconds between the events of a stream.
    event_delay: float = 0.0
    #: Tokens of input that the model takes, by the provider's count; 0: any number.
    takes: int = 0
    #: Share of requests that are answered with 503 or lose their connection.
    fault_rate: float = 0.0
    #: Requests that are served at a time; others are refused for a moment, as by a rate limit. 0: all.
    at_once: int = 0
    #: A background response is unfinished for so many polls.
    polls_before_done: int = 0
    #: So many background responses are forgotten before they are asked for.
    forgets: int = 0
    #: What a proxy answers to the next polls in place of the endpoint: text and type of each.
    pages: list[tuple[str, str]] = field(default_factory=list)
    #: Parameter (dotted) the model does not support -> error code; "" names no parameter, only the text does.
    refuses: dict[str, str | None] = field(default_factory=dict)
    #: Whether `bodies` fills; off for load.
    keep_bodies: bool = True
    #: Streams leave out events of this type, as some servers do.
    without: str = ""
    #: As OGX streams: every item has the same index.
    all_at_index_0: bool = False
    #: Members that nothing the fake says has, as some servers leave them out: `id`, `item_id`, `usage`, …
    lacks: tuple[str, ...] = ()
    #: Deltas are padded with random characters, as OpenAI's are, unless the request asks for none.
    pads: bool = False
    #: How a stream's events are told, for servers that do it in another way; None: as OpenAI does.
    accent: Accent | None = None
    #: Streams end as those of Chat Completions do.
    says_done: bool = False
    default: FakeTurn = HELLO
    #: Whether there is a list of models.
    lists_models: bool = True
    #: Model -> how many numbers its vectors have; every other model is unknown. None: there is no embeddings call.
    embeds: dict[str, int] | None = field(default_factory=dict)
    #: Every embeddings call is answered like this instead.
    embedding_error: FakeTurn | None = None
    #: What requests read and write; usage tells of it. Without one, usage is always the same.
    cache: PromptCache | None = None
    model_names: list[str] = field(default_factory=lambda: ["fake-model"])
    #: Further entries of the list of models, in the provider's own shape.
    model_entries: list[Json] = field(default_factory=list)

    bodies: list[Json] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    requests: int = 0
    #: Responses that came into being, by Idempotency-Key ("" without one).
    created: Counter[str] = field(default_factory=Counter)
    #: What was said of requests that the service would not take.
    refusals: list[str] = field(default_factory=list)
    #: Where clients called from: one address per connection.
    peers: set[tuple[str, int]] = field(default_factory=set)
    #: The model and texts of every embeddings call.
    embedding_calls: list[tuple[str, list[str]]] = field(default_factory=list)
    #: The instructions of the requests that were not refused for the rate, in order.
    served: list[str] = field(default_factory=list)
    polls: int = 0
    cancelled: list[str] = field(default_factory=list)
    #: Streams with padded deltas.
    padded: int = 0
    #: Tokens that clients were told of, by the instructions of the request; of a background response once.
    reported: Counter[str] = field(default_factory=Counter)
    #: Set when a client left before its stream was over.
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)
    _script: deque[FakeTurn] = field(default_factory=deque)
    _under_way: int = 0
    _background: dict[str, Background] = field(default_factory=dict)

    def script(self, *turns: FakeTurn) -> None:
        """Say these next, before any rule applies."""
        self._script.extend(turns)

    def forget_script(self) -> None:
        """Say nothing of what was scripted and has not been asked for."""
        self._script.clear()

    def state(self) -> Json:
        """The counters, as GET /fake/state gives them."""
        return {
            "requests": self.requests,
            "created": dict(self.created),
            "polls": self.polls,
            "cancelled": self.cancelled,
            "reported": dict(self.reported),
            "bodies": self.bodies,
        }

    def app(self) -> web.Application:
        """The endpoint, under /v1 and under the path Azure uses."""
        app = web.Application(client_max_size=64 * 2**20)
        for prefix in ("/v1", "/openai/v1"):
            app.router.add_post(f"{prefix}/responses", self._create)
            app.router.add_get(f"{prefix}/responses/{{id}}", self._retrieve)
            app.router.add_post(f"{prefix}/responses/{{id}}/cancel", self._cancel)
            app.router.add_get(f"{prefix}/models", self._models)
            app.router.add_post(f"{prefix}/embeddings", self._embed)
        app.router.add_post("/fake/script", self._take_script)
        app.router.add_post("/fake/settings", self._take_settings)
        app.router.add_get("/fake/state", self._tell_state)
        return app

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.requests += 1
        if self.at_once and self._under_way >= self.at_once:
            return _json(error_bytes(FakeTurn(status=429)), 429, {"retry-after-ms": "50"})
        self.served.append(body.get("instructions", ""))
        self._under_way += 1
        try:
            return await self._take(request, body)
        finally:
            self._under_way -= 1

    async def _take(self, request: web.Request, body: Json) -> web.StreamResponse:
        if self.keep_bodies:
            self.bodies.append(body)
            self.headers.append(request.headers)
            self.peers.add(_peer(request))
        if self.fault_rate and random.random() < self.fault_rate:
            return await self._fault(request)
        if (refusal := refused(body, self.refuses)) is not None:
            self.refusals.append(refusal.message)
        turn = refusal or self._too_long(body) or self._next(body)
        if (delay := self.delay + turn.delay) and not body.get("background"):
            await asyncio.sleep(delay)
        if turn.status != 200:
            return _json(error_bytes(turn), turn.status, dict(turn.headers))
        unique = secrets.token_hex(16)
        cost = None if self.cache is None else self.cache.take(body)
        self.created[request.headers.get("Idempotency-Key", "")] += 1
        if body.get("background"):
            background = Background(turn, body["model"], time.monotonic() + delay, self.polls_before_done)
            background.instructions = body.get("instructions", "")
            self._background[f"resp_{unique}"] = background
            return _json(_own(response_bytes(turn, body["model"], "queued", True), unique))
        if not turn.is_cut:
            self._report(body.get("instructions", ""), response_bytes(turn, body["model"], final_status(turn)))
        if not body.get("stream"):
            return _json(_own(response_bytes(turn, body["model"], final_status(turn)), unique))
        events = _counted(_own(stream_bytes(turn, body["model"]), unique), cost)
        if self.pads and body.get("stream_options", {}).get("include_obfuscation", True):
            self.padded += 1
            events = re.sub(rb'("delta":"(?:[^"\\\\]|\\\\.)*")', rb'\1,"obfuscation":"aX4kT0pQ"', events)
        return await self._stream(request, events, turn)

    def _too_long(self, body: Json) -> FakeTurn | None:
        if not self.takes or len(json.dumps(body["input"])) // CHARACTERS_PER_TOKEN <= self.takes:
            return None
        text = "Your input exceeds the context window of this model. Please adjust your input and try again."
        return FakeTurn(status=400, message=text, param="input", code="context_length_exceeded")

    async def _stream(self, request: web.Request, events: bytes, turn: FakeTurn) -> web.StreamResponse:
        if self.all_at_index_0:
            events = re.sub(rb'"output_index":\d+', b'"output_index":0', events)
        if self.without:
            kept = [each for each in events.split(b"\n\n") if f"event: {self.without}\n".encode() not in each + b"\n"]
            events = b"\n\n".join(kept)
        if self.lacks:
            events = b"".join(self._event_without(each) for each in events.split(b"\n\n")[:-1])
        if self.accent is not None:
            told = [json.loads(each.partition(b"\ndata: ")[2]) for each in events.split(b"\n\n")[:-1]]
            events = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in self.accent(told))
        if self.says_done:
            events += b"data: [DONE]\n\n"
        headers = {"Content-Type": "text/event-stream; charset=utf-8", "x-request-id": "req_fake"}
        if not turn.is_cut and not self.event_delay:
            return web.Response(body=events, headers=headers)
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        try:
            for event in events.split(b"\n\n")[:-1]:
                await response.write(event + b"\n\n")
                await asyncio.sleep(self.event_delay)
        except (ConnectionError, asyncio.CancelledError):
            self.abandoned.set()
            raise
        if turn.is_cut:
            return _lose_connection(request, response)
        return response

    def _event_without(self, event: bytes) -> bytes:
        head, _, data = event.partition(b"\ndata: ")
        return head + b"\ndata: " + json.dumps(without(json.loads(data), self.lacks)).encode() + b"\n\n"

    async def _fault(self, request: web.Request) -> web.StreamResponse:
        if random.random() < 0.5:
            return _json(error_bytes(FakeTurn(status=503)), 503)
        return _lose_connection(request, web.Response())

    async def _retrieve(self, request: web.Request) -> web.Response:
        self.polls += 1
        if self.pages:
            page, kind = self.pages.pop(0)
            return web.Response(text=page, content_type=kind)
        identifier = request.match_info["id"]
        if self.forgets > 0 and self._background.pop(identifier, None) is not None:
            self.forgets -= 1
        background = self._background.get(identifier)
        if background is None:
            return _unknown(identifier)
        if background.status in ("queued", "in_progress"):
            over = background.polls_left <= 0 and time.monotonic() >= background.done_at
            background.polls_left -= 1
            background.status = final_status(background.turn) if over else "in_progress"
            if over:
                told = response_bytes(background.turn, background.model, background.status, True)
                self._report(background.instructions, told)
        return self._tell(identifier, background)

    async def _cancel(self, request: web.Request) -> web.Response:
        identifier = request.match_info["id"]
        background = self._background.get(identifier)
        if background is None:
            return _unknown(identifier)
        self.cancelled.append(identifier)
        if background.status in ("queued", "in_progress"):
            background.status = "cancelled"
        return self._tell(identifier, background)

    def _tell(self, identifier: str, background: Background) -> web.Response:
        body = response_bytes(background.turn, background.model, background.status, True)
        return _json(_own(body, identifier.removeprefix("resp_")))

    def _report(self, instructions: str, response: bytes) -> None:
        self.reported[instructions] += (json.loads(response)["usage"] or {}).get("total_tokens", 0)

    def _next(self, body: Json) -> FakeTurn:
        if self._script:
            return self._script.popleft()
        return told_by_user(body) or self.default

    async def _embed(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.embedding_calls.append((body["model"], body["input"]))
        if self.embedding_error is not None:
            return _json(error_bytes(self.embedding_error), self.embedding_error.status)
        if self.embeds is None:
            raise web.HTTPNotFound(text="404 page not found")
        size = self.embeds.get(body["model"])
        if size is None:
            missing = FakeTurn(
                status=404, code="model_not_found", message=f"The model '{body['model']}' does not exist."
            )
            return _json(error_bytes(missing), 404)
        data = [
            {"object": "embedding", "index": number, "embedding": meaning(text, size)}
            for number, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return web.json_response({"object": "list", "model": body["model"], "data": data, "usage": usage})

    async def _models(self, request: web.Request) -> web.Response:
        if not self.lists_models:
            raise web.HTTPNotFound(text="404 page not found")
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in self.model_names]
        data += self.model_entries
        return web.json_response({"object": "list", "data": data})

    async def _take_script(self, request: web.Request) -> web.Response:
        self.script(*(FakeTurn.from_json(fields) for fields in await request.json()))
        return web.json_response({})

    async def _take_settings(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            if name not in SETTINGS:
                raise web.HTTPBadRequest(text=f"no setting called {name}")
            setattr(self, name, value)
        return web.json_response({})

    async def _tell_state(self, request: web.Request) -> web.Response:
        return web.json_response(self.state())


def without(data: Any, names: tuple[str, ...]) -> Any:
    """JSON without the members of these names, at any depth."""
    if isinstance(data, list):
        return [without(each, names) for each in data]
    if isinstance(data, dict):
        return {name: without(value, names) for name, value in data.items() if name not in names}
    return data


def meaning(text: str, size: int) -> list[float]:
    """A vector in which a text's animals stand, by whatever name: the fake's models know no more."""
    vector = [0.0] * size
    vector[-1] = 0.1
    for place, names in enumerate((("cat", "feline"), ("dog", "canine"), ("owl", "strigine"))):
        vector[place] = float(any(name in text.lower() for name in names))
    return vector


def _own(ready_made: bytes, unique: str) -> bytes:
    return ready_made.replace(MARK.encode(), unique.encode())


def _counted(ready_made: bytes, cost: Cost | None) -> bytes:
    """The events with the tokens of this very request in their usage."""
    if cost is None:
        return ready_made
    details = {"cached_tokens": cost.read, "cache_write_tokens": cost.written}
    usage = f'"input_tokens":{cost.tokens},"input_tokens_details":{json.dumps(details)}'
    return re.sub(rb'"input_tokens":\d+,"input_tokens_details":\{[^}]*\}', usage.encode(), ready_made)


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json", **(headers or {})})


def _peer(request: web.Request) -> tuple[str, int]:
    assert request.transport is not None
    host, port = request.transport.get_extra_info("peername")
    return host, port


def _unknown(identifier: str) -> web.Response:
    return _json(error_bytes(FakeTurn(status=404, message=f"Response with id '{identifier}' not found.")), 404)


def _lose_connection(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort() if not response.prepared else request.transport.close()
    return response


@asynccontextmanager
async def serving(fake: FakeResponses, port: int = 0) -> AsyncIterator[str]:
    """Serve the fake on loopback; yields the base URL an OpenAI client needs."""
    runner = web.AppRunner(fake.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@contextmanager
def serving_in_thread(fake: FakeResponses) -> Iterator[str]:
    """The same from a thread of its own, for tests without a loop."""
    ready, over = threading.Event(), asyncio.Event()
    told: dict[str, Any] = {}

    async def serve() -> None:
        async with serving(fake) as base_url:
            told.update(base_url=base_url, loop=asyncio.get_running_loop())
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    assert ready.wait(10)
    try:
        yield told["base_url"]
    finally:
        told["loop"].call_soon_threadsafe(over.set)
        thread.join()


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--event-delay", type=float, default=0.0, help="seconds between the events of a stream")
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of requests that fail")
    options = parser.parse_args()
    fake = FakeResponses(
        delay=options.delay, event_delay=options.event_delay, fault_rate=options.fault_rate, keep_bodies=False
    )
    async with serving(fake, options.port) as base_url:
        print(base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
