"""A streamed run that has no tools: its message is stored with the run, and the first word need not wait for that."""

from __future__ import annotations

import pytest

from shared.llm.scripted import call, fail, pause, text

OPENING = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
MESSAGE = ["thread.run.step.created", "thread.run.step.in_progress", "thread.message.created"]


@pytest.fixture
def assistant(client):
    """One that has no tools."""
    return client.beta.assistants.create(model="gpt-x")


@pytest.fixture
def steps(client, thread):
    def steps(run_id):
        return client.beta.threads.runs.steps.list(run_id, thread_id=thread.id).data

    return steps


def test_the_message_is_there_before_it_is_told_of(stream, llm, box, client, thread, steps):
    go_on = box.event()
    llm.script([pause(go_on), text("Ra", "in.")])
    events, seen = [], []
    for event in stream():
        events.append(event)
        if event[0] == "thread.run.in_progress":
            seen = [client.beta.threads.messages.list(thread.id).data[0], *steps(event[1]["id"])]
            box.loop.call_soon_threadsafe(go_on.set)

    named = {name: data for name, data, _ in events}
    assert [name for name, *_ in events][:6] == [*OPENING, *MESSAGE]
    message, step = seen
    assert (message.status, message.content, message.run_id) == ("in_progress", [], named["thread.run.created"]["id"])
    assert named["thread.message.created"] == message.model_dump()
    assert step.id == named["thread.run.step.created"]["id"]
    stored = client.beta.threads.messages.retrieve(message.id, thread_id=thread.id)
    assert stored.model_dump() == named["thread.message.completed"]
    assert stored.content[0].text.value == "Rain."


@pytest.mark.parametrize("settings", [{"run_lifetime_seconds": 60, "heartbeat_seconds": 0.05, "lease_seconds": 500}])
@pytest.mark.parametrize("end", ["cancelled", "expired", "failed"])
def test_a_run_that_ends_before_the_first_word_leaves_no_message(stream, llm, box, client, thread, steps, end):
    llm.script([fail("server_error", "Sorry.")] if end == "failed" else [pause(box.event()), text("Rain.")])
    events = []
    for event in stream():
        events.append(event)
        if event[0] == "thread.run.in_progress" and end == "cancelled":
            client.beta.threads.runs.cancel(event[1]["id"], thread_id=thread.id)
        elif event[0] == "thread.run.in_progress" and end == "expired":
            box.clock.advance(61)

    cancelling = ["thread.run.cancelling"] if end == "cancelled" else []
    assert [name for name, *_ in events] == [*OPENING, *cancelling, f"thread.run.{end}", "done"]
    assert [each.role for each in client.beta.threads.messages.list(thread.id).data] == ["user"]
    assert steps(events[0][1]["id"]) == []


def test_a_model_that_calls_instead_leaves_no_message(stream, llm, client, thread, steps):
    """Some call what they were not offered."""
    llm.script([call("get_weather", call_id="call_1")])

    events = list(stream())

    assert events[-2][0] == "thread.run.requires_action"
    assert [each.role for each in client.beta.threads.messages.list(thread.id).data] == ["user"]
    assert [each.type for each in steps(events[0][1]["id"])] == ["tool_calls"]


def test_the_next_answer_is_about_what_was_said(stream, llm, client, thread):
    """What a run reserved and did not use is in nobody's way."""
    llm.script([fail("server_error", "Sorry.")], [text("Rain.")], [text("Still.")])
    for _ in range(3):
        list(stream())

    said = [part["text"] for item in llm.requests[-1].input for part in item["content"]]
    assert said == ["Weather?", "Rain."]
    answers = [each.content[0].text.value for each in client.beta.threads.messages.list(thread.id).data]
    assert answers == ["Still.", "Rain.", "Weather?"]
