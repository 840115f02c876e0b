"""Queue messages and the clock start the right handler; what keeps failing ends in the poison handler."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from azure.storage.queue.aio import QueueServiceClient

from tests.functions.conftest import STAND_IN, Host, Served, serving
from tests.functions.queues import QueueOptions


@pytest.fixture(scope="module")
def served(azurite: str) -> Iterator[Served]:
    """The function app in front of the stand-in box, with storage; failed messages come back at once."""
    override = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00"}
    with serving(*STAND_IN, AzureWebJobsStorage=azurite, **override) as started:
        yield started


@pytest.fixture
async def storage(azurite: str) -> AsyncIterator[QueueServiceClient]:
    async with QueueServiceClient.from_connection_string(azurite) as service:
        yield service


async def send(storage: QueueServiceClient, queue: str, body: dict[str, str]) -> None:
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    await storage.get_queue_client(queue).send_message(encoded)


@pytest.mark.parametrize(("queue", "handler"), [("runs", "run"), ("ingestion", "ingestion")])
async def test_a_message_is_handled_once(host: Host, storage: QueueServiceClient, queue: str, handler: str):
    await send(storage, queue, {"id": "1"})
    await host.until("/v1/assistants/calls", lambda told: [handler, {"id": "1"}] in told["calls"])
    await host.until("/admin/outcomes", lambda outcomes: any(outcome["ok"] for outcome in outcomes))
    assert await storage.get_queue_client(queue).peek_messages() == []


@pytest.mark.parametrize(("queue", "handler"), [("runs", "run"), ("ingestion", "ingestion")])
async def test_a_message_that_keeps_failing_is_poison(
    host: Host, storage: QueueServiceClient, queue: str, handler: str
):
    body = {"fail": "always"}
    await send(storage, queue, body)
    told = await host.until("/v1/assistants/calls", lambda told: [f"poisoned {handler}", body] in told["calls"])
    attempts = [call for call in told["calls"] if call[1:2] == [body] and call[0].endswith(handler)]
    assert attempts == [[handler, body]] * 5 + [[f"poisoned {handler}", body]]
    errors = {outcome["error"] for outcome in await host.ended(f"{handler}_worker", 5)}
    assert errors == {"LeftOut: RuntimeError"}, "the host logs them: no words, which may be a user's"


@pytest.mark.parametrize("content", ["this is not base64!", base64.b64encode(b"\xff\xfe").decode()])
async def test_what_cannot_be_read_is_poison_at_once_and_stays_there(
    host: Host, storage: QueueServiceClient, content: str
):
    poison = storage.get_queue_client("runs-poison")
    before = (await poison.get_queue_properties()).approximate_message_count or 0
    calls = (await host.get("/v1/assistants/calls"))["calls"]
    await storage.get_queue_client("runs").send_message(content)
    async with asyncio.timeout(30):
        while (await poison.get_queue_properties()).approximate_message_count != before + 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await storage.get_queue_client("runs").peek_messages() == []
    assert (await host.get("/v1/assistants/calls"))["calls"] == calls
    assert await host.outcomes("run_worker") == await host.outcomes("run_poison") == []


async def test_a_message_survives_its_worker(host: Host, storage: QueueServiceClient):
    body = {"id": "kept", "hang": "here"}
    await send(storage, "runs", body)
    await host.until("/v1/assistants/calls", lambda told: ["run", body] in told["calls"])
    worker = await host.get("/admin/worker")
    os.kill(worker["pid"], signal.SIGKILL)
    (outcome,) = await host.ended("run_worker", 1)
    assert outcome["error"] == "the worker process exited"
    await host.until("/admin/worker", lambda told: told["started"] == worker["started"] + 1)
    await host.until("/v1/assistants/calls", lambda told: ["run", body] in told["calls"])
    os.kill((await host.get("/admin/worker"))["pid"], signal.SIGKILL)
    await host.until("/admin/worker", lambda told: told["started"] == worker["started"] + 2)


def test_an_idle_queue_is_looked_at_ever_more_seldom():
    options = QueueOptions(limit=1, max_dequeue_count=1, visibility_timeout=0, max_polling_interval=2)
    assert options.idle_seconds(1) < options.idle_seconds(3) < options.idle_seconds(9) == 2
    assert options.idle_seconds(100_000) == 2, "a host may be idle for days"


async def test_the_clock_starts_housekeeping(host: Host):
    async with host.http.post("/admin/functions/housekeeping", json={"input": ""}) as answer:
        assert answer.status == 202
    assert await host.outcomes("housekeeping") == [{"function": "housekeeping", "ok": True, "error": ""}]
    assert ["housekeeping"] in (await host.get("/v1/assistants/calls"))["calls"]
