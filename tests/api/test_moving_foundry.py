"""What Foundry Agents (classic) gave out comes in as it was: its tools, its calls, its spellings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.moved import CREATED, TAIL, come, leave, opened_box, walk
from tests.api.test_foundry_tools import RESOURCES, TOOLS, tool

THREAD, RUN, FILE = f"thread_{TAIL}", f"run_{TAIL}", f"assistant-{TAIL}"
CALLS: list[dict[str, Any]] = [
    {"type": "bing_grounding", "bing_grounding": {"requesturl": "https://example.com/?q=1", "response_metadata": "{}"}},
    {"type": "azure_ai_search", "azure_ai_search": {"input": "rain", "output": "{}"}},
    {"type": "openapi", "openapi": {"name": "countries", "arguments": "{}", "output": "[]"}},
    {"type": "mcp", "name": "search", "server_label": "github", "arguments": "{}", "output": "found"},
    {"type": "connected_agent", "connected_agent": {"name": "stocks", "arguments": "{}", "output": "12"}},
    {"type": "file_search", "file_search": {"ranking_options": None, "results": []}},
]


def dump() -> list[dict[str, Any]]:
    """Objects as the service's SDK writes them: nulls for what is not set, newest first."""
    of = {"thread_id": THREAD, "assistant_id": "asst_z", "run_id": RUN, "created_at": CREATED + 1}
    page = {"type": "url_citation", "text": "【3:0†source】", "start_index": 5, "end_index": 17}
    page["url_citation"] = {"url": "https://example.com", "title": "Example"}
    answer = [{"type": "text", "text": {"value": "Rain 【3:0†source】", "annotations": [page]}}]
    ends = {"completed_at": None, "incomplete_at": None, "incomplete_details": None}
    message = {"id": f"msg_{TAIL}", "object": "thread.message", "role": "assistant", "content": answer, **of, **ends}
    step = {"object": "thread.run.step", "status": "completed", "usage": None, "last_error": None, "expired_at": None}
    steps = [
        step
        | {"id": f"step_{TAIL}{place}", "type": "tool_calls", **of, "created_at": CREATED + place}
        | {"step_details": {"type": "tool_calls", "tool_calls": [{"id": f"call_{place}", **each}]}}
        for place, each in enumerate(CALLS)
    ]
    listed = {
        "type": "activities",
        "activities": [{"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "github"}],
    }
    steps.append(
        step | {"id": f"step_{TAIL}9", "type": "activities", "step_details": listed, **of, "created_at": CREATED + 9}
    )
    approval = {"type": "mcp", "id": "call_9", "name": "search", "server_label": "github", "arguments": "{}"}
    action = {"type": "submit_tool_approval", "submit_tool_approval": {"tool_calls": [approval]}}
    run = {"id": RUN, "object": "thread.run", "thread_id": THREAD, "assistant_id": "asst_z", "created_at": CREATED}
    run |= {"status": "requires_action", "required_action": action, "model": "gpt-4o", "instructions": None}
    run |= {"tools": [tool(kind) for kind in TOOLS], "tool_resources": RESOURCES, "parallel_tool_calls": None}
    agent = {"id": "asst_z", "object": "assistant", "created_at": CREATED, "model": "gpt-4o", "metadata": None}
    agent |= {"tools": run["tools"], "tool_resources": RESOURCES, "instructions": None, "response_format": None}
    thread = {"id": THREAD, "object": "thread", "created_at": CREATED, "metadata": None, "tool_resources": RESOURCES}
    file = {"id": FILE, "object": "file", "created_at": CREATED, "filename": "a.txt", "bytes": 5}
    return [*reversed(steps), message, run, agent, thread, file | {"purpose": "assistants", "status": "processed"}]


async def test_an_agent_with_every_tool_goes_to_another_box(tmp_path):
    async with opened_box(tmp_path / "one") as (box, client):
        tools = [tool(kind) for kind in TOOLS]
        made = await client.post("assistants", json={"model": "m", "tools": tools, "tool_resources": RESOURCES})
        await client.post("threads", json={"tool_resources": RESOURCES})
        assert made.json()["tools"] == tools
        out, there = await leave(box, tmp_path / "out"), await walk(client)
    async with opened_box(tmp_path / "two") as (box, client):
        report = await come(box, tmp_path / "out")
        assert not any(outcome == "lost" for _, outcome in +report.counts)
        assert await walk(client) == there
        assert await leave(box, tmp_path / "again") == out


async def test_a_dump_of_a_project_comes_in_whole(tmp_path):
    (tmp_path / "dump.jsonl").write_text("\n".join(json.dumps(each) for each in dump()))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / f"{FILE}.txt").write_bytes(b"Hello")
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, tmp_path / "dump.jsonl")
        assert not any(outcome == "lost" for _, outcome in +report.counts), report.remarks
        assert f"{RUN}: was requires_action, comes as expired" in report.remarks
        agent = (await client.get("assistants/asst_z")).json()
        assert [each["type"] for each in agent["tools"]] == [*TOOLS]
        assert agent["tools"] == [tool(kind) for kind in TOOLS]
        run = (await client.get(f"threads/{THREAD}/runs/{RUN}")).json()
        assert (run["status"], run["required_action"], run["tools"]) == ("expired", None, agent["tools"])
        path = f"threads/{THREAD}/runs/{RUN}/steps"
        steps = (await client.get(path, params={"order": "asc"})).json()["data"]
        calls = [call for each in steps for call in each["step_details"].get("tool_calls", ())]
        assert [{name: call[name] for name in call if name != "id"} for call in calls] == CALLS
        assert steps[-1]["step_details"]["activities"][0]["type"] == "mcp_list_tools"
        (message,) = (await client.get(f"threads/{THREAD}/messages")).json()["data"]
        assert message["content"][0]["text"]["annotations"][0]["url_citation"]["title"] == "Example"
        assert (await client.get(f"files/{FILE}/content")).content == b"Hello"
        body = {"assistant_id": "asst_z", "stream": True}
        refused = await client.post(f"threads/{THREAD}/runs", json=body)
        assert "event: thread.run.failed" in refused.text
        out, there = await leave(box, tmp_path / "out"), await walk(client)
    async with opened_box(tmp_path / "two") as (box, client):
        await come(box, tmp_path / "out")
        assert await walk(client) == there
        assert await leave(box, tmp_path / "again") == out


