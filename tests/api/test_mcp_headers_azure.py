"""A box on a storage account has no key for headers of requests, unless a key vault is named: they are refused."""

from __future__ import annotations

import pytest

from tests.contract.conftest import azurite, azurite_installed  # noqa: F401  fixtures

WORD = "Zaunkoenig7Q"
SERVER = {"server_label": "github", "headers": {"Authorization": WORD}}
TOOL = {"type": "mcp", "server_label": "github", "server_url": "https://mcp.example"}


@pytest.fixture
def settings(tmp_path, azurite):  # noqa: F811
    return {"box_home": tmp_path / "home", "AzureWebJobsStorage": azurite}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("assistants", {"model": "m", "tool_resources": {"mcp": [SERVER]}}, "tool_resources.mcp[0].headers"),
        ("assistants", {"model": "m", "tools": [TOOL | {"headers": {"X": WORD}}]}, "tools[0].headers"),
        ("assistants", {"model": "m", "tools": [TOOL | {"authorization": WORD}]}, "tools[0].authorization"),
        ("threads", {"tool_resources": {"mcp": [SERVER]}}, "tool_resources.mcp[0].headers"),
        ("threads/runs", {"tools": [TOOL], "tool_resources": {"mcp": [SERVER]}}, "tool_resources.mcp[0].headers"),
        ("threads/runs", {"thread": {"tool_resources": {"mcp": [SERVER]}}}, "thread.tool_resources.mcp[0].headers"),
    ],
)
def test_headers_are_refused_without_a_key(http, path, body, param):
    if path == "threads/runs":
        body = body | {"assistant_id": http.post("assistants", json={"model": "m"}).json()["id"]}

    refused = http.post(path, json=body)

    assert refused.status_code == 400
    error = refused.json()["error"]
    assert (error["param"], error["code"]) == (param, "unsupported_value")
    assert error["message"].endswith("this box keeps no secrets in objects. Send no headers for MCP servers.")
    assert WORD not in refused.text


def test_names_without_values_pass_and_none_is_asked_for(http):
    nothing = {"model": "m", "tools": [TOOL | {"headers": {}}], "tool_resources": {"mcp": [SERVER | {"headers": {}}]}}
    read = nothing | {"tools": [TOOL | {"headers": {"X": None}, "authorization": None}]}

    for body in (nothing, read):
        made = http.post("assistants", json=body)
        assert made.status_code == 200
        assert made.json()["tools"] == body["tools"]
