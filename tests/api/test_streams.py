"""Streamed runs: which events come, in which order, and what the real SDK makes of them."""

from __future__ import annotations

import json

import openai
import pytest
from openai import AssistantEventHandler

from shared.llm.scripted import call, fail, incomplete, pause, refusal, text, usage
from shared.tools.base import tool


async def tell_time() -> str:
    """Tell the time."""
    return "noon"


@pytest.fixture
def tools():
    return [tool(tell_time, idempotent=True, timeout=5)]


def names(events):
    return [name.removeprefix("thread.") for name, *_ in events]


OPENING = ["run.created", "run.queued", "run.in_progress"]
MESSAGE = ["run.step.created", "run.step.in_progress", "message.created", "message.in_progress"]
TEXT_END = ["message.completed", "run.step.completed"]


def test_scenario_a_text(stream, llm):
    llm.script([text("Ra", "in."), usage(10, 5)])

    events = list(stream())

    deltas = ["message.delta"] * 2
    assert names(events) == [*OPENING, *MESSAGE, *deltas, *TEXT_END, "run.completed", "done"]
    by_name = {name: data for name, data, _ in events}
    assert by_name["thread.run.created"]["status"] == by_name["thread.run.queued"]["status"] == "queued"
    assert by_name["thread.run.created"]["started_at"] is None
    assert by_name["thread.message.created"]["content"] == []
    assert by_name["thread.run.step.created"]["step_details"]["message_creation"]["message_id"]
    parts = [data["delta"]["content"] for name, data, _ in events if name == "thread.message.delta"]
    assert parts == [
        [{"index": 0, "type": "text", "text": {"value": "Ra", "annotations": []}}],
        [{"index": 0, "type": "text", "text": {"value": "in."}}],
    ]
    assert by_name["thread.message.completed"]["content"][0]["text"]["value"] == "Rain."
    assert by_name["thread.run.step.completed"]["usage"]["total_tokens"] == 15
    assert by_name["thread.run.completed"]["usage"]["total_tokens"] == 15
    assert by_name["thread.run.completed"]["expires_at"] is None
    assert by_name["done"] == "[DONE]"


def test_scenario_a_with_a_new_thread(stream, llm):
    llm.script([text("Rain.")])

    events = list(stream("threads/runs", thread={"messages": [{"role": "user", "content": "Weather?"}]}))

    assert names(events)[:2] == ["created", "run.created"]
    assert events[0][1]["object"] == "thread"


def test_scenario_b_and_c_function_call(stream, llm, thread, http):
    llm.script([call("get_weather", call_id="call_1", city="Oslo")], [text("Rain.")])

    events = list(stream())

    step = ["run.step.created", "run.step.in_progress", *["run.step.delta"] * 3]
    assert names(events) == [*OPENING, *step, "run.requires_action", "done"]
    created = next(data for name, data, _ in events if name == "thread.run.step.created")
    assert created["step_details"] == {"type": "tool_calls", "tool_calls": []}
    deltas = [data["delta"]["step_details"]["tool_calls"][0] for name, data, _ in events if name.endswith("step.delta")]
    opening = {"name": "get_weather", "arguments": "", "output": None}
    assert deltas[0] == {"index": 0, "id": "call_1", "type": "function", "function": opening}
    assert all(set(delta) == {"index", "type", "function"} for delta in deltas[1:])
    assert json.loads("".join(delta["function"]["arguments"] for delta in deltas)) == {"city": "Oslo"}
    run = events[-2][1]
    assert run["usage"] is None

    outputs = [{"tool_call_id": "call_1", "output": "wet"}]
    events = list(stream(f"threads/{thread.id}/runs/{run['id']}/submit_tool_outputs", tool_outputs=outputs))

    first = ["run.step.completed", "run.queued", "run.in_progress"]
    assert names(events) == [*first, *MESSAGE, "message.delta", *TEXT_END, "run.completed", "done"]
    completed = events[0][1]
    assert completed["id"] == created["id"]
    assert completed["step_details"]["tool_calls"][0]["function"]["output"] == "wet"
    assert completed["usage"]["total_tokens"] > 0
    assert events[2][1]["expires_at"] == run["expires_at"]


def test_text_before_a_call_is_a_message_of_its_own(stream, llm):
    llm.script([text("I look."), call("get_weather")])

    listed = names(stream())

    text_step = [*MESSAGE, "message.delta", *TEXT_END]
    assert listed[3:] == [
        *text_step,
        "run.step.created",
        "run.step.in_progress",
        *["run.step.delta"] * (len(listed) - 3 - len(text_step) - 4),
        "run.requires_action",
        "done",
    ]


