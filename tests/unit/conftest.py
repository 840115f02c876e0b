"""What several of the unit tests need."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.app import build
from shared.config import Settings
from shared.llm.responses import ResponsesLlm
from shared.llm.responses.attempts import BACKOFF
from shared.llm.responses.endpoint import Endpoint
from shared.llm.scripted import ScriptedLlm
from shared.tools.base import tool
from tests.fakes.responses_server import FakeResponses, serving
from tests.unit.workbench import Bench


@pytest.fixture
async def bench(tmp_path):
    llm, letters = ScriptedLlm(), []

    async def send_letter(text: str) -> str:
        """Send a letter."""
        letters.append(text)
        return "sent"

    settings = Settings(_env_file=None, box_home=tmp_path, sandbox="none", heartbeat_seconds=0.05, run_start="queue")
    box = build(settings, llm=llm, tools=[tool(send_letter, idempotent=False, timeout=10)])
    bench = Bench(box, llm, letters)
    clock = box.deps.clock
    deps = dataclasses.replace(box.deps, clock=lambda: clock() + bench.ahead)
    bench.box = dataclasses.replace(box, deps=deps, worker=type(box.worker)(deps), driven=type(box.driven)(deps))
    yield bench
    await box.close()


@pytest.fixture
async def fake() -> FakeResponses:
    """The double of a Responses API endpoint; override in a test module."""
    return FakeResponses()


@pytest.fixture
def options() -> dict[str, Any]:
    """What the adapter is told beyond its endpoint; override in a test module."""
    return {}


@pytest.fixture
async def llm(fake: FakeResponses, options: dict[str, Any]) -> AsyncIterator[ResponsesLlm]:
    """The adapter in front of the double; it hardly waits before it asks again."""
    async with serving(fake) as base_url:
        backoff = dataclasses.replace(BACKOFF, first=0.001)
        llm = ResponsesLlm(Endpoint(base_url, "fake", "key"), backoff=backoff, **options)
        yield llm
        await llm.close()
