"""Headers for MCP servers in requests: they reach their server, and stand nowhere else, neither then nor afterwards."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from contextlib import closing

import pytest

from shared.llm.scripted import call, text
from shared.settings.values import ServerConnection
from tests.api.canary import logged, places
from tests.fakes.mcp_server import mcp_server

SECRET = "Bearer Zaunkoenig7Q"
WORD = "Zaunkoenig7Q"


@pytest.fixture
def indiscreet():
    return ""


@pytest.fixture
def server(indiscreet):
    with mcp_server(indiscreet=indiscreet) as server:
        yield server


@pytest.fixture
def settings(server, tmp_path):
    return {"mcp_allowed_hosts": server.host, "box_home": tmp_path / "home"}


@pytest.fixture
def tool(server):
    def tool(label="weather", **more):
        said = {"server_label": label, "server_url": server.url(), "require_approval": "never"}
        return {"type": "mcp"} | said | more

    return tool


@pytest.fixture
def post(http):
    def post(path, **body):
        response = http.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    return post


@pytest.fixture
def run(post, wait):
    """Run an assistant until it stops."""
    return lambda assistant, **body: wait(post("threads/runs", assistant_id=assistant["id"], **body))


@pytest.fixture
def sealed(box):
    """What the store has of headers: keys of rows, and what runs keep."""

    def sealed():
        with closing(sqlite3.connect(box.settings.box_home / "box.db")) as database:
            rows = [(key, json.loads(data)) for key, data in database.execute("SELECT key, data FROM records")]
        kept = [key for key, _ in rows if key.startswith("by_headers_")]
        return kept + [key for key, data in rows if key.startswith("run_") and data["headers"]]

    return sealed


def sent(server):
    """The `authorization` of each request that the server got."""
    return {each.get("authorization") for each in server.headers}


def resources(value=SECRET, **more):
    return {"mcp": [{"server_label": "weather", "headers": {"Authorization": value}} | more]}


SHOWN = [{"server_label": "weather", "headers": {"Authorization": None}}]


@pytest.mark.parametrize("place", ["headers", "authorization"])
def test_a_repeated_request_with_another_secret_is_another(http, tool, box, place):
    key = {"Idempotency-Key": "order-4711"}

    def post(value):
        said = {place: {"Authorization": value} if place == "headers" else value}
        return http.post("assistants", json={"model": "gpt-x", "tools": [tool(**said)]}, headers=key)

    assert [post(value).status_code for value in ("one-secret", "one-secret", "another")] == [200, 200, 409]
    with closing(sqlite3.connect(box.settings.box_home / "box.db")) as database:
        kept = str(database.execute("SELECT data FROM records").fetchall())
    assert "one-secret" not in kept
    assert "another" not in kept


def test_headers_of_a_run_live_as_long_as_it(server, post, run, wait, tool, llm, http, sealed, box):
    llm.script([call("order", umbrella="red")], [text("Ordered.")])
    assistant = post("assistants", model="gpt-x", tools=[tool(require_approval="always")])

    asked = run(assistant, tool_resources=resources())

    assert (asked["status"], asked["tool_resources"]) == ("requires_action", {"mcp": SHOWN})
    assert sealed() == [asked["id"]]
    assert places(box.settings.box_home, WORD) == []
    calls = asked["required_action"]["submit_tool_approval"]["tool_calls"]
    said = [{"tool_call_id": calls[0]["id"], "approve": True}]
    path = f"threads/{asked['thread_id']}/runs/{asked['id']}"
    ended = wait(post(f"{path}/submit_tool_outputs", tool_approvals=said))
    assert (ended["status"], server.calls) == ("completed", [("order", "red")])
    assert sent(server) == {SECRET}
    assert sealed() == []


@pytest.mark.parametrize("end", ["cancelled", "failed", "expired"])
def test_they_go_with_a_run_however_it_ends(server, post, run, tool, llm, http, sealed, box, end):
    llm.script([call("order", umbrella="red")])
    assistant = post("assistants", model="gpt-x", tools=[tool(require_approval="always")])
    kind = [{"type": "sharepoint_grounding"}] if end == "failed" else []
    asked = run(assistant, tool_resources=resources(), tools=[tool(require_approval="always"), *kind])
    path = f"threads/{asked['thread_id']}/runs/{asked['id']}"
    if end == "cancelled":
        post(f"{path}/cancel")
    box.clock.advance(10**6 if end == "expired" else 0)
    while http.get(path).json()["status"] != end:
        time.sleep(0.01)

    assert sealed() == []


def test_headers_of_an_assistant_are_kept_until_they_are_replaced(server, post, run, tool, llm, http, sealed):
    llm.script(*([text("Hello.")] for _ in range(6)))
    made = post("assistants", model="gpt-x", tools=[tool()], tool_resources=resources())
    path = f"assistants/{made['id']}"
    assert made["tool_resources"]["mcp"] == http.get(path).json()["tool_resources"]["mcp"] == SHOWN
    assert http.get("assistants").json()["data"][0]["tool_resources"]["mcp"] == SHOWN
    assert sealed() == [f"by_headers_{made['id']}"]

    def used():
        server.headers.clear()
        assert run(made)["status"] == "completed"
        return sent(server)

    assert used() == {SECRET}
    post(path, name="Another")
    assert used() == {SECRET}
    post(path, tool_resources=http.get(path).json()["tool_resources"])
    assert used() == {SECRET}, "what was read is written back"
    post(path, tool_resources=resources("Bearer another"))
    assert used() == {"Bearer another"}
    post(path, tool_resources=None)
    assert used() == {None}
    assert sealed() == []
    post(path, tool_resources=resources())
    http.delete(path)
    assert sealed() == []


def test_some_of_them_can_be_replaced(server, post, run, tool, llm):
    llm.script([text("Hello.")])
    two = {"Authorization": SECRET, "X-Place": "Oslo"}
    made = post("assistants", model="gpt-x", tools=[tool(headers=two)])
    assert made["tools"][0]["headers"] == {"Authorization": None, "X-Place": None}
    post(f"assistants/{made['id']}", tools=[tool(headers={"authorization": None, "x-place": "Rome"})])

    run(made)

    assert {(each["authorization"], each["x-place"]) for each in server.headers} == {(SECRET, "Rome")}


def test_headers_of_a_thread_stand_between(server, post, wait, tool, llm, http, sealed):
    llm.script(*([text("Hello.")] for _ in range(4)))
    made = post("assistants", model="gpt-x", tools=[tool()], tool_resources=resources("Bearer assistant"))
    thread = post("threads", tool_resources=resources("Bearer thread"))
    assert thread["tool_resources"]["mcp"] == SHOWN
    path = f"threads/{thread['id']}"

    def used(**body):
        server.headers.clear()
        assert wait(post(f"{path}/runs", assistant_id=made["id"], **body))["status"] == "completed"
        return sent(server)

    assert used() == {"Bearer thread"}
    assert used(tool_resources=resources("Bearer run")) == {"Bearer run"}
    post(path, tool_resources={"mcp": []})
    assert used() == {"Bearer assistant"}
    server.headers.clear()
    thread = {"tool_resources": resources("Bearer new")}
    assert wait(post("threads/runs", assistant_id=made["id"], thread=thread))["status"] == "completed"
    assert sent(server) == {"Bearer new"}
    http.delete(path)
    assert {each.partition("_thread")[0] for each in sealed()} == {f"by_headers_{made['id']}", "by_headers"}


@pytest.mark.parametrize("said", [{"headers": {"authorization": SECRET}}, {"authorization": WORD}])
def test_a_tool_may_have_them_as_the_responses_api_spells_it(server, post, run, tool, llm, http, said):
    llm.script([call("forecast", city="Oslo")], [text("Rain.")], [text("Hello.")])
    made = post("assistants", model="gpt-x", tools=[tool(**said)])

    ended = run(made)

    assert (ended["status"], sent(server)) == ("completed", {SECRET})
    assert WORD not in json.dumps([made, ended, http.get("assistants").json()])
    server.headers.clear()
    run(made, tools=ended["tools"])
    assert sent(server) == {SECRET}, "what was read is sent back"


def test_what_is_said_last_counts(server, post, run, tool, llm, box):
    llm.script([text("Hello.")], [text("Hello.")])
    connection = {"url": server.url(""), "headers": {"AUTHORIZATION": "operator", "X-Key": "operator"}}
    box.settings.connections["weather"] = ServerConnection.model_validate(connection)
    made = post("assistants", model="gpt-x", tools=[tool(headers={"Authorization": "tool"})])
    run(made)
    assert sent(server) == {"tool"}

    server.headers.clear()
    run(made, tool_resources=resources("resources"))
    assert sent(server) == {"resources"}
    assert {each["x-key"] for each in server.headers} == {"operator"}


def test_headers_of_an_approval_go_with_its_call_alone(server, post, run, wait, tool, llm, sealed):
    llm.script(
        [call("order", call_id="one", umbrella="red"), call("order", call_id="two", umbrella="blue")],
        [text("Ordered.")],
    )
    made = post("assistants", model="gpt-x", tools=[tool(require_approval="always")])
    asked = run(made)
    server.headers.clear()
    said = [{"tool_call_id": "one", "approve": True, "headers": {"Authorization": SECRET}}]
    said += [{"tool_call_id": "two", "approve": True, "headers": {"Authorization": None}}]
    path = f"threads/{asked['thread_id']}/runs/{asked['id']}"

    ended = wait(post(f"{path}/submit_tool_outputs", tool_approvals=said))

    assert (ended["status"], {*server.calls}) == ("completed", {("order", "red"), ("order", "blue")})
    assert sent(server) == {SECRET, None}
    assert sealed() == []


def test_a_key_that_is_lost_is_told_to_the_model(server, post, run, tool, llm, box):
    llm.script([text("I cannot.")])
    made = post("assistants", model="gpt-x", tools=[tool()], tool_resources=resources())
    (box.settings.box_home / "sealing_key").unlink()
    box.deps.sealing._key = None

    assert run(made)["status"] == "completed"

    assert "cannot be read: sealed with a key that is not here" in llm.requests[0].tools[0]["description"]
    assert server.headers == []


def test_a_header_without_its_value_is_told_to_the_model(server, post, run, tool, llm):
    llm.script([text("I cannot.")])
    made = post("assistants", model="gpt-x", tools=[tool(headers={"X-Key": None}, authorization=None)])

    assert run(made)["status"] == "completed"

    assert "its header 'X-Key' is not known here" in llm.requests[0].tools[0]["description"]


@pytest.mark.parametrize("indiscreet", [SECRET])
def test_a_server_that_says_them_is_not_quoted(server, post, run, tool, llm, http):
    llm.script([call("repeat", fail=False), call("repeat", fail=True)], [text("Oh.")])
    made = post("assistants", model="gpt-x", tools=[tool(headers={"Authorization": SECRET})])

    ended = run(made)

    steps = http.get(f"threads/{ended['thread_id']}/runs/{ended['id']}/steps").text
    assert WORD not in steps + json.dumps(llm.requests[-1].tools) + json.dumps(llm.requests[-1].input)
    assert steps.count("[secret]") == 2, "of its list, and of an answer"


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        ({"X": f"{WORD}\r\nY: z"}, "X"),
        ({"X": f"{WORD}é"}, "X"),
        ({"X": f" {WORD}"}, "X"),
        ({"X": WORD * 1000}, "X"),
        ({"X": 1}, "X"),
        ({"X Y": WORD}, "X Y"),
        ({"Host": WORD}, None),
        ({"content-LENGTH": WORD}, None),
        ({"Proxy-Authorization": WORD}, None),
        ({"X": WORD, "x": WORD}, None),
        ({f"X{number}": WORD for number in range(33)}, None),
        (WORD, None),
    ],
)
def test_what_cannot_be_sent_is_refused_and_not_quoted(http, tool, headers, place, caplog):
    caplog.set_level(logging.DEBUG)
    where = [
        ({"tool_resources": {"mcp": [{"server_label": "a", "headers": headers}]}}, "tool_resources.mcp[0].headers"),
        ({"tools": [tool(headers=headers)]}, "tools[0].headers"),
    ]
    for body, param in where:
        refused = http.post("assistants", json={"model": "gpt-x"} | body)
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == (param if place is None else f"{param}.{place}")
        assert WORD not in refused.text
    assert logged(caplog.records, WORD) == []


def test_only_one_authorization_is_said(http, tool):
    both = tool(headers={"Authorization": "a"}, authorization="b")

    refused = http.post("assistants", json={"model": "gpt-x", "tools": [both]})

    assert refused.json()["error"]["param"] == "tools[0].authorization"
