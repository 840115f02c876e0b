"""Tools of MCP servers, by the protocol's own server: listed, approved, called, and what a bad server does to a run."""

from __future__ import annotations

import json
import time

import pytest

from shared.llm.scripted import call, text
from tests.fakes.mcp_server import mcp_server


@pytest.fixture(params=["streamable HTTP"])
def server(request):
    with mcp_server(by_sse=request.param == "SSE") as server:
        yield server


@pytest.fixture
def settings(server):
    connection = {"url": server.url(""), "headers": {"Authorization": "Bearer of-the-settings"}}
    return {"mcp_allowed_hosts": server.host, "connections": {"weather": connection}}


@pytest.fixture
def run(http, wait):
    """Run an assistant with the server's tools until it stops."""

    def run(url, **tool):
        definition = {"type": "mcp", "server_label": "weather", "server_url": url} | tool
        made = http.post("assistants", json={"model": "gpt-x", "tools": [definition]})
        assert made.status_code == 200, made.text
        body = {"assistant_id": made.json()["id"], "thread": {"messages": [{"role": "user", "content": "Rain?"}]}}
        started = http.post("threads/runs", json=body)
        assert started.status_code == 200, started.text
        return wait(started.json())

    return run


def steps_of(http, run):
    return http.get(f"threads/{run['thread_id']}/runs/{run['id']}/steps?order=asc").json()["data"]


def answer(http, run, approve=True):
    calls = run["required_action"]["submit_tool_approval"]["tool_calls"]
    said = [{"tool_call_id": each["id"], "approve": approve} for each in calls]
    path = f"threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs"
    response = http.post(path, json={"tool_approvals": said})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(("server", "path"), [("streamable HTTP", "/mcp"), ("SSE", "/sse")], indirect=["server"])
def test_a_servers_tools_are_offered_and_called(server, run, llm, http, path):
    llm.script([call("forecast", city="Oslo")], [call("forecast", city="Rome")], [text("Rain.")])

    ended = run(server.url(path), require_approval="never")

    assert ended["status"] == "completed"
    assert server.calls == [("forecast", "Oslo"), ("forecast", "Rome")]
    assert server.lists == 1
    assert {each["name"] for each in llm.requests[0].tools} == {"forecast", "order", "fail", "long"}
    listed, first, _, _ = steps_of(http, ended)
    [activity] = listed["step_details"]["activities"]
    assert (listed["type"], activity["type"], activity["server_label"]) == ("activities", "mcp_list_tools", "weather")
    assert activity["tools"]["forecast"]["description"] == "The weather of tomorrow."
    assert activity["tools"]["forecast"]["parameters"]["required"] == ["city"]
    [made] = first["step_details"]["tool_calls"]
    assert made == {
        "id": made["id"],
        "type": "mcp",
        "name": "forecast",
        "arguments": '{"city": "Oslo"}',
        "server_label": "weather",
        "output": "rain in Oslo",
    }


def test_calls_wait_for_approval_unless_somebody_says_otherwise(server, run, llm, http, wait):
    llm.script([call("order", umbrella="red")], [text("Ordered.")])

    asked = run(server.url())

    assert asked["status"] == "requires_action"
    [wanted] = asked["required_action"]["submit_tool_approval"]["tool_calls"]
    assert wanted == {
        "id": wanted["id"],
        "type": "mcp",
        "name": "order",
        "arguments": '{"umbrella": "red"}',
        "server_label": "weather",
    }
    assert server.calls == []
    ended = wait(answer(http, asked))
    assert (ended["status"], server.calls) == ("completed", [("order", "red")])


def test_a_denied_call_is_not_made(server, run, llm, http, wait):
    llm.script([call("order", umbrella="red")], [text("No.")])

    ended = wait(answer(http, run(server.url()), approve=False))

    assert (ended["status"], server.calls) == ("completed", [])
    [made] = steps_of(http, ended)[1]["step_details"]["tool_calls"]
    assert "did not approve" in made["output"]
    assert made["approval"]["approve"] is False


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        (None, {"forecast", "order"}),
        ("always", {"forecast", "order"}),
        ("never", set()),
        ({"never": {"tool_names": ["forecast"]}}, {"order"}),
        ({"always": {"tool_names": ["order"]}, "never": {"tool_names": ["forecast"]}}, {"order"}),
        ({"always": {"tool_names": ["order"]}}, {"forecast", "order"}),
    ],
)
def test_the_assistant_says_which_tools_wait(server, run, llm, said, waits):
    llm.script([call("forecast", city="Oslo"), call("order", umbrella="red")], [text("Done.")])

    stopped = run(server.url(), **({} if said is None else {"require_approval": said}))

    asked = ((stopped["required_action"] or {}).get("submit_tool_approval") or {"tool_calls": []})["tool_calls"]
    assert {each["name"] for each in asked} == waits


