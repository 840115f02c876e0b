"""Moving on: what goes out for the Responses and Conversations APIs is taken there, and nothing is lost in silence."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.conversations import ConversationCreateParams
from openai.types.conversations.item_create_params import ItemCreateParams
from openai.types.responses import ResponseCreateParams
from pydantic import TypeAdapter

from shared.deps import Caller
from shared.llm.scripted import call, text
from shared.moving.exports import Chosen
from shared.moving.response_exports import ResponsesExport
from tests.api.moved import CREATED, TAIL, a_story, box_program, come, leave, opened_box, written
from tests.api.test_moving import everything
from tests.fakes.conversations import FakeConversations, check
from tests.fakes.responses_server import serving

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "move_to_conversations.py"
FILE = f"file-{TAIL}"
THREAD = f"thread_{TAIL}9"


def message(number: int, **more: Any) -> dict[str, Any]:
    made = {"id": f"msg_{TAIL}9{number:02}", "object": "thread.message", "created_at": CREATED + number}
    return made | {"thread_id": THREAD, "role": "user", "content": said("Hello.")} | more


def said(value: str, *annotations: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"value": value, "annotations": list(annotations)}}]


def a_thread_with_everything() -> dict[str, Any]:
    picture = {"type": "image_file", "image_file": {"file_id": FILE, "detail": "low"}}
    linked = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    attached = [{"file_id": f"assistant-{TAIL}", "tools": [{"type": "file_search"}]}]
    place = {"start_index": 3, "end_index": 9}
    cited = {"type": "file_citation", "text": "【0†a】", **place, "file_citation": {"file_id": FILE, "quote": "so"}}
    linked_file = {"type": "file_path", "text": "sandbox:/a", **place, "file_path": {"file_id": FILE}}
    page = {"type": "url_citation", "text": "【1】", **place, "url_citation": {"url": "https://example.com"}}
    gone = {"type": "file_path", "text": "sandbox:/b", **place, "file_path": {"file_id": "file-zgone"}}
    by = {"role": "assistant", "run_id": f"run_{TAIL}9", "assistant_id": "asst_z"}
    messages = [
        message(0, content=[*said("What is it?"), picture, linked], attachments=attached, metadata={"mood": "good"}),
        message(20, content=[picture, *said("See 【0†a】", cited, linked_file, page, gone)], **by),
        message(21, content=[picture], **by),
        message(22, content=[{"type": "refusal", "refusal": "No."}], **by),
    ]
    results = [{"file_id": FILE, "file_name": "a.txt", "score": 0.5, "content": [{"type": "text", "text": "Hello"}]}]
    outputs = [{"type": "logs", "logs": "2"}, {"type": "image", "image": {"file_id": FILE}}]
    calls: list[dict[str, Any]] = [
        {"type": "function", "function": {"name": "f", "arguments": "{}", "output": "1"}},
        {"type": "function", "function": {"name": "f", "arguments": "{}", "output": None}},
        # Some servers give the ids of a turn to the next one's calls again.
        {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}", "output": "2"}},
        {"type": "code_interpreter", "code_interpreter": {"input": "1+1", "outputs": outputs}},
        {"type": "file_search", "file_search": {"results": results}},
        {"type": "mcp", "name": "look", "server_label": "docs", "arguments": "{}", "output": "found"},
        {"type": "bing_grounding", "bing_grounding": {"requesturl": "https://example.com"}},
    ]
    run = {"id": f"run_{TAIL}9", "object": "thread.run", "thread_id": THREAD, "assistant_id": "asst_z"}
    run |= {"status": "failed", "model": "m", "created_at": CREATED + 1}
    step = {"object": "thread.run.step", "type": "tool_calls", "status": "completed", "thread_id": THREAD}
    step |= {"run_id": run["id"], "assistant_id": "asst_z"}
    steps = [
        step
        | {"id": f"step_{TAIL}9{place}", "created_at": CREATED + 2 + place}
        | {"step_details": {"type": "tool_calls", "tool_calls": [{"id": f"call_{place}", **each}]}}
        for place, each in enumerate(calls)
    ]
    thread = {"id": THREAD, "object": "thread", "created_at": CREATED, "metadata": {"user": "ann"}}
    return {"thread": thread, "messages": messages, "runs": [run | {"steps": steps}]}


def tools() -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {}}
    return [
        {"type": "code_interpreter"},
        {"type": "file_search", "file_search": {"max_num_results": 5}},
        {"type": "function", "function": {"name": "f", "description": "Does it.", "parameters": schema}},
        {"type": "bing_grounding"},
    ]


async def go_on(box: Any, folder: Path, **chosen: Any) -> ResponsesExport:
    made = ResponsesExport(Caller(box.deps, "me"), folder, Chosen(**chosen))
    await made.run(lambda: None)
    return made


def bodies_of(folder: Path, thread_id: str) -> list[dict[str, Any]]:
    lines = (folder / "conversations" / f"{thread_id}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


async def test_all_that_is_said_and_called_becomes_items(tmp_path):
    content = a_story()
    content["threads"].append(a_thread_with_everything())
    async with opened_box(tmp_path / "box") as (box, _):
        report = await come(box, written(tmp_path / "source", content))
        assert report.counts["threads", "new"] == 3, report.remarks
        made = await go_on(box, tmp_path / "out")
    (first,) = bodies_of(tmp_path / "out", THREAD)
    assert first["metadata"] == {"user": "ann"}
    check(first, ConversationCreateParams)
    asked, called, answered, cut, uncertain, _, again, code, search, mcp, cited, shown, refused = first["items"]
    assert [part["type"] for part in asked["content"]] == ["input_text", "input_image", "input_image", "input_file"]
    assert asked["content"][1] == {"type": "input_image", "file_id": FILE, "detail": "low"}
    assert asked["content"][3]["file_id"] == f"assistant-{TAIL}"
    assert (called["call_id"], answered["call_id"], answered["output"]) == ("call_0", "call_0", "1")
    assert (cut["call_id"], uncertain["call_id"]) == ("call_1", "call_1")
    assert uncertain["output"].startswith("(no output")
    assert (again["call_id"], again["output"]) == ("call_0-2", "2")
    assert (code["code"], code["outputs"]) == ("1+1", [{"type": "logs", "logs": "2"}])
    assert (search["queries"], search["results"][0]["text"]) == ([], "Hello")
    assert (mcp["name"], mcp["server_label"], mcp["output"]) == ("look", "docs", "found")
    assert [(each["type"], each.get("index")) for each in cited["content"][0]["annotations"]] == [
        ("file_path", 0),
        ("file_citation", 3),
        ("file_path", 1),
        ("url_citation", None),
    ]
    assert (shown["content"][0]["text"], shown["content"][0]["annotations"][0]["file_id"]) == ("a.txt", FILE)
    assert refused["content"] == [{"type": "refusal", "refusal": "No."}]
    assert made.remarks == []
    assert made.left_out == {
        "metadata of a message": 1,
        "the quote of a citation": 1,
        "a file that does not exist any more": 1,
        "the output of a call that never got one": 1,
        "the queries of a search: the API did not give them out": 1,
        "a call of the tool bing_grounding": 1,
        "a run that is failed": 1,
        "a run that is expired": 1,
    }
    told = [json.loads(line) for line in (tmp_path / "out" / "left_out.jsonl").read_text().splitlines()]
    assert {"thread": THREAD, "id": f"run_{TAIL}9", "what": "a run that is failed"} in told
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["left_out"] == made.left_out
    assert manifest["counts"]["conversations"] == 3
    assert manifest["not_included"][0].startswith("runs themselves")


#: Calls of tools that came after the Assistants API's own, as steps show them, and the function that each is of.
OTHER_CALLS = [
    ({"type": "mcp", "name": "docs.look", "server_label": "docs", "arguments": "{}", "output": "a"}, "docs_look", "{}"),
    ({"type": "openapi", "openapi": {"name": "find", "arguments": '{"a": 1}', "output": "b"}}, "find", '{"a": 1}'),
    (
        {"type": "azure_function", "azure_function": {"name": "weather", "arguments": "{}", "output": "c"}},
        "weather",
        "{}",
    ),
    (
        {"type": "connected_agent", "connected_agent": {"name": "stocks", "arguments": "{}", "output": "d"}},
        "stocks",
        "{}",
    ),
    (
        {"type": "azure_ai_search", "azure_ai_search": {"input": "äpples", "output": "e"}},
        "azure_ai_search",
        '{"query": "äpples"}',
    ),
]


def with_other_calls() -> dict[str, Any]:
    """A thread whose only step has a call of each kind."""
    thread = a_thread_with_everything()
    thread["messages"] = thread["messages"][:1]
    (run,) = thread["runs"]
    calls = [{"id": f"call_{number}"} | call for number, (call, *_) in enumerate(OTHER_CALLS)]
    step = run["steps"][0] | {"step_details": {"type": "tool_calls", "tool_calls": calls}}
    return thread | {"runs": [run | {"steps": [step]}]}


async def test_calls_of_later_kinds_become_items_too(tmp_path):
    async with opened_box(tmp_path / "box") as (box, _):
        await come(box, written(tmp_path / "source", a_story() | {"threads": [with_other_calls()]}))
        made = await go_on(box, tmp_path / "out")
    (body,) = bodies_of(tmp_path / "out", THREAD)
    check(body, ConversationCreateParams)
    _, mcp, *items = body["items"]
    assert (mcp["type"], mcp["name"], mcp["output"]) == ("mcp_call", "docs.look", "a")
    called = [(each["name"], each["arguments"]) for each in items[::2]]
    assert called == [(name, arguments) for _, name, arguments in OTHER_CALLS[1:]]
    assert [each["output"] for each in items[1::2]] == ["b", "c", "d", "e"]
    assert not [each for each in made.left_out if "tool" in each]


async def test_later_prompts_tell_of_calls_of_later_kinds(tmp_path):
    async with opened_box(tmp_path / "box") as (box, client):
        await come(box, written(tmp_path / "source", a_story() | {"threads": [with_other_calls()]}))
        box.deps.llm.script([text("Hello.")])
        made = (await client.post("assistants", json={"model": "m"})).json()
        await client.post(f"threads/{THREAD}/runs", json={"assistant_id": made["id"], "stream": True})
    told = box.deps.llm.requests[-1].input
    calls = [each for each in told if each.get("type") == "function_call"]
    assert [(each["name"], each["arguments"]) for each in calls] == [each[1:] for each in OTHER_CALLS]
    outputs = [each["output"] for each in told if each.get("type") == "function_call_output"]
    assert outputs == ["a", "b", "c", "d", "e"]


async def test_what_a_box_called_is_told_the_same_after_it_moved(tmp_path):
    """Neither the server nor the API is there: what came of the calls is an error, and moves like an answer."""
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "http://127.0.0.1:1"}],
        "paths": {"/f": {"get": {"operationId": "find"}}},
    }
    api = {"name": "shop", "spec": document, "auth": {"type": "anonymous"}}
    server = {"type": "mcp", "server_label": "docs", "server_url": "http://127.0.0.1:1/mcp"}
    tools = [{"type": "openapi", "openapi": api}, server]
    prompts = []
    async with opened_box(tmp_path / "old") as (box, client):
        box.deps.llm.script([call("find"), call("docs_tools")], [text("Nothing.")], [text("Hello.")])
        assistant = (await client.post("assistants", json={"model": "m", "tools": tools})).json()["id"]
        body = {"assistant_id": assistant, "stream": True}
        thread = {"messages": [{"role": "user", "content": "What is there?"}]}
        await client.post("threads/runs", json=body | {"thread": thread})
        thread_id = (await client.get("threads")).json()["data"][0]["id"]
        await leave(box, tmp_path / "moved")
        await client.post(f"threads/{thread_id}/runs", json=body)
        prompts.append(box.deps.llm.requests[-1].input)
    async with opened_box(tmp_path / "new") as (box, client):
        report = await come(box, tmp_path / "moved")
        assert report.remarks == []
        box.deps.llm.script([text("Hello.")])
        await client.post(f"threads/{thread_id}/runs", json=body)
        prompts.append(box.deps.llm.requests[-1].input)
    before, after = prompts
    assert [each["type"] for each in before].count("function_call_output") == 2
    assert after == before


async def test_twenty_items_go_in_a_call(tmp_path):
    async with opened_box(tmp_path / "box") as (box, _):
        await come(box, written(tmp_path / "source", a_story()))
        await go_on(box, tmp_path / "out")
    first, *others = bodies_of(tmp_path / "out", f"thread_{TAIL}0")
    assert [len(each["items"]) for each in (first, *others)] == [20] * 5
    check(first, ConversationCreateParams)
    for each in others:
        check(each, ItemCreateParams)
    items = [item["content"][0]["text"] for each in (first, *others) for item in each["items"]]
    assert items == [str(number) for number in range(100)]
    assert bodies_of(tmp_path / "out", f"thread_{TAIL}1") == [{"metadata": {}, "items": []}]


async def test_assistants_become_requests(tmp_path):
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    resources = {"code_interpreter": {"file_ids": [FILE]}, "file_search": {"vector_store_ids": ["vs_1"]}}
    assistant = {"id": "asst_z", "object": "assistant", "created_at": CREATED, "model": "gpt-5.6-luna", "name": "Zoe"}
    assistant |= {"tools": tools(), "tool_resources": resources, "response_format": schema, "temperature": 0}
    assistant |= {"instructions": "Be kind.", "reasoning_effort": "low"}
    async with opened_box(tmp_path / "box") as (box, _):
        await come(box, written(tmp_path / "source", {"assistants": [assistant], "threads": []}))
        made = await go_on(box, tmp_path / "out")
    request = json.loads((tmp_path / "out" / "requests.json").read_text())["asst_z"]
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseCreateParams)
    assert json.loads(adapter.dump_json(adapter.validate_python(request))) == request
    assert request["temperature"] == 0
    assert request["text"]["format"]["name"] == "x"
    assert [each["type"] for each in request["tools"]] == ["code_interpreter", "file_search", "function"]
    assert made.left_out == {"the tool bing_grounding": 1, "the name of an assistant": 1}


async def test_what_a_box_did_itself_is_taken_by_the_service(tmp_path):
    """Played by the example against a strict fake: functions, pictures and files, and more than one call's items."""
    fake = FakeConversations()
    async with opened_box(tmp_path / "box") as (box, client):
        uploaded = await client.post("files", files={"file": ("a.txt", b"Hello")}, data={"purpose": "assistants"})
        attached = [{"file_id": uploaded.json()["id"], "tools": [{"type": "code_interpreter"}]}]
        assistant = (await client.post("assistants", json={"model": "m"})).json()
        box.deps.llm.script([text("Wait."), call("f", call_id="call_a"), call("f", call_id="call_b")], [text("Done.")])
        function = [{"type": "function", "function": {"name": "f"}}]
        question = {"role": "user", "content": "Do it.", "attachments": attached}
        body = {"assistant_id": assistant["id"], "tools": function, "stream": True}
        await client.post("threads/runs", json=body | {"thread": {"messages": [question] * 20}})
        (thread,) = (await client.get("threads")).json()["data"]
        (run,) = (await client.get(f"threads/{thread['id']}/runs")).json()["data"]
        outputs = [{"tool_call_id": each, "output": each} for each in ("call_a", "call_b")]
        path = f"threads/{thread['id']}/runs/{run['id']}/submit_tool_outputs"
        await client.post(path, json={"tool_outputs": outputs, "stream": True})
        made = await go_on(box, tmp_path / "out")
        assert (made.remarks, made.left_out) == ([], {})
        async with serving(fake) as url:
            environment = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "k"}
            line = [sys.executable, str(EXAMPLE), str(tmp_path / "out")]
            done = await asyncio.create_subprocess_exec(*line, env=environment, stdout=asyncio.subprocess.PIPE)
            printed, _ = await done.communicate()
    assert printed.decode() == f"{thread['id']} conv_0\n"
    items = fake.conversations["conv_0"]
    assert [item.get("role", item["type"]) for item in items[20:]] == [
        "assistant",
        "function_call",
        "function_call_output",
        "function_call",
        "function_call_output",
        "assistant",
    ]
    assert fake.refusals() == []
    assert [*fake.files.values()] == [b"Hello"]


