"""Calls that are not the box's own under the real runtime: passed on and back through the host, as they come."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest

from tests.fakes.provider import PICTURE, SOUND, VECTOR, WORDS, FakeProvider
from tests.fakes.responses_server import serving_in_thread
from tests.functions.conftest import Host, Served, serving

KEY, PROVIDER_KEY = "sk-test-0123456789", "sk-provider-0123456789"
SAID = "".join(WORDS)
ASKED = [{"role": "user", "content": "Hello?"}]
PATIENCE = 60


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FakeProvider]:
    fake = FakeProvider()
    with serving_in_thread(fake) as fake.url:
        yield fake


@pytest.fixture
def provider(endpoint: FakeProvider) -> Iterator[FakeProvider]:
    endpoint.calls.clear()
    endpoint.left.clear()
    endpoint.asked.clear()
    yield endpoint
    endpoint.pace = endpoint.thinking = 0.0


@pytest.fixture(scope="module")
def served(azurite: str, endpoint: FakeProvider) -> Iterator[Served]:
    environment = {
        "AzureWebJobsStorage": azurite,
        "BOX_API_KEYS": json.dumps({"me": KEY}),
        "BOX_MODEL_BASE_URL": endpoint.url,
        "BOX_MODEL_API_KEY": PROVIDER_KEY,
        "MODEL_ALIASES": '{"*": "gpt-5.6-luna"}',
    }
    with serving(**environment) as started:
        yield started


@pytest.fixture(params=["AsyncOpenAI", "AsyncAzureOpenAI"])
async def client(request: pytest.FixtureRequest, host: Host, served: Served) -> AsyncIterator[openai.AsyncOpenAI]:
    how: dict[str, Any] = {"api_key": KEY, "timeout": PATIENCE, "max_retries": 0}
    made: openai.AsyncOpenAI
    if request.param == "AsyncOpenAI":
        made = openai.AsyncOpenAI(base_url=f"{served.url}/v1", **how)
    else:
        made = openai.AsyncAzureOpenAI(azure_endpoint=served.url, api_version="2024-10-21", **how)
    async with made:
        yield made


async def left(provider: FakeProvider) -> None:
    async with asyncio.timeout(PATIENCE):
        while not provider.left.is_set():  # noqa: ASYNC110  another thread's
            await asyncio.sleep(0.05)


async def test_each_call_is_answered(client: openai.AsyncOpenAI, host: Host, provider: FakeProvider):
    chat = await client.chat.completions.create(model="gpt-4o", messages=ASKED)
    assert chat.choices[0].message.content == SAID
    assert provider.last.body["model"] == "gpt-5.6-luna"
    assert provider.last.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert (await client.responses.create(model="gpt-4o", input="Hello?")).output_text == SAID
    assert (await client.embeddings.create(model="ada", input="a")).data[0].embedding == VECTOR
    assert (await client.images.generate(model="gpt-image-1", prompt="a cat")).data[0].b64_json == PICTURE
    assert (await client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.")).content == SOUND
    assert (await client.moderations.create(input="Hello?")).id == "modr-1"
    assert [outcome["ok"] for outcome in await host.ended("other_calls", 6)] == [True] * 6


async def test_a_stream_arrives_as_it_is_written(client: openai.AsyncOpenAI, provider: FakeProvider):
    provider.pace = 0.3
    arrived = []
    async for chunk in await client.chat.completions.create(model="m", messages=ASKED, stream=True):
        if chunk.choices[0].delta.content:
            arrived.append((chunk.choices[0].delta.content, time.monotonic()))
    assert tuple(word for word, _ in arrived) == WORDS
    # The provider takes 0.9 s from the first word to the last. Held back on the way, they would arrive together.
    assert arrived[-1][1] - arrived[0][1] > 0.5


async def test_a_large_form_goes_on_in_pieces(client: openai.AsyncOpenAI, provider: FakeProvider):
    sound = os.urandom(20 * 2**20)
    said = await client.audio.transcriptions.create(model="whisper-1", file=("speech.wav", sound))
    assert said.text == SAID
    [file] = provider.last.body["file"]
    assert (file["bytes"], file["sha256"]) == (len(sound), hashlib.sha256(sound).hexdigest())


async def test_a_caller_who_leaves_ends_the_call(client: openai.AsyncOpenAI, provider: FakeProvider):
    provider.pace = 0.3
    stream = await client.chat.completions.create(model="m", messages=ASKED, stream=True)
    await anext(aiter(stream))
    await stream.close()
    await left(provider)

    provider.left.clear()
    provider.thinking = 30
    with pytest.raises(openai.APITimeoutError):
        await client.with_options(timeout=1).chat.completions.create(model="m", messages=ASKED)
    await left(provider)


async def test_a_deployment_may_have_slashes_in_its_name(host: Host, provider: FakeProvider):
    path = "/openai/deployments/org%2Fmodel/embeddings?api-version=2024-10-21"
    async with host.http.post(path, json={"input": "x"}, headers={"api-key": KEY}) as answer:
        assert answer.status == 200
    assert provider.last.body["model"] == "org/model"
