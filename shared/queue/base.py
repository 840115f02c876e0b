"""The queue port: at-least-once messages with a delay. Every message can come twice; nobody may rely on order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, Self

import msgspec

from shared import json_text
from shared.backoff import Backoff
from shared.json_types import Json
from shared.prepared import Prepared

#: Bytes of a body as JSON; Azure takes 64 KB after base64.
MAX_BODY: Final = 48 * 1024
#: Between looks for the commit that a message announced: the message may be a moment early.
COMMIT_WAITS: Final = Backoff(first=0.02, factor=5, attempts=4)
#: Seconds until a message whose commit is still missing is looked at again; then it is taken that it never came. The
#: store may try for minutes: five attempts that are given up after half a minute each.
RETURNS: Final = (2.0, 20.0, 60.0, 120.0)
#: Messages that a service shows without touching them.
PEEKED: Final = 32


class QueueUnavailable(Exception):
    """The queue did not answer, after retries; the message may or may not have been stored."""


class Malformed(ValueError):
    """The body of a message says nothing of its kind: nobody can ever read it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message taken from the queue: invisible to others until its visibility runs out."""

    #: Empty where it is no JSON object: no kind of message is.
    body: Json
    #: How often it has been taken, this time included.
    attempt: int
    #: The adapter's own handle (message id and pop receipt).
    handle: Any


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as its sender knows it: it can be taken back until somebody takes it."""

    #: As that of `Received`.
    handle: Any


def encode_body(body: Json) -> str:
    """The body as compact ASCII JSON. Raises ValueError when it is too large for a message."""
    text = json_text.ascii_bytes(body).decode()
    if len(text) > MAX_BODY:
        raise ValueError(f"a message of {len(text)} bytes")
    return text


@dataclass(frozen=True, slots=True)
class Poison:
    """What lies in the queue of messages that failed too often, and stays there."""

    #: How many there are, as far as the service knows at the moment.
    messages: int = 0
    #: The ids of those at its front that nobody here can read; they wait for a person.
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PoisonMessage:
    """A message in the queue of those that failed too often, as it lies there."""

    id: str
    #: Unix seconds of its arrival there.
    since: float
    #: As it was sent, be it readable or not.
    content: str


class Queue(Protocol):
    """One named queue. Bodies are small JSON objects (48 KB at most)."""

    async def send(self, body: Json, delay: float = 0) -> Sent:
        """Store a message that becomes visible after `delay` seconds (7 days at most). Raises QueueUnavailable."""
        ...

    def prepare(self, body: Json, delay: float, spare: Sent | None = None) -> Prepared[Sent]:
        """A message for later that a commit must not be there without. Making it raises QueueUnavailable.

        It takes the place of a `spare` one, which nobody needs, unless somebody has taken that.
        """
        ...

    async def receive(self, limit: int, visibility: float, wait: float) -> list[Received]:
        """Take up to `limit` visible messages for `visibility` seconds, waiting up to `wait` seconds for the first."""
        ...

    async def delete(self, message: Received | Sent) -> None:
        """The message is done, or was sent for nothing. One that was taken by somebody else meanwhile is left alone."""
        ...

    async def retry(self, message: Received, delay: float) -> None:
        """Give the message back, visible after `delay` seconds."""
        ...

    async def count(self) -> int:
        """How many messages there are, hidden ones included, as far as the service knows. Raises QueueUnavailable."""
        ...

    async def poison(self) -> Poison:
        """Look at what failed too often without taking it. Raises QueueUnavailable."""
        ...

    async def poison_messages(self, limit: int = PEEKED) -> list[PoisonMessage]:
        """Those at the front of that queue; above `PEEKED`, taken and let go for it. Raises QueueUnavailable."""
        ...

    async def settle_poison(self, ids: Collection[str] | None, *, give_back: bool) -> list[str]:
        """Take some, or all, out for good, or give them back to be tried again; the ids of those that were there.

        Raises QueueUnavailable.
        """
        ...

    async def close(self) -> None:
        """Release connections and files."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """The body of a message. Fields have defaults, so that an earlier version's message can be read."""

    #: How often the message was sent again because the commit that it announces had not come yet.
    returns: int = 0

    def to_json(self) -> Json:
        """The message's body as sent: every field by its name."""
        body: Json = msgspec.to_builtins(self)
        return body

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """The message in a body; what a later version added to it is ignored. Raises Malformed."""
        try:
            return msgspec.convert(body, cls)
        except msgspec.ValidationError as error:
            raise Malformed(f"no {cls.__name__}: {error}") from None


async def again(queue: Queue, message: QueueMessage, waits: Sequence[float] = RETURNS) -> None:
    """Look for the announced commit once more, after the next of the waits in seconds; but not for ever."""
    if message.returns < len(waits):
        await queue.send(replace(message, returns=message.returns + 1).to_json(), waits[message.returns])
