"""Values of headers for MCP servers are nowhere but at their server: not while a run goes on, and not afterwards."""

from __future__ import annotations

import json
import logging
import time

import pytest

from shared.llm.scripted import call, text
from tests.api.canary import logged, places
from tests.api.conftest import KEY
from tests.fakes.mcp_server import mcp_server
from tests.host.test_command_line import box as program

#: How every value begins; each way of giving one has its own.
CANARY = "Zaunkoenig7Q"
VALUES = [f"{CANARY}{each}" for each in ("Assistant", "Thread", "Run", "Tool", "Token", "Approval")]


@pytest.fixture
def server():
    with mcp_server(indiscreet="anything") as server:
        yield server


@pytest.fixture
def settings(server, tmp_path):
    return {"mcp_allowed_hosts": server.host, "box_home": tmp_path / "home"}


def resources(label, value):
    return {"mcp": [{"server_label": label, "headers": {"X-Secret": value}}]}


def story(http, llm, server):
    """A run with all of them, streamed and approved; everything that the API answered, and the thread."""
    said = []

    def ask(method, path, **body):
        response = http.request(method, path, json=body) if body else http.request(method, path)
        assert response.status_code == 200, response.text
        said.append(response.text)
        return response

    def tool(label, **more):
        return {"type": "mcp", "server_label": label, "server_url": server.url()} | more

    never = {"require_approval": "never"}
    assistant = ask(
        "POST",
        "assistants",
        model="gpt-x",
        tools=[tool("one", headers={"X-Key": VALUES[3]}), tool("two", authorization=VALUES[4], **never)],
        tool_resources=resources("two", VALUES[0]),
    ).json()
    thread = ask("POST", "threads", tool_resources=resources("one", VALUES[1])).json()
    two = [call("two_repeat", fail=False), call("two_repeat", fail=True)]
    llm.script(two, [text("Done.")], two, [text("Done.")], [call("repeat", fail=False), call("repeat", fail=True)])
    begin = {"assistant_id": assistant["id"], "stream": True}
    path = f"threads/{thread['id']}/runs"
    ask("POST", "threads/runs", **begin)
    ask("POST", path, **begin, tool_resources=resources("two", VALUES[2]))
    ask("POST", path, **begin)
    asked = ask("GET", path).json()["data"][0]
    assert asked["status"] == "requires_action"
    llm.script([text("Done.")])
    approvals = [
        {"tool_call_id": each["id"], "approve": True, "headers": {"X-Approved": VALUES[5]}}
        for each in asked["required_action"]["submit_tool_approval"]["tool_calls"]
    ]
    yield said
    ask("POST", f"{path}/{asked['id']}/submit_tool_outputs", tool_approvals=approvals, stream=True)
    for run in ask("GET", path).json()["data"]:
        assert run["status"] == "completed"
        ask("GET", f"{path}/{run['id']}/steps")
    for again in ("assistants", "approvals", f"assistants/{assistant['id']}", f"threads/{thread['id']}"):
        ask("GET", again)
    yield said
    http.delete(f"threads/{thread['id']}")
    http.delete(f"assistants/{assistant['id']}")


def test_secrets_of_headers_are_nowhere(http, llm, server, box, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    home = box.settings.box_home
    for said in story(http, llm, server):
        assert CANARY not in "".join(said)
        assert places(home, CANARY) == []
        assert CANARY not in json.dumps([request.input for request in llm.requests], default=str)
        assert CANARY not in json.dumps([request.tools for request in llm.requests], default=str)
        environment = {"BOX_HOME": str(home), "BOX_API_KEYS": json.dumps({"me": KEY})}
        for verb in ("export", "backup"):
            done = program(verb, str(tmp_path / f"{verb}-{time.monotonic_ns()}"), **environment)
            assert done.returncode == 0, done.stderr
        assert places(tmp_path, CANARY) == []

    sent = {value for each in server.headers for value in each.values() if CANARY in value}
    assert sent == {f"Bearer {each}" if each.endswith("Token") else each for each in VALUES}
    ours = [each for each in caplog.records if not each.name.startswith(("mcp.server", "uvicorn"))]
    assert logged(ours, CANARY) == []
    assert not [path for path in tmp_path.rglob("sealing_key*") if path.parent != home], "the key is in no backup"
