"""Server-sent events on the wire."""

from __future__ import annotations

import asyncio
import json
import tracemalloc

from shared.api.sse import PING, EventStream, wire
from shared.runs.events import DONE, MAX_UNREAD, Event, Listener, message_delta


async def test_a_silent_stream_sends_comments_and_ends_with_its_listener() -> None:
    listener = Listener()
    stream = wire(listener, ping_seconds=0.01)

    assert await anext(stream) == PING
    listener.put(Event("thread.created", {"name": "Zoë\nÄ"}))
    assert await anext(stream) == b'event: thread.created\ndata: {"name":"Zo\\u00eb\\n\\u00c4"}\n\n'
    listener.put(DONE)
    listener.close()
    assert [piece async for piece in stream] == [b"event: done\ndata: [DONE]\n\n"]
    assert listener.has_ended


async def test_a_stream_ends_with_its_last_event_whatever_its_driver_has_left_to_do() -> None:
    listener = Listener()
    listener.put(Event("thread.run.completed", {}))
    listener.put(DONE)
    async with asyncio.timeout(1):
        sent = b"".join([piece async for piece in wire(listener, ping_seconds=10)])
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
    stream = wire(listener, ping_seconds=1)
    sent = b""

    for half in "\ud83d", "\ude00":
        listener.put(Event("thread.message.delta", {"value": half}))
        sent += await anext(stream)

    values = [json.loads(line.removeprefix(b"data: "))["value"] for line in sent.split(b"\n")[1::3]]
    assert values == ["\ud83d", "\ude00"]


async def test_nothing_is_kept_for_a_client_that_has_left() -> None:
    listener = Listener()
    stream = wire(listener, ping_seconds=1)
    listener.put(Event("thread.created", {}))
    await anext(stream)

    await stream.aclose()
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
    assert len(events_of(b"".join([piece async for piece in wire(listener, ping_seconds=1)]))) == 3


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
    pieces = [piece async for piece in wire(listener, ping_seconds=1)]
    assert max(map(len, pieces)) < 128 * 1024
    events = events_of(b"".join(pieces))
    values = [data["delta"]["content"][0]["text"]["value"] for name, data in events if name == "thread.message.delta"]
    assert "".join(values) == "".join(said) + "other"
    assert values[-1] == "other"
    assert events[-1] == ("thread.run.completed", {"id": "run_1"})


async def test_a_reader_that_stands_still_is_told_that_it_was_left_behind() -> None:
    listener = Listener()
    stream = wire(listener, ping_seconds=1)
    listener.put(Event("thread.run.created", {"id": "run_1"}))
    sent = await anext(stream)
    for number in range(3 * MAX_UNREAD // 100_000):
        listener.put(Event("thread.message.completed", {"id": f"msg_{number}", "text": "x" * 100_000}))
        assert listener.unread <= MAX_UNREAD
    listener.put(DONE)
    listener.close()

    sent += b"".join([piece async for piece in stream])
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


async def test_a_client_that_leaves_ends_its_stream_at_once() -> None:
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
