"""What several of the unit tests need."""

from __future__ import annotations

import dataclasses

import pytest

from shared.app import build
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm
from shared.tools.base import tool
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
