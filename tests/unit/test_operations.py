"""What a run costs in storage operations: the figures of the README, which must not creep up."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.operations import OWNER, count_run, look_up
from shared.app import build, storage_for
from shared.assistants import assistants
from shared.config import Settings
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.message_requests import CreateMessage
from shared.objects.run_requests import CreateRun
from shared.objects.thread_requests import CreateThread
from shared.runs import create
from shared.threads import threads
from shared.threads.threads import READ_ALONG
from shared.tools.base import tool

#: Streamed?, tool calls -> operations.
OPERATIONS = {(False, 0): 10, (False, 1): 12, (False, 3): 16, (True, 0): 8, (True, 1): 11}


@pytest.mark.parametrize(("streamed", "calls"), OPERATIONS)
@pytest.mark.parametrize("length", [1, 60])
async def test_operations_of_a_run(tmp_path, streamed, calls, length):
    settings, llm = Settings(_env_file=None, box_home=tmp_path, sandbox="none"), ScriptedLlm()
    counter: Counter[str] = Counter()
    tools = [tool(look_up, idempotent=True, timeout=5)]
    box = build(settings, storage=storage_for(settings, counter), llm=llm, tools=tools)

    counts = await count_run(box, llm, counter, length, streamed=streamed, calls=calls)

    # A streamed run reads the messages of a short thread along with its head.
    spared = streamed and length <= READ_ALONG
    assert sum(counts.values()) == OPERATIONS[streamed, calls] - spared, counts
    await box.close()


@pytest.mark.parametrize("length", [0, READ_ALONG - 1, READ_ALONG, READ_ALONG + 1])
async def test_the_model_is_shown_every_message_in_order(tmp_path, length):
    """Those that were read along with the head, those that were not, and those that come with the run."""
    box = build(Settings(_env_file=None, box_home=tmp_path, sandbox="none"), llm=(llm := ScriptedLlm()))
    caller = Caller(box.deps, OWNER)
    said = [CreateMessage(role="user", content=str(number)) for number in range(length + 2)]
    assistant = await assistants.create(caller, CreateAssistant(model="m"))
    thread = await threads.create(caller, CreateThread(messages=said[:length]))
    body = CreateRun(assistant_id=assistant["id"], additional_messages=said[length:])
    llm.script([text("Hello.")])
    listener = await create.create_streamed(caller, box.streamed, thread["id"], body, ())
    while await listener.read():
        pass
    await box.close()
    assert [part["text"] for item in llm.requests[0].input for part in item["content"]] == [
        str(number) for number in range(length + 2)
    ]
