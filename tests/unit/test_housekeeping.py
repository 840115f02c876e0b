"""What a box on a laptop clears away, though it is never on at midnight."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from shared import housekeeping, layout
from shared.app import build
from shared.blobs.base import read_all, write_bytes
from shared.config import Settings
from shared.deps import Caller
from shared.llm.base import ModelHealth
from shared.llm.scripted import ScriptedLlm
from shared.objects.run import Run, RunRecord
from shared.objects.thread import Counters
from shared.objects.thread_requests import CreateThread
from shared.queue.base import Poison
from shared.runs.rows import put_run
from shared.store.base import Put, Unavailable
from shared.threads import threads

OWNER = "me"


async def test_bytes_that_nobody_owns_are_removed_when_the_box_starts(tmp_path):
    noon = datetime(2040, 1, 1, 12, tzinfo=UTC).timestamp()
    settings = Settings(_env_file=None, box_home=tmp_path, sandbox="none")
    box = build(settings, llm=ScriptedLlm(), tools=[], clock=lambda: noon)
    deps = box.deps
    await deps.store.commit(layout.files(OWNER), [Put("file-kept", {})])
    for file_id in ("file-kept", "file-gone", "file-young"):
        await write_bytes(deps.blobs, layout.file_blob(OWNER, file_id), b"bytes")
    for blob in (tmp_path / "blobs").iterdir():
        modified = noon if "young" in blob.name else noon - 24 * 3600
        os.utime(blob, (modified, modified))

    async with box.at_work(), asyncio.timeout(5):
        while len(left := {blob.name async for blob in deps.blobs.list("files/")}) > 2:  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.01)
        assert left == {layout.file_blob(OWNER, "file-kept"), layout.file_blob(OWNER, "file-young")}
        assert await read_all(deps.blobs, layout.file_blob(OWNER, "file-kept")) == b"bytes"


async def test_parts_and_segments_that_nobody_will_ask_for_are_removed(tmp_path):
    ahead = 0.0
    settings = Settings(_env_file=None, box_home=tmp_path, sandbox="none")
    box = build(settings, llm=ScriptedLlm(), tools=[], clock=lambda: time.time() + ahead)
    names = [layout.segment_blob("vs_gone", "segment"), layout.part_blob(OWNER, "upload_a", "part_a")]
    for name in names:
        await write_bytes(box.deps.blobs, name, b"bytes")
    await housekeeping.remove_orphans(box.deps)
    assert [blob.name async for blob in box.deps.blobs.list("")] == names
    ahead = 25 * 3600
    await housekeeping.remove_orphans(box.deps)
    assert [blob.name async for blob in box.deps.blobs.list("")] == []
    await box.close()


class Poisoned:
    """A queue with messages of somebody else among those that failed."""

    async def poison(self):
        return Poison(2, ("id-1", "id-2"))


async def test_what_nobody_can_read_in_a_poison_queue_is_logged_line_by_line(tmp_path, caplog):
    settings = Settings(_env_file=None, box_home=tmp_path, sandbox="none")
    box = build(settings, llm=ScriptedLlm(), tools=[])
    await housekeeping.report_poison(replace(box.deps, queue=Poisoned()))
    told = [record for record in caplog.records if getattr(record, "action", "") == "poison_unreadable"]
    assert [(record.queue, record.message_id) for record in told] == [("runs-poison", "id-1"), ("runs-poison", "id-2")]
    await box.close()


class Away(ScriptedLlm):
    """A model that does not answer."""

    async def health(self):
        return ModelHealth(answers=False, words="The model's server refuses the key (401).")


async def test_the_timer_logs_what_does_not_answer(tmp_path, caplog):
    box = build(Settings(_env_file=None, box_home=tmp_path, sandbox="none"), llm=Away(), tools=[])
    await box.on_timer()
    told = [record.model for record in caplog.records if getattr(record, "action", "") == "health_failing"]
    assert told == ["The model's server refuses the key (401)."]
    await box.close()


async def test_the_timer_logs_that_the_storage_is_away_when_it_cannot_keep_house(tmp_path, caplog):
    box = build(Settings(_env_file=None, box_home=tmp_path, sandbox="none"), llm=ScriptedLlm(), tools=[])
    await box.deps.store.close()
    with pytest.raises(Unavailable):
        await box.on_timer()
    told = [record.storage for record in caplog.records if getattr(record, "action", "") == "health_failing"]
    assert told == ["could not be reached"]
    await box.close()


async def test_a_run_that_is_over_is_not_looked_at_again(tmp_path):
    """Those from elsewhere, changed here, and those of earlier versions still say when they would have expired."""
    box = build(Settings(_env_file=None, box_home=tmp_path, sandbox="none"), llm=ScriptedLlm(), tools=[])
    run = Run(id="run_1", created_at=1, assistant_id="asst_1", thread_id="thread_1", model="m", expires_at=601)
    run.status = "expired"
    record = RunRecord(run=run, owner=OWNER, first=Counters(), next=Counters())
    stored = Put("run_1", record.to_json(), due=661)
    assert put_run(record, None) == Put(stored.key, stored.data)

    await box.deps.store.commit(record.key.partition, [stored])
    await housekeeping.sweep(box.deps)
    assert [found async for found in box.deps.store.overdue(10_000)] == []
    row = await box.deps.store.get(record.key.partition, "run_1")
    assert row is not None
    assert row.data == stored.data
    await box.close()


#: Who is spoiled, and where: partition (`THREAD` stands for a thread of the first owner), key and content of a row that
#: a later version, another program or a fault of a disk has left.
DAMAGE = [
    ("ann:x", "run_1", '{"_format": "2.0"}'),
    ("ann:x", "run_1", '{"half'),
    ("ann:x", "run_1", "[1]"),
    ("ann:x", "run_1", '{"_format": []}'),
    ("ann:x", "run_1", "{}"),
    ("ann:files", "file-1", "{}"),
    ("ann:files", "file-kept", '{"_format": "2.0"}'),
    ("ann:vs_1", "store", "{}"),
    ("index-vs_1", "manifest", "{}"),
    ("ann:THREAD", "thread", '{"_format": "2.0"}'),
    ("ann:THREAD", "thread", "{}"),
    ("ann:threads", "thread_1", '{"_format": "2.0"}'),
    ("ann:usage", "run_2020-01-01_x", "{}"),
    ("ann:holds", "hold_1", "{}"),
    ("_box", "retention_ann", "{}"),
    ("_keys", "ann:key_1", "{}"),
]


@pytest.mark.parametrize(("partition", "key", "content"), DAMAGE)
async def test_a_row_that_cannot_be_read_keeps_nothing_else_from_being_done(tmp_path, partition, key, content):
    ahead = 0.0
    keys = {"ann": SecretStr("sk-a"), "ben": SecretStr("sk-b")}
    settings = Settings(_env_file=None, box_home=tmp_path, sandbox="none", box_api_keys=keys, retention_days={"*": 1})
    box = build(settings, llm=ScriptedLlm(), tools=[], clock=lambda: time.time() + ahead)
    made = {owner: (await threads.create(Caller(box.deps, owner), CreateThread()))["id"] for owner in keys}
    await box.deps.store.commit("ben:idempotency", [Put("by_key_late", {"at": 1}, due=2)])
    await write_bytes(box.deps.blobs, layout.part_blob("ben", "upload_a", "part_a"), b"bytes")
    for blob in ("files/ann/file-kept", "files/ben/file-gone", "files/foreign"):
        await write_bytes(box.deps.blobs, blob, b"bytes")
    with sqlite3.connect(tmp_path / "box.db") as file:
        place = (partition.replace("THREAD", made["ann"]), key)
        file.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?, 1, 1)", (*place, content))
    file.close()

    ahead = 3 * 86_400
    await box.housekeeping(thorough=True)
    assert await box.deps.store.get("ben:idempotency", "by_key_late") is None
    assert await box.deps.store.get(layout.thread("ben", made["ben"]), layout.THREAD_KEY) is None
    kept = ["files/ann/file-kept"] if key == "file-kept" else []
    assert [blob.name async for blob in box.deps.blobs.list("")] == [*kept, "files/foreign"]
    await box.close()
