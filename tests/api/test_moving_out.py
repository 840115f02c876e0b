"""Moving out: what is written was true at one time, whatever goes on meanwhile, and a broken export is gone on with."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.llm.scripted import call, text
from shared.moving.exports import Changing, Chosen
from shared.moving.on_disk import NotReadable
from shared.moving.response_exports import ResponsesExport
from tests.api.moved import (
    CREATED,
    TAIL,
    Died,
    a_story,
    box_program,
    caller_of,
    come,
    content_of,
    leave,
    opened_box,
    walk,
    written,
)
from tests.warm import warm

FUNCTION = {"type": "function", "function": {"name": "f"}}
THREAD = f"thread_{TAIL}0"
CHOSEN = Chosen()


def dying_after(reads: int) -> dict[str, Any]:
    """Let the process die in one of its reads."""
    count = itertools.count()

    async def read(own, *of, **how):
        if next(count) == reads:
            raise Died
        return await own(*of, **how)

    return {"get": read, "scan": read}


@pytest.mark.parametrize("form", ["assistants", "responses"])
async def test_an_export_that_dies_at_any_time_is_gone_on_with(tmp_path, form):
    out, whole = tmp_path / "out", tmp_path / "whole"

    async def export(box, folder: Path) -> dict[str, bytes]:
        if form == "responses":
            await ResponsesExport(caller_of(box), folder, CHOSEN).run(lambda: None)
            return content_of(folder)
        return await leave(box, folder)

    async with opened_box(tmp_path / "box") as (box, _):
        await come(box, written(tmp_path / "source", a_story()))
        wanted = await export(box, whole)
        for deaths in itertools.count():
            box.deps.store.replace(**dying_after(deaths))
            try:
                await export(box, out)
                break
            except Died:
                box.deps.store.replace()
            if (out / "unfinished.json").exists():
                with pytest.raises(NotReadable, match="this export was broken off: start it again"):
                    await come(box, out, write=False)
        assert deaths > 10
        assert content_of(out) == wanted


async def test_files_of_another_owners_export_are_not_taken_for_ours(tmp_path):
    async with opened_box(tmp_path / "box") as (box, _):
        for owner, words in (("me", b"Hello"), ("you", b"World")):
            source = written(tmp_path / owner, {"assistants": [], "threads": []})
            for path in (source / "files").iterdir():
                path.write_bytes(words)
            await come(box, source, owner=owner)
        await leave(box, tmp_path / "out", owner="you")
        found = await leave(box, tmp_path / "out")
    assert found[f"files/file-{TAIL}"] == b"Hello"


@pytest.mark.long
async def test_an_export_while_runs_go_on_is_true_of_each_thread_at_one_time(tmp_path):
    async with opened_box(tmp_path / "box") as (box, client):
        assistant = (await client.post("assistants", json={"model": "m"})).json()["id"]
        box.deps.llm.script(*([turn] for turn in [text("Wait."), text("Done.")] * 20))

        async def talk() -> None:
            body = {
                "assistant_id": assistant,
                "stream": True,
                "thread": {"messages": [{"role": "user", "content": "1"}]},
            }
            await client.post("threads/runs", json=body)
            for thread in (await client.get("threads")).json()["data"][:2]:
                await client.post(f"threads/{thread['id']}/messages", json={"role": "user", "content": "2"})

        talks = [asyncio.create_task(talk()) for _ in range(15)]
        looked = 0
        while not all(each.done() for each in talks) or not looked:
            out = await leave(box, tmp_path / "out")
            looked += 1
            for name, content in out.items():
                if name.startswith("threads/"):
                    check(json.loads(content))
            await asyncio.sleep(0)
        await asyncio.gather(*talks)
        await leave(box, tmp_path / "out")
        there = await walk(client)
    async with opened_box(tmp_path / "two") as (box, client):
        await come(box, tmp_path / "out")
        assert await walk(client) == there


def check(bundle: dict[str, Any]) -> None:
    """Nothing refers to what is not there, and what is over has all of it."""
    runs = {run["id"]: run for run in bundle["runs"]}
    messages = {message["id"]: message for message in bundle["messages"]}
    assert {message["run_id"] for message in messages.values()} <= {None, *runs}
    for run in runs.values():
        written = {each["step_details"]["message_creation"]["message_id"] for each in run["steps"]}
        assert written <= set(messages)
        if run["status"] == "completed":
            assert written == {each for each, message in messages.items() if message["run_id"] == run["id"]}


async def test_a_thread_that_never_rests_is_told(tmp_path):
    async with opened_box(tmp_path / "box") as (box, client):
        await come(box, written(tmp_path / "source", a_story()))

        async def scan(own, partition, first, *of, **how):
            if first.startswith("step_") or (partition.endswith(THREAD) and first.startswith("run_")):
                box.deps.store.replace()
                await client.post(f"threads/{THREAD}/messages", json={"role": "user", "content": "more"})
                box.deps.store.replace(scan=scan)
            return await own(partition, first, *of, **how)

        box.deps.store.replace(scan=scan)
        with pytest.raises(Changing, match=THREAD):
            await leave(box, tmp_path / "out", threads=[THREAD])


def test_the_commands_work_for_the_owner_that_is_named(tmp_path):
    source = written(tmp_path / "source", a_story())
    owners = {"BOX_API_KEYS": json.dumps({"ann": "key-of-ann-0123456789", "ben": "key-of-ben-0123456789"})}
    asked = box_program(tmp_path / "box", "import", str(source), "--yes", **owners)
    assert (asked.returncode, asked.stderr) == (2, "--owner: which of ann, ben?\n")
    came = box_program(tmp_path / "box", "import", str(source), "--yes", "--owner", "ben", **owners)
    assert came.returncode == 0, came.stderr
    for owner, number in (("ann", 0), ("ben", 2)):
        left = box_program(tmp_path / "box", "export", str(tmp_path / owner), "--owner", owner, **owners)
        assert left.stdout.splitlines()[-1] == f"{number:7} threads"


def test_the_command_brings_what_is_named_and_young_enough(tmp_path):
    story = a_story()
    story["threads"][1]["thread"]["created_at"] = CREATED + 86_400
    source = written(tmp_path / "source", story)
    came = box_program(tmp_path / "box", "import", str(source), "--yes", "--only", "threads", "--since", "2024-05-24")
    assert came.stdout.splitlines() == ["      1 threads came"]
    wrong = box_program(tmp_path / "box", "import", str(source), "--since", "yesterday")
    assert (wrong.returncode, "yesterday" in wrong.stderr) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no terminals of our own there")
def test_a_bar_shows_what_is_left_to_people_alone(tmp_path):
    source = written(tmp_path / "source", a_story())
    assert "━" not in box_program(tmp_path / "box", "import", str(source)).stderr
    ours, theirs = os.openpty()
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    environment |= {"BOX_HOME": str(tmp_path / "box"), "SANDBOX": "none", "TERM": "xterm"}
    done = subprocess.run(
        warm("shared", "import", str(source)),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        timeout=120,
    )
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert "import" in shown
    assert "━" in shown
    assert "5/5" in shown


async def test_calls_that_wait_go_out_and_come_in_as_they_are(tmp_path):
    """A run that waits for the client's function: told, expired, and its calls still there."""
    async with opened_box(tmp_path / "one") as (box, client):
        assistant = (await client.post("assistants", json={"model": "m", "tools": [FUNCTION]})).json()["id"]
        box.deps.llm.script([call("f")])
        body = {"assistant_id": assistant, "stream": True, "thread": {"messages": [{"role": "user", "content": "1"}]}}
        await client.post("threads/runs", json=body)
        made = ResponsesExport(caller_of(box), tmp_path / "new", CHOSEN)
        await made.run(lambda: None)
    assert made.left_out == {"the output of a call that never got one": 1, "a run that is requires_action": 1}
