"""A box at servers that tell a turn in other ways than OpenAI's: what clients see is the same."""

from __future__ import annotations

import pytest

from tests.api.conftest import ModelBox
from tests.fakes.accents import (
    as_llama_cpp,
    as_ollama,
    in_one_piece,
    thinking_elsewhere,
    with_arguments,
    with_content,
    with_empty_items,
    with_last_words,
    with_new_ids,
    with_texts_at_their_end,
    with_value,
    without_deltas,
    without_ends_of_items,
    without_places,
)
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread
from tests.fakes.weather import WEATHER

LOOK = FakeTurn(reasoning=True, text=("Let me ", "look."), calls=(("get_weather", '{"city": "Oslo"}'),))
TELL = FakeTurn(text=("Ra", "in."))
ACCENTS = [
    *(None, as_ollama, as_llama_cpp, with_new_ids, without_places),
    *(thinking_elsewhere, with_last_words, in_one_piece, without_deltas),
    *(with_texts_at_their_end, with_empty_items, without_ends_of_items),
]


@pytest.fixture
def fake():
    return FakeResponses()


@pytest.fixture
def box(tmp_path, fake, settings):
    with serving_in_thread(fake) as url:
        made = ModelBox(tmp_path, {"box_model_base_url": url, "embedding_model": ""} | settings)
        made.start()
        yield made
        made.stop()


@pytest.fixture
def assistant(client):
    return client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])


@pytest.fixture
def thread(client):
    return client.beta.threads.create(messages=[{"role": "user", "content": "Weather in Oslo?"}])


@pytest.fixture
def go(client, thread, assistant):
    """A run up to where it stops, and the names of its events: "stream" or "poll"."""

    def go(how, run_id=None, outputs=()):
        runs = client.beta.threads.runs
        begun = {"thread_id": thread.id, "assistant_id": assistant.id}
        if run_id is not None:
            begun = {"thread_id": thread.id, "run_id": run_id, "tool_outputs": outputs}
        if how == "poll":
            call = runs.create_and_poll if run_id is None else runs.submit_tool_outputs_and_poll
            return call(**begun, poll_interval_ms=20), []
        with (runs.stream if run_id is None else runs.submit_tool_outputs_stream)(**begun) as stream:
            heard = [event.event for event in stream]
            return stream.get_final_run(), heard

    return go


def said(client, thread) -> list[tuple[str, list[str]]]:
    """What the assistant wrote: status and texts of each message."""
    messages = client.beta.threads.messages.list(thread.id, order="asc").data
    return [
        (message.status, [part.text.value for part in message.content])
        for message in messages
        if message.role == "assistant"
    ]


@pytest.mark.parametrize("accent", ACCENTS)
@pytest.mark.parametrize("how", ["stream", "poll"])
def test_what_was_said_before_and_after_a_call_is_there_once(client, fake, thread, go, accent, how):
    fake.accent = accent
    fake.script(LOOK, TELL)
    run, heard = go(how)
    assert (run.status, heard.count("thread.message.created")) == ("requires_action", 1 if heard else 0)
    [call] = run.required_action.submit_tool_outputs.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "Oslo"}')

    run, heard = go(how, run.id, [{"tool_call_id": call.id, "output": "rain"}])
    assert (run.status, heard.count("thread.message.completed")) == ("completed", 1 if heard else 0)
    assert said(client, thread) == [("completed", ["Let me look."]), ("completed", ["Rain."])]
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert {step.status for step in steps} == {"completed"}
    told = [item.get("type") for item in fake.bodies[1]["input"] if item.get("type") != "reasoning"]
    assert told == ["message", "message", "function_call", "function_call_output"]


@pytest.mark.parametrize("accent", ACCENTS)
def test_a_stream_tells_of_all_that_was_said_and_called(client, fake, thread, assistant, accent):
    fake.accent = accent
    fake.script(LOOK)
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        said = "".join(stream.text_deltas)
        [call] = stream.get_final_run_steps()[-1].step_details.tool_calls
    assert said == "Let me look."
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "Oslo"}')


@pytest.mark.parametrize("accent", [each for each in ACCENTS if each != without_places])
@pytest.mark.parametrize("words", [(), ("Let me ", "look.")], ids=["silent", "with words"])
def test_parallel_calls_arrive_apart(client, fake, thread, assistant, accent, words):
    fake.accent = accent
    fake.script(FakeTurn(text=words, calls=(("get_weather", '{"city": "Oslo"}'), ("get_time", '{"city": "Bern"}'))))
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        told = stream.get_final_run_steps()[-1].step_details.tool_calls
        asked = stream.get_final_run().required_action.submit_tool_outputs.tool_calls
    for calls in (told, asked):
        assert [(call.function.name, call.function.arguments) for call in calls] == [
            ("get_weather", '{"city": "Oslo"}'),
            ("get_time", '{"city": "Bern"}'),
        ]
    assert [call.id for call in told] == [call.id for call in asked]


