"""Those who connect and send nothing, or half a request: they wait in vain, and in nobody's way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn

from shared.embedded.connections import guarded
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
async def serving(most, app=app, idle_seconds=60, **seconds):
    listening = listening_socket()
    protocol = guarded(most, **seconds)
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_keep_alive=idle_seconds, http=protocol)
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


async def test_a_connection_is_closed_without_a_word_when_no_other_request_comes():
    async with serving(100, idle_seconds=1, **IMPATIENT) as port:
        reader, writer = await opened(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
        await asyncio.sleep(0.6)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
        await asyncio.sleep(0.6)
        assert not reader.at_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b""


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


HEAD = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n"
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.mark.parametrize("cut", [10, len(HEAD), len(HEAD) + 20, len(HEAD + OFFER) + 2, len(HEAD + OFFER) + 4, 10_000])
async def test_an_offer_of_another_protocol_is_declined_with_an_answer(cut):
    request = HEAD + OFFER + b"\r\nabc"
    async with serving(100) as port:
        reader, writer = await opened(port, request[:cut])
        await asyncio.sleep(0.05)
        writer.write(request[cut:])
        assert (await asyncio.wait_for(reader.readuntil(b"size 3"), 5)).startswith(b"HTTP/1.1 200")
        writer.write(HEAD + b"\r\nabc")
        assert (await asyncio.wait_for(reader.readuntil(b"size 3"), 5)).count(b"HTTP/1.1 200") == 1


async def test_requests_sent_ahead_are_answered_in_turn():
    async with serving(100) as port:
        reader, _ = await opened(port, 3 * (HEAD + b"\r\nabc") + b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        answers = await asyncio.wait_for(reader.readuntil(b"size 0"), 5)
        assert answers.count(b"HTTP/1.1 200") == 4
        assert answers.count(b"size 3") == 3


async def test_each_of_many_offers_sent_ahead_is_declined(caplog):
    async with serving(100) as port:
        reader, _ = await opened(port, 700 * (HEAD + OFFER + b"\r\nabc") + b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        answers = b""
        while b"size 0" not in answers:
            answers += await asyncio.wait_for(reader.read(100_000), 20)
        assert answers.count(b"size 3") == 700
    assert caplog.records == []


async def refused(request: bytes, status: bytes) -> None:
    """Sent in pieces of 16 KB; whoever is refused need not read the rest."""
    async with serving(100) as port:
        reader, writer = await opened(port)
        with suppress(ConnectionError):
            for start in range(0, len(request), 16_384):
                writer.write(request[start : start + 16_384])
                await writer.drain()
        assert (await asyncio.wait_for(reader.read(100), 5)).startswith(b"HTTP/1.1 " + status)
        assert (await answered(port)).startswith(b"HTTP/1.1 200")


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "request_in_full",
    [
        b"GET /" + 1_000_000 * b"x" + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + 1_000_000 * b"x",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + 50_000 * b"x: xxxxxxxxxxxxxxxxxxxx\r\n" + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + OFFER + 4_000 * b"x: xxxxxxxxxxxxxxxxxxxx\r\n" + b"\r\n",
        CHUNKED + b"1;" + 1_000_000 * b"x",
        CHUNKED + b"0\r\nx: " + 1_000_000 * b"x",
    ],
    ids=["address", "header", "headers", "headers with an offer", "words beside a body", "words behind a body"],
)
async def test_an_endless_head_is_refused(request_in_full):
    await refused(request_in_full, b"431")


@pytest.mark.parametrize(
    "request_in_full",
    [
        b"hello\r\n\r\n",
        b"GET / HTTP/2.0\r\nhost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT /v1/threads HTTP/1.1\r\nhost: x\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 4\r\n\r\nabcd",
    ],
    ids=["no HTTP", "HTTP/2", "a tunnel", "a tunnel to a path", "two ways to end", "two lengths"],
)
async def test_what_is_no_request_is_refused(request_in_full):
    await refused(request_in_full, b"400")


async def test_headers_behind_the_body_are_not_taken_for_the_heads():
    seen = []

    async def looking(scope, receive, send):
        await app(scope, receive, send)
        seen.append(dict(scope["headers"]))

    async with serving(100, looking) as port:
        reader, _ = await opened(port, CHUNKED + b"1\r\na\r\n0\r\napi-key: other\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"size"), 5)
    assert [*seen[0]] == [b"host", b"transfer-encoding"]
