"""Nothing outlives `functionTimeout`: each of these would cost the worker, and with it everybody's runs and streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from openai import APIError, AsyncOpenAI
from openai.types.beta.threads import Run

from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses
from tests.functions.conftest import Host, Served, serving
from tests.functions.test_sdk import KEY, PATIENCE, Model, model  # noqa: F401  a fixture

OTHER_KEY = "sk-other-0123456789"
#: What the host grants, in seconds; the box ends what is left a fifth earlier.
GRANTED = 8
ENDED = GRANTED * 0.8
HANGING = FakeTurn(delay=100)
SLEEP = FakeTurn(calls=(("code_interpreter", json.dumps({"code": "import time; time.sleep(100)"})),))


@pytest.fixture(scope="module")
def served(azurite: str, model: tuple[FakeResponses, str]) -> Iterator[Served]:  # noqa: F811
    environment = {
        "AzureWebJobsStorage": azurite,
        "AzureFunctionsJobHost__functionTimeout": f"00:00:0{GRANTED}",
        "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00",
        "BOX_API_KEYS": json.dumps({"me": KEY, "other": OTHER_KEY}),
        "OPENAI_BASE_URL": model[1],
        "OPENAI_API_KEY": "fake",
        "SANDBOX": "unsafe-subprocess",
    }
    with serving(**environment) as started:
        yield started


@pytest.fixture
async def client(host: Host, served: Served) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{served.url}/v1", api_key=KEY, timeout=PATIENCE, max_retries=0) as client:
        yield client


@pytest.fixture
def fake(model: tuple[Model, str]) -> Model:  # noqa: F811
    fake, _ = model
    fake.event_delay, fake.embedding_delay = 0.2, 0.0
    return fake


@asynccontextmanager
async def others_go_on(host: Host, served: Served) -> AsyncIterator[None]:
    """Another caller streams one run after the other, on the same worker, and all of them complete."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def stream() -> list[str]:
        ends: list[str] = []
        async with AsyncOpenAI(base_url=f"{served.url}/v1", api_key=OTHER_KEY, timeout=PATIENCE) as other:
            assistant = await other.beta.assistants.create(model="gpt-4o")
            while not over.is_set():
                thread = await other.beta.threads.create(messages=[{"role": "user", "content": "Hi."}])
                runs = other.beta.threads.runs
                async with runs.stream(assistant_id=assistant.id, thread_id=thread.id) as events:
                    ends.append((await events.get_final_run()).status)
                begun.set()  # from here on the worker has loaded what it needs
        return ends

    worker = await host.get("/admin/worker")
    streaming = asyncio.create_task(stream())
    await asyncio.wait_for(begun.wait(), PATIENCE)
    yield
    over.set()
    assert {*await streaming} == {"completed"}
    assert await host.get("/admin/worker") == worker


async def begin(client: AsyncOpenAI, fake: Model, turn: FakeTurn) -> tuple[str, str]:
    """A thread and an assistant whose next turn this will be: no other may be taken in between."""
    tools = [{"type": "code_interpreter"}]
    assistant = await client.beta.assistants.create(model="gpt-4o", tools=tools)
    thread = await client.beta.threads.create(messages=[{"role": "user", "content": "Hello?"}])
    fake.script(turn)
    return assistant.id, thread.id


async def polled(client: AsyncOpenAI, host: Host, served: Served, fake: Model, turn: FakeTurn) -> Run:
    """A run whose first turn this is, polled to its end while others go on."""
    assistant, thread = await begin(client, fake, turn)
    asked = fake.requests
    run = await client.beta.threads.runs.create(assistant_id=assistant, thread_id=thread)
    while fake.requests == asked:  # noqa: ASYNC110  another thread's
        await asyncio.sleep(0.05)
    async with others_go_on(host, served):
        return await client.beta.threads.runs.poll(run.id, thread_id=thread, poll_interval_ms=100)