def test_server_tools_run_in_the_box_and_the_stream_goes_on(stream, llm):
    llm.script([call("tell_time", call_id="call_1")], [text("Noon.")])

    events = list(stream(metadata={"server_tools": "tell_time"}))

    assert "run.requires_action" not in names(events)
    completed = [data for name, data, _ in events if name == "thread.run.step.completed"]
    assert completed[0]["step_details"]["tool_calls"][0]["function"]["output"] == "noon"
    assert names(events)[-2:] == ["run.completed", "done"]


def test_a_turn_may_mix_server_and_client_calls(stream, llm, thread):
    llm.script([call("tell_time", call_id="call_1"), call("get_weather", call_id="call_2")], [text("Rain at noon.")])

    events = list(stream(metadata={"server_tools": "*"}))

    run = events[-2][1]
    wanted = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert [each["id"] for each in wanted] == ["call_2"]
    outputs = [{"tool_call_id": "call_2", "output": "wet"}]
    events = list(stream(f"threads/{thread.id}/runs/{run['id']}/submit_tool_outputs", tool_outputs=outputs))
    calls = events[0][1]["step_details"]["tool_calls"]
    assert [each["function"]["output"] for each in calls] == ["noon", "wet"]
    sent = [item["output"] for item in llm.requests[1].input if item["type"] == "function_call_output"]
    assert sent == ["noon", "wet"]


@pytest.mark.parametrize("settings", [{"heartbeat_seconds": 3600}])
def test_scenario_f_cancel_while_streaming(stream, llm, box, client, thread):
    llm.script([text("Ra", pause(box.event()), "in.")])
    events = []
    for event in stream():
        events.append(event)
        if event[0] == "thread.message.delta":
            client.beta.threads.runs.cancel(events[0][1]["id"], thread_id=thread.id)

    tail = ["run.cancelling", "message.incomplete", "run.step.cancelled", "run.cancelled", "done"]
    assert names(events) == [*OPENING, *MESSAGE, "message.delta", *tail]
    message = next(data for name, data, _ in events if name == "thread.message.incomplete")
    assert message["incomplete_details"] == {"reason": "run_cancelled"}
    assert message["content"][0]["text"]["value"] == "Ra"


def test_scenario_g_failure(stream, llm):
    llm.script([text("Ra"), fail("server_error", "Sorry, something went wrong.")])

    events = list(stream())

    tail = ["message.incomplete", "run.step.failed", "run.failed", "done"]
    assert names(events)[-4:] == tail
    step, run = events[-3][1], events[-2][1]
    assert (
        step["last_error"] == run["last_error"] == {"code": "server_error", "message": "Sorry, something went wrong."}
    )


def test_scenario_h_token_limit(stream, llm):
    llm.script([text("Ra"), incomplete()])

    events = list(stream())

    assert names(events)[-4:] == ["message.incomplete", "run.step.completed", "run.incomplete", "done"]
    assert events[-4][1]["incomplete_details"] == {"reason": "max_tokens"}


def test_a_call_cut_short_by_the_limit_is_paid_for_by_its_step(stream, llm):
    llm.script([text("I look."), call("get_weather"), usage(10, 5), incomplete()])

    events = list(stream())

    assert names(events)[-3:] == ["run.step.completed", "run.incomplete", "done"]
    steps = [data["usage"]["total_tokens"] for name, data, _ in events if name == "thread.run.step.completed"]
    assert sum(steps) == events[-2][1]["usage"]["total_tokens"] == 15


@pytest.mark.parametrize("settings", [{"run_lifetime_seconds": 60, "heartbeat_seconds": 0.05, "lease_seconds": 500}])
def test_scenario_i_expiry(stream, llm, box):
    llm.script([text("Ra", pause(box.event()))])
    events = []
    for event in stream():
        events.append(event)
        if event[0] == "thread.message.delta":
            box.clock.advance(61)

    assert names(events)[-4:] == ["message.incomplete", "run.step.expired", "run.expired", "done"]
    assert events[-4][1]["incomplete_details"] == {"reason": "run_expired"}


def test_scenario_j_server_fault(stream, llm, box, client, thread, assistant):
    class Broken(Exception):
        pass

    def breakdown(request):
        raise Broken

    llm.default = breakdown

    events = list(stream())

    assert names(events) == [*OPENING, "error"]
    assert events[-1][1]["error"]["type"] == "server_error"
    other = client.beta.threads.create()
    with (
        client.beta.threads.runs.stream(thread_id=other.id, assistant_id=assistant.id) as events,
        pytest.raises(openai.APIError),
    ):
        events.until_done()


