"""The model port over several endpoints with the same models: a thread stays at one of them, as long as that answers.

What one endpoint cannot do, the next is asked for in the same turn, unless somebody has heard a word of it by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

from msgspec.structs import replace

from shared.backoff import Backoff
from shared.ids import random_text
from shared.llm.base import (
    UNREPORTED,
    LlmError,
    ModelHealth,
    OfferedModel,
    Retried,
    Turn,
    TurnDone,
    TurnEvent,
    TurnRequest,
    TurnUsage,
)
from shared.llm.responses.adapter import ResponsesLlm
from shared.llm.responses.attempts import BACKOFF
from shared.llm.responses.body import marked
from shared.llm.responses.circuit import TRIAL_SECONDS, Circuits
from shared.llm.responses.errors import SORRY
from shared.llm.responses.members import Member, ranked
from shared.llm.responses.rounds import Rounds
from shared.settings.model_aliases import is_pattern, resolve

#: Seconds for which polls of a turn in the background may fail before it is begun anew elsewhere.
LOST_SECONDS: Final = 30.0
#: Between an endpoint's name and its id of a response.
_BY: Final = "/"


class SeveralLlm:
    """A model behind several Responses API endpoints."""

    can_run_in_background = True

    def __init__(
        self,
        members: Mapping[str, tuple[Member, ResponsesLlm]],
        aliases: Mapping[str, str] | None = None,
        *,
        backoff: Backoff = BACKOFF,
        circuits: Circuits | None = None,
        patience: float = TRIAL_SECONDS,
    ):
        """`members` by their names; `backoff` tells how all of them are asked again.

        Who has not begun to answer after `patience` seconds is left for the next.
        """
        self._members, self._aliases, self._backoff = members, dict(aliases or {}), backoff
        self._patience = patience
        self._circuits = circuits or Circuits()
        told = (f"{name}: {llm.description}" for name, (_, llm) in members.items())
        self.description = "; ".join(told)

    async def stream(self, request: TurnRequest, deadline: float) -> AsyncGenerator[TurnEvent, None]:
        """Take a turn over one connection, at the first endpoint that answers."""
        rounds = self._rounds(request, deadline)
        while True:
            name, spoken = await rounds.next(), False
            try:
                async with aclosing(self._llm(name).stream(request, deadline, rounds.within)) as events:
                    async for event in events:
                        if not isinstance(event, Retried):
                            spoken = True
                            rounds.answered(name)
                        if isinstance(event, TurnDone):
                            turn = self._signed(name, event.turn)
                            event = TurnDone(replace(turn, usage=turn.usage.plus(rounds.used)))
                        yield event
                return
            except LlmError as error:
                rounds.failed(name, error, is_last=spoken)

    async def start(self, request: TurnRequest, key: str, deadline: float) -> str:
        """Begin a turn that the first endpoint that takes it goes on with by itself; its id says which."""
        rounds = self._rounds(request, deadline)
        while True:
            name = await rounds.next()
            try:
                response_id = await self._llm(name).start(request, key, deadline, rounds.within)
            except LlmError as error:
                rounds.failed(name, error)
            else:
                rounds.answered(name)
                return response_id if self._members[name][0].is_main else f"{name}{_BY}{response_id}"

    async def poll(self, response_id: str) -> Turn | None:
        """The turn if it is over; its endpoint alone can tell. One that does not for long has lost it."""
        name, own_id = self._maker(response_id)
        try:
            turn = await self._llm(name).poll(own_id)
        except LlmError as error:
            if not error.passes:
                raise
            if self._circuits.failed(name, "") < LOST_SECONDS:
                return None
            error.broke_off = True
            raise
        self._circuits.answered(name, "")
        return turn if turn is None else self._signed(name, turn)

    async def cancel(self, response_id: str) -> TurnUsage:
        """Ask the endpoint that has the turn to stop."""
        try:
            name, own_id = self._maker(response_id)
        except LlmError:
            return UNREPORTED
        return await self._llm(name).cancel(own_id)

    def origin(self, model: str) -> str:
        """As the first endpoint has it, lest reasoning be lost where others are added; marks say whose it is."""
        return next(iter(self._members.values()))[1].origin(model)

    def answering(self, model: str) -> str:
        """What the settings let the name stand for, whatever it is called at an endpoint."""
        return resolve(model, self._aliases)

    async def models(self) -> list[OfferedModel]:
        """What any of the endpoints lists and has, by id. Raises LlmError if none of them can say."""
        answers = await asyncio.gather(*map(self._offered, self._members), return_exceptions=True)
        found: dict[str, OfferedModel] = {}
        for answer in answers:
            if isinstance(answer, BaseException):
                if not isinstance(answer, LlmError):
                    raise answer
                if all(isinstance(each, LlmError) for each in answers):
                    raise answer
            else:
                found = {each.id: each for each in answer} | found
        return sorted(found.values(), key=lambda each: each.id)

    async def health(self) -> ModelHealth:
        """Whether each model that the settings name has an endpoint that answers; and what each endpoint says."""
        looks = (llm.health() for _, llm in self._members.values())
        found = dict(zip(self._members, await asyncio.gather(*looks), strict=True))
        words = {name: health.words + self._left_alone(name) for name, health in found.items()}
        up = [name for name, health in found.items() if health.answers]
        lost = [each for each in dict.fromkeys(self._aliases.values()) if not any(self._has(name, each) for name in up)]
        if lost or not up:
            told = f"No endpoint answers for {', '.join(lost)}." if lost else "No endpoint answers."
            return ModelHealth(answers=False, words=told, endpoints=words)
        return ModelHealth(answers=True, endpoints=words)

    async def close(self) -> None:
        """Close the connections."""
        for _, llm in self._members.values():
            await llm.close()

    def order(self, request: TurnRequest) -> list[str]:
        """The endpoints that have the model, the one to ask first in front: those that were seen to fail come last.

        Raises LlmError if none has it.
        """
        model = self.answering(request.model)
        having = [member for member, _ in self._members.values() if member.deployment(model) is not None]
        if not having:
            text = f"The model cannot be used: no endpoint of this box has '{model}'."
            raise LlmError("invalid_prompt", text)
        names = [each.name for each in ranked(having, request.thread or random_text(8))]
        return sorted(names, key=lambda name: self._seconds_away(name, model))

    def _seconds_away(self, name: str, model: str) -> float:
        """For how long the endpoint should not be asked."""
        return max(self._circuits.left(name, model), self._llm(name).seconds_busy(model))

    def _llm(self, name: str) -> ResponsesLlm:
        return self._members[name][1]

    def _has(self, name: str, model: str) -> bool:
        return self._members[name][0].deployment(model) is not None

    def _left_alone(self, name: str) -> str:
        left = self._circuits.of(name)
        return f", and is left alone for {left:.0f} s" if left else ""

    async def _offered(self, name: str) -> list[OfferedModel]:
        """What an endpoint lists; one with deployments of its own: those models, by the names that lead to them."""
        listed = {each.id: each for each in await self._llm(name).models()}
        deployments = self._members[name][0].entry.deployments
        if not deployments:
            return [*listed.values()]
        named = [(model, own) for model, own in deployments.items() if not is_pattern(model)]
        return [replace(listed.get(own, OfferedModel(own)), id=model) for model, own in named]

    def _maker(self, response_id: str) -> tuple[str, str]:
        """The endpoint that makes a response, and its own id of it. Raises LlmError if it is there no more."""
        name, _, own_id = response_id.rpartition(_BY)
        name = name or next((each for each, (member, _) in self._members.items() if member.is_main), "")
        if name not in self._members:
            raise LlmError("server_error", SORRY, broke_off=True)
        return name, own_id

    def _rounds(self, request: TurnRequest, deadline: float) -> Rounds:
        model = self.answering(request.model)
        return Rounds(lambda: self.order(request), self._circuits, model, self._backoff, deadline, self._patience)

    def _signed(self, name: str, turn: Turn) -> Turn:
        """The turn, saying who took it, and whose reasoning is in it."""
        member, llm = self._members[name]
        return replace(turn, endpoint=name, items=turn.items if member.is_main else marked(turn.items, llm.mark))