@pytest.mark.long
async def test_a_slow_upload_is_told_to_hurry(host: Host, served: Served, fake: Model):
    async def drops(seconds: float) -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n\r\n'
        for _ in range(round(seconds / 0.25)):
            await asyncio.sleep(0.25)
            yield b"drop"

    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "multipart/form-data; boundary=b"}
    async with others_go_on(host, served):
        async with host.http.post("/v1/files", data=drops(ENDED + 0.5), headers=headers) as answer:
            assert answer.status == 408, await answer.text()
            assert (await answer.json())["error"]["type"] == "invalid_request_error"
        # The host gives the answer when all is sent. Nothing comes of ours when that takes longer than it grants.
        async with host.http.post("/v1/files", data=drops(GRANTED + 3), headers=headers) as answer:
            assert (answer.status, await answer.read()) == (500, b"")
    async with host.http.get("/v1/files", headers=headers) as answer:
        assert (await answer.json())["data"] == []


@pytest.mark.long
async def test_a_run_whose_model_hangs_is_handed_on(client: AsyncOpenAI, host: Host, served: Served, fake: Model):
    run = await polled(client, host, served, fake, HANGING)
    assert run.status == "completed", "the next invocation took the turn again"
    assert all(outcome["ok"] for outcome in await host.outcomes("run_worker"))


async def test_a_stream_whose_run_lasts_on_ends_in_words(client: AsyncOpenAI, host: Host, served: Served, fake: Model):
    assistant, thread = await begin(client, fake, HANGING)
    async with client.beta.threads.runs.stream(assistant_id=assistant, thread_id=thread) as events:
        async with others_go_on(host, served):
            with pytest.raises(APIError, match="The server had an error"):
                await events.until_done()
        assert events.current_run is not None
        run = await client.beta.threads.runs.poll(events.current_run.id, thread_id=thread, poll_interval_ms=100)
    assert run.status == "completed"
    assert [outcome["ok"] for outcome in await host.outcomes("runs")] != []


@pytest.mark.long
async def test_a_run_whose_tool_hangs_is_handed_on(client: AsyncOpenAI, host: Host, served: Served, fake: Model):
    run = await polled(client, host, served, fake, SLEEP)
    assert run.status == "completed"
    assert "it will not be begun again" in json.dumps(fake.bodies)


@pytest.mark.long
async def test_a_document_without_end_goes_on_from_its_last_batch(
    client: AsyncOpenAI, host: Host, served: Served, fake: Model
):
    fake.embedding_delay = ENDED / 3
    text = "\n".join(f"Line {number} says that it rains in Bergen." for number in range(10_000)).encode()
    file = await client.files.create(file=("rain.txt", text), purpose="assistants")
    store = await client.vector_stores.create()
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    before = fake.embedded
    async with others_go_on(host, served):
        read = await client.vector_stores.files.create_and_poll(
            file.id, vector_store_id=store.id, chunking_strategy=strategy, poll_interval_ms=100
        )
    assert read.status == "completed"
    outcomes = await host.outcomes("ingestion_worker")
    assert len(outcomes) > 1
    assert all(outcome["ok"] for outcome in outcomes)
    chunks = len(text) / 400
    assert fake.embedded - before < 1.5 * chunks + len(outcomes) * 4 * 64, "only what was under way is made again"


@pytest.mark.long
async def test_an_answer_that_is_not_fetched_is_cut(host: Host, served: Served, client: AsyncOpenAI, fake: Model):
    file = await client.files.create(file=("big.bin", bytes(40 * 2**20)), purpose="assistants")
    async with others_go_on(host, served):
        url, headers = f"/v1/files/{file.id}/content", {"Authorization": f"Bearer {KEY}"}
        async with host.http.get(url, headers=headers) as answer:
            await asyncio.sleep(GRANTED)
            with pytest.raises(aiohttp.ClientError):
                await answer.read()