@pytest.mark.parametrize(
    ("arguments", "shown"), [(None, "{}"), ("", "{}"), ({}, "{}"), ({"city": "Oslo"}, '{"city": "Oslo"}')]
)
def test_arguments_are_json_whatever_the_server_makes_of_none(client, fake, thread, assistant, arguments, shown):
    fake.accent = with_arguments(arguments)
    fake.script(LOOK)
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        [told] = stream.get_final_run_steps()[-1].step_details.tool_calls
        [asked] = stream.get_final_run().required_action.submit_tool_outputs.tool_calls
    assert (told.function.arguments, asked.function.arguments) == (shown, shown)


@pytest.mark.parametrize(
    ("content", "shown"), [(None, ""), ([], ""), ("Rain.", "Rain."), ([{"type": "output_text", "text": None}], "")]
)
@pytest.mark.parametrize("how", ["stream", "poll"])
def test_a_careless_message_has_a_text_all_the_same(client, fake, thread, go, how, content, shown):
    fake.accent = with_content(content)
    fake.script(TELL)
    run, _ = go(how)
    assert (run.status, said(client, thread)) == ("completed", [("completed", [shown])])


@pytest.mark.parametrize("content", [[None], ["Rain."], [{"text": "Rain."}], 7])
@pytest.mark.parametrize("how", ["stream", "poll"])
def test_an_answer_that_is_none_fails_the_run_at_once(client, fake, thread, go, how, content):
    fake.accent = with_content(content)
    fake.script(TELL)
    run, _ = go(how)
    assert (run.status, run.last_error.code, fake.requests) == ("failed", "server_error", 1)


DELTA = "response.output_text.delta"
ARGUMENTS = "response.function_call_arguments.delta"
DONE = "response.output_item.done"
LAST = "response.completed"
MESSAGE = ("response", "output", 1)
PART = (*MESSAGE, "content", 0)


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        (DELTA, ("delta",), 7),
        (DELTA, ("delta",), [[]]),
        (ARGUMENTS, ("delta",), {}),
        (DONE, ("item",), None),
        (LAST, ("response",), []),
        (LAST, ("response", "output"), 7),
        (LAST, MESSAGE, None),
        (LAST, (*MESSAGE, "phase"), []),
        (LAST, (*MESSAGE, "type"), 7),
        (LAST, (*PART, "text"), 7),
        (LAST, (*PART, "annotations"), 7),
        (LAST, ("response", "output", 2, "name"), None),
        (LAST, ("response", "output", 2, "arguments"), 7),
        (LAST, ("response", "output", 0, "summary"), [7]),
        (LAST, ("response", "output", 0), {"type": "web_search_call", "action": {"query": 7}}),
        (LAST, ("response", "reasoning"), "much"),
    ],
)
@pytest.mark.parametrize("how", ["stream", "poll"])
def test_a_turn_that_cannot_be_read_is_not_taken_again_and_leaves_nothing_half_written(
    client, fake, thread, go, how, kind, place, value
):
    fake.accent = with_value(kind, place, value)
    fake.script(LOOK)
    run, _ = go(how)
    assert (run.status, run.last_error.code, fake.requests) == ("failed", "server_error", 1)
    assert {status for status, _ in said(client, thread)} <= {"completed", "incomplete"}
    assert all(isinstance(text, str) for _, texts in said(client, thread) for text in texts)
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id).data
    assert {step.status for step in steps} <= {"completed", "failed"}


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        (LAST, ("response", "id"), 7),
        (LAST, ("response", "model"), {}),
        (LAST, ("response", "service_tier"), []),
        (LAST, ("response", "usage"), 7),
        (LAST, ("response", "usage", "input_tokens"), "many"),
        (LAST, ("response", "usage", "input_tokens"), -1),
        (LAST, ("response", "usage", "output_tokens"), 10**30),
        (LAST, ("response", "usage", "input_tokens_details"), 7),
        (LAST, ("response", "output", 0, "content", 0, "annotations"), [None, {"type": "url_citation", "url": 7}]),
        (DONE, ("item", "type"), "memory"),
    ],
)
@pytest.mark.parametrize("how", ["stream", "poll"])
def test_what_is_said_beside_an_answer_does_not_spoil_it(client, fake, thread, go, how, kind, place, value):
    fake.accent = with_value(kind, place, value)
    fake.script(TELL)
    run, _ = go(how)
    assert (run.status, said(client, thread)) == ("completed", [("completed", ["Rain."])])


def test_what_clients_saw_as_a_message_stays_one_whatever_it_is_called_in_the_end(client, fake, thread, go):
    fake.accent = lambda events: with_value(DONE, ("item", "type"), "memory")(
        with_value(LAST, ("response", "output", 0, "type"), "memory")(events)
    )
    fake.script(TELL)
    run, _ = go("stream")
    assert (run.status, said(client, thread)) == ("completed", [("completed", ["Rain."])])
