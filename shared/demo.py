"""The demo: assistant, thread, message, run, poll, with the `openai` SDK against a running host, or one of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shared import host
from shared.config import Settings

if TYPE_CHECKING:
    from openai import OpenAI

QUESTION: Final = "I need to solve the equation `3x + 11 = 14`. Can you help me? And what time is it in Zurich?"
PATIENCE: Final = 60.0


def run(settings: Settings) -> int:
    """Go through a whole run and show what happens. Returns the exit code."""
    settings = host.with_key(settings)
    with running(settings):
        # heavy: loaded on first use
        from openai import OpenAI  # noqa: PLC0415

        warnings.simplefilter("ignore", DeprecationWarning)
        key = next(iter(settings.box_api_keys.values())).get_secret_value()
        return tour(OpenAI(base_url=host.base_url(settings), api_key=key))


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """A host at the settings' address: the one that runs, else our own for as long as the demo takes."""
    if answers(settings):
        yield
        return
    process = subprocess.Popen([sys.executable, "-m", "shared", "run"], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + PATIENCE
        while not answers(settings):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("The host did not start; `make run` shows why.")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def answers(settings: Settings) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex((settings.box_host, settings.box_port)) == 0


def tour(client: OpenAI) -> int:
    """One assistant, one question, one answer."""
    assistants, threads = client.beta.assistants, client.beta.threads
    assistant = assistants.create(
        name="Math Tutor",
        model="demo",
        instructions="You are a personal math tutor.",
        tools=[{"type": "code_interpreter"}],
        metadata={"server_tools": "get_current_time"},
    )
    print(f"assistant  {assistant.id}  {assistant.name}")
    thread = threads.create()
    print(f"thread     {thread.id}")
    message = threads.messages.create(thread.id, role="user", content=QUESTION)
    print(f"message    {message.id}  {QUESTION}")
    started = threads.runs.create(thread.id, assistant_id=assistant.id)
    status, current = "", started
    while True:
        if current.status != status:
            status = current.status
            print(f"run        {current.id}  {status}")
        if status not in ("queued", "in_progress", "cancelling"):
            break
        time.sleep(0.05)
        current = threads.runs.retrieve(started.id, thread_id=thread.id)
    for step in threads.runs.steps.list(started.id, thread_id=thread.id, order="asc"):
        print(f"step       {step.id}  {step.type}: {step.step_details.to_json(indent=None)}")
    for each in threads.messages.list(thread.id, order="asc", run_id=started.id):
        text = "".join(part.text.value for part in each.content if part.type == "text")
        print(f"answer     {each.id}  {text}")
    assistants.delete(assistant.id)
    threads.delete(thread.id)
    return 0 if status == "completed" else 1
