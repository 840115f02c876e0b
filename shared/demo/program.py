"""The demo: assistant, thread, messages, runs, polling, with the `openai` SDK, shown as a conversation."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from shared.demo import OFFLINE
from shared.json_types import Json

if TYPE_CHECKING:
    from openai import OpenAI

NAME: Final = "Math Tutor"
QUESTIONS: Final = ("I need to solve the equation `3x + 11 = 14`. Can you help me?", "What time is it in Zurich?")
#: Seconds between looks at a run.
DEMO_POLL: Final = 0.05


Say = Callable[[str], None]


def say(text: str) -> None:
    """Print some lines of the demo."""
    print(text, flush=True)


def tour(client: OpenAI, model: str, say: Say = say) -> list[Json]:
    """Ask a tutor two questions and say what happens. Returns the questions, each with its status and answer."""
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
    told = [ask(client, assistant.id, thread.id, question, say) for question in QUESTIONS]
    client.beta.assistants.delete(assistant.id)
    client.beta.threads.delete(thread.id)
    return told


def ask(client: OpenAI, assistant_id: str, thread_id: str, question: str, say: Say) -> Json:
    """Add a message, run, poll, and say what the run did and the answer. Returns them."""
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
    answers = [
        "".join(part.text.value for part in message.content if part.type == "text")
        for message in threads.messages.list(thread_id, order="asc", run_id=run.id)
    ]
    for answer in answers:
        say(f"{NAME}: {answer}")
    why = f": {run.last_error.message}" if run.last_error is not None else ""
    seconds = round(time.monotonic() - began, 1)
    say(f"  ({run.status} after {seconds} s{why})")
    return {"question": question, "status": run.status, "answers": answers, "seconds": seconds}


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
