"""A box without a loop, whose messages the test handles itself."""

from __future__ import annotations

import asyncio

from shared.assistants import assistants
from shared.box import Box
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.run import Lease, RunKey, RunRecord
from shared.objects.run_requests import CreateThreadAndRun
from shared.runs import create
from shared.runs.rows import put_run

OWNER = "me"


class Bench:
    """The box, its model, and what its tool sent."""

    def __init__(self, box: Box, llm: ScriptedLlm, letters: list[str]):
        self.box, self.llm, self.letters, self.ahead = box, llm, letters, 0.0

    @property
    def caller(self) -> Caller:
        return Caller(self.box.deps, OWNER)

    async def begin(self) -> RunRecord:
        wanted = CreateAssistant(model="m", metadata={"server_tools": "*"})
        assistant = await assistants.create(self.caller, wanted)
        body = {"assistant_id": assistant["id"], "thread": {"messages": [{"role": "user", "content": "Hi"}]}}
        wanted_run = CreateThreadAndRun.model_validate(body)
        run = await create.create_with_thread(self.caller, self.box.driven, wanted_run)
        self.key = RunKey(OWNER, run["thread_id"], run["id"])
        return await self.record()

    async def record(self) -> RunRecord:
        row = await self.box.deps.store.get(self.key.partition, self.key.run_id)
        assert row is not None
        return RunRecord.from_json(row.data)

    async def hold(self, holder: str, seconds: float) -> None:
        """Somebody else takes the lease."""
        row = await self.box.deps.store.get(self.key.partition, self.key.run_id)
        assert row is not None
        record = RunRecord.from_json(row.data)
        record.lease = Lease(holder=holder, until=self.box.deps.clock() + seconds)
        record.run.status = "in_progress"
        await self.box.deps.store.commit(self.key.partition, [put_run(record, row.version)])

    async def asked(self, times: int) -> None:
        """Wait until the model has been asked so often."""
        while len(self.llm.requests) < times:  # noqa: ASYNC110  the model has no event for it
            await asyncio.sleep(0.01)

    def message(self, reason: str) -> dict:
        more = {"watch": {"until": 2**40}, "poll": {"polls": 1, "turn": 0}}.get(reason, {})
        return more | {"owner": OWNER, "thread_id": self.key.thread_id, "run_id": self.key.run_id, "reason": reason}

    async def waiting(self) -> list[str]:
        """Reasons of the messages that are visible now."""
        return [each.body["reason"] for each in await self.box.deps.queue.receive(32, 0.001, 0)]
