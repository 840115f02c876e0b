"""What a run makes of code that goes to the sandbox's limits."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx2
import pytest
from openai import AsyncOpenAI
from pydantic import SecretStr

from shared.app import build
from shared.config import Settings
from shared.llm.scripted import ScriptedLlm, call, text
from shared.sandbox.base import MIB, Limits
from shared.sandbox.local.sandbox import LocalSandbox
from tests.api.conftest import KEY
from tests.fakes.sandboxes import home_for_anybody, isolator

LIMITS = Limits(disk=8 * MIB, file_size=6 * MIB)


@asynccontextmanager
async def world(home):
    """A box whose sandbox is small, and whose callers do not wait long for each other."""
    settings = Settings(_env_file=None, box_home=home / "box", box_api_keys={"me": SecretStr(KEY)})
    llm, sandbox = ScriptedLlm(), LocalSandbox(home / "sandbox", isolator("bwrap"), LIMITS, wait=0.2)
    box = build(settings, llm=llm, tools=[], sandbox=sandbox)
    async with (
        box.at_work(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=box.asgi)) as http,
        AsyncOpenAI(base_url="http://box/v1", api_key=KEY, http_client=http, max_retries=0) as client,
    ):
        yield SimpleNamespace(client=client, llm=llm)


@pytest.fixture
async def box():
    with home_for_anybody() as home:
        async with world(home) as made:
            yield made


async def outputs(box, *calls, answer="Done.") -> list[str]:
    """What the model is told of code it runs in one turn, before it answers."""
    box.llm.script([*(call("code_interpreter", code=code) for code in calls)], [text(answer)])
    runs = box.client.beta.threads
    assistant = await box.client.beta.assistants.create(model="gpt-x", tools=[{"type": "code_interpreter"}])
    thread = {"messages": [{"role": "user", "content": "Compute."}]}
    run = await runs.create_and_run_poll(assistant_id=assistant.id, thread=thread, poll_interval_ms=50)
    assert run.status == "completed", run.last_error
    return [item["output"] for item in box.llm.requests[1].input if item["type"] == "function_call_output"]


async def test_files_made_of_holes_are_not_copied_beyond_the_sessions_disk(box):
    [told] = await outputs(box, "for n in 'abc': open(f'/mnt/data/{n}', 'wb').truncate(5 << 20)")

    assert "sandbox:/mnt/data/a" in told
    assert "/mnt/data/b is too large" in told
    kept = await box.client.files.list(purpose="assistants_output")
    assert [(file.filename, file.bytes) for file in kept.data] == [("a", 5 << 20)]


async def test_the_model_learns_that_code_failed_however_much_it_printed(box):
    [told] = await outputs(box, "print('begun', 'x' * 100_000)\n1 / 0")

    assert told.startswith("begun x")
    assert told.endswith("ZeroDivisionError: division by zero\n")
    assert len(told) < 21_000


async def test_calls_of_one_turn_run_one_after_the_other_however_long_it_takes(box):
    slow = "import time; time.sleep(0.5); said = ['one']; print(said)"

    told = await outputs(box, slow, "said.append('two'); print(said)", "said.append('three'); print(said)")

    assert told == ["['one']", "['one', 'two']", "['one', 'two', 'three']"]


@pytest.mark.parametrize("code", ["raise ValueError('\\ud800')", "type('X', (), {'__repr__': lambda x: '\\ud800'})()"])
async def test_text_that_has_no_encoding_is_told_all_the_same(box, code):
    [told] = await outputs(box, code)

    assert told.encode().rstrip().endswith(b"?")


async def test_a_file_of_any_name_can_be_linked_as_the_model_is_told(box):
    link = "sandbox:/mnt/data/50%25%20r%C3%A9sum%C3%A9%20%281%29.csv".replace("%C3%A9", "é")

    [told] = await outputs(box, "open('/mnt/data/50% résumé (1).csv', 'w').write('a')", answer=f"[It]({link}).")

    assert f"link it as {link}.)" in told
    [thread] = (await box.client.get("/threads", cast_to=httpx2.Response)).json()["data"]
    message = (await box.client.beta.threads.messages.list(thread["id"])).data[0]
    [annotation] = message.content[0].text.annotations
    assert annotation.text == link
    assert (await box.client.files.retrieve(annotation.file_path.file_id)).filename == "50% résumé (1).csv"
