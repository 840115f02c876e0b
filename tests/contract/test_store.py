"""What every record store does: atomic commits with preconditions, ordered ranges, large and odd records."""

from __future__ import annotations

import asyncio

import pytest

from shared.store.base import EXISTING, MAX_CHANGES, MAX_CHANGES_OF_COLLECTION, Conflict, Delete, NotFound, Put


async def keys(store, partition="p"):
    return [record.key for record in await store.scan(partition, " ", "~", 1000)]


async def test_a_record_comes_back_as_it_was_written(store):
    data = {"id": "x", "text": "Grüße, 世界 🎉 \u0000 \ud800", "list": [1, 2.5, None, True], "empty": {}, "zero": 0}
    [version] = await store.commit("p", [Put("a", data)])
    record = await store.get("p", "a")
    assert (record.key, record.data, record.version) == ("a", data, version)


async def test_a_missing_record_is_none(store):
    await store.commit("p", [Put("a", {})])
    assert await store.get("p", "b") is None
    assert await store.get("q", "a") is None
    assert await store.get("p", "no/key?#") is None


async def test_each_write_changes_the_version(store):
    [first] = await store.commit("p", [Put("a", {"n": 1})])
    [second] = await store.commit("p", [Put("a", {"n": 2}, first)])
    [third] = await store.commit("p", [Put("a", {"n": 3}, EXISTING)])
    assert len({first, second, third}) == 3
    assert (await store.get("p", "a")).version == third


async def test_a_record_made_again_has_another_version(store):
    [first] = await store.commit("p", [Put("a", {"n": 1})])
    await store.commit("p", [Delete("a")])
    await store.commit("p", [Put("a", {"n": 2})])
    with pytest.raises(Conflict):
        await store.commit("p", [Put("a", {"n": 3}, first)])


async def test_a_put_replaces_the_whole_record(store):
    [version] = await store.commit("p", [Put("a", {"old": 1, "text": "x" * 100_000})])
    await store.commit("p", [Put("a", {"new": 2}, version)])
    assert (await store.get("p", "a")).data == {"new": 2}


async def test_an_insert_needs_absence(store):
    await store.commit("p", [Put("a", {"n": 1})])
    with pytest.raises(Conflict):
        await store.commit("p", [Put("a", {"n": 2})])
    assert (await store.get("p", "a")).data == {"n": 1}


async def test_an_update_needs_its_version(store):
    [first] = await store.commit("p", [Put("a", {"n": 1})])
    await store.commit("p", [Put("a", {"n": 2}, first)])
    with pytest.raises(Conflict):
        await store.commit("p", [Put("a", {"n": 3}, first)])
    assert (await store.get("p", "a")).data == {"n": 2}


async def test_a_missing_record_is_at_no_version(store):
    [version] = await store.commit("p", [Put("a", {})])
    await store.commit("p", [Delete("a")])
    with pytest.raises(Conflict):
        await store.commit("p", [Put("a", {}, version)])
    with pytest.raises(Conflict):
        await store.commit("p", [Delete("a", version)])
    assert await store.get("p", "a") is None


async def test_existing_needs_presence_and_no_version(store):
    with pytest.raises(NotFound):
        await store.commit("p", [Put("a", {}, EXISTING)])
    await store.commit("p", [Put("a", {"n": 1})])
    await store.commit("p", [Put("a", {"n": 2}, EXISTING)])
    assert (await store.get("p", "a")).data == {"n": 2}


async def test_delete_with_and_without_a_version(store):
    [a, _] = await store.commit("p", [Put("a", {}), Put("b", {})])
    assert await store.commit("p", [Delete("a", a), Delete("b"), Delete("never")]) == ["", "", ""]
    assert await keys(store) == []
    assert await store.commit("p", [Delete("a")]) == [""]


async def test_a_delete_at_an_old_version_is_a_conflict(store):
    [first] = await store.commit("p", [Put("a", {})])
    await store.commit("p", [Put("a", {"n": 2}, first)])
    with pytest.raises(Conflict):
        await store.commit("p", [Delete("a", first)])
    assert await store.get("p", "a") is not None


