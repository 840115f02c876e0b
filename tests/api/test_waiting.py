"""Runs that may wait, and what that changes for their clients."""

from __future__ import annotations

import pytest
from openai import BadRequestError

from shared.llm.scripted import call, pause, text
from tests.waiting import until

HOURS = {"2h": 7200, "8h": 28800}


@pytest.fixture
def settings():
    return {"completion_windows": "2h,8h", "service_tiers": "flex,priority"}


@pytest.fixture
def begin(client, assistant, thread):
    def begin(**metadata):
        return client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, metadata=metadata)

    return begin


@pytest.fixture
def end(client, thread):
    def end(run):
        return client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=20)

    return end


@pytest.fixture
def steps(http, thread):
    def steps(run):
        return http.get(f"threads/{thread.id}/runs/{run.id}/steps", params={"order": "asc"}).json()["data"]

    return steps


@pytest.mark.parametrize("window", HOURS)
def test_a_run_in_a_window_is_taken_in_the_background_and_lasts_as_long(llm, begin, end, steps, window):
    llm.service_tier = "default"
    llm.script([text("Rain.")])

    run = begin(completion_window=window)

    assert run.expires_at - run.created_at == HOURS[window] + 600
    assert end(run).status == "completed"
    assert [*llm.started] == [f"{run.id}-0"]
    assert (llm.requests[0].completion_window, llm.requests[0].service_tier) == (window, "default")
    assert [step["metadata"] for step in steps(run)] == [{"completion_window": window, "service_tier": "default"}]


def test_each_turn_has_the_whole_window(client, llm, box, begin, end, thread):
    answers = box.event()
    llm.script([call("get_weather", call_id="call_1")], [text("Rain.", pause(answers))])
    run = end(begin(completion_window="2h"))
    assert run.status == "requires_action"

    box.clock.advance(3600)
    outputs = [{"tool_call_id": "call_1", "output": "wet"}]
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs)

    def expires_at():
        return client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).expires_at

    until(lambda: expires_at() >= run.expires_at + 3600)
    box.loop.call_soon_threadsafe(answers.set)
    assert end(run).status == "completed"


def test_changed_metadata_changes_nothing_any_more(client, llm, begin, end, steps, thread):
    llm.script([call("get_weather", call_id="call_1")], [text("Rain.")])
    run = end(begin(completion_window="2h"))
    client.beta.threads.runs.update(run.id, thread_id=thread.id, metadata={})
    outputs = [{"tool_call_id": "call_1", "output": "wet"}]
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs)
    assert end(run).status == "completed"
    assert [request.completion_window for request in llm.requests] == ["2h", "2h"]


def test_a_tier_is_asked_for_and_the_step_says_which_one_it_was(llm, begin, end, steps):
    llm.service_tier = "default"
    llm.script([text("Rain.")])
    run = begin(service_tier="flex")
    assert run.expires_at - run.created_at == 600
    assert end(run).status == "completed"
    assert (llm.requests[0].service_tier, llm.started) == ("flex", {})
    assert [step["metadata"] for step in steps(run)] == [{"service_tier": "default"}]


def test_a_model_that_does_not_say_how_it_served_is_not_spoken_for(llm, begin, end, steps):
    llm.script([text("Rain.")])
    run = begin(service_tier="flex")
    assert end(run).status == "completed"
    assert [step["metadata"] for step in steps(run)] == [{"service_tier": "not reported"}]


def test_an_ordinary_run_says_nothing_of_it(llm, begin, end, steps):
    llm.service_tier = "default"
    llm.script([text("Rain.")])
    run = begin(topic="weather")
    assert end(run).status == "completed"
    assert [step["metadata"] for step in steps(run)] == [{}]


@pytest.mark.parametrize(
    ("metadata", "more", "param", "words"),
    [
        ({"completion_window": "4h"}, {}, "metadata.completion_window", "'2h' and '8h'"),
        ({"service_tier": "ultrafast"}, {}, "metadata.service_tier", "'flex' and 'priority'"),
        ({"completion_window": "2h", "service_tier": "flex"}, {}, "metadata.service_tier", "'default'"),
        ({"completion_window": "2h"}, {"stream": True}, "stream", "cannot be streamed"),
    ],
)
def test_what_cannot_be_had_is_refused_at_once(client, assistant, thread, metadata, more, param, words):
    with pytest.raises(BadRequestError, match=words) as caught:
        client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, metadata=metadata, **more)
    assert caught.value.param == param
    assert client.beta.threads.runs.list(thread.id).data == []


def test_outputs_of_a_waiting_run_cannot_be_streamed_but_given_again(client, http, llm, begin, end, thread):
    llm.script([call("get_weather", call_id="call_1")], [text("Rain.")])
    run = end(begin(completion_window="2h"))
    path = f"threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "wet"}]}
    refused = http.post(path, json=outputs | {"stream": True})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "stream")
    assert http.post(path, json=outputs).status_code == 200
    assert end(run).status == "completed"


@pytest.mark.parametrize("settings", [{}])
def test_where_nothing_is_allowed_the_keys_mean_nothing(llm, begin, end):
    llm.script([text("Rain.")])
    run = begin(completion_window="soon", service_tier="silver")
    assert run.expires_at - run.created_at == 600
    assert end(run).status == "completed"
    assert (llm.requests[0].completion_window, llm.requests[0].service_tier) == (None, None)
