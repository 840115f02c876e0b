"""Moving in and out: what came in is what was there, once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.app import build, storage_for
from shared.config import Settings
from shared.deps import Caller
from shared.llm.scripted import ScriptedLlm, call, text
from shared.moving.exports import Chosen, Export
from shared.moving.imports import Import, Wanted
from shared.moving.sources import opened
from tests.fakes.ports import ported

CREATED = 1_716_470_000
TAIL = "zWn5Xb9Rj3HdT4mVq8Kc2"
ENDED = ("completed", "failed", "cancelled", "expired", "incomplete")


class Died(BaseException):
    """The process is gone."""


@asynccontextmanager
async def opened_box(home: Path):
    """A box nobody else uses, and raw requests to it."""
    given = Settings(_env_file=None, box_home=home, box_api_keys={"me": SecretStr("k")}, sandbox="none")
    box = build(given, storage=ported(storage_for(given)), llm=ScriptedLlm())
    transport = httpx.ASGITransport(app=box.asgi)
    headers = {"Authorization": "Bearer k"}
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://box/v1", headers=headers) as client:
            yield box, client
    finally:
        await box.close()


async def come(box, folder: Path, *, write: bool = True, **wanted: Any):
    return await Import(Caller(box.deps, "me"), opened(folder), Wanted(**wanted), write=write).run(lambda: None)


async def leave(box, folder: Path, **chosen: Any) -> dict[str, bytes]:
    """An export's files by name, without the manifest's time."""
    await Export(Caller(box.deps, "me"), folder, Chosen(**chosen)).run(lambda: None)
    return content_of(folder)


def content_of(folder: Path) -> dict[str, bytes]:
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(found["manifest.json"])
    del manifest["exported_at"]
    return found | {"manifest.json": json.dumps(manifest).encode()}


async def walk(client) -> dict[str, Any]:
    """Everything that a client can read, every list in both orders and page by page."""
    seen: dict[str, Any] = {}

    async def every(path: str) -> list[str]:
        ids = {}
        for order in ("asc", "desc"):
            query, found = {"order": order, "limit": 3}, []
            while True:
                page = (await client.get(path, params=query)).json()
                found += page["data"]
                if not page["has_more"]:
                    break
                query["after"] = page["last_id"]
            ids[order] = [each["id"] for each in found]
            seen[f"{path} {order}"] = found
            for each in found:
                one = await client.get(f"{path}/{each['id']}")
                assert one.json() == each
        assert ids["asc"] == ids["desc"][::-1]
        return ids["asc"]

    await every("assistants")
    for file in await every("files"):
        seen[file] = (await client.get(f"files/{file}/content")).content
    for thread in await every("threads"):
        await every(f"threads/{thread}/messages")
        for run in await every(f"threads/{thread}/runs"):
            await every(f"threads/{thread}/runs/{run}/steps")
    return seen


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


def written(folder: Path, content: dict[str, Any]) -> Path:
    (folder / "threads").mkdir(parents=True)
    (folder / "files").mkdir()
    (folder / "assistants.json").write_text(json.dumps(content["assistants"]))
    for each in content["threads"]:
        (folder / "threads" / f"{each['thread']['id']}.json").write_text(json.dumps(each))
    listed = [
        {"id": f"{kind}{TAIL}", "object": "file", "created_at": CREATED, "filename": "a.txt", "bytes": 5}
        | {"purpose": "assistants"}
        for kind in ("file-", "assistant-")
    ]
    (folder / "files.json").write_text(json.dumps(listed))
    for each in listed:
        (folder / "files" / f"{each['id']}.txt").write_bytes(b"Hello")
    return folder


def a_story() -> dict[str, Any]:
    """A little of everything, and more messages than fit into a commit."""
    thread_id = f"thread_{TAIL}0"
    messages = [
        {"id": f"msg_{TAIL}{place:03}", "object": "thread.message", "created_at": CREATED + place // 9, "role": "user"}
        | {"thread_id": thread_id, "content": [{"type": "text", "text": {"value": str(place), "annotations": []}}]}
        for place in range(100)
    ]
    run = {"id": f"run_{TAIL}", "status": "in_progress", "model": "m", "assistant_id": "asst_z", "created_at": CREATED}
    run |= {"object": "thread.run", "thread_id": thread_id, "steps": []}
    thread = {"id": thread_id, "object": "thread", "created_at": CREATED}
    other = {"id": f"thread_{TAIL}1", "object": "thread", "created_at": CREATED}
    assistant = {"id": "asst_z", "object": "assistant", "created_at": CREATED, "model": "gpt-4o"}
    bundles = [{"thread": thread, "messages": messages, "runs": [run]}, {"thread": other, "messages": [], "runs": []}]
    return {"assistants": [assistant], "threads": bundles}


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


async def dead_after(box, commits: int, applied: bool):
    """Let the process die in one of its commits, before or after it is applied."""
    left = commits

    async def commit(own, partition, changes):
        nonlocal left
        left -= 1
        if left >= 0:
            return await own(partition, changes)
        if applied and left == -1:
            await own(partition, changes)
        raise Died

    box.deps.store.replace(commit=commit)


def rows(home: Path) -> list[Any]:
    with closing(sqlite3.connect(home / "box.db")) as database:
        return database.execute("SELECT partition, key, data, due FROM records ORDER BY 1, 2").fetchall()


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


async def test_vector_stores_are_indexed_anew_and_belong_to_one_owner(tmp_path):
    source = written(tmp_path / "source", {"assistants": [], "threads": []})
    attached = {"id": f"file-{TAIL}", "attributes": {"year": 1911}, "chunking_strategy": {"type": "other"}}
    gone = {"id": "file-zgone", "attributes": {}}
    store = {"id": f"vs_{TAIL}", "object": "vector_store", "created_at": CREATED, "name": "stories"}
    (source / "vector_stores.json").write_text(json.dumps([store | {"files": [attached, gone]}]))
    async with opened_box(tmp_path / "box") as (box, client), box.at_work(retry_delay=0.1):
        report = await come(box, source)
        assert report.counts["vector_stores", "new"] == 1
        assert report.remarks == [f"file-zgone in vs_{TAIL}: the file is not there"]
        for _ in range(200):
            found = (await client.get(f"vector_stores/vs_{TAIL}")).json()
            if found["status"] != "in_progress":
                break
            await asyncio.sleep(0.05)
        assert (found["name"], found["created_at"], found["file_counts"]["completed"]) == ("stories", CREATED, 1)
        assert [each["id"] for each in (await client.get("vector_stores")).json()["data"]] == [f"vs_{TAIL}"]
        hits = (await client.post(f"vector_stores/vs_{TAIL}/search", json={"query": "Hello"})).json()["data"]
        assert [(each["file_id"], each["attributes"]) for each in hits] == [(f"file-{TAIL}", {"year": 1911})]
        assert (await come(box, source)).counts["vector_stores", "same"] == 1
        theirs = await Import(Caller(box.deps, "you"), opened(source), Wanted(), write=True).run(lambda: None)
        assert theirs.counts["vector_stores", "lost"] == 1
        assert "another owner of this box has a vector store of this id" in theirs.remarks[-1]
        assert (await client.delete(f"vector_stores/vs_{TAIL}")).json()["deleted"]
        assert (await client.get("vector_stores")).json()["data"] == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"content": [{"type": "text"}]}, "content: a text is missing"),
        ({"content": [{"type": "image_file", "image_file": {}}]}, "content: file_id is missing"),
        ({"content": 7}, "content: expected a list of objects"),
        ({"attachments": [{"tools": []}]}, "attachments: a file_id is missing"),
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


def box_program(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    environment |= {"BOX_HOME": str(home), "SANDBOX": "none"}
    line = [sys.executable, "-m", "shared", *words]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120)


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
