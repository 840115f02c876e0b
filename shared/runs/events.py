"""Events of a streamed run: what the engine says and who listens.

An event with state is emitted after the commit it reports; deltas are not stored. The listener lives in the process
that drives the run; everybody else reads the store. Their order: docs/contract.md, Streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

from shared.objects.common import Json


@dataclass(frozen=True, slots=True)
class Event:
    """A named event and its bare object."""

    name: str
    data: Json | str


DONE = Event("done", "[DONE]")


def fault(message: str) -> Event:
    """The event that ends a stream when the box itself failed; the nested `error` is what makes clients raise."""
    return Event("error", {"error": {"message": message, "type": "server_error", "param": None, "code": None}})


@dataclass(slots=True)
class Listener:
    """A client's end of a stream: unbounded, because a slow reader must not slow the run."""

    #: What the client's `include[]` asks to be told.
    include: Collection[str] = ()
    events: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)
    #: Whether `done` has been said.
    heard_the_end: bool = False
    #: Whether the client is gone.
    has_left: bool = False

    def put(self, event: Event) -> None:
        """Say something."""
        self.heard_the_end = event is DONE
        self._keep(event)

    def close(self) -> None:
        """Nothing more will be said."""
        self._keep(None)

    def leave(self) -> None:
        """Nobody listens any more: what is said from now on is not kept."""
        self.has_left = True

    def _keep(self, event: Event | None) -> None:
        if not self.has_left:
            self.events.put_nowait(event)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self.events.get()) is not None:
            yield event


def step_delta(step_id: str, call: Json) -> Event:
    """More of one tool call."""
    details = {"step_details": {"type": "tool_calls", "tool_calls": [call]}}
    return Event("thread.run.step.delta", {"id": step_id, "object": "thread.run.step.delta", "delta": details})


def message_delta(message_id: str, part: Json) -> Event:
    """More of one content part."""
    data = {"id": message_id, "object": "thread.message.delta", "delta": {"content": [part]}}
    return Event("thread.message.delta", data)
