"""Queue messages and the clock start the right handler; what keeps failing ends in the poison handler."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from azure.storage.queue.aio import QueueServiceClient

from tests.functions.conftest import STAND_IN, Host, Served, serving


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


async def test_the_clock_starts_housekeeping(host: Host):
    async with host.http.post("/admin/functions/housekeeping", json={"input": ""}) as answer:
        assert answer.status == 202
    assert await host.outcomes("housekeeping") == [{"function": "housekeeping", "ok": True, "error": ""}]
    assert ["housekeeping"] in (await host.get("/v1/assistants/calls"))["calls"]
