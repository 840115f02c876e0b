"""Moving in and out: what came in is what was there, once, whatever happens on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.llm.scripted import call, text
from tests.api.moved import (
    CREATED,
    TAIL,
    Died,
    a_story,
    box_program,
    come,
    dead_after,
    leave,
    opened_box,
    rows,
    walk,
    written,
)

ENDED = ("completed", "failed", "cancelled", "expired", "incomplete")


# -- what comes ------------------------------------------------------------------------------------------------------

SECONDS = st.integers(0, 3)
WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
METADATA = st.none() | st.dictionaries(st.text("ab", min_size=1, max_size=2), WORDS, max_size=2)


@st.composite
def threads(draw: Any, number: int) -> dict[str, Any]:
    thread_id = f"thread_{TAIL}{number}"
    made = CREATED + draw(SECONDS)
    runs = []
    for place in range(draw(st.integers(0, 2))):
        run_id = f"run_{TAIL}{number}{place}"
        of = {"thread_id": thread_id, "assistant_id": "asst_z", "created_at": made + place * 2}
        called = {
            "id": f"call_{place}",
            "type": "function",
            "function": {"name": "f", "arguments": "{}", "output": "1"},
        }
        details = {"type": "tool_calls", "tool_calls": [called]}
        steps = [
            {"id": f"step_{TAIL}{number}{place}{each}", "run_id": run_id, "type": "tool_calls", "status": "completed"}
            | {"object": "thread.run.step", "step_details": details, **of}
            for each in range(draw(st.integers(0, 2)))
        ]
        status = draw(st.sampled_from([*ENDED, "requires_action"]))
        runs.append({"id": run_id, "object": "thread.run", "status": status, "model": "m", "steps": steps, **of})
    messages = [
        {"id": f"msg_{TAIL}{number}{place}", "object": "thread.message", "thread_id": thread_id, "role": "user"}
        | {"created_at": made + place // 2, "metadata": draw(METADATA), "attachments": None}
        | {"content": [{"type": "text", "text": {"value": draw(WORDS), "annotations": []}}]}
        for place in range(draw(st.integers(0, 5)))
    ]
    if runs and messages:
        messages[-1] |= {"run_id": runs[0]["id"], "assistant_id": "asst_z", "role": "assistant"}
    thread = {"id": thread_id, "object": "thread", "created_at": made, "metadata": draw(METADATA)}
    return {"thread": thread, "messages": messages, "runs": runs}


@st.composite
def everything(draw: Any) -> dict[str, Any]:
    names = range(draw(st.integers(0, 4)))
    assistants = [
        {"id": f"asst_{TAIL}{number}", "object": "assistant", "created_at": CREATED, "model": "gpt-4o"}
        | {"name": draw(st.none() | WORDS), "tools": [{"type": "bing_grounding"}] if number else []}
        for number in names
    ]
    return {"assistants": assistants, "threads": [draw(threads(number)) for number in range(draw(st.integers(0, 4)))]}


# -- tests -----------------------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=everything())
async def test_what_came_goes_out_and_comes_in_elsewhere_unchanged(tmp_path_factory, content):
    tmp_path = tmp_path_factory.mktemp("round")
    source = written(tmp_path / "source", content)
    async with opened_box(tmp_path / "one") as (box, client):
        report = await come(box, source)
        assert report.counts["threads", "new"] == len(content["threads"]), report.remarks
        assert report.counts["assistants", "new"] == len(content["assistants"]), report.remarks
        there, out = await walk(client), await leave(box, tmp_path / "out")
        again = await come(box, source)
        assert {outcome for (_, outcome), number in again.counts.items() if number} <= {"same"}
    for each in content["threads"]:
        listed = there[f"threads/{each['thread']['id']}/messages asc"]
        assert [one["id"] for one in listed] == [one["id"] for one in each["messages"]]
    async with opened_box(tmp_path / "two") as (box, client):
        await come(box, tmp_path / "out")
        assert await walk(client) == there
        assert await leave(box, tmp_path / "out again") == out


async def test_what_a_box_made_itself_goes_to_another_and_keeps_its_ids(tmp_path):
    async with opened_box(tmp_path / "one") as (box, client):
        assistant = (await client.post("assistants", json={"model": "m"})).json()
        await client.post("files", files={"file": ("a.txt", b"Hello")}, data={"purpose": "assistants"})
        for turns in ([text("Hello.")], [call("f")]):
            box.deps.llm.script(turns)
            tools = [{"type": "function", "function": {"name": "f"}}]
            body = {"assistant_id": assistant["id"], "tools": tools, "stream": True}
            body["thread"] = {"messages": [{"role": "user", "content": "One"}, {"role": "user", "content": "Two"}]}
            await client.post("threads/runs", json=body)
        waiting, done = (await client.get("threads")).json()["data"]
        gone = (await client.get(f"threads/{done['id']}/messages")).json()["data"][1]
        await client.delete(f"threads/{done['id']}/messages/{gone['id']}")
        out, there = await leave(box, tmp_path / "out"), await walk(client)
    async with opened_box(tmp_path / "two") as (box, client):
        report = await come(box, tmp_path / "out")
        assert any("was requires_action, comes as expired" in each for each in report.remarks)
        here = await walk(client)
        open_run = f"threads/{waiting['id']}/runs"
        for name, found in there.items():
            if not name.startswith(open_run):
                assert here[name] == found, name
        assert here[f"{open_run} asc"][0]["status"] == "expired"
        again = await leave(box, tmp_path / "again")
        assert {name for name in out if again[name] != out[name]} == {"manifest.json", f"threads/{waiting['id']}.json"}
        # Nothing needs an alias: the ids say where they belong.
        assert not [key for _, key, *_ in rows(tmp_path / "two") if key.startswith("by_id_")]


@pytest.mark.parametrize("applied", [False, True])
async def test_an_import_that_dies_in_any_commit_ends_the_same(tmp_path, applied):
    source = written(tmp_path / "source", a_story())
    async with opened_box(tmp_path / "whole") as (box, _):
        await come(box, source)
    wanted = rows(tmp_path / "whole")
    deaths = 0
    while True:
        home = tmp_path / f"dies{deaths}"
        try:
            async with opened_box(home) as (box, _):
                await dead_after(box, deaths, applied)
                await come(box, source)
            break
        except Died:
            deaths += 1
        async with opened_box(home) as (box, client):
            half = (await client.get(f"threads/thread_{TAIL}0/messages", params={"limit": 100})).json()
            assert "error" in half or len(half["data"]) == 100
            await come(box, source)
            again = await come(box, source)
            assert {outcome for (_, outcome), number in again.counts.items() if number} == {"same"}
        assert rows(home) == wanted
    assert deaths >= 8


async def test_a_dry_run_tells_what_would_come_and_what_not(tmp_path):
    source = written(tmp_path / "source", a_story())
    (source / "files" / f"file-{TAIL}.txt").unlink()
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, source, write=False)
        assert (await client.get("threads")).json()["data"] == []
    counts = {f"{kind} {outcome}": number for (kind, outcome), number in report.counts.items() if number}
    wanted = {
        "files lost": 1,
        "files new": 1,
        "assistants new": 1,
        "threads new": 2,
        "messages new": 100,
        "runs new": 1,
    }
    assert counts == wanted
    assert report.remarks == [
        f"file-{TAIL}: its bytes are missing: put them beside the export as files/ID",
        f"run_{TAIL}: was in_progress, comes as expired",
    ]


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
async def test_loose_objects_find_together(tmp_path, suffix):
    """Answers of list calls, newest first, in any order and without the threads themselves."""
    story = a_story()["threads"][0]
    messages = story["messages"][::-1]
    pages = [{"object": "list", "data": messages[:60], "has_more": True}, {"object": "list", "data": messages[60:]}]
    thread = {"id": f"thread_{TAIL}x", "created_at": CREATED + 5}
    parts = [*pages, story["runs"], thread]
    path = tmp_path / f"dump.{suffix}"
    path.write_text(json.dumps(parts) if suffix == "json" else "\n".join(json.dumps(each) for each in parts))
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, path)
        assert report.counts["threads", "new"] == 2, report.remarks
        listed = (await client.get("threads")).json()["data"]
        assert [(each["id"], each["created_at"]) for each in listed] == [
            (f"thread_{TAIL}x", CREATED + 5),
            (f"thread_{TAIL}0", CREATED),
        ]
        got = await client.get(f"threads/thread_{TAIL}0/messages", params={"order": "asc", "limit": 100})
        assert [each["id"] for each in got.json()["data"]] == [each["id"] for each in story["messages"]]


async def test_only_what_is_wanted_comes(tmp_path):
    story = a_story()
    story["threads"][1]["thread"]["created_at"] += 86_400
    source = written(tmp_path / "source", story)
    async with opened_box(tmp_path / "box") as (box, client):
        await come(box, source, kinds=frozenset({"threads"}), since=CREATED + 10)
        assert [each["id"] for each in (await client.get("threads")).json()["data"]] == [f"thread_{TAIL}1"]
        assert (await client.get("assistants")).json()["data"] == []


async def test_a_damaged_export_is_told_and_the_rest_comes(tmp_path):
    async with opened_box(tmp_path / "one") as (box, _):
        await come(box, written(tmp_path / "source", a_story()))
        await leave(box, tmp_path / "out")
    path = tmp_path / "out" / "threads" / f"thread_{TAIL}0.json"
    path.write_text(path.read_text().replace('"4"', '"5"'))
    async with opened_box(tmp_path / "two") as (box, _):
        report = await come(box, tmp_path / "out")
    assert report.counts["threads", "lost"] == report.counts["threads", "new"] == 1
    assert report.remarks == [f"thread_{TAIL}0: damaged: its checksum is not that of the manifest"]


async def test_some_threads_go_out_with_what_they_refer_to(tmp_path):
    story = a_story()
    story["threads"][1]["thread"]["metadata"] = {"user": "ann"}
    shown = {"type": "image_file", "image_file": {"file_id": f"file-{TAIL}"}}
    thread_id = story["threads"][1]["thread"]["id"]
    story["threads"][1]["messages"] = [
        {"id": "msg_zann", "created_at": CREATED, "thread_id": thread_id, "role": "user", "content": [shown]}
    ]
    async with opened_box(tmp_path / "box") as (box, _):
        await come(box, written(tmp_path / "source", story))
        found = await leave(box, tmp_path / "out", metadata={"user": "ann"})
        named = await leave(box, tmp_path / "out", threads=[f"thread_{TAIL}0"])
    wanted = {"manifest.json", "assistants.json", "files.json", "vector_stores.json"}
    assert found.keys() == wanted | {f"threads/{thread_id}.json", f"files/file-{TAIL}"}
    assert json.loads(found["assistants.json"]) == []
    # What an earlier export left in the folder is gone.
    assert named.keys() == wanted | {f"threads/thread_{TAIL}0.json"}
    assert [each["id"] for each in json.loads(named["assistants.json"])] == ["asst_z"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"content": [{"type": "text"}]}, "content: a text is missing"),
        ({"content": [{"type": "image_file", "image_file": {}}]}, "content: file_id is missing"),
        ({"content": 7}, "content: expected a list of objects"),
        ({"attachments": [{"tools": []}]}, "attachments: a file_id is missing"),
        ({"attachments": [{"file_id": "file-a", "tools": [{}]}]}, "attachments: a tool's type is missing"),
        ({"role": "system"}, "role: Input should be 'user' or 'assistant'"),
        ({"id": "msg_/../x"}, "its id cannot be kept"),
        ({"id": f"msg_{TAIL}001"}, f"msg_{TAIL}001 comes twice"),
        ({"thread_id": "thread_other"}, f"msg_{TAIL}000 is of another thread"),
        (
            {"created_at": "yesterday"},
            "created_at: Input should be a valid integer, unable to parse string as an integer",
        ),
    ],
)
async def test_what_a_run_would_stumble_over_does_not_come(tmp_path, wrong, why):
    story = a_story()
    story["threads"][0]["messages"][0] |= wrong
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, written(tmp_path / "source", story))
        assert report.remarks == [f"thread_{TAIL}0: {why}"]
        assert [each["id"] for each in (await client.get("threads")).json()["data"]] == [f"thread_{TAIL}1"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"tools": [{"type": "function", "function": {}}]}, "tools: a name is missing"),
        ({"tools": [{"type": "function", "function": {"name": "f", "description": 7}}]}, "tools: the description of f"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 7}}]}, "tools: the parameters of f"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": [7]}}}]},
            "tools: the parameters of f",
        ),
        ({"response_format": {}}, "response_format: a type is missing"),
        ({"response_format": {"type": "json_schema"}}, "response_format: a schema is missing"),
        ({"response_format": "json_schema"}, "response_format: expected 'auto' or an object"),
    ],
)
async def test_an_assistant_that_no_model_could_be_asked_for_does_not_come(tmp_path, wrong, why):
    story = a_story()
    story["assistants"][0] |= wrong
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, written(tmp_path / "source", story))
        assert [each for each in report.remarks if each.startswith(f"asst_z: {why}")]
        assert (await client.get("assistants")).json()["data"] == []


async def test_what_an_assistant_says_of_nothing_is_left_out(tmp_path):
    story = a_story()
    nothing: dict[str, Any] = {"description": None, "parameters": None, "strict": None}
    story["assistants"][0] |= {
        "tools": [{"type": "function", "function": {"name": "f"} | nothing}, {"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": None}, "code_interpreter": {"file_ids": None}},
    }
    async with opened_box(tmp_path / "box") as (box, client):
        await come(box, written(tmp_path / "source", story))
        answer = await client.post("threads/runs", json={"assistant_id": "asst_z"})
        assert answer.status_code == 200


def with_step(details: Any) -> dict[str, Any]:
    story = a_story()
    run = story["threads"][0]["runs"][0]
    step = {"id": f"step_{TAIL}", "object": "thread.run.step", "created_at": CREATED, "run_id": run["id"]}
    step |= {"thread_id": run["thread_id"], "assistant_id": "asst_z", "type": "tool_calls", "status": "completed"}
    run["steps"] = [step | {"step_details": details}]
    return story


@pytest.mark.parametrize(
    ("details", "why"),
    [
        (7, "step_details: a type is missing"),
        ({"tool_calls": []}, "step_details: a type is missing"),
        ({"type": "tool_calls", "tool_calls": 7}, "tool_calls: expected a list of objects"),
        ({"type": "tool_calls", "tool_calls": [{"type": "function"}]}, "tool_calls: function is missing"),
    ],
)
async def test_a_step_that_could_not_be_shown_does_not_come(tmp_path, details, why):
    async with opened_box(tmp_path / "box") as (box, _):
        assert (await come(box, written(tmp_path / "source", with_step(details)))).remarks == [f"thread_{TAIL}0: {why}"]


async def test_a_step_whose_calls_are_null_has_none(tmp_path):
    story = with_step({"type": "tool_calls", "tool_calls": None})
    run = story["threads"][0]["runs"][0]
    async with opened_box(tmp_path / "box") as (box, client):
        assert (await come(box, written(tmp_path / "source", story))).counts["threads", "new"] == 2
        [*_, step] = (await client.get(f"threads/{run['thread_id']}/runs/{run['id']}/steps")).json()["data"]
        assert step["step_details"] == {"type": "tool_calls", "tool_calls": []}


ENTRY = {"type": "run.created", "at": 1500, "by": "me"}


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        {"run_x": {"entries": [{"at": 1}]}},
        {"run_x": {"entries": [ENTRY | {"at": 1e300}]}},
        {"run_x": {"entries": [ENTRY | {"name": "x" * 101}]}},
        {"run_x": {"entries": [ENTRY | {"said": {"a": "b"}}]}},
        {"run_x": {"entries": [ENTRY] * 201}},
        {"run_x": {"entries": [], "left_out": 5}},
        {"run_x": {"entries": [ENTRY] * 100, "left_out": 5}},
        {"run_x": {"entries": [ENTRY] * 200, "left_out": 10**30}},
    ],
    ids=lambda wrong: str(wrong)[-40:],
)
async def test_a_history_that_no_box_wrote_does_not_come(tmp_path, wrong):
    story = a_story()
    story["threads"][0]["histories"] = wrong
    async with opened_box(tmp_path / "box") as (box, _):
        [remark] = (await come(box, written(tmp_path / "source", story))).remarks
        assert remark.startswith(f"thread_{TAIL}0: histories")


def test_the_commands_tell_first_and_do_it_when_asked(tmp_path):
    source = written(tmp_path / "source", a_story())
    looked = box_program(tmp_path / "one", "import", str(source))
    assert looked.returncode == 0, looked.stderr
    assert "    100 messages would come\n" in looked.stdout
    assert "Nothing was changed: --yes does it." in looked.stdout
    done = box_program(tmp_path / "one", "import", str(source), "--yes")
    assert "      2 threads came\n" in done.stdout
    assert f"1 × was in_progress, comes as expired: run_{TAIL}" in done.stderr
    again = box_program(tmp_path / "one", "import", str(source), "--yes", "--only", "threads")
    assert again.stdout.splitlines()[0] == "      2 threads were here already"
    out = box_program(tmp_path / "one", "export", str(tmp_path / "out"))
    assert (out.returncode, out.stdout.splitlines()[-1]) == (0, "      2 threads")
    nothing = box_program(tmp_path / "one", "import", str(tmp_path / "nowhere"))
    assert (nothing.returncode, nothing.stderr) == (2, f"{tmp_path / 'nowhere'}: there is nothing\n")
