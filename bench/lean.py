"""A load generator and a model that take next to nothing of the processors they share with the box.

Requests are written by hand over connections that stay open, and of an answer no more is looked at than says that it
is whole, and that it is the one waited for. `python -m bench.lean` is the model: it prints its base URL, and answers
every request with the same stream, in one piece.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import uvloop

from bench import processes, runs
from tests.fakes.responses_events import MARK, stream_bytes
from tests.fakes.responses_server import HELLO

LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
ID: Final = re.compile(rb'"id":\s*"([^"]+)"')
STATUS: Final = re.compile(rb'"status":\s*"([^"]+)"')
#: How an answer in chunks ends: no JSON has these bytes in it.
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
#: Seconds between two polls.
PAUSE: Final = 0.02
#: The program below, and how it says where it is.
MODEL: Final = (["-m", "bench.lean"], r"(http://\S+)")


def whole(received: bytes) -> bool:
    """Whether the received bytes are a request, or an answer, to its end."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return False
    length = LENGTH.search(received, 0, head + 2)
    return received.endswith(LAST_CHUNK) if length is None else len(received) >= head + 4 + int(length[1])


class Connection(asyncio.Protocol):
    """A client's connection: one request after the other."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._answer is not None and whole(self._received):
            answer, self._answer = self._answer, None
            answer.set_result(self._received)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._answer.set_exception(error or ConnectionError("the box has closed the connection"))

    async def ask(self, request: bytes) -> bytes:
        """The answer, head and all. Raises RuntimeError unless it says 200."""
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        answer = await self._answer
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode(errors="replace"))
        return answer

    def close(self) -> None:
        self._answer = None
        self._transport.close()


class Box:
    """What one client asks of the box."""

    def __init__(self, address: SplitResult, connection: Connection) -> None:
        self._address, self._connection = address, connection
        self.close = connection.close

    async def post(self, path: str, body: bytes) -> bytes:
        return await self._connection.ask(self._request("POST", path, body))

    async def get(self, path: str) -> bytes:
        return await self._connection.ask(self._request("GET", path, b""))

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        lines = (
            f"{method} {self._address.path}/{path} HTTP/1.1",
            f"host: {self._address.netloc}",
            f"authorization: Bearer {processes.KEY}",
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n",
        )
        return "\r\n".join(lines).encode() + body


async def connected(url: str) -> Box:
    """A client with a connection of its own."""
    address = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(Connection, address.hostname, address.port)
    return Box(address, connection)


async def assistant(box: Box) -> str:
    """Make one; its id."""
    return _first(ID, await box.post("assistants", json.dumps({"model": runs.MODEL}).encode()))


async def new_thread(box: Box) -> str:
    """Make one with a message; its id."""
    return _first(ID, await box.post("threads", json.dumps({"messages": [runs.HELLO]}).encode()))


async def streamed_run(box: Box, assistant_id: str, thread: str) -> None:
    """Raises RuntimeError unless the stream tells that the run completed, and ends."""
    answer = await box.post(f"threads/{thread}/runs", b'{"assistant_id":"%s","stream":true}' % assistant_id.encode())
    if b"event: thread.run.completed\n" not in answer or b"data: [DONE]\n" not in answer:
        raise RuntimeError(answer.decode())


async def polled_run(box: Box, assistant_id: str, thread: str) -> None:
    """Ask again after each pause until the run has completed."""
    run = await box.post(f"threads/{thread}/runs", b'{"assistant_id":"%s"}' % assistant_id.encode())
    path = f"threads/{thread}/runs/{_first(ID, run)}"
    while (status := _first(STATUS, run)) != "completed":
        if status not in ("queued", "in_progress"):
            raise RuntimeError(run.decode())
        await asyncio.sleep(PAUSE)
        run = await box.get(path)


async def text_run(box: Box, assistant_id: str, kind: str) -> None:
    """A thread with a message, and a run on it, `streamed` or `polled`."""
    thread = await new_thread(box)
    if kind == "streamed":
        await streamed_run(box, assistant_id, thread)
    else:
        await polled_run(box, assistant_id, thread)


@asynccontextmanager
async def clients(url: str, count: int) -> AsyncIterator[list[Box]]:
    """So many clients, each with a connection of its own."""
    boxes = [await connected(url) for _ in range(count)]
    try:
        yield boxes
    finally:
        for each in boxes:
            each.close()


def _first(pattern: re.Pattern[bytes], answer: bytes) -> str:
    found = pattern.search(answer)
    if found is None:
        raise RuntimeError(answer.decode())
    return found[1].decode()


class Model(asyncio.Protocol):
    """Answers whatever it is asked."""

    events: Final = stream_bytes(HELLO, runs.MODEL)
    head: Final = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        b"x-request-id: req_fake\r\ncontent-length: %d\r\n\r\n"
    ) % len(events)

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if whole(self._received):
            self._received = b""
            self._transport.write(self.head + self.events.replace(MARK.encode(), secrets.token_hex(16).encode()))


async def serve() -> None:
    """Serve the model until killed."""
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
