"""Lists of an owner's objects and of a thread's, against a list in memory: both orders, any cursor, both stores."""

from __future__ import annotations

import random
from itertools import product

import pytest

from shared import foreign_ids, ids, layout
from shared.moving.rows import in_collection
from shared.paging import ListQuery, NumberRange, newest_page, numbered_page
from shared.store.base import MAX_CHANGES_OF_COLLECTION, Delete, Put
from shared.store.twins import twin_of

COLLECTIONS = {
    layout.assistants("me"): lambda: ids.newest_first(layout.ASSISTANT),
    layout.threads("me"): lambda: ids.newest_first(layout.THREAD),
    layout.files("me"): lambda: ids.newest_first(layout.FILE, 22),
    layout.vector_stores("me"): lambda: ids.newest_first_hex(layout.VECTOR_STORE),
}


async def made(store, partition, count, make):
    """The ids of so many new rows, oldest first."""
    keys = sorted((make() for _ in range(count)), reverse=True)  # those of one microsecond were made in any order
    for first in range(0, count, MAX_CHANGES_OF_COLLECTION):
        batch = keys[first : first + MAX_CHANGES_OF_COLLECTION]
        await store.commit(partition, [Put(key, {"n": ord(key[-1])}) for key in batch])
    return keys


def expected(there, everything, query, keep):
    """What a page should be, of the ids that there are, oldest first; cursors may be ids that are gone."""
    place = {key: number for number, key in enumerate(everything)}
    asked = there if query.order == "asc" else there[::-1]
    sign = 1 if query.order == "asc" else -1

    def inside(key):
        behind = query.after is None or sign * place[key] > sign * place[query.after]
        return behind and (query.before is None or sign * place[key] < sign * place[query.before])

    found = [key for key in asked if inside(key) and keep(ord(key[-1]))]
    page = found[-query.limit :] if query.backwards else found[: query.limit]
    return page, len(found) > query.limit


async def agree(page_of, there, everything, chance, times):
    """Ask for pages of all kinds, and compare."""
    for _, order in product(range(times), ("asc", "desc")):
        after, before = (chance.choice([None, *chance.choices(everything, k=3)]) for _ in range(2))
        query = ListQuery(limit=chance.choice([1, 2, 7, 100]), order=order, after=after, before=before)
        mask = chance.choice([1, 1, 2, 5])
        page = await page_of(query, lambda row, mask=mask: row.data["n"] % mask == 0)
        wanted, more = expected(there, everything, query, lambda n, mask=mask: n % mask == 0)
        assert ([row.key for row in page.records], page.has_more) == (wanted, more), query


@pytest.mark.parametrize("partition", COLLECTIONS)
@pytest.mark.parametrize("story", ["whole", "deleted", "without twins", "twins of some", "twins without rows"])
async def test_pages_of_a_collection_are_those_of_a_list(store, partition, story):
    chance = random.Random(f"{partition} {story}")
    everything = await made(store, partition, 130, COLLECTIONS[partition])
    there = everything
    if story == "deleted":
        gone = set(chance.sample(everything, 60))
        there = [key for key in everything if key not in gone]
        for key in gone:
            await store.commit(partition, [Delete(key)])
    elif story != "whole":
        # As other versions leave it: rows without their twins, and the other way round.
        few = everything if story == "without twins" else chance.sample(everything, 50)
        of_rows = story == "twins without rows"
        for key in few:
            row = await store.get(partition, key)
            await store.commit(partition, [Delete(key)])
            kept = Put(twin_of(key), {}) if of_rows else Put(key, row.data)
            await store.commit(partition, [kept])
            if not of_rows:
                await store.commit(partition, [Delete(twin_of(key))])
        if of_rows:
            there = [key for key in everything if key not in set(few)]
    prefix = everything[0][: max(everything[0].find("_"), everything[0].find("-")) + 1]

    async def page_of(query, keep):
        return await newest_page(store, partition, prefix, "thing", query, keep)

    await agree(page_of, there, everything, chance, 12)
    walked, after, more = [], None, True
    while more:
        page = await newest_page(store, partition, prefix, "thing", ListQuery(limit=20, order="asc", after=after))
        walked += [row.key for row in page.records]
        after, more = walked[-1], page.has_more
    assert walked == there


async def test_pages_of_a_thread_are_those_of_a_list(store):
    chance = random.Random(14)
    partition = layout.thread("me", "thread_1")
    everything = [ids.numbered(layout.MESSAGE, number) for number in range(150)]
    for first in (0, 50, 100):
        await store.commit(partition, [Put(key, {"n": ord(key[-1])}) for key in everything[first : first + 50]])
    gone = set(everything[40:110:2]) | set(everything[60:90])
    await store.commit(partition, [Delete(key) for key in gone])
    there = [key for key in everything if key not in gone]

    async def page_of(query, keep):
        return await numbered_page(store, partition, NumberRange(layout.MESSAGE, "message", 150), query, keep)

    await agree(page_of, there, everything, chance, 30)


async def test_objects_with_ids_from_elsewhere_are_listed_both_ways_by_them(store):
    """Their aliases lie beside them, and are no objects."""
    partition = layout.assistants("me")
    foreign = [f"asst_zforeign{number}" for number in range(5)]
    placed = [
        in_collection(layout.ASSISTANT, {"id": each, "created_at": 1_716_470_000}, order)
        for order, each in enumerate(foreign)
    ]
    for each in placed:
        await store.commit(partition, each.changes)
    ours = await made(store, partition, 2, lambda: ids.newest_first(layout.ASSISTANT))
    await store.commit(partition, [Delete(placed[2].row.key)])

    async def listed(**query):
        page = await newest_page(store, partition, layout.ASSISTANT, "assistant", ListQuery(**query))
        return [row.data.get("id", row.key) for row in page.records]

    there = [*foreign[:2], *foreign[3:], *ours]
    assert await listed(order="asc") == there
    assert await listed() == there[::-1]
    assert await listed(order="asc", after=foreign[2], limit=2) == foreign[3:]
    assert await listed(before=foreign[2]) == there[:1:-1]
    found = await foreign_ids.read(store, partition, foreign[4])
    assert found is not None
    assert found.key == placed[4].row.key
    assert await foreign_ids.read(store, partition, foreign[2]) is None
