"""Web search is the model's own: `web_search`, and Foundry's grounding with Bing, are the Responses API's tool."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api.conftest import ModelBox
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread

CONNECTION = "/subscriptions/s/resourceGroups/g/providers/p/accounts/a/projects/p/connections/c"
CONFIGURED = {"search_configurations": [{"connection_id": CONNECTION, "market": "nb-NO", "count": 3}]}
BING = {"type": "bing_grounding", "bing_grounding": CONFIGURED}
ANSWER = FakeTurn(
    searches=("rain Oslo", "rain Oslo tomorrow"),
    text=("It rains ", "([yr.no](https://yr.no/oslo))", "."),
    cites=(("([yr.no](https://yr.no/oslo))", "https://yr.no/oslo", "Oslo"),),
    tokens=(20, 0, 0, 8, 0),
)
CITED = {
    "type": "url_citation",
    "text": "([yr.no](https://yr.no/oslo))",
    "start_index": 9,
    "end_index": 38,
    "url_citation": {"url": "https://yr.no/oslo", "title": "Oslo"},
}


@pytest.fixture
def endpoint():
    return FakeResponses()


@pytest.fixture
def box(tmp_path, endpoint):
    with serving_in_thread(endpoint) as url:
        box = ModelBox(tmp_path, {"box_model_base_url": url, "box_model_api_key": "x"})
        box.start()
        yield box
        box.stop()


@pytest.fixture
def client(client):
    """The SDK as programs have it: its types know none of these tools, and it takes answers as they are."""
    return client.copy()


def asked(client, *tools, **more):
    assistant = client.beta.assistants.create(model="m", tools=tools)
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Rain?"}])
    return {"thread_id": thread.id, "assistant_id": assistant.id, **more}


def steps_of(http, run):
    listed = http.get(f"threads/{run.thread_id}/runs/{run.id}/steps", params={"order": "asc"}).json()["data"]
    return [step["step_details"] for step in listed]


def message_of(http, run):
    return http.get(f"threads/{run.thread_id}/messages", params={"limit": 1}).json()["data"][0]


def heard(http, thread_id, **body):
    """The events of a streamed run: (name, data)."""
    answer = http.post(f"threads/{thread_id}/runs", json=body | {"stream": True}, timeout=20).text
    events = [block.split("\n", 1) for block in answer.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in events[:-1]]


def test_grounding_with_bing_is_the_providers_web_search(client, http, endpoint):
    endpoint.script(ANSWER)
    run = client.beta.threads.runs.create_and_poll(**asked(client, BING))

    assert run.status == "completed"
    country = {"type": "approximate", "country": "NO"}
    assert endpoint.bodies[-1]["tools"] == [{"type": "web_search", "user_location": country}]
    [part] = message_of(http, run)["content"]
    assert part["text"] == {"value": "It rains ([yr.no](https://yr.no/oslo)).", "annotations": [CITED]}
    first, second, written = steps_of(http, run)
    assert written["type"] == "message_creation"
    queries = []
    for step in (first, second):
        [call] = step["tool_calls"]
        assert call["type"] == "bing_grounding"
        queries += parse_qs(urlsplit(call["bing_grounding"]["requesturl"]).query)["q"]
    assert queries == ["rain Oslo", "rain Oslo tomorrow"]
    assert run.usage.completion_tokens == 8


def test_a_stream_tells_of_searches_and_of_what_is_cited(client, http, endpoint):
    endpoint.script(ANSWER)
    events = heard(http, **asked(client, BING))

    deltas = [data["delta"]["step_details"]["tool_calls"] for name, data in events if name == "thread.run.step.delta"]
    assert [call["type"] for calls in deltas for call in calls] == ["bing_grounding", "bing_grounding"]
    contents = [data["delta"]["content"] for name, data in events if name == "thread.message.delta"]
    parts = [part["text"] for content in contents for part in content]
    assert "".join(part["value"] for part in parts) == "It rains ([yr.no](https://yr.no/oslo))."
    assert [each for part in parts for each in part.get("annotations", [])] == [{"index": 0} | CITED]
    name, run = events[-1]
    assert (name, run["status"]) == ("thread.run.completed", "completed")
    [message] = [data for name, data in events if name == "thread.message.completed"]
    assert message["content"][0]["text"]["annotations"] == [CITED]
    steps = [data["type"] for name, data in events if name == "thread.run.step.completed"]
    assert steps == ["tool_calls", "tool_calls", "message_creation"]


def test_the_providers_own_tool_is_passed_on_as_it_is(client, http, endpoint):
    tool = {"type": "web_search", "search_context_size": "low", "filters": {"allowed_domains": ["yr.no"]}}
    endpoint.script(ANSWER)
    run = client.beta.threads.runs.create_and_poll(**asked(client, tool, tool_choice={"type": "web_search"}))

    assert endpoint.bodies[-1]["tools"] == [tool]
    assert endpoint.bodies[-1]["tool_choice"] == {"type": "web_search"}
    [call] = steps_of(http, run)[0]["tool_calls"]
    assert call["web_search"] == {"query": "rain Oslo"}


def test_several_tools_that_search_the_web_are_one(client, endpoint):
    custom = {"search_configurations": [{"connection_id": CONNECTION, "instance_name": "i"}]}
    tools = [BING, {"type": "bing_custom_search", "bing_custom_search": custom}, {"type": "code_interpreter"}]
    client.beta.threads.runs.create_and_poll(**asked(client, *tools, tool_choice={"type": "bing_custom_search"}))
    kinds = [tool["type"] for tool in endpoint.bodies[-1]["tools"]]
    assert sorted(kinds) == ["function", "web_search"]
    assert endpoint.bodies[-1]["tool_choice"] == {"type": "web_search"}


def test_a_thread_goes_on_after_a_search(client, endpoint):
    endpoint.script(ANSWER, FakeTurn(text=("You are welcome.",)))
    how = asked(client, BING)
    client.beta.threads.runs.create_and_poll(**how)
    client.beta.threads.messages.create(how["thread_id"], role="user", content="Thanks.")
    run = client.beta.threads.runs.create_and_poll(**how)
    assert run.status == "completed"
    said = [item for item in endpoint.bodies[-1]["input"] if item.get("role") == "assistant"]
    assert [item["content"] for item in said] == ["It rains ([yr.no](https://yr.no/oslo))."]
    assert {item["type"] for item in endpoint.bodies[-1]["input"]} == {"message"}


def test_functions_are_called_after_a_search(client, http, endpoint):
    weather = {"type": "function", "function": {"name": "weather"}}
    endpoint.script(FakeTurn(searches=("rain Oslo",), calls=(("weather", "{}"),)), FakeTurn(text=("Wet.",)))
    run = client.beta.threads.runs.create_and_poll(**asked(client, BING, weather))
    [call] = run.required_action.submit_tool_outputs.tool_calls
    outputs = [{"tool_call_id": call.id, "output": "wet"}]
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
    )
    assert run.status == "completed"
    kinds = [step["tool_calls"][0]["type"] for step in steps_of(http, run)[:2]]
    assert kinds == ["bing_grounding", "function"]


def test_an_endpoint_without_web_search_says_so(client, endpoint):
    words = "Invalid value: 'web_search'. Supported values are: 'function'."
    endpoint.script(FakeTurn(status=400, message=words, param="tools[0].type", code="invalid_value"))
    run = client.beta.threads.runs.create_and_poll(**asked(client, BING))
    assert (run.status, run.last_error.code) == ("failed", "invalid_prompt")
    assert "web_search" in run.last_error.message
