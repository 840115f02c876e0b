"""Work that need not wait is done before anybody waits for it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from shared.tasks import begun

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks of this Python begin in their turn")


async def test_what_need_not_wait_is_done_at_once():
    async def work() -> str:
        return "done"

    assert begun(work()).result() == "done"


async def test_what_waits_has_begun_and_goes_on():
    steps = []

    async def work() -> None:
        steps.append("begun")
        await asyncio.sleep(0)
        steps.append("over")

    task = begun(work())
    assert steps == ["begun"]
    await task
    assert steps == ["begun", "over"]


async def test_a_failure_waits_for_who_asks():
    async def work() -> None:
        raise LookupError("gone")

    task = begun(work())
    with pytest.raises(LookupError, match="gone"):
        await task
