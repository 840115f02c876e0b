"""Steps with runs: streamed, polled, with functions of the client and tools of the box, left alone, cancelled."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from openai.types.beta.threads import MessageDelta

from shared.smoke.box import PAUSE_SECONDS, BoxUnderTest, text_of
from shared.smoke.report import Look, Wrong

GREETING: Final = "Say hello in one short sentence."
WEATHER: Final = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
FORCED: Final = {"type": "function", "function": {"name": "get_weather"}}
WEATHER_QUESTION: Final = "What is the weather in Oslo? Call get_weather."


def streamed(box: BoxUnderTest) -> dict[str, float]:
    """Events come in order, and their words are the answer."""
    thread, assistant = box.asked(GREETING), box.assistant()
    seen: list[str] = []
    words, first_event, first_words = "", 0.0, 0.0
    started = time.monotonic()
    with box.client.beta.threads.runs.create(thread, assistant_id=assistant, stream=True) as stream:
        for event in stream:
            first_event = first_event or time.monotonic() - started
            seen.append(event.event)
            if event.event == "thread.message.delta":
                first_words = first_words or time.monotonic() - started
                words += words_in(event.data.delta)
    if seen[:1] != ["thread.run.created"]:
        raise Wrong(f"the stream begins with {seen[:1]} instead of thread.run.created", Look.STREAMS)
    if "thread.run.failed" in seen:
        box.completed(box.client.beta.threads.runs.list(thread, limit=1).data[0])
    if "thread.run.completed" not in seen:
        raise Wrong(f"the stream ended early, with {seen[-1]}", Look.STREAMS)
    kept = text_of(box.client.beta.threads.messages.list(thread, limit=1).data[0])
    if not words or words != kept:
        raise Wrong(f"{len(words)} characters were streamed, {len(kept)} are kept in the message", Look.STREAMS)
    return {"first_event_seconds": round(first_event, 2), "first_words_seconds": round(first_words, 2)}


def words_in(delta: MessageDelta) -> str:
    """The words of a message's delta."""
    texts = [part.text for part in delta.content or [] if part.type == "text"]
    return "".join(text.value or "" for text in texts if text is not None)


def polled(box: BoxUnderTest) -> dict[str, float]:
    """A run that nobody listens to is started by the queue."""
    thread, assistant = box.asked(GREETING), box.assistant()
    started = time.monotonic()
    run = box.client.beta.threads.runs.create(thread, assistant_id=assistant)
    while run.status == "queued" and time.monotonic() - started < box.options.patience:
        time.sleep(PAUSE_SECONDS)
        run = box.client.beta.threads.runs.retrieve(run.id, thread_id=thread)
    to_start = time.monotonic() - started
    if not text_of(box.answer(box.completed(run))):
        raise Wrong("the run completed with an empty answer", Look.MODEL)
    return {
        "started_after_seconds": round(to_start, 2),
        "completed_after_seconds": round(time.monotonic() - started, 2),
    }


def function_of_the_client(box: BoxUnderTest) -> dict[str, float]:
    """The run waits for what the client's function gives, and goes on with it."""
    thread, run = waiting_run(box)
    action = run.required_action
    [call] = action.submit_tool_outputs.tool_calls if action is not None else [None]
    if call is None or call.function.name != "get_weather" or "city" not in json.loads(call.function.arguments):
        raise Wrong(f"the run waits for {call}, not for get_weather with a city", Look.MODEL)
    output = json.dumps({"weather": "sunny", "celsius": 21})
    run = box.client.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=thread, tool_outputs=[{"tool_call_id": call.id, "output": output}]
    )
    run = box.completed(run)
    box.answer(run)
    if [each.function.output for each in box.calls(run)] != [output]:
        raise Wrong("the run's step does not hold the output that was submitted", Look.STORAGE)
    return {}


def waiting_run(box: BoxUnderTest) -> tuple[str, Any]:
    """A run that waits for the client, and its thread. Raises Wrong."""
    thread, assistant = box.asked(WEATHER_QUESTION), box.assistant(tools=[WEATHER])
    choice: Any = FORCED
    run = box.settled(box.client.beta.threads.runs.create(thread, assistant_id=assistant, tool_choice=choice))
    if run.status != "requires_action":
        box.completed(run)
        raise Wrong("the run was over without having called the client's function", Look.MODEL)
    return thread, run


def tool_of_the_box(box: BoxUnderTest) -> dict[str, float]:
    """A tool that the box runs itself: its output is in the steps, and nobody was asked for it."""
    thread = box.asked("What time is it in Tokyo? Use the tool get_current_time.")
    assistant = box.assistant(server_tools="get_current_time")
    run = box.settled(box.client.beta.threads.runs.create(thread, assistant_id=assistant))
    if run.status == "requires_action":
        raise Wrong("the box asks the client for get_current_time, which it should run itself", Look.TOOLS)
    box.answer(box.completed(run))
    outputs = [call.function.output for call in box.calls(run) if call.type == "function"]
    if not outputs or not outputs[0]:
        raise Wrong("the model was not offered get_current_time, or did not call it", Look.TOOLS)
    if outputs[0].startswith("Error"):
        raise Wrong(f"get_current_time failed: {outputs[0]}", Look.TOOLS)
    return {}


def disconnected(box: BoxUnderTest) -> dict[str, float]:
    """A run whose listener leaves goes on to its end."""
    thread, assistant = box.asked(GREETING), box.assistant()
    with box.client.beta.threads.runs.create(thread, assistant_id=assistant, stream=True) as stream:
        for event in stream:
            if event.event in ("thread.run.in_progress", "thread.message.delta"):
                break
    left = time.monotonic()
    [run] = box.client.beta.threads.runs.list(thread).data
    box.answer(box.completed(run))
    return {"completed_after_seconds": round(time.monotonic() - left, 2)}


def cancelled(box: BoxUnderTest) -> dict[str, float]:
    """A run that waits for the client ends when it is cancelled, and its thread is free again."""
    thread, run = waiting_run(box)
    run = box.settled(box.client.beta.threads.runs.cancel(run.id, thread_id=thread))
    if run.status != "cancelled":
        raise Wrong(f"the cancelled run is {run.status}", Look.QUEUE)
    box.client.beta.threads.messages.create(thread, role="user", content="Never mind.")
    return {}
