"""Vector stores move: what was in them is in them again, for every owner apart, and what is not is told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.moved import CREATED, TAIL, Died, box_program, come, dead_after, leave, opened_box, written

STORE = f"vs_{TAIL}"
FILE = f"file-{TAIL}"
BATCH = f"vsfb_{TAIL}"
YOURS = {"Authorization": "Bearer y"}
CUT = {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}}


def a_store(**more: Any) -> dict[str, Any]:
    made = {"id": STORE, "object": "vector_store", "created_at": CREATED, "name": "stories", "metadata": {"a": "b"}}
    made |= {"expires_after": {"anchor": "last_active_at", "days": 7}}
    attached = {"id": FILE, "attributes": {"year": 1911}, "chunking_strategy": CUT, "status": "completed"}
    return made | {"files": [attached | {"created_at": CREATED}]} | more


def source_of(folder: Path, *stores: dict[str, Any], text: bytes = b"Hello") -> Path:
    source = written(folder, {"assistants": [], "threads": []})
    (source / "vector_stores.json").write_text(json.dumps(stores))
    listed = json.loads((source / "files.json").read_text())
    for each in listed:
        (source / "files" / f"{each['id']}.txt").write_bytes(text)
    (source / "files.json").write_text(json.dumps([each | {"bytes": len(text)} for each in listed]))
    return source


async def indexed(client, **how: Any) -> dict[str, Any]:
    for _ in range(200):
        found = (await client.get(f"vector_stores/{STORE}", **how)).json()
        if found["status"] != "in_progress":
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def hits(client, words: str, **how: Any) -> list[str]:
    found = await client.post(f"vector_stores/{STORE}/search", json={"query": words}, **how)
    return [each["content"][0]["text"] for each in found.json()["data"]]


async def test_a_store_is_what_it_was(tmp_path):
    cancelled = {"id": f"assistant-{TAIL}", "status": "cancelled", "created_at": CREATED + 1}
    source = source_of(tmp_path / "source", a_store(files=[cancelled, *a_store()["files"]]))
    async with opened_box(tmp_path / "box") as (box, client), box.at_work(retry_delay=0.1):
        report = await come(box, source)
        assert (report.counts["vector_stores", "new"], report.remarks) == (1, [])
        found = await indexed(client)
        assert found["file_counts"] == {"in_progress": 0, "completed": 1, "failed": 0, "cancelled": 1, "total": 2}
        assert {name: found[name] for name in ("name", "created_at", "metadata", "expires_after")} == {
            name: a_store()[name] for name in ("name", "created_at", "metadata", "expires_after")
        }
        assert [each["id"] for each in (await client.get("vector_stores")).json()["data"]] == [STORE]
        files = (await client.get(f"vector_stores/{STORE}/files", params={"order": "asc"})).json()["data"]
        assert [(each["id"], each["status"], each["attributes"]) for each in files] == [
            (FILE, "completed", {"year": 1911}),
            (cancelled["id"], "cancelled", {}),
        ]
        assert files[0]["chunking_strategy"] == CUT
        assert await hits(client, "Hello") == ["Hello"]
        assert (await come(box, source)).counts["vector_stores", "same"] == 1


async def test_two_owners_have_stores_of_one_id(tmp_path):
    mine = source_of(tmp_path / "mine", a_store(name="mine"), text=b"Apples")
    yours = source_of(tmp_path / "yours", a_store(name="yours"), text=b"Pears")
    async with opened_box(tmp_path / "box") as (box, client), box.at_work(retry_delay=0.1):
        for owner, source in (("me", mine), ("you", yours)):
            assert (await come(box, source, owner=owner)).counts["vector_stores", "new"] == 1
        await indexed(client)
        await indexed(client, headers=YOURS)
        assert (await hits(client, "Apples"), await hits(client, "Pears", headers=YOURS)) == (["Apples"], ["Pears"])
        await client.delete(f"vector_stores/{STORE}/files/{FILE}", headers=YOURS)
        assert await hits(client, "Apples") == ["Apples"]
        assert (await client.delete(f"vector_stores/{STORE}")).json()["deleted"]
        assert (await client.get("vector_stores")).json()["data"] == []
        assert (await client.get(f"vector_stores/{STORE}", headers=YOURS)).json()["name"] == "yours"


async def test_a_store_that_a_box_made_comes_to_another_owner_of_it(tmp_path):
    async with opened_box(tmp_path / "box") as (box, client), box.at_work(retry_delay=0.1):
        file = (await client.post("files", files={"file": ("a.txt", b"Apples")}, data={"purpose": "assistants"})).json()
        made = (await client.post("vector_stores", json={"name": "mine", "file_ids": [file["id"]]})).json()
        await leave(box, tmp_path / "out")
        await come(box, tmp_path / "out", owner="you")
        await client.delete(f"vector_stores/{made['id']}", headers=YOURS)
        for _ in range(100):
            found = await client.post(f"vector_stores/{made['id']}/search", json={"query": "Apples"})
            if found.json()["data"]:
                break
            await asyncio.sleep(0.05)
        assert found.json()["data"][0]["content"][0]["text"] == "Apples"


async def test_what_a_store_loses_is_told(tmp_path):
    attached = a_store()["files"][0]
    files = [
        attached | {"attributes": {"year": ["1911"]}},
        {"id": "file-zgone", "created_at": CREATED},
        {"id": f"assistant-{TAIL}", "created_at": CREATED, "chunking_strategy": {"type": "by_page"}},
    ]
    counts = {"in_progress": 0, "completed": 5, "failed": 0, "cancelled": 0, "total": 5}
    over = a_store(id=f"vs_{TAIL}2", status="expired", last_active_at=CREATED)
    source = source_of(tmp_path / "source", a_store(files=files, file_counts=counts), over)
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, source)
        assert report.remarks == [
            f"{STORE}: has 5 files, of which 3 are listed",
            f"{FILE} in {STORE}: its attributes cannot be kept",
            f"file-zgone in {STORE}: the file is not there",
            f"assistant-{TAIL} in {STORE}: its chunking strategy is not known here: the default is taken",
            f"vs_{TAIL}2: has expired, its files are not attached any more",
        ]
        assert (await client.get(f"vector_stores/vs_{TAIL}2")).json()["status"] == "expired"


@pytest.mark.parametrize("suffix", ["folder", "dump.json"])
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"files": 7}, "files: expected a list of objects"),
        ({"files": [7]}, "files: expected a list of objects"),
        ({"expires_after": {}}, "expires_after: expected an anchor and 1 to 365 days"),
        ({"expires_after": {"anchor": "last_active_at", "days": 10**400}}, "expires_after: expected an anchor"),
        ({"expires_after": {"anchor": "last_active_at", "days": "7"}}, "expires_after: expected an anchor"),
        ({"status": "expired", "last_active_at": 10**30}, "its last_active_at is no time in unix seconds"),
        ({"expires_at": -1}, "its expires_at is no time in unix seconds"),
    ],
)
async def test_a_store_that_cannot_be_kept_is_told(tmp_path, wrong, why, suffix):
    source = source_of(tmp_path / "source", a_store(**wrong))
    if suffix != "folder":
        source = tmp_path / suffix
        source.write_text(json.dumps([a_store(**wrong)]))
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, source)
        assert f"{STORE}: {why}" in "".join(report.remarks)
        assert (await client.get("vector_stores")).json()["data"] == []


async def test_a_batch_that_lists_no_ids_is_told(tmp_path):
    batch = {"id": BATCH, "created_at": CREATED, "status": "completed", "file_ids": 7}
    source = source_of(tmp_path / "source", a_store(file_batches=[batch]))
    async with opened_box(tmp_path / "box") as (box, _):
        assert (await come(box, source)).remarks == [f"{STORE}: file_ids: expected ids"]


async def test_a_file_that_cannot_be_searched_is_a_failed_one(tmp_path):
    source = source_of(tmp_path / "source", a_store())
    listed = json.loads((source / "files.json").read_text())
    (source / "files.json").write_text(json.dumps([each | {"filename": "a.zip"} for each in listed]))
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, source)
        assert report.remarks == [f"{FILE} in {STORE}: files like a.zip cannot be searched"]
        found = (await client.get(f"vector_stores/{STORE}/files/{FILE}")).json()
        assert (found["status"], found["last_error"]["code"]) == ("failed", "unsupported_file")


@pytest.mark.parametrize("kind", ["vector_store.files_batch", "vector_store.file_batch"])
async def test_batches_are_found_under_their_ids(tmp_path, kind):
    counts = {"in_progress": 1, "completed": 1, "failed": 0, "cancelled": 0, "total": 2}
    batch = {"id": BATCH, "object": kind, "created_at": CREATED, "vector_store_id": STORE, "status": "in_progress"}
    parts = [a_store(), batch | {"file_counts": counts, "file_ids": [FILE]}]
    source = source_of(tmp_path / "source")
    dump = tmp_path / "dump.json"
    listed = json.loads((source / "files.json").read_text())
    dump.write_text(json.dumps([*parts, *listed]))
    (source / "files").rename(tmp_path / "files")
    async with opened_box(tmp_path / "box") as (box, client):
        report = await come(box, dump)
        assert report.remarks == []
        found = (await client.get(f"vector_stores/{STORE}/file_batches/{BATCH}")).json()
        assert (found["id"], found["status"], found["file_counts"]["cancelled"]) == (BATCH, "cancelled", 1)
        files = (await client.get(f"vector_stores/{STORE}/file_batches/{BATCH}/files")).json()["data"]
        assert [each["id"] for each in files] == [FILE]
        out = await leave(box, tmp_path / "out")
    async with opened_box(tmp_path / "two") as (box, client):
        await come(box, tmp_path / "out")
        assert (await client.get(f"vector_stores/{STORE}/file_batches/{BATCH}")).json() == found
        again = json.loads((await leave(box, tmp_path / "again"))["vector_stores.json"])
        assert again[0]["file_batches"] == json.loads(out["vector_stores.json"])[0]["file_batches"]


async def test_a_store_whose_import_dies_in_any_commit_is_whole_in_the_end(tmp_path):
    batch = {"id": BATCH, "object": "vector_store.files_batch", "created_at": CREATED, "status": "completed"}
    counts = {"in_progress": 0, "completed": 1, "failed": 0, "cancelled": 0, "total": 1}
    source = source_of(tmp_path / "source", a_store(file_batches=[batch | {"file_counts": counts}]))
    deaths = 0
    while True:
        home = tmp_path / f"dies{deaths}"
        try:
            async with opened_box(home) as (box, _):
                await dead_after(box, deaths, applied=bool(deaths % 2))
                await come(box, source)
            break
        except Died:
            deaths += 1
        async with opened_box(home) as (box, client), box.at_work(retry_delay=0.1):
            report = await come(box, source)
            assert report.remarks == []
            assert (await indexed(client))["file_counts"]["completed"] == 1
            assert (await client.get(f"vector_stores/{STORE}/file_batches/{BATCH}")).json()["status"] == "completed"
            assert await hits(client, "Hello") == ["Hello"]
    assert deaths >= 6


def test_the_command_indexes_and_waits_for_it(tmp_path):
    source = source_of(tmp_path / "source", a_store())
    left = box_program(tmp_path / "box", "import", str(source), "--yes")
    assert "1 file is still to be indexed: `stores list` says how far the box is" in left.stderr
    done = box_program(tmp_path / "box", "import", str(source), "--yes", "--wait")
    assert (done.returncode, "still to be indexed" in done.stderr) == (0, False)
    shown = box_program(tmp_path / "box", "stores", "list", "--json")
    assert json.loads(shown.stdout)[0]["file_counts"]["completed"] == 1
