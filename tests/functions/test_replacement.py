"""A deployment, a change of settings or a crash replaces the worker: what was on its way then comes to its end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from openai import APIError, AsyncOpenAI

from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses
from tests.fakes.umbrella_shop import Shop, umbrella_shop
from tests.functions.conftest import Host, Served, serving
from tests.functions.test_sdk import KEY, ask, assistant, client, fake, model, said  # noqa: F401  fixtures

#: Seconds until a run whose worker is gone is another's.
LEASE = "4"
#: Seconds for which the first worker's model keeps quiet: it does not live to hear it.
LONG = 60


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with umbrella_shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def served(azurite: str, model: tuple[FakeResponses, str], shop: Shop) -> Iterator[Served]:  # noqa: F811
    environment = {
        "AzureWebJobsStorage": azurite,
        "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
        "BOX_API_KEYS": json.dumps({"me": KEY}),
        "OPENAI_BASE_URL": model[1],
        "OPENAI_API_KEY": "fake",
        "LEASE_SECONDS": LEASE,
        "HEARTBEAT_SECONDS": "1",
        "OPENAPI_ALLOWED_HOSTS": shop.host,
    }
    with serving(**environment) as started:
        yield started


async def replace_worker(host: Host) -> None:
    """End the worker in the middle of its work, as a site update that recreates instances does."""
    worker = await host.get("/admin/worker")
    os.kill(worker["pid"], signal.SIGKILL)
    await host.until("/admin/worker", lambda told: told["started"] > worker["started"])


async def test_a_polled_run_survives_the_end_of_its_worker(
    client: AsyncOpenAI,  # noqa: F811
    host: Host,
    fake: FakeResponses,  # noqa: F811
    assistant: str,  # noqa: F811
):
    fake.script(FakeTurn(text=("Lost.",), delay=LONG), FakeTurn(text=("It ", "rains.")))
    thread, asked = await ask(client), len(fake.bodies)
    run = await client.beta.threads.runs.create(assistant_id=assistant, thread_id=thread)
    while len(fake.bodies) == asked:
        await client.beta.threads.runs.retrieve(run.id, thread_id=thread)
    await replace_worker(host)
    run = await client.beta.threads.runs.poll(run.id, thread_id=thread, poll_interval_ms=200)
    assert (run.status, run.last_error) == ("completed", None)
    assert await said(client, thread) == ["Weather?", "It rains."]


async def test_a_streamed_run_goes_on_without_its_stream(
    client: AsyncOpenAI,  # noqa: F811
    host: Host,
    fake: FakeResponses,  # noqa: F811
    assistant: str,  # noqa: F811
):
    fake.script(FakeTurn(text=("Lost.",), delay=LONG), FakeTurn(text=("It ", "rains.")))
    thread, asked = await ask(client), len(fake.bodies)
    stream = await client.beta.threads.runs.create(assistant_id=assistant, thread_id=thread, stream=True)
    run = (await anext(stream)).data
    while len(fake.bodies) == asked:
        await client.beta.threads.runs.retrieve(run.id, thread_id=thread)
    await replace_worker(host)
    with pytest.raises((APIError, httpx.TransportError)):
        async for _ in stream:
            continue
    run = await client.beta.threads.runs.poll(run.id, thread_id=thread, poll_interval_ms=200)
    assert (run.status, run.last_error) == ("completed", None)
    assert await said(client, thread) == ["Weather?", "It rains."]


async def test_a_stream_that_ends_between_its_words_was_no_second_order(
    client: AsyncOpenAI,  # noqa: F811
    host: Host,
    fake: FakeResponses,  # noqa: F811
    shop: Shop,
):
    order = FakeTurn(calls=(("order", '{"body": {"umbrella": "red"}}'),))
    fake.script(order, FakeTurn(text=tuple("abcdefgh")), FakeTurn(text=("It ", "rains.")))
    fake.event_delay = 0.2
    api = {"name": "shop", "spec": shop.document, "auth": {"type": "anonymous"}}
    tools: list[Any] = [{"type": "openapi", "openapi": api}]
    assistant = await client.beta.assistants.create(model="gpt-4o", tools=tools)  # noqa: F811
    thread, run_id, heard = await ask(client), "", 0
    stream = await client.beta.threads.runs.create(assistant_id=assistant.id, thread_id=thread, stream=True)
    with pytest.raises((APIError, httpx.TransportError)):
        async for event in stream:
            if event.event == "thread.run.created":
                run_id = event.data.id
            heard += event.event == "thread.message.delta"
            if event.event == "thread.message.delta" and heard == 1:
                await replace_worker(host)
    run = await client.beta.threads.runs.poll(run_id, thread_id=thread, poll_interval_ms=200)
    assert (run.status, run.last_error) == ("completed", None)
    assert await said(client, thread) == ["Weather?", "It rains."]
    steps = await client.beta.threads.runs.steps.list(run_id, thread_id=thread, order="asc")
    assert [(step.type, step.status) for step in steps.data] == [
        ("tool_calls", "completed"),
        ("message_creation", "completed"),
    ]
    assert [each["path"] for each in shop.seen] == ["/orders"]