@pytest.mark.parametrize(
    ("last", "error"),
    [(Put("head", {}), Conflict), (Put("gone", {}, EXISTING), NotFound), (Delete("gone", "1"), Conflict)],
)
async def test_a_commit_that_fails_leaves_nothing_behind(store, home, last, error):
    [head] = await store.commit("p", [Put("head", {"n": 1})])
    if isinstance(last, Delete):
        last = Delete("gone", head)
    with pytest.raises(error):
        await store.commit("p", [Put("m1", {}), Put("m2", {}), Delete("never"), last])
    assert await keys(store) == ["head"]
    assert (await store.get("p", "head")).data == {"n": 1}
    await store.commit("p", [Put("head", {"n": 2}, head), Put("m1", {})])
    assert await keys(home.store()) == ["head", "m1"]


async def test_of_two_writers_with_the_same_version_one_wins(home):
    one, two = home.store(), home.store()
    for _ in range(10):
        await one.commit("p", [Delete("head"), Delete("m-one"), Delete("m-two")])
        [version] = await one.commit("p", [Put("head", {"n": 0})])
        outcomes = await asyncio.gather(
            one.commit("p", [Put("m-one", {}), Put("head", {"by": "one"}, version)]),
            two.commit("p", [Put("m-two", {}), Put("head", {"by": "two"}, version)]),
            return_exceptions=True,
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "list"]
        winner = (await two.get("p", "head")).data["by"]
        assert await keys(one) == ["head", f"m-{winner}"]


async def test_of_many_inserts_of_one_key_one_wins(home):
    stores = [home.store() for _ in range(8)]
    outcomes = await asyncio.gather(
        *(store.commit("p", [Put("a", {"by": n})]) for n, store in enumerate(stores)), return_exceptions=True
    )
    [winner] = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Conflict)]
    assert (await stores[0].get("p", "a")).data == {"by": winner}


async def test_scan_reads_a_range_in_order(store):
    names = ["a", "a-1", "a.1", "a:1", "aZ", "aa", "b", "B", "0", "z~"]
    await store.commit("p", [Put(name, {"name": name}) for name in names])
    await store.commit("q", [Put("a5", {})])
    assert await keys(store) == sorted(names)
    assert [record.key for record in await store.scan("p", "a", "b", 100)] == sorted(n for n in names if n[0] == "a")
    assert [record.data["name"] for record in await store.scan("p", "a-1", "aa", 2)] == ["a-1", "a.1"]
    assert await store.scan("p", "b", "a", 10) == []
    assert await store.scan("p", "a", "b", 0) == []
    assert await store.scan("nowhere", "a", "b", 10) == []


async def test_scan_goes_on_past_the_home_s_own_page_size(store):
    for start in range(0, 1200, MAX_CHANGES):
        await store.commit("p", [Put(f"k{n:05}", {"n": n}) for n in range(start, start + MAX_CHANGES)])
    assert [record.data["n"] for record in await store.scan("p", "k", "l", 1100)] == list(range(1100))


async def test_scanned_versions_can_be_written_with(store):
    await store.commit("p", [Put("a", {}), Put("b", {})])
    await store.commit("p", [Put(r.key, {"again": True}, r.version) for r in await store.scan("p", "a", "c", 9)])
    assert all(record.data == {"again": True} for record in await store.scan("p", "a", "c", 9))


@pytest.mark.parametrize("size", [300_000, 3_000_000])
@pytest.mark.parametrize("letter", ["x", "ü", '"'])
async def test_a_large_record(store, size, letter):
    [version, _] = await store.commit("p", [Put("big", {"text": letter * size}), Put("small", {"n": 1})])
    assert (await store.get("p", "big")).data == {"text": letter * size}
    big, small = await store.scan("p", "a", "z", 9)
    assert (len(big.data["text"]), small.data) == (size, {"n": 1})
    await store.commit("p", [Put("big", {"text": letter * (size + 1)}, version)])
    assert len((await store.get("p", "big")).data["text"]) == size + 1


async def test_many_large_records_in_one_commit(store):
    await store.commit("p", [Put(f"k{n:02}", {"text": f"{n}" * 150_000}) for n in range(20)])
    assert [record.data["text"][:2] for record in await store.scan("p", "k", "l", 50)][-1] == "19"
    assert sum(len(record.data["text"]) for record in await store.scan("p", "k", "l", 50)) == 150_000 * 30


async def test_the_largest_commit(store):
    versions = await store.commit("p", [Put(f"k{n:03}", {"n": n}) for n in range(MAX_CHANGES)])
    assert len(versions) == MAX_CHANGES
    assert len(await keys(store)) == MAX_CHANGES


