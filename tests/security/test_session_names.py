"""Nobody can work out the name of a sandbox session: it holds a secret that the box made for itself."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from shared.app import build
from shared.assistants import assistants
from shared.box import Box
from shared.config import Settings
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm, call, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.run_requests import CreateThreadAndRun
from shared.runs import create
from shared.sandbox.base import Limits, SandboxInfo, SandboxUnavailable, Session
from shared.threads import threads

ENTRA: dict[str, Any] = {"entra_owners": "me=00000000-0000-0000-0000-000000000001", "entra_tenant_id": "t"}


class Listening:
    """A sandbox that runs nothing and notes which sessions it was asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.info = SandboxInfo("none", "none", Limits())

    async def self_test(self) -> None: ...

    def session(self, key: str) -> AbstractAsyncContextManager[Session]:
        self.names.append(key)
        raise SandboxUnavailable("nothing runs here")

    async def evict(self, key: str) -> None:
        self.names.append(key)

    async def close(self) -> None: ...


@asynccontextmanager
async def opened(home, **settings: Any):
    llm, sandbox = ScriptedLlm(), Listening()
    box = build(
        Settings(_env_file=None, box_home=home, run_start="queue", **settings), llm=llm, sandbox=sandbox, tools=[]
    )
    try:
        yield box, llm, sandbox
    finally:
        await box.close()


async def run_code(box: Box, llm: ScriptedLlm) -> str:
    """A run that calls the code interpreter on a new thread; the thread's id."""
    wanted = CreateAssistant.model_validate({"model": "m", "tools": [{"type": "code_interpreter"}]})
    assistant = await assistants.create(Caller(box.deps, "me"), wanted)
    body = CreateThreadAndRun.model_validate({"assistant_id": assistant["id"]})
    llm.script([call("code_interpreter", code="1")], [text("Done.")])
    run = await create.create_with_thread(Caller(box.deps, "me"), box.driven, body)
    message = {"owner": "me", "thread_id": run["thread_id"], "run_id": run["id"], "reason": "start"}
    await box.handle_run(message)
    return str(run["thread_id"])


async def test_a_session_keeps_its_name_when_keys_change(tmp_path):
    """So that a thread that is deleted takes its session with it."""
    async with opened(tmp_path, box_api_keys={"me": SecretStr("sk-old")}) as (box, llm, sandbox):
        thread_id = await run_code(box, llm)
        [name] = sandbox.names
    async with opened(tmp_path, box_api_keys={"me": SecretStr("sk-new")}) as (box, _, sandbox):
        await threads.delete(Caller(box.deps, "me"), thread_id)
        assert sandbox.names == [name]


@pytest.mark.parametrize("settings", [ENTRA, {"box_api_keys": {"me": SecretStr("sk-same")}}])
async def test_two_boxes_with_the_same_settings_have_sessions_of_other_names(tmp_path, settings):
    secrets = []
    for home in ("one", "other"):
        async with opened(tmp_path / home, **settings) as (box, llm, sandbox):
            await run_code(box, llm)
            secrets.append(await box.deps.session_secret.get())
            assert sandbox.names
    assert secrets[0] != secrets[1]
