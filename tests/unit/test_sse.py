"""Server-sent events on the wire."""

from __future__ import annotations

import json

from shared.api.sse import PING, wire
from shared.runs.events import DONE, Event, Listener


async def test_a_silent_stream_sends_comments_and_ends_with_its_listener() -> None:
    listener = Listener()
    stream = wire(listener, ping_seconds=0.01)

    assert await anext(stream) == PING
    listener.put(Event("thread.created", {"name": "Zoë\nÄ"}))
    assert await anext(stream) == b'event: thread.created\ndata: {"name":"Zo\\u00eb\\n\\u00c4"}\n\n'
    listener.put(DONE)
    listener.close()
    assert [piece async for piece in stream] == [b"event: done\ndata: [DONE]\n\n"]
    assert listener.heard_the_end


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

    assert listener.events.empty()
    assert listener.heard_the_end