async def test_what_no_store_accepts(store):
    assert await store.commit("p", []) == []
    for changes in (
        [Put("a", {}), Delete("a")],
        [Put(f"k{n}", {}) for n in range(MAX_CHANGES + 1)],
        [Put("a/b", {})],
        [Put("", {})],
        [Put("ä", {})],
    ):
        with pytest.raises(ValueError):
            await store.commit("p", changes)
    with pytest.raises(ValueError):
        await store.commit("p#", [Put("a", {})])
    assert await keys(store) == []


async def test_overdue_finds_what_is_due_everywhere(store):
    await store.commit("p", [Put("a", {"n": 1}, due=100), Put("b", {}, due=201), Put("c", {})])
    await store.commit("q", [Put("a", {"n": 2}, due=200)])
    found = [(partition, record.key, record.data) async for partition, record in store.overdue(200)]
    assert sorted(found, key=str) == [("p", "a", {"n": 1}), ("q", "a", {"n": 2})]


async def test_a_write_without_due_takes_it_away(store):
    [version] = await store.commit("p", [Put("a", {}, due=100)])
    await store.commit("p", [Put("a", {}, version)])
    assert [found async for found in store.overdue(200)] == []


async def test_overdue_records_can_be_changed_on_the_way(store):
    for start in range(0, 300, MAX_CHANGES):
        await store.commit("p", [Put(f"k{n:04}", {}, due=100) for n in range(start, start + MAX_CHANGES)])
    seen = []
    async for partition, record in store.overdue(200):
        await store.commit(partition, [Put(record.key, {"seen": True}, record.version)])
        seen.append(record.key)
    assert len(set(seen)) == len(seen) == 300
    assert [found async for found in store.overdue(200)] == []


@pytest.mark.parametrize("partition", ["p", "me:files", "me:thread_1"])
async def test_a_range_can_be_read_from_its_end(store, partition):
    names = ["file-1", "file-2", "file-21", "file-3", "file-A", "file-a", "files", "run_1"]
    await store.commit(partition, [Put(name, {"name": name}) for name in names])
    await store.commit(partition, [Delete("file-3")])

    async def last(*bounds):
        return [record.key for record in await store.scan(partition, *bounds, backwards=True)]

    assert await last("file-", "file-~", 10) == ["file-a", "file-A", "file-21", "file-2", "file-1"]
    assert await last("file-", "file-~", 2) == ["file-a", "file-A"]
    assert await last("file-2", "file-A", 9) == ["file-21", "file-2"]
    assert await last("file-2!", "file-A!", 2) == ["file-A", "file-21"]
    assert await last("file-b", "file-c", 9) == await last("b", "a", 9) == await last("file-", "file-~", 0) == []


async def test_many_records_can_be_read_from_their_end(store):
    for first in range(0, 1100, 100):
        await store.commit("p", [Put(f"k{n:04}", {"n": n}) for n in range(first, first + 100)])
    last = await store.scan("p", "k", "l", 1050, backwards=True)
    assert [record.data["n"] for record in last] == list(range(1099, 49, -1))


async def test_an_object_is_deleted_and_made_again_in_a_collection(store):
    for number in range(3):
        await store.commit("me:files", [Put("file-1", {"number": number})])
        [found] = await store.scan("me:files", "file-", "file-~", 5, backwards=True)
        assert found.data == {"number": number}
        await store.commit("me:files", [Delete("file-1")])
        assert await store.scan("me:files", "file-", "file-~", 5, backwards=True) == []
    assert await keys(store, "me:files") == []


async def test_a_refused_change_of_a_collection_leaves_all_as_it_was(store):
    [first] = await store.commit("me:files", [Put("file-1", {})])
    await store.commit("me:files", [Put("file-1", {"n": 2}, first)])
    before = await keys(store, "me:files")
    with pytest.raises(Conflict):
        await store.commit("me:files", [Put("file-2", {}), Put("file-1", {})])
    with pytest.raises(Conflict):
        await store.commit("me:files", [Delete("file-1", first)])
    assert await keys(store, "me:files") == before
    with pytest.raises(ValueError):
        await store.commit("me:files", [Put(f"file-{n}", {}) for n in range(MAX_CHANGES_OF_COLLECTION + 1)])
