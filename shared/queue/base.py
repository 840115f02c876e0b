"""The queue port: at-least-once messages with a delay. Every message can come twice; nobody may rely on order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol

Json = dict[str, Any]

#: Bytes of a body as JSON; Azure takes 64 KB after base64.
MAX_BODY: Final = 48 * 1024


class QueueUnavailable(Exception):
    """The queue did not answer, after retries; the message may or may not have been stored."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message taken from the queue: invisible to others until its visibility runs out."""

    body: Json
    #: How often it has been taken, this time included.
    attempt: int
    #: The adapter's own handle (message id and pop receipt).
    handle: Any


def encode_body(body: Json) -> str:
    """The body as compact ASCII JSON. Raises ValueError when it is too large for a message."""
    text = json.dumps(body, separators=(",", ":"))
    if len(text) > MAX_BODY:
        raise ValueError(f"a message of {len(text)} bytes")
    return text


class Queue(Protocol):
    """One named queue. Bodies are small JSON objects (48 KB at most)."""

    async def send(self, body: Json, delay: float = 0) -> None:
        """Store a message that becomes visible after `delay` seconds (7 days at most). Raises QueueUnavailable."""
        ...

    async def receive(self, limit: int, visibility: float, wait: float) -> list[Received]:
        """Take up to `limit` visible messages for `visibility` seconds, waiting up to `wait` seconds for the first."""
        ...

    async def delete(self, message: Received) -> None:
        """The message is done. One that was taken by somebody else meanwhile is left alone."""
        ...

    async def retry(self, message: Received, delay: float) -> None:
        """Give the message back, visible after `delay` seconds."""
        ...

    async def close(self) -> None:
        """Release connections and files."""
        ...
