"""Pages over numbered and newest-first ids, on a real store."""

from __future__ import annotations

import pytest

from shared import ids
from shared.errors import NotFoundError
from shared.paging import STRIDE, ListQuery, NumberRange, newest_page, numbered_page
from shared.sqlite import Database
from shared.store.base import Delete, Put
from shared.store.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(Database(tmp_path / "box.db"))
    yield store
    await store.close()


async def filled(store, count):
    keys = [ids.numbered("msg_", number) for number in range(count)]
    for start in range(0, count, 100):
        await store.commit("p", [Put(key, {"id": key}) for key in keys[start : start + 100]])
    return keys


async def messages(store, count, **query):
    page = await numbered_page(store, "p", NumberRange("msg_", "message", count), ListQuery(**query))
    return [record.key for record in page.records], page.has_more


async def test_pages_follow_each_other_in_both_orders(store):
    keys = await filled(store, 5)
    assert await messages(store, 5, limit=2, order="asc") == (keys[:2], True)
    assert await messages(store, 5, limit=2, order="asc", after=keys[1]) == (keys[2:4], True)
    assert await messages(store, 5, limit=2, order="asc", after=keys[3]) == (keys[4:], False)
    assert await messages(store, 5, limit=2, order="desc") == (keys[:2:-1], True)
    assert await messages(store, 5, limit=2, order="desc", after=keys[1]) == (keys[:1], False)


async def test_has_more_is_exact_when_the_last_page_is_full(store):
    keys = await filled(store, 4)
    assert await messages(store, 4, limit=4) == (keys[::-1], False)
    assert await messages(store, 4, limit=2, after=keys[2]) == (keys[1::-1], False)


async def test_after_the_last_item_comes_an_empty_page(store):
    keys = await filled(store, 3)
    assert await messages(store, 3, order="asc", after=keys[-1]) == ([], False)
    assert await messages(store, 3, order="desc", after=keys[0]) == ([], False)


async def test_before_gives_the_items_right_before_in_the_asked_order(store):
    keys = await filled(store, 6)
    assert await messages(store, 6, limit=2, order="asc", before=keys[4]) == (keys[2:4], True)
    assert await messages(store, 6, limit=2, order="desc", before=keys[1]) == ([keys[3], keys[2]], True)
    assert await messages(store, 6, order="asc", after=keys[1], before=keys[4]) == (keys[2:4], False)


async def test_a_deleted_cursor_still_marks_its_place(store):
    keys = await filled(store, 4)
    await store.commit("p", [Delete(keys[2])])
    assert await messages(store, 4, order="desc", after=keys[2]) == (keys[1::-1], False)


async def test_holes_do_not_shorten_a_page(store):
    keys = await filled(store, 60)
    await store.commit("p", [Delete(key) for key in keys[10:58]])
    assert await messages(store, 60, limit=4) == ([keys[59], keys[58], keys[9], keys[8]], True)


@pytest.mark.parametrize(
    "cursor", ["nonsense", "msg_0", "run_000000abcdefghabcdefghab", "msg_zzzzzzabcdefghabcdefghab", "msg_+"]
)
async def test_a_cursor_that_never_was_is_not_found(store, cursor):
    await filled(store, 2)
    with pytest.raises(NotFoundError, match="No message found with id"):
        await messages(store, 2, after=cursor)


class Counting:
    """A store that counts the rows it reads."""

    def __init__(self, store):
        self.store, self.read = store, 0

    async def scan(self, *bounds, **order):
        records = await self.store.scan(*bounds, **order)
        self.read += len(records)
        return records


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_page_reads_as_much_of_a_long_list_as_of_a_short_one(store, order):
    await filled(store, 2000)
    for count in (30, 2000):
        counting = Counting(store)
        await numbered_page(counting, "p", NumberRange("msg_", "message", count), ListQuery(order=order))
        assert counting.read == 21


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_page_of_an_owners_objects_does_too(store, order):
    for count in (30, 2000):
        keys = [ids.newest_first("asst_") for _ in range(count)]
        for first in range(0, count, 100):
            await store.commit(f"p{count}", [Put(key, {}) for key in keys[first : first + 100]])
        counting = Counting(store)
        await newest_page(counting, f"p{count}", "asst_", "assistant", ListQuery(order=order))
        assert counting.read == 21


