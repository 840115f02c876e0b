"""The model's test double: script the turns, run, assert.

    llm = ScriptedLlm()
    llm.script([call("get_weather", city="Oslo")], [text("Ra", "in.")])

Each list is one turn; what the engine asked is in `llm.requests`.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from shared.ids import call_id as new_call_id
from shared.ids import random_text
from shared.json_types import Json
from shared.llm.base import (
    SEARCH,
    UNREPORTED,
    ArgumentsDelta,
    CallStarted,
    Cited,
    LlmError,
    ModelHealth,
    OfferedModel,
    PromptTooLong,
    Retried,
    Searched,
    TextDelta,
    Turn,
    TurnDone,
    TurnEvent,
    TurnRequest,
    TurnUsage,
)
from shared.llm.script import (
    Code,
    Failure,
    FunctionCall,
    Incomplete,
    Pause,
    Reason,
    Reasoning,
    ScriptedMessage,
    Search,
    TurnPart,
    message_item,
)

SORRY = "Sorry, something went wrong."


def text(*deltas: str | Pause, phase: str | None = None, cites: Sequence[tuple[str, str, str]] = ()) -> ScriptedMessage:
    """A message, such as `text("Rain.")` or, in several deltas, `text("Ra", pause(event), "in.")`.

    `cites` are words of it with the address and title of the page that they cite.
    """
    return ScriptedMessage(deltas, phase=phase, cites=tuple(cites))


def search(query: str) -> Search:
    """A search of the web by the provider."""
    return Search(query)


def refusal(*deltas: str | Pause) -> ScriptedMessage:
    """A message in which the model refuses to answer."""
    return ScriptedMessage(deltas, refusal=True)


def call(name: str, /, *, call_id: str | None = None, **arguments: object) -> FunctionCall:
    """A function call, such as `call("get_weather", city="Oslo")`."""
    return raw_call(name, json.dumps(arguments, ensure_ascii=False), call_id=call_id)


def raw_call(name: str, arguments: str, *, call_id: str | None = None) -> FunctionCall:
    """A function call whose arguments are this very text, JSON or not."""
    return FunctionCall(name, arguments, call_id or new_call_id())


def reasoning(encrypted_content: str = "thoughts", *summary: str) -> Reasoning:
    """A reasoning item as the Responses API gives it, its thoughts encrypted, with a summary in some parts."""
    return Reasoning(encrypted_content, summary)


def fail(code: Code = "server_error", message: str = SORRY, **how: bool) -> Failure:
    """An error (`how`: `broke_off`, `too_long`); after a text, it breaks off. A usage in front of it was used, too."""
    return Failure(code, message, **how)


def incomplete(reason: Reason = "max_output_tokens") -> Incomplete:
    """The end of a turn that the model could not finish."""
    return Incomplete(reason)


def pause(until: asyncio.Event | float) -> Pause:
    """A wait for an event, or for some seconds."""
    return Pause(until)


def usage(input_tokens: int, output_tokens: int, cached_tokens: int = 0, reasoning_tokens: int = 0) -> TurnUsage:
    """What the turn costs; without it, `ScriptedLlm.usage`."""
    return TurnUsage(input_tokens, output_tokens, cached_tokens, reasoning_tokens)


@dataclass
class _Background:
    turn: asyncio.Task[Turn]
    polls_left: int


@dataclass
class ScriptedLlm:
    """A model that says what the test told it to."""

    description: str = "scripted"
    can_run_in_background: bool = True
    #: Answers when the script is over; None: that is an error.
    default: Callable[[TurnRequest], Sequence[TurnPart]] | None = None
    usage: TurnUsage = field(default_factory=lambda: TurnUsage(10, 5))
    #: How often `poll` answers "not yet", at least.
    polls_before_done: int = 0
    #: Whether later runs are given the reasoning of earlier ones.
    reasoning_lasts: bool = True
    #: How turns say that they were served.
    service_tier: str | None = None
    #: What `cancel` says that a background turn has used.
    used_when_cancelled: TurnUsage = UNREPORTED
    model_names: list[str] = field(default_factory=lambda: ["scripted"])
    aliases: dict[str, str] = field(default_factory=dict)

    requests: list[TurnRequest] = field(default_factory=list, init=False)
    #: Streams that were closed before their end.
    abandoned: int = field(default=0, init=False)
    #: Key -> response id of every background turn.
    started: dict[str, str] = field(default_factory=dict, init=False)
    cancelled: list[str] = field(default_factory=list, init=False)
    _turns: deque[Sequence[TurnPart]] = field(default_factory=deque, init=False)
    _background: dict[str, _Background] = field(default_factory=dict, init=False)

    def script(self, *turns: Sequence[TurnPart]) -> None:
        """Add turns to the script; each call of the model takes the next one."""
        self._turns.extend(turns)

    @property
    def turns_left(self) -> int:
        """Turns nobody asked for yet."""
        return len(self._turns)

    async def stream(self, request: TurnRequest, deadline: float) -> AsyncGenerator[TurnEvent, None]:
        """Play the script's next turn as a stream. Raises LlmError if the script says so."""
        parts = self._next(request)
        over = False
        try:
            async for event in _play(parts, self):
                over = isinstance(event, TurnDone)
                yield event
        except LlmError:
            over = True
            raise
        finally:
            self.abandoned += not over

    async def start(self, request: TurnRequest, key: str, deadline: float) -> str:
        """Play the next turn unheard; the same key twice is the same turn."""
        if key not in self.started:
            turn = asyncio.create_task(_play_to_end(self._next(request), self))
            response_id = self.started[key] = "resp_" + random_text(24)
            self._background[response_id] = _Background(turn, self.polls_before_done)
        return self.started[key]

    async def poll(self, response_id: str) -> Turn | None:
        """The turn, once it is over and has been asked for often enough."""
        background = self._background.get(response_id)
        if background is None or response_id in self.cancelled:
            raise LlmError("server_error", SORRY)
        if background.polls_left > 0:
            background.polls_left -= 1
            return None
        await asyncio.sleep(0)
        return await background.turn if background.turn.done() else None

    async def cancel(self, response_id: str) -> TurnUsage:
        """Note the cancellation; a background turn of that id stops."""
        self.cancelled.append(response_id)
        if response_id in self._background:
            self._background[response_id].turn.cancel()
        return self.used_when_cancelled

    def origin(self, model: str) -> str:
        """Each name is a model of its own."""
        return f"scripted {model}"

    def answering(self, model: str) -> str:
        """Each name is a model of its own, but for `aliases`."""
        return self.aliases.get(model, model)

    async def health(self) -> ModelHealth:
        """It always answers."""
        return ModelHealth(answers=True)

    async def models(self) -> list[OfferedModel]:
        """The models whose names the test gave."""
        return [OfferedModel(name) for name in self.model_names]

    async def close(self) -> None:
        """Stop every background turn."""
        for background in self._background.values():
            background.turn.cancel()
        await asyncio.gather(*(each.turn for each in self._background.values()), return_exceptions=True)

    def _next(self, request: TurnRequest) -> Sequence[TurnPart]:
        self.requests.append(request)
        if self._turns:
            return self._turns.popleft()
        if self.default is not None:
            return self.default(request)
        return [fail("server_error", f"The script is over, but the model was asked for turn {len(self.requests)}.")]


