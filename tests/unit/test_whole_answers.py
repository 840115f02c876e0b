"""What is read whole has an end: whatever a server sends, it costs bounded memory and bounded time."""

from __future__ import annotations

import gzip
import time
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace

import httpx2 as httpx
import pytest

from shared.api.entra import Entra
from shared.errors import TryLater
from shared.llm.base import LlmError, TurnRequest
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.endpoint import Endpoint
from shared.llm.responses.transport import Transport
from shared.sandbox.aca.rest import SessionPool
from shared.sandbox.base import SandboxError
from shared.sealing.base import KeyUnavailable
from shared.sealing.key_vault import KeyVault
from shared.search.base import EmbeddingUnavailable
from shared.search.embeddings.openai import OpenAIEmbedder, VectorSource
from shared.tools.get_country_info import get_country_info_tool
from shared.whole_answers import MOST_BYTES, WholeAnswers
from tests.fakes.endless import Endless, endless
from tests.fakes.listening import Quiet, listening
from tests.fakes.tool_context import CONTEXT

#: Beside the limit: what lies in the buffers of sockets and clients.
ON_THE_WAY = 32 * 1024 * 1024
REQUEST = TurnRequest(model="m", instructions="", input=[{"role": "user", "content": "Hello"}])


@pytest.fixture(params=[200, 500])
async def server(request):
    server = Endless(status=request.param)
    async with endless(server):
        yield server
    assert server.asked
    assert max(server.sent) <= MOST_BYTES + ON_THE_WAY


@pytest.fixture
async def endpoint(server):
    endpoint = Endpoint(f"{server.url}/v1", "test", "k")
    yield endpoint
    await endpoint.close()


async def test_a_models_short_calls(endpoint):
    llm = ResponsesLlm(endpoint)
    with pytest.raises(LlmError):
        await llm.models()
    assert not (await llm.health()).answers
    with pytest.raises(LlmError):
        await llm.start(REQUEST, "key", time.time() + 0.1)
    assert await llm.poll("resp_1") is None
    await llm.cancel("resp_1")


async def test_vectors(endpoint):
    embedder = OpenAIEmbedder([VectorSource(endpoint.client, "m")], "m", endpoint.close)
    with pytest.raises(EmbeddingUnavailable):
        await embedder.embed(["x"], retries=0)


async def test_the_keys_of_a_tenant(server):
    tenant = Entra("tenant", {}, "audience", server.url, time.time)
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.eA"
    with pytest.raises(TryLater):
        await tenant.owner(token.encode())


async def test_a_key_vault(server):
    @asynccontextmanager
    async def identity():
        async def get_token(scope):
            return SimpleNamespace(token="t")

        yield SimpleNamespace(get_token=get_token)

    with pytest.raises(KeyUnavailable):
        await KeyVault(server.url, identity).seal("secret", "place")


async def test_facts_of_a_country(server):
    told = await get_country_info_tool(server.url, "key").run('{"country": "NO"}', CONTEXT)
    assert "did not answer as it should" in told


async def test_a_session_pool(server):
    async def token():
        return "t"

    pool = SessionPool(server.url, token, patience=0.1)
    with pytest.raises(SandboxError):
        await pool.execute("s", "1 + 1", 10)
    await pool.close()


async def test_an_answer_that_comes_ever_so_slowly_ends_with_its_time():
    async with endless(Endless(pause=0.05, piece=b" ")) as url, WholeAnswers(timeout=0.3) as client:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("client", [WholeAnswers, Transport])
async def test_a_head_that_comes_ever_so_slowly_ends_with_its_time(client):
    async with endless(Endless(head_pause=0.05)) as url, client() as asking:
        began = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            await asking.get(url, timeout=0.3)
    assert time.monotonic() - began < 2


async def test_the_body_of_a_redirect_is_not_read():
    server = Endless(status=307)
    async with endless(server) as url, Transport() as client:
        server.location = f"{url}/again"
        with pytest.raises(httpx.TooManyRedirects):
            await client.get(url)
    assert len(server.asked) > 2
    assert max(server.sent) <= ON_THE_WAY


class Moved(Quiet, BaseHTTPRequestHandler):
    """Has moved everything to `/there`."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        is_there = self.path == "/there"
        body = b'"welcome"' if is_there else b"gone"
        self.send_response(200 if is_there else 308)
        self.send_header("content-length", str(len(body)))
        if not is_there:
            self.send_header("location", "/there")
        self.end_headers()
        self.wfile.write(body)


async def test_a_redirect_is_followed():
    with listening(Moved) as url:
        async with Transport() as client:
            assert (await client.post(f"{url}/here", json={"a": 1})).json() == "welcome"


async def test_what_is_packed_counts_unpacked():
    packed = gzip.compress(bytes(MOST_BYTES + 1))
    answer = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(packed))
    )
    async with WholeAnswers(transport=answer) as client:
        with pytest.raises(httpx.ReadError):
            await client.get("http://server.test")


async def test_answers_that_fit_are_as_ever():
    answer = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(gzip.compress(b'{"a": 1}')))
    )
    async with WholeAnswers(transport=answer) as client:
        response = await client.get("http://server.test")
        assert response.json() == {"a": 1}
        assert await response.aread() == response.content
        async with client.stream("GET", "http://server.test") as streamed:
            assert [each async for each in streamed.aiter_bytes()] == [b'{"a": 1}']


class Pieces(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self.content = content

    async def __aiter__(self):
        for start in range(0, len(self.content), 1000):
            yield self.content[start : start + 1000]