def test_the_command_says_what_has_no_place_there(tmp_path):
    content = a_story() | {"threads": [a_thread_with_everything()]}
    source = written(tmp_path / "source", content)
    assert box_program(tmp_path / "box", "import", str(source), "--yes").returncode == 0
    done = box_program(tmp_path / "box", "export", str(tmp_path / "out"), "--as", "responses")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "     13 items")
    assert "      1 × not among the items: a call of the tool bing_grounding\n" in done.stderr
    refused = box_program(tmp_path / "box", "import", str(tmp_path / "out"))
    assert refused.returncode == 2
    assert "for the Responses API" in refused.stderr


@pytest.mark.parametrize("chosen", [{"threads": [THREAD]}, {"metadata": {"user": "ann"}}])
async def test_some_threads_go_on_with_their_files(tmp_path, chosen):
    content = a_story()
    content["threads"].append(a_thread_with_everything())
    async with opened_box(tmp_path / "box") as (box, _):
        await come(box, written(tmp_path / "source", content))
        await go_on(box, tmp_path / "out", **chosen)
    assert [path.name for path in (tmp_path / "out" / "conversations").iterdir()] == [f"{THREAD}.jsonl"]
    assert sorted(path.name for path in (tmp_path / "out" / "files").iterdir()) == [f"assistant-{TAIL}", FILE]


