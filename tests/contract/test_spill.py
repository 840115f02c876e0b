"""Records too large for a table entity: their blobs come and go with them."""

from __future__ import annotations

import time

import pytest

from shared.blobs.base import write_bytes
from shared.layout import SPILL
from shared.store.base import EXISTING, Conflict, Delete, Put, UnreadableRecord
from shared.store.entities import MAX_PIECES, PIECE, TRANSACTION, data_properties, spilled, text_of
from tests.contract.homes import AzureHome

LARGE = {"text": "x" * 1_000_000}
LATER = 10


@pytest.fixture
async def home(azurite):
    home = AzureHome(azurite)
    yield home
    await home.close()


async def spills(home):
    return [info.name async for info in home.blobs().list(SPILL)]


@pytest.mark.parametrize("length", [0, 1, 32 * 1024, 32 * 1024 + 1, PIECE, PIECE + 1, PIECE * MAX_PIECES])
def test_text_survives_its_properties(length):
    text = ("0123456789" * (length // 10 + 1))[:length]
    properties = data_properties(text)
    assert all(len(value) <= PIECE for value in properties.values())
    assert text_of(properties) == text


def test_only_what_does_not_fit_is_spilled():
    fits = PIECE * MAX_PIECES
    assert spilled(["x" * fits]) == set()
    assert spilled(["x", "x" * (fits + 1)]) == {1}
    assert spilled(["x" * fits] * 3) == set()
    assert len(spilled(["x" * fits] * 4)) == 1
    assert spilled(['"' * 32_000] * 100) != set()
    assert TRANSACTION < 4 * 1024 * 1024


async def test_the_blob_of_a_replaced_record_is_removed(home):
    store = home.store()
    [first] = await store.commit("p", [Put("a", LARGE)])
    [old] = await spills(home)
    other = home.store()
    assert (await other.get("p", "a")).data == LARGE
    await other.commit("p", [Put("a", LARGE | {"n": 2}, first)])
    [new] = await spills(home)
    assert new != old
    await other.commit("p", [Put("a", {"small": True}, EXISTING)])
    assert await spills(home) == []


async def test_the_blob_of_a_record_replaced_unread_is_left_to_the_sweep(home):
    await home.store().commit("p", [Put("a", LARGE)])
    store = home.store()
    await store.commit("p", [Put("a", {"small": True}, EXISTING)])
    assert len(await spills(home)) == 1
    assert await store.sweep(int(time.time()) + LATER) == 1
    assert await spills(home) == []


async def test_the_blob_of_a_deleted_record_is_removed(home):
    store = home.store()
    await store.commit("p", [Put("a", LARGE)])
    [record] = await store.scan("p", "a", "b", 1)
    await store.commit("p", [Delete("a", record.version)])
    assert await spills(home) == []


async def test_a_refused_commit_leaves_no_blob(home):
    store = home.store()
    await store.commit("p", [Put("a", {})])
    with pytest.raises(Conflict):
        await store.commit("p", [Put("a", LARGE)])
    assert await spills(home) == []


async def test_the_sweep_removes_old_blobs_without_a_record(home):
    store = home.store()
    await store.commit("p", [Put("a", LARGE), Put("b", LARGE)])
    for name, first_line in (("stale", b'["p", "a"]'), ("gone", b'["p", "never"]')):
        await write_bytes(home.blobs(), f"{SPILL}{name}", first_line + b"\nrest")
    now = int(time.time())
    assert await store.sweep(now - LATER) == 0
    assert await store.sweep(now + LATER) == 2
    assert {record.data["text"] for record in await store.scan("p", "a", "c", 9)} == {LARGE["text"]}


async def test_a_record_replaced_while_it_is_read_is_read_again(home):
    reader, writer = home.store(), home.store()
    [version] = await writer.commit("p", [Put("a", LARGE)])
    stale = await reader._table.get("p", "a")
    await writer.get("p", "a")
    [version] = await writer.commit("p", [Put("a", LARGE | {"n": 2}, version)])
    assert (await reader._record(stale)).data == LARGE | {"n": 2}
    await writer.get("p", "a")
    await writer.commit("p", [Delete("a", version)])
    assert await reader._record(stale) is None


async def test_a_record_whose_blob_is_missing_cannot_be_read(home):
    store = home.store()
    await store.commit("p", [Put("a", LARGE)])
    [name] = await spills(home)
    await home.blobs().delete(name)
    with pytest.raises(UnreadableRecord):
        await store.get("p", "a")


async def test_an_overdue_record_whose_blob_is_missing_keeps_no_other_from_being_seen(home):
    store = home.store()
    for key in "abc":
        await store.commit("p", [Put(key, LARGE if key == "b" else {"key": key}, due=1)])
    [name] = await spills(home)
    await home.blobs().delete(name)
    assert [record.key async for _, record in store.overdue(2)] == ["a", "c"]


async def test_a_foreign_blob_keeps_no_other_from_being_swept(home):
    store = home.store()
    await store.commit("p", [Put("b", {})])
    for name in ("a", "c"):
        await write_bytes(home.blobs(), f"{SPILL}{name}", b"none of ours" if name == "a" else b'["p", "b"]\n{}')
    assert await store.sweep(int(time.time()) + LATER) == 1
    assert await spills(home) == [f"{SPILL}a"]
