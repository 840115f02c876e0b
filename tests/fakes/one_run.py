"""A run from its creation to its end in a box of this process, without HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from shared.app import build
from shared.assistants import assistants
from shared.config import Settings
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm, fail, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.run import RunKey
from shared.objects.run_requests import CreateThreadAndRun
from shared.runs import create, service


async def one_run(home: str, status: str = "completed", **settings: Any) -> dict[str, Any]:
    """The run as it ended."""
    llm = ScriptedLlm()
    llm.script([text("Wet.") if status == "completed" else fail()])
    box = build(Settings(_env_file=None, box_home=Path(home), sandbox="none", **settings), llm=llm, tools=[])
    async with box.at_work():
        caller = Caller(box.deps, "me")
        assistant = await assistants.create(caller, CreateAssistant(model="gpt-x", name="Helper"))
        body = CreateThreadAndRun.model_validate({"assistant_id": assistant["id"], "thread": {}})
        run = await create.create_with_thread(caller, box.driven, body)
        key = RunKey("me", run["thread_id"], run["id"])
        while run["status"] != status:
            await asyncio.sleep(0.01)
            run = await service.get(box.deps, key)
    return run
