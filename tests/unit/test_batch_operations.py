"""What a batch of files costs in storage operations: its files are ready together, and all change the same rows."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bench.counting import counting
from shared.app import build, storage_for
from shared.config import Settings
from shared.deps import Caller
from shared.files import files
from shared.llm.scripted import ScriptedLlm
from shared.objects.vector_store_requests import AttachFile, CreateVectorStore
from shared.vector_stores import attaching, batches, stores

FILES = 12


@pytest.fixture
async def place(tmp_path):
    """A caller of a box whose queues nobody works, and the count of operations."""
    settings = Settings(_env_file=None, box_home=tmp_path, sandbox="none", embedding_model="")
    counter: Counter[str] = Counter()
    box = build(settings, storage=counting(storage_for(settings), counter), llm=ScriptedLlm())
    yield box, Caller(box.deps, "me"), counter
    await box.close()


async def pieces(text: str):
    yield text.encode()


async def specs_of(caller: Caller):
    made = [await files.produce(caller, f"{n}.txt", pieces(f"This is file {n}.")) for n in range(FILES)]
    return await attaching.specs(caller, [AttachFile(file_id=each["id"]) for each in made], "files")


async def taken(box) -> list[dict]:
    """The messages that are there now, done with."""
    found = await box.deps.ingestion.receive(100, 60, 0)
    for each in found:
        await box.deps.ingestion.delete(each)
    return [each.body for each in found]


async def test_files_that_are_read_side_by_side_lose_no_race(place):
    """One commit of each to the manifest, and one to the rows of file, batch and store; two mergers on the way."""
    box, caller, counter = place
    specs, store = await specs_of(caller), (await stores.create(caller, CreateVectorStore()))["id"]
    batch = (await batches.create(caller, store, specs))["id"]
    [message] = [each for each in await taken(box) if each["kind"] == "files"]
    await box.handle_ingestion(message)
    counter.clear()
    await asyncio.gather(*(box.handle_ingestion(each) for each in await taken(box)))
    assert (await batches.get(caller, store, batch))["file_counts"]["completed"] == FILES
    assert counter["table.commit"] <= 2 * FILES + 2


async def test_a_message_before_its_commit_waits_as_one(place):
    box, caller, counter = place
    specs, store = await specs_of(caller), (await stores.create(caller, CreateVectorStore()))["id"]
    counter.clear()
    await attaching.announce(caller, store, specs)
    [early] = await taken(box)
    await box.handle_ingestion(early)
    assert counter["queue.send"] == 2
    await asyncio.sleep(0.3)
    [later] = await taken(box)
    assert later == {**early, "returns": 1}


async def test_files_that_are_attached_anew_do_not_hold_up_the_others(place):
    box, caller, _ = place
    specs, store = await specs_of(caller), (await stores.create(caller, CreateVectorStore()))["id"]
    await attaching.attach(caller, store, specs)
    [message] = await taken(box)
    await attaching.attach(caller, store, specs[:-1])
    await taken(box)
    await box.handle_ingestion(message)
    assert len(await taken(box)) == FILES
