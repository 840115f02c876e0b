"""The demo: assistant, thread, messages, runs, polling, with the `openai` SDK."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from shared.demo import OFFLINE

if TYPE_CHECKING:
    from openai import OpenAI

QUESTIONS: Final = ("I need to solve the equation `3x + 11 = 14`. Can you help me?", "What time is it in Zurich?")


def tour(client: OpenAI, model: str) -> int:
    """Ask a tutor two questions and show what happens. Returns the exit code."""
    assistant = client.beta.assistants.create(
        name="Math Tutor",
        model=model,
        instructions="You are a personal math tutor. Write and run code to answer math questions.",
        tools=[{"type": "code_interpreter"}],
        metadata={"server_tools": "get_current_time"},
    )
    show("assistant", assistant.id, assistant.name or "")
    if any(each.id == OFFLINE for each in client.models.list()):
        show("model", OFFLINE, "The offline demo answers: a handful of rules, not a language model.")
    thread = client.beta.threads.create()
    show("thread", thread.id, "")
    statuses = [ask(client, assistant.id, thread.id, question) for question in QUESTIONS]
    client.beta.assistants.delete(assistant.id)
    client.beta.threads.delete(thread.id)
    return 0 if set(statuses) == {"completed"} else 1


def ask(client: OpenAI, assistant_id: str, thread_id: str, question: str) -> str:
    """Add a message, run, poll, and print each change of status, each step and the answer. Returns the last status."""
    threads = client.beta.threads
    show("message", threads.messages.create(thread_id, role="user", content=question).id, question)
    run = threads.runs.create(thread_id, assistant_id=assistant_id)
    show("run", run.id, run.status)
    while run.status in ("queued", "in_progress", "cancelling"):
        time.sleep(0.05)
        before, run = run.status, threads.runs.retrieve(run.id, thread_id=thread_id)
        if run.status != before:
            show("run", run.id, run.status)
    if run.last_error is not None:
        show("error", run.id, run.last_error.message)
    for step in threads.runs.steps.list(run.id, thread_id=thread_id, order="asc"):
        show("step", step.id, step.step_details.to_json(indent=None))
    for message in threads.messages.list(thread_id, order="asc", run_id=run.id):
        show("answer", message.id, "".join(part.text.value for part in message.content if part.type == "text"))
    return run.status


def show(what: str, identifier: str, text: str) -> None:
    """A line of the demo."""
    print(f"{what:10} {identifier}  {text}", flush=True)
