"""What operators see of the whole box under the real runtime: one trace over the queue, and which endpoint answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.fakes.collector import Collector, attribute, collector
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread
from tests.functions.conftest import Host, Served, serving

ADMIN, KEY = "sk-admin-0123456789", "sk-test-0123456789"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PATIENCE = 60


@pytest.fixture(scope="module")
def collected() -> Iterator[Collector]:
    with collector() as collected:
        yield collected


@pytest.fixture(scope="module")
def fakes() -> dict[str, FakeResponses]:
    return {name: FakeResponses(default=FakeTurn(text=("From ", name))) for name in ("main", "spare")}


@pytest.fixture(scope="module")
def served(azurite: str, collected: Collector, fakes: dict[str, FakeResponses]) -> Iterator[Served]:
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving_in_thread(fake)) for name, fake in fakes.items()}
        environment = {
            "AzureWebJobsStorage": azurite,
            "BOX_API_KEYS": json.dumps({"me": KEY}),
            "BOX_ADMIN_KEYS": json.dumps({"ops": ADMIN}),
            "OPENAI_BASE_URL": urls["main"],
            "OPENAI_API_KEY": "fake",
            "MODEL_ENDPOINTS": json.dumps({"spare": {"base_url": urls["spare"], "priority": 2}}),
            "RUN_START": "queue",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collected.url,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        yield stack.enter_context(serving(**environment))


async def post(host: Host, path: str, body: dict[str, Any], **headers: str) -> Any:
    async with host.http.post(f"/v1/{path}", json=body, headers={"api-key": KEY, **headers}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def get(host: Host, path: str) -> Any:
    async with host.http.get(f"/v1/{path}", headers={"api-key": KEY}) as answer:
        return await answer.json()


async def test_a_run_joins_its_callers_trace_over_the_queue_and_goes_on_elsewhere(host, fakes, collected):
    fakes["main"].script(FakeTurn(status=503))
    assistant = await post(host, "assistants", {"model": "gpt-4o", "name": "Helper"})
    thread = {"messages": [{"role": "user", "content": "Who are you?"}]}
    body = {"assistant_id": assistant["id"], "thread": thread}
    run = await post(host, "threads/runs", body, traceparent=f"00-{TRACE}-{SPAN}-01")
    path = f"threads/{run['thread_id']}/runs/{run['id']}"
    async with asyncio.timeout(PATIENCE):
        while (await get(host, path))["status"] != "completed":  # noqa: ASYNC110  another process's
            await asyncio.sleep(0.1)

    [step] = (await get(host, f"{path}/steps"))["data"]
    assert step["metadata"]["endpoint"] == "spare"
    [said, _] = (await get(host, f"threads/{run['thread_id']}/messages"))["data"]
    assert said["content"][0]["text"]["value"] == "From spare"
    until = time.monotonic() + PATIENCE
    while not (collected.named("invoke_agent") and collected.named("lease")) and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    [whole] = collected.named("invoke_agent Helper")
    spans = {each.name: each for each in collected.spans}
    assert {*spans} >= {"wait for a worker", "lease", "chat gpt-4o"}
    assert {each.trace_id.hex() for each in collected.spans} == {TRACE}
    assert whole.parent_span_id.hex() == SPAN
    assert {each.parent_span_id for each in spans.values() if each is not whole} == {whole.span_id}
    assert attribute(spans["chat gpt-4o"], "box.model.endpoint") == "spare"


async def test_health_tells_of_each_endpoint(host):
    async with host.http.get("/healthz?deep=1", headers={"api-key": ADMIN}) as answer:
        told = await answer.json()
    assert {"main", "spare"} == {*told["endpoints"]}, told