async def _play(parts: Sequence[TurnPart], llm: ScriptedLlm) -> AsyncGenerator[TurnEvent, None]:
    items: list[Json] = []
    used, reason = None, None
    for part in parts:
        index = len(items)
        match part:
            case ScriptedMessage(deltas):
                for delta in deltas:
                    if isinstance(delta, Pause):
                        await _wait(delta)
                    else:
                        yield TextDelta(index, delta, part.refusal)
                items.append(message_item(part))
                for annotation in items[-1]["content"][0].get("annotations", ()):
                    yield Cited(index, annotation)
            case Search(query):
                items.append({"type": SEARCH, "id": "ws_" + random_text(24), "status": "completed"})
                items[-1]["action"] = {"type": "search", "query": query}
                yield Searched(index, items[-1])
            case FunctionCall(name, arguments, call_id):
                yield CallStarted(index, call_id, name)
                for piece in _halves(arguments):
                    yield ArgumentsDelta(index, piece)
                items.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
            case Reasoning(encrypted_content, told):
                summary = [{"type": "summary_text", "text": each} for each in told]
                items.append({"type": "reasoning", "summary": summary, "encrypted_content": encrypted_content})
            case Failure(code, message):
                kind = PromptTooLong if part.too_long else LlmError
                raise kind(code, message, usage=used, broke_off=part.broke_off)
            case Pause():
                await _wait(part)
            case TurnUsage():
                used = part
            case Retried():
                yield part
            case Incomplete():
                reason = part.reason
                break
    yield TurnDone(
        Turn(
            items,
            used or llm.usage,
            reason,
            "resp_" + random_text(24),
            request_id="req_" + random_text(24),
            model="scripted",
            reasoning_lasts=llm.reasoning_lasts,
            service_tier=llm.service_tier,
        )
    )


async def _play_to_end(parts: Sequence[TurnPart], llm: ScriptedLlm) -> Turn:
    async for event in _play(parts, llm):
        if isinstance(event, TurnDone):
            return event.turn
    raise AssertionError("a turn without an end")


async def _wait(each: Pause) -> None:
    if isinstance(each.until, asyncio.Event):
        await each.until.wait()
    else:
        await asyncio.sleep(each.until)


def _halves(arguments: str) -> Iterator[str]:
    middle = len(arguments) // 2
    yield from filter(None, (arguments[:middle], arguments[middle:]))
