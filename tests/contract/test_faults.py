"""What the Azure adapters make of lost answers, throttling and refusals."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from shared.backoff import Backoff
from shared.blobs.base import BlobNotFound, BlobsUnavailable, read_all, write_bytes
from shared.queue.base import QueueUnavailable
from shared.store.base import EXISTING, Conflict, Delete, NotFound, Put, Unavailable
from tests.contract.faults import (
    answer_cut,
    answer_lost,
    answer_lost_after,
    answered_by_another,
    answered_with_nothing,
    answers,
    never_sent,
    proxy_to,
)
from tests.contract.homes import AzureHome

OTHERS = [answered_by_another, answered_with_nothing]
PASSING = [
    never_sent,
    answer_lost,
    answer_cut,
    *OTHERS,
    *(answers(status) for status in (408, 429, 500, 502, 503, 504)),
]
MISSING = answers(404, "AccountIsDisabled")
TIMES_TOO_MANY = 5
NO_LONG_WAITS = Backoff(first=0.01, factor=1, attempts=TIMES_TOO_MANY)


@pytest.fixture
async def home(azurite):
    """A home behind proxies; `home.proxies` has one for each service."""
    async with AsyncExitStack() as stack:
        parts, proxies = [], {}
        for part in azurite.split(";"):
            name, _, value = part.partition("=")
            if name.endswith("Endpoint"):
                proxies[name.removesuffix("Endpoint").lower()], value = await stack.enter_async_context(proxy_to(value))
            parts.append(f"{name}={value}")
        home = AzureHome(";".join(parts), NO_LONG_WAITS)
        home.proxies = proxies  # type: ignore[attr-defined]
        yield home
        await home.close()


@pytest.fixture
async def store(home):
    store = home.store()
    await store.commit("p", [Put("head", {"n": 1})])
    return store


@pytest.fixture
def tables(home):
    return home.proxies["table"]


async def test_a_commit_whose_answer_was_lost_is_done(store, tables):
    await store.commit("p", [Put("m0", {})])
    head = await store.get("p", "head")
    tables.faults.append(answer_lost)
    changes = [Put("head", {"n": 2}, head.version), Put("m1", {"text": "x"}), Delete("m0")]
    [version, inserted, nothing] = await store.commit("p", changes)
    assert await store.get("p", "m0") is None
    assert (await store.get("p", "head")).version == version
    assert (await store.get("p", "m1")).version == inserted
    assert nothing == ""


async def test_a_lost_answer_may_be_lost_again(store, tables):
    tables.faults.extend([never_sent, answer_lost, answer_lost, answers(500)])
    [version] = await store.commit("p", [Put("m1", {})])
    assert (await store.get("p", "m1")).version == version


async def test_deletes_whose_answer_was_lost_are_done(store, tables):
    head = await store.get("p", "head")
    tables.faults.append(answer_lost)
    assert await store.commit("p", [Delete("head", head.version)]) == [""]
    tables.faults.append(answer_lost)
    assert await store.commit("p", [Delete("head")]) == [""]


async def test_a_commit_that_somebody_overwrote_before_its_second_attempt_is_done(store, home, tables):
    head = await store.get("p", "head")
    other = home.store()

    async def overwrite():
        now = await other.get("p", "head")
        await other.commit("p", [Put("head", {"n": 3}, now.version)])

    tables.faults.append(answer_lost_after(overwrite))
    [version, _] = await store.commit("p", [Put("head", {"n": 2}, head.version), Put("m1", {})])
    assert (await store.get("p", "head")).data == {"n": 3}
    with pytest.raises(Conflict):
        await store.commit("p", [Put("head", {"n": 4}, version)])


async def test_a_conflict_after_a_request_that_never_arrived_is_a_conflict(store, home, tables):
    head = await store.get("p", "head")
    await home.store().commit("p", [Put("head", {"n": 2}, head.version)])
    tables.faults.append(never_sent)
    with pytest.raises(Conflict):
        await store.commit("p", [Put("head", {"n": 9}, head.version), Put("m1", {})])
    tables.faults.append(never_sent)
    with pytest.raises(NotFound):
        await store.commit("p", [Put("m2", {}, EXISTING)])
    tables.faults.append(answers(503))
    with pytest.raises(Conflict):
        await store.commit("p", [Delete("head", head.version)])
    assert await store.get("p", "m1") is None


@pytest.mark.parametrize("fault", PASSING)
async def test_what_passes_is_tried_again(home, store, fault):
    queue, blobs = home.queue(), home.blobs()
    await queue.send({"n": 0})
    await write_bytes(blobs, "b", b"0")

    def trouble(service):
        home.proxies[service].faults.extend([fault] * 2)

    trouble("table")
    assert (await store.get("p", "head")).data == {"n": 1}
    trouble("table")
    assert [record.key for record in await store.scan("p", "a", "z", 10)] == ["head"]
    trouble("table")
    assert [found async for found in store.overdue(1)] == []
    trouble("queue")
    await queue.send({"n": 1})
    trouble("queue")
    assert await queue.receive(32, 30, 0) is not None
    trouble("blob")
    await write_bytes(blobs, "a", b"x" * 9_000_000)
    trouble("blob")
    assert len(await read_all(blobs, "a")) == 9_000_000
    trouble("blob")
    assert [info.name async for info in blobs.list("")] == ["a", "b"]
    trouble("blob")
    await blobs.delete("a")
    assert [info.name async for info in blobs.list("")] == ["b"]


@pytest.mark.parametrize(
    "fault",
    [
        *PASSING,
        *(answers(status) for status in (301, 400, 401, 403, 405, 409, 411, 412, 413, 418, 501, 505)),
        answers(409, "TableBeingDeleted"),
        answers(403, "AuthorizationFailure"),
        MISSING,
    ],
)
async def test_what_does_not_pass_is_the_port_s_own_error(home, store, fault):
    queue, blobs = home.queue(), home.blobs()
    await queue.send({"n": 0})
    [message], sent = await queue.receive(1, 30, 0), await queue.send({"n": 2}, 60)
    await write_bytes(blobs, "b", b"0")
    for proxy in home.proxies.values():
        proxy.faults.extend([fault] * 100)

    async def drain(items):
        return [item async for item in items]

    outcomes = await asyncio.gather(
        store.get("p", "head"),
        store.scan("p", "a", "z", 10),
        drain(store.overdue(1)),
        store.commit("p", [Put("m1", {})]),
        store.commit("p", [Put("big", {"text": "x" * 1_000_000})]),
        queue.send({"n": 1}),
        queue.receive(1, 30, 0),
        queue.retry(message, 0),
        queue.delete(message),
        queue.prepare({"n": 3}, 0, sent).make(),
        store.prepare("p", Put("m2", {})).make(),
        write_bytes(blobs, "a", b"x"),
        write_bytes(blobs, "a", b"x" * 9_000_000),
        read_all(blobs, "b"),
        drain(blobs.list("")),
        blobs.delete("b"),
        return_exceptions=True,
    )
    for proxy in home.proxies.values():
        proxy.faults.clear()
    kinds = {type(outcome) for outcome in outcomes if isinstance(outcome, Exception)}
    if fault in PASSING and fault not in (answer_cut, *OTHERS):  # an empty answer is not cut; some calls read none
        assert not [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert kinds <= {Unavailable, QueueUnavailable, BlobsUnavailable} | ({BlobNotFound} if fault is MISSING else set())
    assert (await store.get("p", "head")).data == {"n": 1}


@pytest.mark.parametrize("fault", OTHERS)
async def test_what_another_confirmed_is_not_written(home, store, fault):
    queue = home.queue()
    await queue.send({"n": 0})
    [message], sent = await queue.receive(1, 30, 0), await queue.send({"n": 1}, 60)
    home.proxies["queue"].faults.extend([fault] * 100)
    for write in (queue.send({"n": 2}), queue.prepare({"n": 3}, 0, sent).make(), queue.delete(message)):
        with pytest.raises(QueueUnavailable):
            await write


async def test_a_message_whose_answer_was_lost_comes_at_least_once(home):
    queue = home.queue()
    home.proxies["queue"].faults.append(answer_lost)
    await queue.send({"n": 1})
    messages = await queue.receive(32, 30, 5)
    assert {message.body["n"] for message in messages} == {1}


@pytest.mark.parametrize("fault", [never_sent, answers(403, "AuthorizationFailure")])
async def test_without_what_was_prepared_there_is_no_commit(home, store, fault):
    earlier = [store.prepare("me:threads", Put("thread_1", {})), home.queue().prepare({"n": 1}, 0)]
    for service, refused in (("table", Unavailable), ("queue", QueueUnavailable)):
        home.proxies[service].faults.extend([fault] * 100)
        with pytest.raises(refused):
            await store.commit("p", [Put("m1", {})], earlier)
        home.proxies[service].faults.clear()
        assert await store.get("p", "m1") is None
    await store.commit("p", [Put("m1", {})], earlier)
    assert [each.body for each in await home.queue().receive(32, 30, 2)] == [{"n": 1}]


async def test_what_was_prepared_is_made_once_though_its_answers_were_lost(home, store, tables):
    tables.faults.extend([answer_lost] * 2)
    earlier = [store.prepare("me:threads", Put("thread_1", {})), home.queue().prepare({"n": 1}, 0)]
    await store.commit("p", [Put("m1", {})], earlier)
    assert len(await store.scan("me:threads", "thread_", "thread_~", 10)) == 1
