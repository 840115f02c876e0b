"""A box with two endpoints for its model: what clients and operators see when one of them fails."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

from shared.doctor import parts
from shared.own_address import without_itself
from tests.api.conftest import ModelBox
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread

DOWN = FakeTurn(status=503)


@pytest.fixture
def fakes():
    return {name: FakeResponses(default=FakeTurn(text=("From ", name))) for name in ("main", "spare")}


@pytest.fixture
def box(tmp_path, fakes, settings):
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving_in_thread(fake)) for name, fake in fakes.items()}
        endpoints = {"spare": {"base_url": urls["spare"], "api_key": "sk-spare", "priority": 2}}
        made = ModelBox(tmp_path, {"box_model_base_url": urls["main"], "model_endpoints": endpoints} | settings)
        made.start()
        yield made
        made.stop()


def said(client, thread) -> str:
    return client.beta.threads.messages.list(thread.id).data[0].content[0].text.value


def answered(client, thread, run) -> list[str | None]:
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc").data
    return [step.metadata.get("endpoint") for step in steps]


@pytest.fixture
def thread(client):
    return client.beta.threads.create(messages=[{"role": "user", "content": "Who are you?"}])


@pytest.fixture
def assistant(client):
    return client.beta.assistants.create(model="gpt-4o")


@pytest.mark.parametrize("settings", [{}, {"model_turns": "background"}], ids=["streamed", "background"])
def test_a_polled_run_goes_on_at_the_other_endpoint(client, fakes, thread, assistant):
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, said(client, thread), answered(client, thread, run)) == ("completed", "From main", ["main"])
    fakes["main"].script(DOWN)
    client.beta.threads.messages.create(thread.id, role="user", content="And now?")
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, said(client, thread), answered(client, thread, run)) == ("completed", "From spare", ["spare"])
    assert fakes["spare"].headers[0]["Authorization"] == "Bearer sk-spare"


def test_a_streamed_run_goes_on_there_before_its_first_word(client, fakes, thread, assistant):
    fakes["main"].script(FakeTurn(text=("Ra",), cut_after=2))
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        heard = "".join(stream.text_deltas)
    assert heard == "From spare"


def test_a_polled_run_forgets_what_broke_off_and_goes_on_there(client, fakes, thread, assistant):
    fakes["main"].script(FakeTurn(text=("Ra", "in"), cut_after=5))
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert (run.status, said(client, thread)) == ("completed", "From spare")


def test_a_turn_after_a_tool_call_goes_on_there_too(client, fakes, assistant):
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "call get_weather {}\nthen\nsay Rain."}])
    weather = {"type": "function", "function": {"name": "get_weather"}}
    client.beta.assistants.update(assistant.id, tools=[weather])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    fakes["main"].script(DOWN)
    outputs = [
        {"tool_call_id": call.id, "output": "wet"} for call in run.required_action.submit_tool_outputs.tool_calls
    ]
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs
    )
    assert (run.status, said(client, thread)) == ("completed", "Rain.")
    assert answered(client, thread, run) == ["main", "spare"]


def test_health_and_doctor_tell_of_each(box, raw, fakes):
    seen = raw.get("/healthz?deep=1")
    assert (seen.status_code, seen.json()["endpoints"]) == (200, {"main": "answers", "spare": "answers"})
    assert box.run(parts.model(box.deps)).state.name == "OK"
    fakes["spare"].lists_models = False
    fakes["spare"].fault_rate = 1.0
    found = box.run(parts.model(box.deps))
    assert (found.state.name, "main: answers; spare: The model's server" in found.words) == ("WARNING", True)
    fakes["main"].lists_models = False
    fakes["main"].fault_rate = 1.0
    box.clock.advance(60)
    seen = raw.get("/healthz?deep=1")
    assert (seen.status_code, seen.json()["model"]) == (503, "No endpoint answers.")
    assert box.run(parts.model(box.deps)).state.name == "BROKEN"
    told = json.dumps([seen.json(), found.words])
    assert "127.0.0.1" not in told
    assert "sk-spare" not in told


def test_an_endpoint_that_is_the_box_itself_is_left_out(box):
    own = box.settings.model_copy(update={"public_base_url": box.settings.model_endpoints["spare"].base_url})
    assert without_itself(own).model_endpoints == {}
