"""The demo model behind the model port: answers word by word, with nothing but rules."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator

from shared.demo import ANSWERS, OFFLINE
from shared.llm.base import (
    ArgumentsDelta,
    CallStarted,
    LlmError,
    ModelHealth,
    OfferedModel,
    TextDelta,
    Turn,
    TurnDone,
    TurnEvent,
    TurnRequest,
    TurnUsage,
)

#: Words with the space behind them; a source marker is one word.
_WORDS = re.compile(r"\s*(?:【[^】]*】|[^\s【])+\s*")
#: Turns in the background that are kept until they are asked for.
_KEPT_TURNS = 1000


class OfflineLlm:
    """The demo model. Background turns live in this process and end with it: none are taken where there are others."""

    description = "offline demo (not a language model)"

    def __init__(self, seconds_per_word: float = 0.005, *, can_run_in_background: bool = True):
        self.can_run_in_background = can_run_in_background
        self._seconds_per_word = seconds_per_word
        self._turns: OrderedDict[str, Turn] = OrderedDict()

    async def stream(self, request: TurnRequest, deadline: float) -> AsyncGenerator[TurnEvent, None]:
        """Answer word by word, as `Llm.stream` does."""
        turn = take_turn(request)
        for index, item in enumerate(turn.items):
            if item["type"] == "message":
                for word in _WORDS.findall(item["content"][0]["text"]):
                    yield TextDelta(index, word)
                    await asyncio.sleep(self._seconds_per_word)
            else:
                yield CallStarted(index, item["call_id"], item["name"])
                for start in range(0, len(item["arguments"]), 40):
                    yield ArgumentsDelta(index, item["arguments"][start : start + 40])
                    await asyncio.sleep(self._seconds_per_word)
        yield TurnDone(turn)

    async def start(self, request: TurnRequest, key: str, deadline: float) -> str:
        """Take a turn at once and keep it for `poll`; the same key is the same turn."""
        response_id = f"resp_{key}"
        if response_id not in self._turns:
            self._turns[response_id] = take_turn(request)
            while len(self._turns) > _KEPT_TURNS:
                self._turns.popitem(last=False)
        return response_id

    async def poll(self, response_id: str) -> Turn | None:
        """The turn that `start` took."""
        if response_id not in self._turns:
            raise LlmError("server_error", "Sorry, something went wrong.")
        return self._turns[response_id]

    async def cancel(self, response_id: str) -> TurnUsage:
        """Forget the turn."""
        turn = self._turns.pop(response_id, None)
        return TurnUsage() if turn is None else turn.usage

    def origin(self, model: str) -> str:
        """Empty: the demo model has no reasoning to give back."""
        return ""

    def answering(self, model: str) -> str:
        """Itself, whatever it is called."""
        return OFFLINE

    async def models(self) -> list[OfferedModel]:
        """Its own name; it answers to any other as well."""
        return [OfferedModel(OFFLINE)]

    async def health(self) -> ModelHealth:
        """It always answers, and says who it is."""
        return ModelHealth(answers=True, words=ANSWERS)

    async def close(self) -> None:
        """There is nothing to close."""


def take_turn(request: TurnRequest) -> Turn:
    """The whole turn, calls or an answer."""
    from shared.demo.offline.turn import turn_of  # loaded by the first who asks

    return turn_of(request)