def test_a_message_deleted_while_it_is_written_is_written_again(stream, llm, box, client, thread):
    go_on = box.event()
    llm.script([text("Ra", pause(go_on), "in.")], [text("Rain again.")])
    events = []
    for event in stream():
        events.append(event)
        if event[0] == "thread.message.delta" and not go_on.is_set():
            client.beta.threads.messages.delete(event[1]["id"], thread_id=thread.id)
            box.loop.call_soon_threadsafe(go_on.set)

    assert names(events)[-2:] == ["run.completed", "done"]
    assert events[-1][2] < 5
    [answer, _] = client.beta.threads.messages.list(thread.id).data
    assert answer.content[0].text.value == "Rain again."


@pytest.mark.parametrize("settings", [{"heartbeat_seconds": 3600}])
def test_a_stream_whose_thread_is_deleted_ends_with_an_error(stream, llm, box, client, thread):
    llm.script([text("Ra", pause(box.event()), "in.")])
    events = []
    for event in stream():
        events.append(event)
        if event[0] == "thread.message.delta":
            client.beta.threads.delete(thread.id)

    assert names(events)[-2:] == ["message.delta", "error"]


def test_a_refusal_is_a_part_of_its_own(stream, llm):
    llm.script([refusal("I ", "won't.")])

    events = list(stream())

    parts = [data["delta"]["content"][0] for name, data, _ in events if name == "thread.message.delta"]
    assert parts[0] == {"index": 0, "type": "refusal", "refusal": "I "}
    message = next(data for name, data, _ in events if name == "thread.message.completed")
    assert message["content"] == [{"type": "refusal", "refusal": "I won't."}]


@pytest.mark.parametrize("said", ["one\u2028two\x85three", "half a pair: \ud83d", "Grüße 🌧"])
def test_no_character_of_an_answer_breaks_the_stream(stream, llm, said):
    llm.script([text(said)])

    [value] = [data["delta"]["content"][0]["text"]["value"] for name, data, _ in stream() if name.endswith("delta")]

    assert value == said


def test_events_are_flushed_one_by_one(stream, llm):
    llm.script([text("a", pause(0.3), "b", pause(0.3), "c")])

    at = [seconds for name, _, seconds in stream() if name == "thread.message.delta"]

    assert at[1] - at[0] > 0.2
    assert at[2] - at[1] > 0.2


def test_a_client_that_leaves_does_not_stop_the_run(http, llm, box, client, assistant, thread):
    go_on = box.event()
    llm.script([text("Ra", pause(go_on), "in.")])
    body = {"assistant_id": assistant.id, "stream": True}
    with http.stream("POST", f"threads/{thread.id}/runs", json=body) as response:
        assert next(response.iter_lines()) == "event: thread.run.created"
    box.loop.call_soon_threadsafe(go_on.set)

    [run] = client.beta.threads.runs.list(thread.id).data
    run = client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=10)
    assert run.status == "completed"
    assert client.beta.threads.messages.list(thread.id).data[0].content[0].text.value == "Rain."


def test_state_is_stored_before_its_event(stream, llm, client, thread):
    llm.script([text("Rain.")])
    for name, data, _ in stream():
        if name == "thread.run.created":
            assert client.beta.threads.runs.retrieve(data["id"], thread_id=thread.id)
        if name == "thread.message.created":
            assert client.beta.threads.messages.retrieve(data["id"], thread_id=thread.id)
        if name == "thread.run.completed":
            client.beta.threads.messages.create(thread.id, role="user", content="Thanks.")


def test_errors_before_the_run_are_json_not_events(http, assistant):
    body = {"assistant_id": assistant.id, "stream": True}
    response = http.post("threads/thread_x/runs", json=body)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/json"


def test_the_sdks_event_handler_follows_a_run_with_a_function(client, llm, assistant, thread):
    llm.script([text("I look."), call("get_weather", call_id="call_1", city="Oslo")], [text("Ra", "in.")])
    heard = []

    class Handler(AssistantEventHandler):
        def on_text_created(self, text):
            heard.append("text created")

        def on_text_delta(self, delta, snapshot):
            heard.append(delta.value)

        def on_tool_call_created(self, tool_call):
            heard.append(tool_call.function.name)

        def on_tool_call_done(self, tool_call):
            heard.append((tool_call.id, tool_call.function.arguments))

        def on_end(self):
            heard.append("end")

    runs = client.beta.threads.runs
    with runs.stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=Handler()) as stream:
        run = stream.get_final_run()
    assert run.status == "requires_action"
    outputs = [{"tool_call_id": "call_1", "output": "wet"}]
    with runs.submit_tool_outputs_stream(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs, event_handler=Handler()
    ) as stream:
        messages = stream.get_final_messages()

    assert messages[-1].content[0].text.value == "Rain."
    assert heard == [
        *("text created", "I look.", "get_weather", ("call_1", '{"city": "Oslo"}'), "end"),
        *("text created", "Ra", "in.", "end"),
    ]
