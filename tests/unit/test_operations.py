"""What a run costs in storage operations: the figures of the README, which must not creep up."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bench.counting import counting
from bench.operations import HELLO, OWNER, count_run, look_up, thread_of
from shared.app import build, storage_for
from shared.assistants import assistants
from shared.config import Settings
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm, pause, text
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.message_requests import CreateMessage
from shared.objects.run_requests import CreateRun
from shared.objects.thread_requests import CreateThread
from shared.paging import ListQuery
from shared.runs import create
from shared.runs.create import READ_ALONG
from shared.threads import messages, threads
from shared.tools.base import tool

#: How it is begun, tool calls (None: no tool is offered) -> operations of a run that ends alone: its usage shares a
#: commit with none.
OPERATIONS = {
    ("queued", None): 10,
    ("queued", 0): 10,
    ("queued", 1): 12,
    ("queued", 3): 16,
    ("polled", None): 6,
    ("polled", 0): 6,
    ("polled", 1): 8,
    ("polled", 3): 12,
    ("streamed", None): 6,
    ("streamed", 0): 7,
    ("streamed", 1): 10,
}


@pytest.mark.parametrize(("kind", "calls"), OPERATIONS)
@pytest.mark.parametrize("length", [1, 60, READ_ALONG + 1])
async def test_operations_of_a_run(tmp_path, kind, calls, length):
    start = "queue" if kind == "queued" else "here"
    settings, llm = Settings(_env_file=None, box_home=tmp_path, sandbox="none", run_start=start), ScriptedLlm()
    counter: Counter[str] = Counter()
    tools = [tool(look_up, idempotent=True, timeout=5)]
    box = build(settings, storage=counting(storage_for(settings), counter), llm=llm, tools=tools)

    counts = await count_run(box, llm, counter, length, kind=kind, calls=calls)

    # Who drives a run that it began reads the messages of a thread along with its head, if they are not many.
    more = kind != "queued" and length > READ_ALONG
    assert sum(counts.values()) == OPERATIONS[kind, calls] + more, counts
    await box.close()


async def test_four_operations_come_before_the_first_word(tmp_path):
    settings, llm, counter = Settings(_env_file=None, box_home=tmp_path, sandbox="none"), ScriptedLlm(), Counter[str]()
    box = build(settings, storage=counting(storage_for(settings), counter), llm=llm)
    caller = Caller(box.deps, OWNER)
    assistant = await assistants.create(caller, CreateAssistant(model="m"))
    thread = await threads.create(caller, CreateThread(messages=[HELLO]))
    llm.script([text("Hel"), pause(asyncio.Event())])
    counter.clear()
    body = CreateRun(assistant_id=assistant["id"])
    listener = await create.create_streamed(caller, box.driven, thread["id"], body, ())
    while b"thread.message.delta" not in await listener.read():
        pass
    assert dict(counter) == {"table.scan": 1, "table.get": 1, "queue.prepare": 1, "table.commit": 1}
    await box.close()


@pytest.mark.parametrize("length", [0, READ_ALONG - 1, READ_ALONG, READ_ALONG + 1])
async def test_the_model_is_shown_every_message_in_order(tmp_path, length):
    """Those that were read along with the head, those that were not, and those that come with the run."""
    box = build(Settings(_env_file=None, box_home=tmp_path, sandbox="none"), llm=(llm := ScriptedLlm()))
    caller = Caller(box.deps, OWNER)
    said = [CreateMessage(role="user", content=str(number)) for number in range(length + 2)]
    assistant = await assistants.create(caller, CreateAssistant(model="m"))
    thread = await thread_of(caller, said[:length])
    body = CreateRun(assistant_id=assistant["id"], additional_messages=said[length:])
    llm.script([text("Hello.")])
    listener = await create.create_streamed(caller, box.driven, thread["id"], body, ())
    while await listener.read():
        pass
    await box.close()
    assert [part["text"] for item in llm.requests[0].input for part in item["content"]] == [
        str(number) for number in range(length + 2)
    ]


@pytest.mark.parametrize("length", [1, threads.READ_ALONG, threads.READ_ALONG + 1])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_the_messages_of_a_short_thread_are_listed_with_one_read(tmp_path, length, order):
    settings, counter = Settings(_env_file=None, box_home=tmp_path, sandbox="none"), Counter[str]()
    box = build(settings, storage=counting(storage_for(settings), counter), llm=ScriptedLlm())
    caller = Caller(box.deps, OWNER)
    said = [CreateMessage(role="user", content=str(number)) for number in range(length)]
    thread = (await threads.create(caller, CreateThread(messages=said)))["id"]
    counter.clear()

    heard: list[str] = []
    page, query = None, ListQuery(limit=7, order=order)
    while page is None or page.has_more:
        page = await messages.list_page(caller, thread, query, None)
        heard += [row.data["content"][0]["text"]["value"] for row in page.records]
        query = ListQuery(limit=7, order=order, after=page.records[-1].key)

    asked = [each.content for each in said]
    assert heard == (asked if order == "asc" else asked[::-1])
    assert sum(counter.values()) == -(-length // 7) * (1 if length <= threads.READ_ALONG else 2)
    await box.close()
