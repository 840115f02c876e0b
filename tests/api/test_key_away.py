"""Headers for MCP servers while the key vault cannot be reached: 503 and nothing half-written; runs wait for it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared.llm.scripted import call, text
from shared.sealing.key_vault import KEPT_SECONDS, KeyVault
from tests.api.test_mcp_headers import SECRET, indiscreet, post, resources, run, sent, server, settings, tool  # noqa: F401
from tests.contract.test_sealing import clock, identity  # noqa: F401
from tests.fakes.key_vault import FakeVault


@pytest.fixture
def vault(box, clock):  # noqa: F811
    """The box's headers are sealed by a key vault."""
    vault = FakeVault()
    box.run(vault.start())
    object.__setattr__(box.deps, "sealing", KeyVault(vault.url, identity, clock))
    yield vault
    box.run(vault.stop())


def away(vault) -> None:
    vault.status = [503] * 1000


def back(vault) -> None:
    vault.status = []


NEW_STORE: dict[str, Any] = {"file_search": {"vector_stores": [{"file_ids": []}]}}


def requests(assistant, tool):  # noqa: F811
    """Path and body, each with headers and something else that would be written."""
    with_headers = [tool(headers={"X": SECRET})]
    said = [{"role": "user", "content": "Hi"}]
    return [
        ("assistants", {"model": "gpt-x", "tools": with_headers, "tool_resources": NEW_STORE}),
        (f"assistants/{assistant['id']}", {"name": "New", "tools": with_headers}),
        ("threads", {"messages": said, "tool_resources": resources() | NEW_STORE}),
        ("threads/runs", {"assistant_id": assistant["id"], "thread": {"tool_resources": resources() | NEW_STORE}}),
        (
            "threads/runs",
            {"assistant_id": assistant["id"], "tool_resources": resources(), "thread": {"messages": said}},
        ),
    ]


def test_a_request_with_headers_is_asked_to_come_again(vault, http, post, tool, caplog):  # noqa: F811
    assistant = post("assistants", model="gpt-x", name="Old", tools=[tool()])
    away(vault)
    for path, body in requests(assistant, tool):
        refused = http.post(path, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "key_unavailable"), path
        assert int(refused.headers["retry-after"]) > 0
        assert "try again later" in refused.json()["error"]["message"]
        assert "vault" not in refused.text, "why it is so is the operator's business"
    reasons = {each.reason for each in caplog.records if getattr(each, "action", "") == "key_unavailable"}
    assert reasons == {"the key vault answered with status 503"}
    assert http.get(f"assistants/{assistant['id']}").json() == assistant
    assert [len(http.get(each).json()["data"]) for each in ("assistants", "threads", "vector_stores")] == [1, 0, 0]
    back(vault)
    assert [http.post(path, json=body).status_code for path, body in requests(assistant, tool)] == [200] * 5


def test_headers_that_come_with_an_approval_can_be_sent_again(vault, http, post, run, wait, tool, llm, clock):  # noqa: F811
    llm.script([call("order", umbrella="red")], [text("Ordered.")])
    asked = run(post("assistants", model="gpt-x", tools=[tool(require_approval="always")]))
    [pending] = asked["required_action"]["submit_tool_approval"]["tool_calls"]
    path = f"threads/{asked['thread_id']}/runs/{asked['id']}"
    approvals = [{"tool_call_id": pending["id"], "approve": True, "headers": {"X": SECRET}}]
    away(vault)
    refused = http.post(f"{path}/submit_tool_outputs", json={"tool_approvals": approvals})
    assert (refused.status_code, http.get(path).json()["status"]) == (503, "requires_action")
    back(vault)
    assert wait(post(f"{path}/submit_tool_outputs", tool_approvals=approvals))["status"] == "completed"


def test_a_run_waits_for_a_key_that_is_away(vault, server, post, run, wait, tool, llm, clock):  # noqa: F811
    """Three attempts of the vault's client fail, and the run asks again."""
    llm.script([call("order", umbrella="red")], [text("Ordered.")])
    assistant = post("assistants", model="gpt-x", tools=[tool(headers={"Authorization": SECRET})])
    clock.now += KEPT_SECONDS + 1
    vault.status = [503] * 3
    done = run(assistant)
    assert (done["status"], vault.status) == ("completed", [])
    assert SECRET in sent(server)


@pytest.mark.long
def test_a_model_is_told_in_words_of_a_key_that_stays_away(vault, http, post, tool, llm, clock):  # noqa: F811
    llm.script([text("No umbrellas today.")])
    assistant = post("assistants", model="gpt-x", tools=[tool(headers={"Authorization": SECRET})])
    clock.now += KEPT_SECONDS + 1
    away(vault)
    begun = post("threads/runs", assistant_id=assistant["id"])
    path = f"threads/{begun['thread_id']}/runs/{begun['id']}"
    while (done := http.get(path).json())["status"] in ("queued", "in_progress"):
        time.sleep(0.2)
    assert done["status"] == "completed"
    assert "headers for this server cannot be read: the key vault" in llm.requests[0].tools[0]["description"]
