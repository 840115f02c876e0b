"""The demo: assistant, thread, messages, runs, polling, with the `openai` SDK, shown as a conversation."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from shared.demo import OFFLINE

if TYPE_CHECKING:
    from openai import OpenAI

NAME: Final = "Math Tutor"
QUESTIONS: Final = ("I need to solve the equation `3x + 11 = 14`. Can you help me?", "What time is it in Zurich?")
#: Seconds between looks at a run.
DEMO_POLL: Final = 0.05


def tour(client: OpenAI, model: str) -> int:
    """Ask a tutor two questions and show what happens. Returns the exit code."""
    if any(each.id == OFFLINE for each in client.models.list()):
        say("The offline demo answers: a handful of rules, not a language model.")
    assistant = client.beta.assistants.create(
        name=NAME,
        model=model,
        instructions="You are a personal math tutor. Write and run code to answer math questions.",
        tools=[{"type": "code_interpreter"}],
        metadata={"server_tools": "get_current_time"},
    )
    thread = client.beta.threads.create()
    statuses = [ask(client, assistant.id, thread.id, question) for question in QUESTIONS]
    client.beta.assistants.delete(assistant.id)
    client.beta.threads.delete(thread.id)
    return 0 if set(statuses) == {"completed"} else 1


def ask(client: OpenAI, assistant_id: str, thread_id: str, question: str) -> str:
    """Add a message, run, poll, and print what the run did and the answer. Returns the last status."""
    say(f"\nYou: {question}")
    threads, began = client.beta.threads, time.monotonic()
    threads.messages.create(thread_id, role="user", content=question)
    run = threads.runs.create(thread_id, assistant_id=assistant_id)
    while run.status in ("queued", "in_progress", "cancelling"):
        time.sleep(DEMO_POLL)
        run = threads.runs.retrieve(run.id, thread_id=thread_id)
    for step in threads.runs.steps.list(run.id, thread_id=thread_id, order="asc"):
        if step.step_details.type == "tool_calls":
            for call in step.step_details.tool_calls:
                say("\n".join(did(call)))
    for message in threads.messages.list(thread_id, order="asc", run_id=run.id):
        say(f"{NAME}: " + "".join(part.text.value for part in message.content if part.type == "text"))
    why = f": {run.last_error.message}" if run.last_error is not None else ""
    say(f"  ({run.status} after {time.monotonic() - began:.1f} s{why})")
    return run.status


def did(call: Any) -> Iterator[str]:
    """What a tool call did, in lines."""
    if call.type == "code_interpreter":
        yield "  runs Python:"
        yield textwrap.indent(call.code_interpreter.input.strip(), "    ")
        for output in call.code_interpreter.outputs:
            yield "  which prints:"
            yield textwrap.indent(output.logs.strip() if output.type == "logs" else "(a picture)", "    ")
    elif call.type == "function":
        given = ", ".join(f"{name}={value!r}" for name, value in json.loads(call.function.arguments or "{}").items())
        yield f"  calls {call.function.name}({given})"
        yield textwrap.indent(call.function.output or "", "    ")


def say(text: str) -> None:
    """Some lines of the demo."""
    print(text, flush=True)
