"""Runs whose model turns are left to the provider: begun, polled, picked up, cancelled."""

from __future__ import annotations

import pytest

from shared.llm.scripted import call, fail, pause, text


@pytest.fixture
def settings():
    return {"model_turns": "background"}


def test_a_turn_is_begun_once_and_polled_until_it_is_over(client, llm, ask, thread):
    llm.script([call("get_weather", call_id="call_1")], [text("Rain.")])
    llm.polls_before_done = 2

    run = ask()
    assert run.status == "requires_action"
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": "call_1", "output": "wet"}],
        poll_interval_ms=20,
    )

    assert run.status == "completed"
    assert [*llm.started] == [f"{run.id}-0", f"{run.id}-1"]
    assert client.beta.threads.messages.list(thread.id).data[0].content[0].text.value == "Rain."


def test_cancel_reaches_the_provider(client, llm, box, assistant, thread):
    llm.script([text(pause(box.event()))])
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    while not llm.started:
        client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)

    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)

    assert client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=20).status == "cancelled"
    assert llm.cancelled == [*llm.started.values()]


def test_a_response_that_fails_fails_the_run(llm, ask):
    llm.script([fail("rate_limit_exceeded", "Too much.")])

    run = ask()

    assert (run.status, run.last_error.code) == ("failed", "rate_limit_exceeded")


def test_a_listener_gets_its_turn_streamed(client, llm, assistant, thread):
    llm.script([text("Ra", "in.")])

    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        assert [*stream.text_deltas] == ["Ra", "in."]

    assert llm.started == {}


def test_a_run_from_a_line_goes_on_although_its_assistant_is_deleted(client, http, llm, box, assistant, thread):
    held = box.event()
    llm.script([text("One.")], [text(pause(held), "Two.")])
    llm.polls_before_done = 2
    runs = f"threads/{thread.id}/runs"
    _, run = (
        http.post(runs, json={"assistant_id": assistant.id}, headers={"When-Busy": "queue"}).json() for _ in range(2)
    )
    while len(llm.started) < 2:
        assert http.get(f"{runs}/{run['id']}").json()["status"] in ("queued", "in_progress")

    client.beta.assistants.delete(assistant.id)
    box.loop.call_soon_threadsafe(held.set)

    ended = client.beta.threads.runs.poll(run["id"], thread_id=thread.id, poll_interval_ms=20)
    assert (ended.status, ended.last_error) == ("completed", None)
