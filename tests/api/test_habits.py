"""What servers do that OpenAI does not: whole runs, polled and streamed, with the double in their shapes."""

from __future__ import annotations

import json

import pytest

from shared.backoff import Backoff
from shared.runs import background
from shared.tools.base import tool
from tests.api.conftest import ModelBox
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread
from tests.fakes.weather import WEATHER

RAIN = FakeTurn(text=("Ra", "in."))
TWO = (("get_weather", '{"city": "Oslo"}'), ("get_weather", '{"city": "Bern"}'))


@pytest.fixture
def endpoint():
    return FakeResponses()


@pytest.fixture
def settings():
    return {}


async def find_city(city: str) -> str:
    """Where a city is."""
    return f"{city} is there."


@pytest.fixture
def box(tmp_path, endpoint, settings):
    with serving_in_thread(endpoint) as base_url:
        made = ModelBox(tmp_path, {"openai_base_url": base_url} | settings)
        made.tools = [tool(find_city, idempotent=True, timeout=5)]
        made.start()
        yield made
        made.stop()


@pytest.fixture(params=["polled", "streamed"])
def run(request, client, thread):
    """Runs the thread's next turn and gives back the run."""

    def run(**more):
        assistant = client.beta.assistants.create(model="m", **({"tools": [WEATHER]} | more))
        runs = client.beta.threads.runs
        ids = {"thread_id": thread.id, "assistant_id": assistant.id}
        if request.param == "polled":
            return runs.create_and_poll(**ids, poll_interval_ms=20)
        with runs.stream(**ids) as stream:
            stream.until_done()
        return runs.list(thread.id).data[0]

    return run


def answer(client, thread) -> str:
    return client.beta.threads.messages.list(thread.id).data[0].content[0].text.value


def answered(client, run, *outputs: str):
    calls = run.required_action.submit_tool_outputs.tool_calls
    given = [{"tool_call_id": call.id, "output": text} for call, text in zip(calls, outputs, strict=True)]
    return client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=given, poll_interval_ms=20
    )


def sent(endpoint, kind: str) -> list[dict]:
    return [item for item in endpoint.bodies[-1]["input"] if item.get("type") == kind]


@pytest.mark.parametrize(
    "ids", [("", ""), ("call_0", "call_0"), ("functions.get_weather:0", "functions.get_weather:0")]
)
def test_calls_with_one_id_or_none_are_told_apart(client, endpoint, thread, run, ids):
    """llama.cpp gives none, others start counting anew or count by function."""
    endpoint.script(FakeTurn(calls=TWO, call_ids=ids), RAIN)
    waiting = run()
    calls = waiting.required_action.submit_tool_outputs.tool_calls
    assert len({call.id for call in calls} - {""}) == 2
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Oslo", "Bern"]
    done = answered(client, waiting, "wet", "dry")
    assert (done.status, answer(client, thread)) == ("completed", "Rain.")
    told = {output["call_id"]: output["output"] for output in sent(endpoint, "function_call_output")}
    assert [told[call["call_id"]] for call in sent(endpoint, "function_call")] == ["wet", "dry"]


def test_the_boxs_own_tools_are_called_as_often_as_the_model_said(client, endpoint, thread, run):
    calls = (("find_city", '{"city": "Oslo"}'), ("find_city", '{"city": "Bern"}'))
    endpoint.script(FakeTurn(calls=calls, call_ids=("", "")), RAIN)
    metadata, tools = {"server_tools": "*"}, [{"type": "function", "function": {"name": "find_city"}}]
    assert run(metadata=metadata, tools=tools).status == "completed"
    outputs = [output["output"] for output in sent(endpoint, "function_call_output")]
    assert outputs == ["Oslo is there.", "Bern is there."]


def test_an_id_may_come_again_in_the_next_turn(client, endpoint, thread, run):
    for city in ("Oslo", "Bern"):
        endpoint.script(FakeTurn(calls=(("get_weather", json.dumps({"city": city})),), call_ids=("call_0",)))
    endpoint.script(RAIN)
    again = answered(client, run(), "wet")
    assert json.loads(again.required_action.submit_tool_outputs.tool_calls[0].function.arguments) == {"city": "Bern"}
    assert answered(client, again, "dry").status == "completed"
    assert [output["output"] for output in sent(endpoint, "function_call_output")] == ["wet", "dry"]


@pytest.mark.parametrize("arguments", ["{city: Oslo", "null", "[1]"])
def test_arguments_that_are_no_json_reach_the_client_and_poison_nothing(client, endpoint, run, arguments):
    """Servers that read the arguments of earlier calls again would fail every later turn of the thread."""
    endpoint.script(FakeTurn(calls=(("get_weather", arguments),)), RAIN)
    waiting = run()
    assert waiting.required_action.submit_tool_outputs.tool_calls[0].function.arguments == arguments
    assert answered(client, waiting, "wet").status == "completed"
    assert [json.loads(call["arguments"]) for call in sent(endpoint, "function_call")] == [{"arguments": arguments}]


