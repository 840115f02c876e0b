"""A box opens what earlier versions stored, finishes what they began, and keeps what later ones wrote beside it."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import sqlite3
import time
from pathlib import Path
from typing import get_args

import pytest
from openai import DefaultHttpxClient, InternalServerError, OpenAI

from shared.llm.scripted import text
from shared.objects.run import RunStatus
from shared.sqlite import Database
from shared.tools.base import tool
from tests.api.conftest import KEY, SDK, TLS, Box

HERE = Path(__file__).parent
GOLDEN = sorted(HERE.glob("box-*.json"))
#: Every lease that a dead host held is over by then, and no run's time.
LATER = 200


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def golden(request):
    return json.loads(request.param.read_text())


def stored(golden: dict, home: Path) -> None:
    """Write the rows, messages and blobs as the embedded box of that version kept them."""
    asyncio.run(Database(home / "box.db").close())
    database = sqlite3.connect(home / "box.db")
    with database:
        rows = [(p, k, json.dumps(data), number, due) for number, (p, k, data, due) in enumerate(golden["records"], 1)]
        database.executemany("INSERT INTO records (partition, key, data, version, due) VALUES (?, ?, ?, ?, ?)", rows)
        messages = [(queue, json.dumps(body)) for queue, body in golden["messages"]]
        database.executemany("INSERT INTO messages (queue, body, visible) VALUES (?, ?, 0)", messages)
    database.close()
    for name, data in golden["blobs"].items():
        path = home / "blobs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))


def rows_of(home: Path) -> dict:
    database = sqlite3.connect(home / "box.db")
    rows = database.execute("SELECT partition, key, data, version FROM records").fetchall()
    database.close()
    return {(partition, key): (json.loads(data), version) for partition, key, data, version in rows}


async def send_letter(to: str) -> str:
    """Send a letter."""
    return to


@pytest.fixture
def opened(golden, tmp_path):
    """The golden home, opened by this version some minutes after its host died."""
    boxes = []

    def opened() -> tuple[Box, OpenAI]:
        stored(golden, tmp_path)
        box = Box(tmp_path, {})
        box.clock.ahead = golden["now"] + LATER - time.time()
        box.tools = [tool(send_letter, idempotent=False, timeout=5)]
        box.llm.default = lambda request: [text("Finished.")]
        box.start()
        boxes.append(box)
        http = DefaultHttpxClient(verify=TLS)
        return box, OpenAI(base_url=f"{box.url}/v1", http_client=http, **SDK)

    yield opened
    for box in boxes:
        box.stop()


def run_of(client: OpenAI, golden: dict, name: str, status: str):
    thread_id, run_id = golden["made"][name]
    end = time.monotonic() + 15
    while True:
        run = client.beta.threads.runs.retrieve(run_id, thread_id=thread_id)
        if run.status == status or time.monotonic() > end:
            assert run.status == status, name
            return run
        time.sleep(0.05)


def answer_of(client: OpenAI, golden: dict, name: str) -> str:
    newest = client.beta.threads.messages.list(golden["made"][name][0], limit=1).data[0]
    return newest.content[0].text.value


def finish(client: OpenAI, golden: dict) -> None:
    """Everything that was begun comes to its end, and what had ended is as it was."""
    for name in ("completed", "failed", "incomplete", "cancelled"):
        run_of(client, golden, name, name)
    run = run_of(client, golden, "completed", "completed")
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc").data
    assert [call.type for call in steps[0].step_details.tool_calls] == ["code_interpreter", "file_search"]
    [citation] = client.beta.threads.messages.list(run.thread_id, limit=1).data[0].content[0].text.annotations
    assert citation.file_citation.file_id == golden["made"]["story"]

    for name in ("queued", "writing", "calling"):
        run_of(client, golden, name, "completed")
        assert answer_of(client, golden, name) == "Finished."
    if "in_line" in golden["made"]:  # not in version 0.1
        run = run_of(client, golden, "in_line", "completed")
        listed = client.beta.threads.messages.list(run.thread_id, order="asc").data
        assert [each.role for each in listed] == ["user", "assistant", "user", "assistant"]
        assert listed[2].id == golden["made"]["waiting"]
    [letter, _] = client.beta.threads.runs.steps.list(
        golden["made"]["calling"][1], thread_id=golden["made"]["calling"][0], order="asc"
    ).data
    assert "unknown whether it took effect" in letter.step_details.tool_calls[0].function.output
    run_of(client, golden, "cancelling", "cancelled")
    if "polling" in golden["made"]:  # not in version 0.1
        run_of(client, golden, "expired", "expired")
        run_of(client, golden, "polling", "failed")  # the model's provider knows nothing of its turn any more

    thread_id, run_id = golden["made"]["requires_action"]
    outputs = [{"tool_call_id": "call_golden", "output": "sunny"}]
    client.beta.threads.runs.submit_tool_outputs(run_id, thread_id=thread_id, tool_outputs=outputs)
    run_of(client, golden, "requires_action", "completed")

    store_id, (upload_id, part_id) = golden["made"]["store"], golden["made"]["upload"]
    client.vector_stores.file_batches.poll(golden["made"]["batch"], vector_store_id=store_id, poll_interval_ms=50)
    found = client.vector_stores.search(store_id, query="Eleanor").data
    assert {each.file_id for each in found} == {golden["made"]["story"], *golden["made"]["late"]}
    file = client.uploads.complete(upload_id, part_ids=[part_id]).file
    assert file is not None
    assert client.files.content(golden["made"]["story"]).read().startswith(b"The lighthouse")


def test_the_newest_rows_hold_runs_in_every_state():
    newest = json.loads(GOLDEN[-1].read_text())
    states = {data["run"]["status"] for _, key, data, _ in newest["records"] if key.startswith("run_")}
    assert states == set(get_args(RunStatus))


def test_what_an_earlier_version_began_is_finished(golden, opened, tmp_path):
    _, client = opened()
    with client:
        finish(client, golden)


def test_nothing_is_rewritten_before_it_has_to_be(golden, opened, tmp_path):
    _, client = opened()
    with client:
        finish(client, golden)
    thread = f"me:{golden['made']['completed'][0]}"
    rows = {(p, k): data for p, k, data, _ in golden["records"] if p == thread}
    assert rows
    assert {place: rows_of(tmp_path)[place][0] for place in rows} == rows


def test_what_a_later_minor_version_wrote_survives(golden, opened, tmp_path):
    for row in golden["records"]:
        row[2] |= {"later": 1}
        for inner in ("run", "step", "store", "file", "batch", "upload", "next"):
            if isinstance(row[2].get(inner), dict):
                row[2][inner]["later"] = 2
        if "server_tools" in row[2]:
            row[2]["head_extra"] = {"later": 1}
    for _, body in golden["messages"]:
        body["later"] = 3
    before = {(p, k) for p, k, _, _ in golden["records"]}

    _, client = opened()
    with client:
        finish(client, golden)

    after = rows_of(tmp_path)
    assert [place for place in before & after.keys() if after[place][0].get("later") != 1] == []
    for name in ("queued", "writing", "calling", "requires_action", "cancelling"):
        thread_id, run_id = golden["made"][name]
        row, _ = after[f"me:{thread_id}", run_id]
        assert row["run"]["later"] == 2


def test_a_later_major_version_is_refused_and_left_alone(golden, opened, tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    for row in golden["records"]:
        row[2] |= {"_format": "2.0"}
    golden["messages"] = []

    _, client = opened()
    with client, pytest.raises(InternalServerError):
        client.beta.assistants.retrieve(golden["made"]["assistant"])

    assert "format 2.0; this version reads formats up to 1" in caplog.text
    assert KEY not in caplog.text
    before = {(p, k): data for p, k, data, _ in golden["records"]}
    assert {place: data for place, (data, _) in rows_of(tmp_path).items() if place in before} == before
