"""What a commit must not be there without: an index's row, a message. Before it, or with it, as the home can."""

from __future__ import annotations

import asyncio

import pytest

from shared.store.base import Conflict, Put


@pytest.fixture(params=["of one box", "of two"])
def ports(request, home):
    """A store and a queue, which know of one another or do not."""
    return home.both() if request.param == "of one box" else (home.store(), home.queue())


async def bodies(queue, wait=2):
    return sorted(each.body["n"] for each in await queue.receive(32, 30, wait))


async def test_what_was_prepared_is_there_with_the_commit(ports, home):
    store, queue = ports
    earlier = [store.prepare("me:threads", Put("thread_1", {"n": 1})), queue.prepare({"n": 1}, 0)]
    assert await store.get("me:threads", "thread_1") is None
    [version] = await store.commit("me:thread_1", [Put("head", {})], earlier)
    assert (await home.store().get("me:thread_1", "head")).version == version
    assert (await home.store().get("me:threads", "thread_1")).data == {"n": 1}
    assert await bodies(home.queue()) == [1]


async def test_a_row_that_is_there_already_is_left_as_it_is(ports):
    store, _ = ports
    [version] = await store.commit("me:threads", [Put("thread_1", {"n": 1})])
    await store.commit("me:thread_1", [Put("head", {})], [store.prepare("me:threads", Put("thread_1", {"n": 2}))])
    found = await store.get("me:threads", "thread_1")
    assert (found.data, found.version) == ({"n": 1}, version)
    assert await store.get("me:thread_1", "head") is not None


async def test_after_a_commit_that_was_refused_the_next_one_makes_no_second_message(ports):
    store, queue = ports
    [version] = await store.commit("p", [Put("head", {"n": 1})])
    earlier = [store.prepare("me:threads", Put("thread_1", {})), queue.prepare({"n": 1}, 0)]
    for _ in range(2):
        with pytest.raises(Conflict):
            await store.commit("p", [Put("m1", {}), Put("head", {})], earlier)
    assert await store.get("p", "m1") is None
    await store.commit("p", [Put("head", {"n": 2}, version)], earlier)
    assert await store.get("me:threads", "thread_1") is not None
    assert await bodies(queue) == [1]
    assert await bodies(queue, 0) == []


async def test_what_was_made_by_itself_is_not_made_again(ports):
    store, queue = ports
    earlier = [store.prepare("me:threads", Put("thread_1", {})), queue.prepare({"n": 1}, 0)]
    for each in earlier * 2:
        await each.make()
    await store.commit("p", [Put("head", {})], earlier)
    assert await bodies(queue) == [1]
    assert await bodies(queue, 0) == []


async def test_a_spare_message_takes_the_place_of_a_new_one(ports):
    store, queue = ports
    spare = await queue.send({"n": 1}, 60)
    message = queue.prepare({"n": 2}, 60, spare)
    await store.commit("p", [Put("head", {})], [message])
    assert await queue.count() == 1
    await queue.delete(message.outcome)
    assert await queue.count() == 0


async def test_one_that_somebody_has_taken_stays_beside_it(ports, home):
    store, queue = ports
    spare = await queue.send({"n": 1})
    [taken] = await home.queue().receive(1, 30, 2)
    await store.commit("p", [Put("head", {})], [queue.prepare({"n": 2}, 0, spare)])
    assert await bodies(queue) == [2]
    await home.queue().retry(taken, 0)
    assert await bodies(queue) == [1]


async def test_of_many_commits_each_has_its_own(ports):
    store, queue = ports
    await store.commit("p", [Put("m3", {})])

    async def commit(n):
        earlier = [store.prepare("me:threads", Put(f"thread_{n}", {})), queue.prepare({"n": n}, 0)]
        await store.commit("p", [Put(f"m{n}", {})], earlier)

    outcomes = await asyncio.gather(*(commit(n) for n in range(8)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [*[type(None)] * 3, Conflict, *[type(None)] * 4]
    assert {*range(8)} - {3} <= {*await bodies(queue)}
    listed = {each.key for each in await store.scan("me:threads", "thread_", "thread_~", 10)}
    assert {f"thread_{n}" for n in range(8) if n != 3} <= listed


@pytest.mark.parametrize("path", ["p#", "p/q"])
async def test_a_place_that_no_store_has_is_refused_at_once(ports, path):
    store, _ = ports
    with pytest.raises(ValueError):
        store.prepare(path, Put("a", {}))