def test_text_beside_calls_is_a_message_of_its_own(client, endpoint, thread, run):
    endpoint.script(FakeTurn(text=("I ", "look."), calls=TWO[:1]), RAIN)
    waiting = run()
    assert answer(client, thread) == "I look."
    assert answered(client, waiting, "wet").status == "completed"
    kinds = [step.type for step in client.beta.threads.runs.steps.list(waiting.id, thread_id=thread.id)]
    assert sorted(kinds) == ["message_creation", "message_creation", "tool_calls"]


@pytest.mark.parametrize("lacks", [("usage",), ("id", "item_id"), ("item_id",), ("id", "item_id", "usage", "logprobs")])
def test_servers_may_leave_out_usage_and_ids(client, endpoint, thread, run, lacks):
    endpoint.lacks = lacks
    endpoint.script(FakeTurn(text=("I ", "look."), calls=TWO), RAIN)
    waiting = run()
    assert len(waiting.required_action.submit_tool_outputs.tool_calls) == 2
    done = answered(client, waiting, "wet", "dry")
    assert (done.status, answer(client, thread)) == ("completed", "Rain.")
    if "usage" in lacks:
        assert done.usage.total_tokens == 0, "none is invented"


@pytest.mark.parametrize("says_done", [True, False])
def test_a_stream_is_over_with_or_without_done(client, endpoint, thread, run, says_done):
    endpoint.says_done = says_done
    endpoint.script(RAIN)
    assert (run().status, answer(client, thread)) == ("completed", "Rain.")
    assert endpoint.requests == 1


@pytest.mark.parametrize("settings", [{"model_aliases": {"gpt-4o": "m", "*": "m"}}])
def test_a_server_without_a_list_of_models_works(client, endpoint, raw, thread, run, settings):
    endpoint.lists_models = False
    assert raw.get("/healthz?deep=1").json()["model"] == "answers"
    assert endpoint.bodies == [{}], "what was asked costs nothing"
    assert [model.id for model in client.models.list()] == ["m", "gpt-4o"]
    endpoint.script(RAIN)
    assert run().status == "completed"


@pytest.fixture
def polled(client, thread):
    def polled():
        assistant = client.beta.assistants.create(model="m", tools=[WEATHER])
        ids = {"thread_id": thread.id, "assistant_id": assistant.id}
        return client.beta.threads.runs.create_and_poll(**ids, poll_interval_ms=20)

    return polled


BACKGROUND = pytest.mark.parametrize("settings", [{"model_turns": "background"}])


@BACKGROUND
@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded", "null"])
def test_a_background_turn_that_fails_for_now_is_begun_anew(client, endpoint, thread, polled, settings, code):
    """HTTP 200 with `status: failed`: streams would have been repeated, too."""
    endpoint.script(FakeTurn(failed=code), RAIN)
    done = polled()
    assert (done.status, answer(client, thread)) == ("completed", "Rain.")
    assert [*endpoint.created] == [f"{done.id}-0", f"{done.id}-0-1"], "the same key would give the same response"
    assert done.usage.prompt_tokens == 40, "what the failed one used is counted"


@BACKGROUND
@pytest.mark.parametrize(
    ("code", "told"), [("server_error", "server_error"), ("rate_limit_exceeded", "rate_limit_exceeded")]
)
def test_a_background_turn_that_goes_on_failing_fails_the_run(endpoint, polled, settings, monkeypatch, code, told):
    monkeypatch.setattr(background, "RESTARTS", Backoff(first=0.01, attempts=3))
    endpoint.script(*[FakeTurn(failed=code)] * 5)
    done = polled()
    assert (done.status, done.last_error.code) == ("failed", code)
    assert len(endpoint.created) == 3
    assert done.usage.prompt_tokens == 60


@BACKGROUND
@pytest.mark.parametrize("code", ["invalid_prompt", "cyber_policy", "insufficient_quota"])
def test_a_background_turn_that_is_refused_fails_at_once(endpoint, polled, settings, code):
    endpoint.script(FakeTurn(failed=code), RAIN)
    assert polled().status == "failed"
    assert len(endpoint.created) == 1


@BACKGROUND
def test_a_response_that_the_server_has_forgotten_is_begun_anew(client, endpoint, thread, polled, settings):
    """Servers that keep responses in memory lose them when they are restarted."""
    endpoint.forgets = 1
    endpoint.script(FakeTurn(text=("Lost.",)), RAIN)
    assert (polled().status, answer(client, thread)) == ("completed", "Rain.")
