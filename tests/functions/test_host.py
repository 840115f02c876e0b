"""What the Functions host does by itself, before the app and after: as it was seen on host 4.1037 (README.md)."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.functions.conftest import STAND_IN, Host, Served, serving
from tests.functions.worker_process import GRACE_SECONDS

LIMIT = 1_000_000
TIMEOUT = 3


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A host whose limits are small."""
    with serving(*STAND_IN, "--max-body", str(LIMIT), AzureFunctionsJobHost__functionTimeout="00:00:03") as started:
        yield started


async def pieces(count: int, pause: float = 0) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(100_000)
        await asyncio.sleep(pause)


async def raw(served: Served, head: str) -> tuple[int, bytes]:
    """The status and the body of a request that no client library would send so."""
    host = served.url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"), limit=2**20)
    writer.write(f"{head}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


async def test_a_body_over_the_limit_never_reaches_the_app(host: Host):
    async with host.http.post("/v1/files", data=bytes(LIMIT + 1)) as answer:
        assert (answer.status, await answer.read()) == (500, b"")
    assert await host.outcomes("files") == []
    async with host.http.post("/v1/files", data=bytes(LIMIT)) as answer:
        assert await answer.json() == {"bytes": LIMIT}


async def test_a_body_of_unknown_length_is_cut_at_the_limit(host: Host):
    async with host.http.post("/v1/files", data=pieces(20)) as answer:
        assert (answer.status, await answer.read()) == (500, b"")
    told = await host.until("/v1/assistants/calls", lambda told: ["broken upload"] in told["calls"])
    assert 0 < told["received"] <= LIMIT


async def test_an_early_answer_waits_for_the_whole_body(host: Host):
    started = time.monotonic()
    async with host.http.post("/v1/assistants/refuse", data=pieces(5, 0.2)) as answer:
        assert answer.status == 401
        assert await answer.json() == {"error": "who are you?"}
    assert time.monotonic() - started > 0.9


async def test_an_early_answer_is_lost_when_the_body_takes_too_long(host: Host):
    workers = (await host.get("/admin/worker"))["started"]
    async with host.http.post("/v1/assistants/refuse", data=pieces(10, 0.4)) as answer:
        assert (answer.status, await answer.read()) == (500, b"")
    await asyncio.sleep(GRACE_SECONDS + 0.5)
    # The invocation had returned long before: nothing was restarted.
    assert (await host.get("/admin/worker"))["started"] == workers


async def test_an_answer_header_beyond_ascii_costs_the_answer(host: Host):
    async with host.http.get("/v1/assistants/umlaut") as answer:
        assert (answer.status, await answer.read()) == (500, b"")


@pytest.mark.parametrize(
    ("sent", "path", "raw_path"),
    [
        ("/v1/threads/a%2Fb", "/v1/threads/a%2Fb", "/v1/threads/a%252Fb"),
        ("/v1/threads/a%20%C3%A4", "/v1/threads/a \u00e4", "/v1/threads/a%20%C3%A4"),
        ("/v1/nothing/../threads/./a", "/v1/threads/a", "/v1/threads/a"),
        ("/v1/threads//a", "/v1/threads//a", "/v1/threads//a"),
        ("/V1/Threads/a", "/V1/Threads/a", "/V1/Threads/a"),
    ],
)
async def test_what_becomes_of_a_path(host: Host, served: Served, sent: str, path: str, raw_path: str):
    status, body = await raw(served, f"GET {sent} HTTP/1.1")
    assert status == 200
    assert f'"path":"{path}","raw_path":"{raw_path}"' in body.decode()
    assert len(await host.ended("threads", 1)) == 1


@pytest.mark.parametrize("request_", ["GET //v1/threads", "TRACE /v1/threads", "PROPFIND /v1/threads", "GET /v2"])
async def test_what_no_function_takes_is_not_found(host: Host, served: Served, request_: str):
    assert await raw(served, f"{request_} HTTP/1.1") == (404, b"")
    assert await host.get("/admin/outcomes") == []


async def test_long_heads_are_refused(served: Served):
    assert await raw(served, f"GET /v1/threads?after={'a' * 8192} HTTP/1.1") == (414, b"")
    assert await raw(served, f"GET /v1/threads HTTP/1.1\r\nX-Long: {'a' * 32768}") == (431, b"")


async def test_forwarded_headers_are_the_hosts(host: Host, served: Served):
    async with host.http.get("/v1/threads", headers={"X-Forwarded-Host": "elsewhere.example"}) as answer:
        assert (await answer.json())["forwarded"] == [served.url.removeprefix("http://")]


async def test_a_call_that_takes_too_long_costs_all_others_of_the_worker(host: Host):
    workers = (await host.get("/admin/worker"))["started"]
    async with host.http.get("/v1/assistants/hang") as answer:
        assert (answer.status, await answer.read()) == (500, b"")
    async with host.http.post("/v1/threads/thread_1/runs") as other:
        begun = time.monotonic()
        await other.content.readuntil(b"\n\n")
        with pytest.raises(aiohttp.ClientError):
            await other.content.read()
        assert time.monotonic() - begun < TIMEOUT, "it was not its own time that was over"
    assert (await host.until("/admin/worker", lambda told: told["started"] > workers))["started"] == workers + 1
    (outcome,) = await host.ended("assistants", 1)
    assert "Timeout value" in outcome["error"]


async def test_a_worker_that_dies_has_a_successor(host: Host):
    worker = await host.get("/admin/worker")
    unanswered = asyncio.create_task(host.http.get("/v1/assistants/hang"))
    async with host.http.post("/v1/threads/thread_1/runs") as stream:
        await stream.content.readuntil(b"\n\n")
        os.kill(worker["pid"], signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await stream.content.read()
    assert (await unanswered).status == 500
    async with host.http.get("/v1/threads/thread_1") as answer:
        assert answer.status == 200
    assert (await host.get("/admin/worker"))["started"] == worker["started"] + 1


async def test_without_its_flag_an_older_python_answers_nothing():
    timeout = {"AzureFunctionsJobHost__functionTimeout": "00:00:01"}
    with serving(*STAND_IN, "--python", "3.11", **timeout) as started:
        async with aiohttp.ClientSession(started.url) as http, http.get("/v1/threads") as answer:
            assert (answer.status, await answer.read()) == (500, b"")
    with serving(*STAND_IN, "--python", "3.11", PYTHON_ENABLE_INIT_INDEXING="1", **timeout) as started:
        async with aiohttp.ClientSession(started.url) as http, http.get("/v1/threads") as answer:
            assert answer.status == 200
