"""Server-sent events on the wire."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from typing import Any

from shared.api.sse import PING, EventStream
from shared.runs.events import DONE, MAX_UNREAD, Event, Listener, message_delta


class Client:
    """Who is sent a stream; it stays until it leaves."""

    def __init__(self, listener: Listener, ping_seconds: float = 1) -> None:
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        stream = EventStream(listener, ping_seconds)
        self._sending = asyncio.create_task(stream({"type": "http"}, self._receive, self._send))

    async def piece(self) -> bytes:
        """The next piece."""
        return await self._pieces.get()

    async def rest(self) -> list[bytes]:
        """All pieces that are left when the stream is over."""
        async with asyncio.timeout(5):
            await self._sending
        return [self._pieces.get_nowait() for _ in range(self._pieces.qsize())]

    async def leave(self) -> None:
        self._sending.cancel()
        await asyncio.wait([self._sending])

    async def _receive(self) -> Any:
        await asyncio.Event().wait()

    async def _send(self, message: Any) -> None:
        if message.get("body"):
            self._pieces.put_nowait(message["body"])


async def test_a_silent_stream_sends_comments_and_ends_with_its_listener() -> None:
    listener = Listener()
    stream = Client(listener, ping_seconds=0.01)

    assert await stream.piece() == PING
    listener.put(Event("thread.created", {"name": "Zoë\nÄ"}))
    assert await stream.piece() == b'event: thread.created\ndata: {"name":"Zo\\u00eb\\n\\u00c4"}\n\n'
    listener.put(DONE)
    listener.close()
    assert await stream.rest() == [b"event: done\ndata: [DONE]\n\n"]
    assert listener.has_ended


async def test_a_stream_ends_with_its_last_event_whatever_its_driver_has_left_to_do() -> None:
    listener = Listener()
    listener.put(Event("thread.run.completed", {}))
    listener.put(DONE)
    sent = b"".join(await Client(listener).rest())
    assert sent.endswith(b"event: done\ndata: [DONE]\n\n")


async def test_a_stream_that_is_over_says_nothing_more() -> None:
    listener = Listener()
    listener.put(DONE)
    assert await listener.read() == b"event: done\ndata: [DONE]\n\n"
    listener.remark(PING)
    assert listener.is_over
    assert await listener.read() == b""


async def test_a_character_cut_in_two_is_sent_in_two() -> None:
    listener = Listener()
    stream = Client(listener)
    sent = b""

    for half in "\ud83d", "\ude00":
        listener.put(Event("thread.message.delta", {"value": half}))
        sent += await stream.piece()

    values = [json.loads(line.removeprefix(b"data: "))["value"] for line in sent.split(b"\n")[1::3]]
    assert values == ["\ud83d", "\ude00"]


async def test_nothing_is_kept_for_a_client_that_has_left() -> None:
    listener = Listener()
    stream = Client(listener)
    listener.put(Event("thread.created", {}))
    await stream.piece()

    await stream.leave()
    listener.put(Event("thread.message.delta", {}))
    listener.put(DONE)
    listener.close()

    assert listener.unread == 0
    assert listener.has_ended


def piece_of_text(value: str, message: str = "msg_1") -> Event:
    return message_delta(message, {"index": 0, "type": "text", "text": {"value": value}})


def events_of(sent: bytes) -> list[tuple[str, object]]:
    """Name and data of each event."""
    pairs = [each.split("\n") for each in sent.decode().split("\n\n") if each]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]


async def test_a_reader_that_keeps_up_gets_each_piece_of_text_as_it_was_said() -> None:
    listener = Listener()
    for value in "abc":
        listener.put(piece_of_text(value))
    listener.close()
    assert len(events_of(b"".join(await Client(listener).rest()))) == 3


async def test_what_a_slow_reader_missed_is_told_in_fewer_words() -> None:
    listener = Listener()
    said = [f"{number} " for number in range(40_000)]
    tracemalloc.start()
    for value in said:
        listener.put(piece_of_text(value))
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 2 * len("".join(said)) + 200_000

    listener.put(piece_of_text("other", "msg_2"))
    listener.put(Event("thread.run.completed", {"id": "run_1"}))
    listener.close()
    pieces = await Client(listener).rest()
    assert max(map(len, pieces)) < 128 * 1024
    events = events_of(b"".join(pieces))
    values = [data["delta"]["content"][0]["text"]["value"] for name, data in events if name == "thread.message.delta"]
    assert "".join(values) == "".join(said) + "other"
    assert values[-1] == "other"
    assert events[-1] == ("thread.run.completed", {"id": "run_1"})


async def test_a_reader_that_stands_still_is_told_that_it_was_left_behind() -> None:
    listener = Listener()
    stream = Client(listener)
    listener.put(Event("thread.run.created", {"id": "run_1"}))
    sent = await stream.piece()
    for number in range(3 * MAX_UNREAD // 100_000):
        listener.put(Event("thread.message.completed", {"id": f"msg_{number}", "text": "x" * 100_000}))
        assert listener.unread <= MAX_UNREAD
    listener.put(DONE)
    listener.close()

    sent += b"".join(await stream.rest())
    assert [name for name, _ in events_of(sent)] == ["thread.run.created", "error"]
    assert "The run goes on" in sent.decode()
    assert listener.has_ended


async def test_a_reader_that_catches_up_hears_everything_in_order() -> None:
    listener = Listener()
    heard = b""
    for number in range(3_000):
        listener.put(piece_of_text(f"{number} "))
        if number % 300 == 299:
            heard += await listener.read()
    listener.close()
    while piece := await listener.read():
        heard += piece
    text = "".join(data["delta"]["content"][0]["text"]["value"] for _, data in events_of(heard))
    assert text == "".join(f"{number} " for number in range(3_000))


async def test_a_client_that_leaves_ends_its_stream_soon() -> None:
    listener = Listener()

    async def gone():
        await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message) -> None: ...

    async with asyncio.timeout(5):
        await EventStream(listener)({"type": "http"}, gone, send)
    listener.put(Event("thread.message.delta", {}))
    assert listener.unread == 0


async def test_an_idle_stream_keeps_nothing_of_what_was_said() -> None:
    listeners: list[Listener] = [Listener() for _ in range(20)]
    said: asyncio.Queue[int] = asyncio.Queue()

    async def receive():
        await asyncio.Event().wait()

    async def send(message) -> None:
        said.put_nowait(len(message.get("body", b"")))

    tasks = [asyncio.create_task(EventStream(each)({"type": "http"}, receive, send)) for each in listeners]
    await asyncio.sleep(0)
    tracemalloc.start()
    for each in listeners:
        each.put(Event("thread.run.created", {"text": "x" * 50_000}))
    for _ in range(2 * len(listeners)):
        await said.get()
    await asyncio.sleep(0.01)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < len(listeners) * 10_000
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_stream_that_is_over_leaves_nothing_to_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        listener = Listener()
        stream = Client(listener)
        listener.put(Event("thread.run.completed", {}))
        listener.put(DONE)
        await stream.rest()
        del listener, stream
        await asyncio.sleep(0)
        assert gc.collect() == 0
    finally:
        gc.enable()
