"""Those who connect and send nothing, or half a request: they wait in vain, and in nobody's way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvicorn

from shared.connections import guarded
from tests.api.conftest import listening_socket

#: How long an impatient server waits.
IMPATIENT = {"head_seconds": 0.2, "body_seconds": 0.4}
#: Closed with the server.
WRITERS: list[asyncio.StreamWriter] = []


async def app(scope, receive, send):
    """Answer with the body's size; `/stream` sends a byte and stays open."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"size %d\n" % size, "more_body": scope["path"] == "/stream"})
    if scope["path"] == "/stream":
        await receive()


@asynccontextmanager
async def serving(most, **seconds):
    listening = listening_socket()
    config = uvicorn.Config(app, log_config=None, lifespan="off", http=guarded(most, **seconds))
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield listening.getsockname()[1]
    while WRITERS:
        WRITERS.pop().close()
    server.should_exit = server.force_exit = True
    await task


async def opened(port, request=b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    WRITERS.append(writer)
    writer.write(request)
    return reader, writer


async def answered(port):
    reader, writer = await opened(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc")
    answer = await asyncio.wait_for(reader.readuntil(b"size 3\n"), 5)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "request_so_far",
    [b"", b"GET / HTTP/1.1\r\nhost", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_half_a_request_is_given_up(request_so_far):
    async with serving(100, **IMPATIENT) as port:
        reader, _ = await opened(port, request_so_far)
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 408")
        assert (await answered(port)).startswith(b"HTTP/1.1 200")


async def test_a_head_in_drops_is_given_up():
    async with serving(100, **IMPATIENT) as port:
        reader, writer = await opened(port, b"GET / HTTP/1.1\r\n")
        ended = asyncio.create_task(reader.read())
        for _ in range(30):
            writer.write(b"x")
            await asyncio.sleep(0.05)
            if ended.done():
                break
        assert ended.done()


async def test_a_slow_body_and_an_open_stream_go_on():
    async with serving(100, **IMPATIENT) as port:
        stream, _ = await opened(port, b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
        reader, writer = await opened(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.1)
            writer.write(b"x")
        assert await asyncio.wait_for(reader.readuntil(b"size 8\n"), 5)
        await stream.readuntil(b"size 0\n")
        assert not stream.at_eof()


async def test_those_who_wait_give_way_to_those_who_ask():
    async with serving(16) as port:
        waiting = [await opened(port, b"GET / HTTP/1.1\r\n") for _ in range(30)]
        assert (await answered(port)).startswith(b"HTTP/1.1 200")
        assert (await asyncio.wait_for(waiting[0][0].read(), 5)).startswith(b"HTTP/1.1 503")


async def test_streams_are_never_closed_for_others():
    async with serving(16) as port:
        streams = [await opened(port, b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n") for _ in range(16)]
        for reader, _ in streams:
            await asyncio.wait_for(reader.readuntil(b"size 0\n"), 5)
        reader, _ = await opened(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 503")
        assert not any(reader.at_eof() for reader, _ in streams)