@pytest.mark.parametrize("allowed", [["forecast"], {"tool_names": ["forecast"]}])
def test_only_allowed_tools_are_offered(server, run, llm, allowed):
    llm.script([text("Hello.")])

    run(server.url(), allowed_tools=allowed)

    assert [each["name"] for each in llm.requests[0].tools] == ["forecast"]


def test_a_tool_that_fails_or_says_too_much_is_told_within_limits(server, run, llm, http):
    llm.script([call("fail"), call("long"), call("forecast")], [text("Oh.")])

    ended = run(server.url(), require_approval="never")

    outputs = [each["output"] for each in steps_of(http, ended)[1]["step_details"]["tool_calls"]]
    assert ended["status"] == "completed"
    assert outputs[0].startswith("Error: ")
    assert outputs[1].endswith("[cut: 120000 characters]")
    assert len(outputs[1]) < 51_000
    assert "city" in outputs[2]


def test_an_answer_may_be_one_event_as_long_as_it_may_be(server, run, llm):
    server.clouds, server.streams = 200_000, True
    llm.script([call("long")], [text("Oh.")])

    run(server.url(), require_approval="never")

    assert llm.requests[-1].input[-1]["output"].endswith("[cut: 1200000 characters]")


def test_headers_of_the_settings_reach_their_server_and_nothing_else(server, run, llm, http, caplog):
    llm.script([call("forecast", city="Oslo")], [text("Rain.")])

    ended = run(server.url(), require_approval="never")

    assert {each.get("authorization") for each in server.headers} == {"Bearer of-the-settings"}
    shown = json.dumps([ended, steps_of(http, ended), http.get("assistants").json()])
    assert "of-the-settings" not in shown + caplog.text


@pytest.mark.parametrize("settings", [{}])
def test_a_server_inside_is_not_visited_and_the_model_is_told(server, run, llm, http, settings):
    llm.script([call("weather_tools")], [text("I cannot.")])

    ended = run(server.url(), require_approval="never")

    assert ended["status"] == "completed"
    assert server.headers == []
    [offered] = llm.requests[0].tools
    assert "only the ports 80 and 443" in offered["description"]
    assert "only the ports 80 and 443" in steps_of(http, ended)[0]["step_details"]["tool_calls"][0]["output"]


def test_a_dead_server_ends_no_run(server, run, llm, settings):
    llm.script([text("I cannot look.")])

    assert run(server.url("/nothing/here"))["status"] == "completed"
    assert "cannot be used now" in llm.requests[0].tools[0]["description"]


def test_an_operator_can_forbid_servers_or_ask_for_each_call(server, run, llm, box):
    llm.script([text("Nothing.")], [call("forecast", city="Oslo")])
    box.settings.server_tools_allowed.update({"*": ["send_email"]})
    assert run(server.url(), require_approval="never")["status"] == "completed"
    assert server.headers == []
    assert "does not let its runs" in llm.requests[0].tools[0]["description"]

    box.settings.server_tools_allowed.update({"*": ["*", "mcp:ask"]})
    assert run(server.url(), require_approval="never")["status"] == "requires_action"


@pytest.mark.parametrize(("words", "status"), [("mcp:ask", "requires_action"), ("mcp", "completed"), ("", "completed")])
def test_an_assistant_can_ask_for_each_call_in_words_too(server, http, wait, llm, words, status):
    llm.script([call("forecast", city="Oslo")], [text("Rain.")])
    tool = {"type": "mcp", "server_label": "weather", "server_url": server.url(), "require_approval": "never"}
    body = {"model": "gpt-x", "tools": [tool], "metadata": {"server_tools": words}}
    made = http.post("assistants", json=body).json()

    assert wait(http.post("threads/runs", json={"assistant_id": made["id"]}).json())["status"] == status


def test_names_of_other_tools_are_not_taken(server, run, llm, http, wait):
    llm.script([call("weather_forecast", city="Oslo")], [text("Rain.")])
    function = {"type": "function", "function": {"name": "forecast"}}
    tool = {"type": "mcp", "server_label": "weather", "server_url": server.url(), "require_approval": "never"}
    made = http.post("assistants", json={"model": "gpt-x", "tools": [function, tool]}).json()
    started = http.post("threads/runs", json={"assistant_id": made["id"]}).json()

    assert wait(started)["status"] == "completed"
    assert server.calls == [("forecast", "Oslo")]


def listed(name, description="", **more):
    return {"name": name, "description": description, "inputSchema": {"type": "object"}} | more