async def owned(store, count):
    keys = [ids.newest_first("asst_") for _ in range(count)]
    for start in range(0, count, 100):
        await store.commit("p", [Put(key, {"id": key}) for key in keys[start : start + 100]])
    assert sorted(set(keys), reverse=True) == keys
    return keys


async def assistants(store, keep=None, **query):
    page = await newest_page(store, "p", "asst_", "assistant", ListQuery(**query), keep)
    return [record.key for record in page.records], page.has_more


async def test_an_owners_objects_come_newest_first_and_oldest_first(store):
    keys = await owned(store, 5)
    assert await assistants(store, limit=2) == ([keys[4], keys[3]], True)
    assert await assistants(store, limit=2, after=keys[3]) == ([keys[2], keys[1]], True)
    assert await assistants(store, after=keys[0]) == ([], False)
    assert await assistants(store, limit=2, order="asc") == (keys[:2], True)
    assert await assistants(store, limit=3, order="asc", after=keys[1]) == (keys[2:], False)
    assert await assistants(store, limit=2, order="desc", before=keys[0]) == ([keys[2], keys[1]], True)
    assert await assistants(store, limit=2, order="asc", before=keys[4]) == ([keys[2], keys[3]], True)


async def test_a_filter_fills_the_page_from_further_on(store):
    keys = await owned(store, 2 * STRIDE + 10)
    wanted = {keys[0], keys[1], keys[-1]}
    page = await assistants(store, keep=lambda record: record.key in wanted, limit=2)
    assert page == ([keys[-1], keys[1]], True)
    page = await assistants(store, keep=lambda record: record.key in wanted, limit=2, order="asc")
    assert page == ([keys[0], keys[1]], True)


@pytest.mark.parametrize("cursor", ["nonsense", "asst_", "asst_abcdefghijklmnopqrstuvwx", "file-000", "asst_é"])
async def test_a_cursor_of_no_owner_is_not_found(store, cursor):
    with pytest.raises(NotFoundError, match="No assistant found with id"):
        await assistants(store, after=cursor)


@pytest.mark.parametrize("hours", [2, 24 * 365 * 60, -24 * 365 * 30])
@pytest.mark.parametrize("make", [ids.newest_first, ids.newest_first_hex])
async def test_a_clock_that_was_wrong_for_a_while_breaks_no_paging(store, monkeypatch, make, hours):
    def made(count):
        return [make("x_") for _ in range(count)]

    keys = made(2)
    now = ids.micros()
    with monkeypatch.context() as wrong:
        ticks = iter(range(10))
        wrong.setattr("time.time_ns", lambda: 1000 * (now + hours * 3_600_000_000 + next(ticks)))
        keys += made(3)
    keys += made(2)
    keys.sort()
    await store.commit("p", [Put(key, {"id": key}) for key in keys])
    for order, expected in (("desc", keys), ("asc", keys[::-1])):
        seen, after, more = [], None, True
        while more:
            page = await newest_page(store, "p", "x_", "thing", ListQuery(limit=2, order=order, after=after))
            seen += [record.key for record in page.records]
            after, more = seen[-1], page.has_more
        assert seen == expected
        page = await newest_page(store, "p", "x_", "thing", ListQuery(order=order, before=expected[-1]))
        assert [record.key for record in page.records] == expected[:-1]


async def test_an_id_of_a_time_without_objects_is_not_found(store, monkeypatch):
    await store.commit("p", [Put(ids.newest_first("x_"), {})])
    now = ids.micros()
    for hours in (2, -24 * 365 * 30):
        with monkeypatch.context() as wrong:
            wrong.setattr("time.time_ns", lambda hours=hours: 1000 * (now + hours * 3_600_000_000))
            cursor = ids.newest_first("x_")
        with pytest.raises(NotFoundError):
            await newest_page(store, "p", "x_", "thing", ListQuery(after=cursor))
