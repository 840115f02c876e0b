"""Events of a streamed run: what the engine says and who listens.

An event with state is emitted after the commit it reports; deltas are not stored. The listener lives in the process
that drives the run; everybody else reads the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from msgspec import Struct

from shared import json_text
from shared.json_types import Json
from shared.runs import lifecycle

#: Bytes kept for a client that does not read: its stream ends there, the run goes on.
MAX_UNREAD: Final = 4 * 1024 * 1024

#: Bytes unread from which on a client is behind: pieces of its texts are joined.
BEHIND: Final = 64 * 1024
#: Characters of a joined piece.
MERGED: Final = 4096
#: Bytes read at once.
PIECE: Final = 64 * 1024

#: Events after which the stream ends.
LAST_WORDS: Final = frozenset(f"thread.run.{each}" for each in ("requires_action", "completed", *lifecycle.ENDINGS))

TOO_SLOW: Final = "The stream was not read fast enough and ends here. The run goes on: retrieve it to see how it ends."


class Event(Struct, frozen=True):
    """A named event and its bare object."""

    name: str
    data: Json | str


DONE = Event("done", "[DONE]")


def fault(message: str) -> Event:
    """The event that ends a stream when the box itself failed; the nested `error` is what makes clients raise."""
    return Event("error", {"error": {"message": message, "type": "server_error", "param": None, "code": None}})


def encode(event: Event) -> bytes:
    """One event as it goes over the wire."""
    data = event.data.encode() if isinstance(event.data, str) else json_text.ascii_bytes(event.data)
    return b"event: %b\ndata: %b\n\n" % (event.name.encode(), data)


@dataclass(slots=True)
class Listener:
    """A client's end of a stream. A slow reader does not slow the run: what it has not read is kept, up to a bound."""

    #: What the client's `include[]` asks to be told.
    include: Collection[str] = ()
    #: Whether the newest event was `done`.
    has_ended: bool = False
    #: Whether the client is gone, or was too slow.
    has_left: bool = False
    #: Bytes that were put and not read.
    unread: int = 0
    _pieces: list[bytes] = field(default_factory=list)
    #: A delta of a text behind the pieces: more of the same text is added to it.
    _text: Event | None = None
    #: What it counts for in `unread`.
    _text_size: int = 0
    _is_closed: bool = False
    #: What a reader waits for; None: nobody does. (An asyncio.Event takes more memory than all the rest.)
    _arrived: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to read, nor ever will be."""
        return self._is_closed and not self.unread

    def put(self, event: Event) -> None:
        """Add an event, `DONE` for the last one. A client that is too far behind loses the connection instead."""
        self.has_ended = event is DONE
        if self.has_left:
            return
        if self.has_ended:
            self._is_closed = True
        if self.unread < BEHIND:
            if self._text is not None:
                self._close_text()
            self._keep(encode(event))
        else:
            self._add(event)
        if self._arrived is not None:
            self._wake()
        if self.unread > MAX_UNREAD:
            self.break_off(fault(TOO_SLOW))

    def remark(self, comment: bytes) -> None:
        """Let the client hear that the stream is alive, if there is nothing else for it to read."""
        if not self.unread and not self.has_left and not self._is_closed:
            self._keep(comment)
            self._wake()

    def close(self) -> None:
        """End the stream: nothing more will be put."""
        self._is_closed = True
        self._wake()

    def break_off(self, last: Event) -> None:
        """End the stream with this event; what is unread is not told any more."""
        self.leave()
        self._keep(encode(last))
        self.close()

    def hang_up(self) -> None:
        """The client is gone: whoever reads for it finds the end."""
        self.leave()
        self.close()

    def leave(self) -> None:
        """Forget what is unread: what is put from now on is not kept."""
        self.has_left = True
        self._pieces.clear()
        self.unread, self._text, self._text_size = 0, None, 0

    async def read(self) -> bytes:
        """Whole events, of some 64 KB at most; none at the end."""
        while not self.unread and not self._is_closed:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        if not self._pieces:
            self._close_text()
        count = len(self._pieces)
        if self.unread > PIECE:
            sizes = accumulate(map(len, self._pieces))
            count = next((number for number, size in enumerate(sizes, 1) if size >= PIECE), count)
        taken = b"".join(self._pieces[:count])
        del self._pieces[:count]
        self.unread -= len(taken)
        return taken

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)
        self._arrived = None

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.unread += len(piece)

    def _add(self, event: Event) -> None:
        """Keep an event of a client that is behind: adjacent pieces of a text become one delta."""
        together = None if self._text is None else joined(self._text, event)
        if together is None:
            self._close_text()
            together = event
        value = value_of(together)
        if value is None:
            self._keep(encode(together))
            return
        self.unread += len(value) - self._text_size
        self._text, self._text_size = together, len(value)
        if len(value) > MERGED:
            self._close_text()

    def _close_text(self) -> None:
        """Make a piece of the text so far: nothing is added to it any more."""
        if self._text is not None:
            self.unread -= self._text_size
            self._keep(encode(self._text))
            self._text, self._text_size = None, 0


def value_of(event: Event) -> str | None:
    """The text of a delta that is nothing but more of a message's text."""
    if event.name != "thread.message.delta" or isinstance(event.data, str):
        return None
    [part] = event.data["delta"]["content"]
    if part["type"] != "text" or part["text"].keys() != {"value"}:
        return None
    value: str = part["text"]["value"]
    return value


def joined(first: Event, second: Event) -> Event | None:
    """Two deltas of the same text as one, or None for others."""
    values = value_of(first), value_of(second)
    if values[0] is None or values[1] is None or isinstance(first.data, str) or isinstance(second.data, str):
        return None
    [part], [other] = first.data["delta"]["content"], second.data["delta"]["content"]
    if first.data["id"] != second.data["id"] or part["index"] != other["index"]:
        return None
    return message_delta(first.data["id"], part | {"text": {"value": values[0] + values[1]}})


def call_delta(step_id: str, index: int, call: Json) -> Event:
    """`thread.run.step.delta` with more of the call at that place in the step; `call` is the part that is new."""
    details = {"step_details": {"type": "tool_calls", "tool_calls": [{"index": index, **call}]}}
    return Event("thread.run.step.delta", {"id": step_id, "object": "thread.run.step.delta", "delta": details})


def message_delta(message_id: str, part: Json) -> Event:
    """More of one content part."""
    data = {"id": message_id, "object": "thread.message.delta", "delta": {"content": [part]}}
    return Event("thread.message.delta", data)
