"""What a run costs in storage operations: the figures of the README, which must not creep up."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.operations import count_run, look_up
from shared.app import build, storage_for
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm
from shared.tools.base import tool


@pytest.mark.parametrize(
    ("streamed", "calls", "operations"), [(False, 0, 10), (False, 1, 12), (False, 3, 16), (True, 0, 8), (True, 1, 11)]
)
@pytest.mark.parametrize("length", [1, 60])
async def test_operations_of_a_run(tmp_path, streamed, calls, operations, length):
    settings, llm = Settings(_env_file=None, box_home=tmp_path, sandbox="none"), ScriptedLlm()
    counter: Counter[str] = Counter()
    tools = [tool(look_up, idempotent=True, timeout=5)]
    box = build(settings, storage=storage_for(settings, counter), llm=llm, tools=tools)

    counts = await count_run(box, llm, counter, length, streamed=streamed, calls=calls)

    assert sum(counts.values()) == operations, counts
    await box.close()