#: Members of calls as dumps may have them.
ODD = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.none() | st.text(max_size=2), max_size=2)
MEMBERS = ("name", "arguments", "output", "input", "server_label")
LISTED = st.lists(st.dictionaries(st.sampled_from(("type", "text", "logs", "score", "content")), ODD), max_size=2)
KINDS = ("function", "code_interpreter", "file_search", "mcp", "openapi")
INNER = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(MEMBERS, ODD) | dict.fromkeys(("outputs", "results"), st.none() | LISTED)
)


@pytest.mark.long
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=everything(), calls=st.lists(st.tuples(st.sampled_from(KINDS), INNER), max_size=4))
async def test_whatever_came_in_goes_on_in_the_form_of_the_service(tmp_path_factory, content, calls):
    tmp_path = tmp_path_factory.mktemp("on")
    odd = a_thread_with_everything()
    made = [{"id": f"call_{place}", "type": kind, kind: inner} for place, (kind, inner) in enumerate(calls)]
    odd["runs"][0]["steps"][0]["step_details"] = {"type": "tool_calls", "tool_calls": made}
    content["threads"].append(odd)
    async with opened_box(tmp_path / "box") as (box, _):
        report = await come(box, written(tmp_path / "source", content))
        assert not any(outcome == "lost" for _, outcome in +report.counts), report.remarks
        await go_on(box, tmp_path / "out")
    for each in content["threads"]:
        first, *others = bodies_of(tmp_path / "out", each["thread"]["id"])
        check(first, ConversationCreateParams)
        for body in others:
            check(body, ItemCreateParams)
