"""Conversations whose end is known, however often their hosts die."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.durability.hosts import Client, Hosts, patience
from tests.fakes.weather import WEATHER

#: What the user says (the fake model obeys), and the steps that must come of it.
STORIES = {
    "text": ("say Hello.", ["message_creation"]),
    "client function": ('call get_weather {"city": "Oslo"}\nthen\nsay Hello.', ["tool_calls", "message_creation"]),
    "server tool": ('call look_up {"word": "box"}\nthen\nsay Hello.', ["tool_calls", "message_creation"]),
    "letter": ('call send_letter {"text": "hi"}\nthen\nsay Hello.', ["tool_calls", "message_creation"]),
    "mixed": (
        'call send_letter {"text": "hi"}\ncall get_weather {"city": "Oslo"}\nthen\ncall look_up {"word": "box"}\n'
        "then\nsay Hello.",
        ["tool_calls", "tool_calls", "message_creation"],
    ),
    "approved": (
        'call send_letter {"text": "hi"}\ncall get_weather {"city": "Oslo"}\ncall look_up {"word": "box"}\n'
        "then\nsay Hello.",
        ["tool_calls", "message_creation"],
    ),
}
#: Which tools of the box a story's run may use, if it is not each of them.
SERVER_TOOLS = {"approved": "* send_letter:ask"}


async def assistant(client: Client) -> str:
    body = {"model": "gpt-fake", "tools": [WEATHER]}
    return str((await client.ask("POST", "assistants", body)).json()["id"])


async def tell(client: Client, assistant_id: str, story: str) -> tuple[str, dict[str, Any]]:
    """Live through a story; the thread and its finished run."""
    thread = await client.thread(STORIES[story][0])
    run = await client.begin(thread, assistant_id, SERVER_TOOLS.get(story, "*"))
    return thread, await client.finish(thread, run)


async def check(client: Client, hosts: Hosts, story: str, thread: str, run: dict[str, Any]) -> None:
    """The story came to its one right end."""
    assert run["status"] == "completed", run
    steps = (await client.get(f"threads/{thread}/runs/{run['id']}/steps?order=asc&limit=100"))["data"]
    assert [step["type"] for step in steps] == STORIES[story][1], story
    assert {step["status"] for step in steps} == {"completed"}
    assert run["usage"]["total_tokens"] == sum(step["usage"]["total_tokens"] for step in steps)
    # What a process was told right before it died, nobody can count: then the step of the next turn says so.
    left = any("usage" in step["metadata"] for step in steps)
    reported = await client.reported(thread)
    assert run["usage"]["total_tokens"] <= reported if left else run["usage"]["total_tokens"] == reported
    messages = (await client.get(f"threads/{thread}/messages?order=asc"))["data"]
    assert [(each["role"], each["status"]) for each in messages] == [("user", "completed"), ("assistant", "completed")]
    assert messages[1]["content"][0]["text"]["value"] == "Hello."
    calls = [call for step in steps for call in step["step_details"].get("tool_calls", [])]
    for call in calls:
        name, output = call["function"]["name"], call["function"]["output"]
        if name == "send_letter":
            sent = hosts.letters().count(call["id"])
            assert sent <= 1, "a letter was sent twice"
            assert (output == "sent" and sent == 1) or "unknown whether" in output
        else:
            assert output == {"get_weather": "wet", "look_up": "box: a word"}[name]
    check_events((await client.get(f"threads/{thread}/runs/{run['id']}/events?order=asc&limit=100"))["data"])
    again = await client.ask("POST", f"threads/{thread}/messages", {"role": "user", "content": "Thanks."})
    assert again.status_code == 200, "the thread is still locked"


async def check_usage(client: Client, runs: Sequence[dict[str, Any]]) -> None:
    """The report adds up to what these runs, all that there were, have used; it may come with a watchdog."""
    expected = [len(runs)]
    expected += [sum(run["usage"][name] for run in runs) for name in ("prompt_tokens", "completion_tokens")]
    async with patience(f"a report of {expected}", 30):
        while True:
            found = (await client.get("usage?group_by=owner"))["data"]
            told = [found[0][name] for name in ("runs", "input_tokens", "output_tokens")] if found else [0, 0, 0]
            assert all(each <= right for each, right in zip(told, expected, strict=True)), (told, expected)
            if told == expected:
                return
            await asyncio.sleep(0.1)


def check_events(events: list[dict[str, Any]]) -> None:
    """The run's own record says once what was done once, and of each driver what became of it."""
    types = [each["type"] for each in events]
    assert (types[0], types.count("run.created")) == ("run.created", 1), types
    assert (types[-1], types.count("run.completed")) == ("run.completed", 1), types
    turns = [each["details"]["turn"] for each in events if each["type"] == "turn.finished"]
    assert turns == [*range(1, len(turns) + 1)]
    ended = [
        (each["details"]["turn"], each["details"]["call_id"]) for each in events if each["type"] == "call.finished"
    ]
    assert len({*ended}) == len(ended)
    holder = None
    for each in events:
        if each["type"] == "lease.taken":
            assert holder is None, types
            holder = each["by"]
        elif each["type"] in ("lease.lost", "lease.released"):
            assert each["by"] == holder
            holder = None
        elif each["type"] in ("outputs.asked", "approval.asked", "turn.left"):
            holder = None