def offered(llm):
    return [each["name"] for each in llm.requests[-1].tools]


def test_tools_of_one_name_and_of_none_are_left_out(server, run, llm):
    llm.script([text("Hello.")])
    server.listed = [*[listed("forecast")] * 5, listed(""), listed("a.b"), listed("a b")]

    assert run(server.url())["status"] == "completed"

    assert offered(llm) == ["forecast", "a_b", "weather_a_b"]


def test_a_run_is_offered_so_many_tools_by_all_of_its_servers(server, http, wait, llm):
    llm.script([text("Hello.")])
    server.listed = [listed(f"tool_{number}") for number in range(100)]
    tools = [{"type": "mcp", "server_label": each, "server_url": server.url()} for each in ("first", "second")]
    made = http.post("assistants", json={"model": "gpt-x", "tools": tools}).json()

    ended = wait(http.post("threads/runs", json={"assistant_id": made["id"]}).json())

    assert ended["status"] == "completed"
    assert len(offered(llm)) == 128
    shown = [each["tools"] for each in steps_of(http, ended)[0]["step_details"]["activities"]]
    assert [len(each) for each in shown] == [100, 28]


def test_of_many_servers_only_some_are_asked_at_a_time(server, http, wait, llm):
    llm.script([text("Hello.")])
    server.slow = 0.05
    tools = [{"type": "mcp", "server_label": f"s{each}", "server_url": server.url()} for each in range(40)]
    made = http.post("assistants", json={"model": "gpt-x", "tools": tools}).json()

    ended = wait(http.post("threads/runs", json={"assistant_id": made["id"]}).json())

    assert ended["status"] == "completed"
    assert server.lists == 40
    assert 1 < server.most_at_once <= 16


def test_only_allowed_tools_count(server, run, llm):
    llm.script([text("Hello.")])
    server.listed = [listed(f"tool_{number}", "x" * 3000) for number in range(200)]

    run(server.url(), allowed_tools=["tool_150"])

    assert offered(llm) == ["tool_150"]


def test_what_the_operator_forbids_meanwhile_is_not_called(server, run, llm, box, http, wait):
    llm.script([call("order", umbrella="red")], [text("Oh.")])
    asked = run(server.url())
    box.settings.server_tools_allowed.update({"*": ["*", "mcp:deny"]})

    ended = wait(answer(http, asked))

    assert (ended["status"], server.calls) == ("completed", [])
    [made] = steps_of(http, ended)[1]["step_details"]["tool_calls"]
    assert made["output"] == "Error: mcp is not allowed here (SERVER_TOOLS_ALLOWED)"
    assert llm.requests[-1].tools == []


def test_tools_of_two_kinds_never_share_a_name(server, run, llm, http, wait):
    llm.script([text("Hello.")])
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://shop.example"}],
        "paths": {"/f": {"get": {"operationId": "forecast"}}},
    }
    api = {"name": "shop", "spec": document, "auth": {"type": "anonymous"}}
    tool = {"type": "mcp", "server_label": "weather", "server_url": server.url(), "require_approval": "never"}
    tools = [tool, {"type": "openapi", "openapi": api}]
    made = http.post("assistants", json={"model": "gpt-x", "tools": tools}).json()

    wait(http.post("threads/runs", json={"assistant_id": made["id"]}).json())

    offered = [each["name"] for each in llm.requests[0].tools]
    assert {"forecast", "shop_forecast"} <= set(offered)
    assert len(offered) == len(set(offered)) == 5


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"clouds": 1_000_000}, "it is larger than 4 MB"),
        ({"packs": True}, "it is compressed, though that was not asked for"),
    ],
    ids=["too large", "compressed"],
)
def test_why_an_answer_was_not_taken_is_told_to_the_model(server, run, llm, odd, told):
    vars(server).update(odd)
    llm.script([call("long")], [text("Oh.")])

    ended = run(server.url(), require_approval="never")

    assert ended["status"] == "completed"
    output = llm.requests[-1].input[-1]["output"]
    assert output.startswith(f"Error: the server's answer was not taken: {told}. It is unknown whether")


@pytest.mark.parametrize(("server", "path"), [("streamable HTTP", "/mcp"), ("SSE", "/sse")], indirect=["server"])
@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_refused_call_is_told_at_once_over_either_transport(server, run, llm, path, status, caplog):
    server.refuses = status
    llm.script([call("forecast", city="Oslo")], [text("Oh.")])
    begun = time.monotonic()

    assert run(server.url(path), require_approval="never")["status"] == "completed"

    assert time.monotonic() - begun < 4
    assert llm.requests[-1].input[-1]["output"].startswith("Error: the server ")
    assert server.calls == []
    assert "session_id" not in caplog.text
