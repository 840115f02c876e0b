"""HTTP through the real runtime: the app answers inside the invocation, and nothing is held up on the way."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import aiohttp

from tests.functions.conftest import Host
from tests.functions.standin import MEBIBYTE


async def test_the_app_sees_the_request_and_the_client_its_answer(host: Host):
    async with host.http.post("/v1/threads/thread_1?order=asc", json={"metadata": {}}) as answer:
        assert answer.status == 200
        assert answer.headers["x-request-id"] == "req_1"
        told = await answer.json()
        assert (told["method"], told["path"], told["query"]) == ("POST", "/v1/threads/thread_1", "order=asc")
        assert told["body"] == '{"metadata": {}}'
    assert await host.ended("threads", 1) == [{"function": "threads", "ok": True, "error": ""}]


async def test_events_arrive_one_by_one_within_the_invocation(host: Host):
    async with asyncio.timeout(30), host.http.post("/v1/threads/thread_1/runs") as answer:
        assert answer.content_type == "text/event-stream"
        for number in range(4):
            # The app sends the next event only when told to: one that is held back would hang this test.
            assert await event(answer) == f"event: thread.message.delta\ndata: {number}\n\n"
            assert await host.outcomes("runs") == []
            await host.http.post("/v1/assistants/go")
        assert await event(answer) == "event: done\ndata: [DONE]\n\n"
        assert await answer.content.read() == b""
    await host.until("/admin/outcomes", lambda outcomes: {"function": "runs", "ok": True, "error": ""} in outcomes)


async def test_a_client_that_leaves_ends_the_stream(host: Host):
    answer = await host.http.post("/v1/threads/thread_1/runs")
    await event(answer)
    answer.close()
    await host.until("/v1/assistants/calls", lambda told: told["calls"] == [["left"]])
    await host.until("/admin/outcomes", lambda outcomes: any(o["function"] == "runs" for o in outcomes))


async def test_an_upload_of_40_megabytes_is_streamed(host: Host):
    async def chunks() -> AsyncIterator[bytes]:
        for sent in range(40):
            if sent == 20:
                # The second half is sent only when the app has got hold of the first.
                await host.until("/v1/assistants/calls", lambda told: told["received"] > 10 * len(MEBIBYTE))
            yield MEBIBYTE

    form = aiohttp.MultipartWriter("form-data")
    form.append_payload(aiohttp.AsyncIterablePayload(chunks(), content_type="application/octet-stream"))
    async with host.http.post("/v1/files", data=form) as answer:
        assert (await answer.json())["bytes"] > 40 * len(MEBIBYTE)


async def test_a_body_that_is_packed_reaches_the_app_as_it_is(host: Host):
    packed = gzip.compress(MEBIBYTE)
    async with host.http.post("/v1/files", data=packed, headers={"Content-Encoding": "gzip"}) as answer:
        assert await answer.json() == {"bytes": len(packed)}


async def test_a_download_of_40_megabytes_arrives_whole(host: Host):
    async with host.http.get("/v1/files/file-1/content") as answer:
        assert await answer.read() == MEBIBYTE * 40


async def test_an_error_nobody_caught_fails_the_invocation(host: Host):
    async with host.http.get("/v1/assistants/crash") as answer:
        assert answer.status == 500
    (outcome,) = await host.ended("assistants", 1)
    assert not outcome["ok"]
    assert "nobody catches this" in outcome["error"]


async def test_what_is_not_ours_is_not_served(host: Host):
    # Microsoft's server for FastAPI would answer these paths itself, and the invocation would never end.
    for path in ("/redoc", "/openapi.json"):
        async with host.http.get(path) as answer:
            assert answer.status == 404
    assert await host.get("/admin/outcomes") == []


async def event(answer: aiohttp.ClientResponse) -> str:
    return (await answer.content.readuntil(b"\n\n")).decode()