async def test_credentials_in_a_dump_stay_outside(tmp_path):
    resources = {"mcp": [{"server_label": "github", "headers": {"Authorization": "Bearer canary"}}]}
    secret = {"type": "mcp", "server_label": "github", "server_url": "https://x.example", "authorization": "canary"}
    things = [each | ({"tool_resources": resources} if "tool_resources" in each else {}) for each in dump()[:-1]]
    things = [each | ({"tools": [secret]} if "tools" in each else {}) for each in things]
    (tmp_path / "dump.json").write_text(json.dumps(things))
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, tmp_path / "dump.json")
        told = [each for each in report.remarks if each.endswith("give them anew")]
        assert {each.partition(":")[0] for each in told} == {"asst_z", THREAD, RUN}
        assert (await client.get("assistants/asst_z")).json()["tool_resources"]["mcp"][0]["headers"] == {
            "Authorization": None
        }
    assert not any(b"canary" in path.read_bytes() for path in (tmp_path / "box").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        ({"id": "batch_1", "object": "batch"}, "batch_1: objects of kind 'batch' are not known"),
        ({"id": "asst_y", "object": "assistant.deleted"}, "asst_y: objects of kind 'assistant.deleted' are not known"),
        ({"id": "step_y", "run_id": "run_y", "thread_id": THREAD}, "steps of run_y: their run is not there"),
        (
            {"id": "file-y", "object": "vector_store.file", "vector_store_id": "vs_y"},
            "vs_y: is not there, files of it are",
        ),
    ],
)
async def test_what_belongs_to_nothing_is_told_and_the_rest_comes(tmp_path, thing, told):
    (tmp_path / "dump.json").write_text(json.dumps([thing, *dump()[:-1]]))
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, tmp_path / "dump.json")
        assert told in report.remarks
        assert report.counts["others", "lost"] == 1
        assert (await client.get(f"threads/{THREAD}")).json()["id"] == THREAD


async def test_an_attachment_that_names_its_file_as_an_asset_comes_in(tmp_path):
    """As when it is sent: `file_id` is the asset's, whether it can be read here or lies in Azure."""
    tools = [{"type": "file_search"}]
    sources = [{"uri": uri, "type": "id_asset"} for uri in (FILE, "azureml://elsewhere/b.txt")]
    attached = [{"data_source": each, "tools": tools} for each in sources]
    things = [each | ({"attachments": attached} if each["object"] == "thread.message" else {}) for each in dump()]
    (tmp_path / "dump.json").write_text(json.dumps(things))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / f"{FILE}.txt").write_bytes(b"Hello")
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, tmp_path / "dump.json")
        assert not any(outcome == "lost" for _, outcome in +report.counts), report.remarks
        (message,) = (await client.get(f"threads/{THREAD}/messages")).json()["data"]
        assert message["attachments"] == [
            {"file_id": each["uri"]} | of for each, of in zip(sources, attached, strict=True)
        ]
        out, there = await leave(box, tmp_path / "out"), await walk(client)
    async with opened_box(tmp_path / "two") as (box, client):
        await come(box, tmp_path / "out")
        assert await walk(client) == there
        assert await leave(box, tmp_path / "again") == out
