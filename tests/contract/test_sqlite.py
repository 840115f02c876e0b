"""What only the embedded home promises: several processes on one file, an event loop never held up, no lost commit."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from random import Random

import pytest

from shared.ids import newest_first
from shared.queue.base import QueueUnavailable
from shared.queue.sqlite import POLL_SECONDS, SqliteQueue
from shared.sqlite import CHECKPOINT_AFTER, Database
from shared.store.base import EXISTING, Conflict, Delete, NotFound, Put, Unavailable
from shared.store.sqlite import SqliteStore

COUNT = """
import asyncio, sys
from pathlib import Path
from shared.sqlite import Database
from shared.store.base import Conflict, Put
from shared.store.sqlite import SqliteStore

async def count(times):
    store = SqliteStore(Database(Path(sys.argv[1])))
    done = 0
    while done < times:
        head = await store.get("p", "head")
        try:
            if head is None:
                await store.commit("p", [Put("head", {"n": 1})])
            else:
                await store.commit("p", [Put("head", {"n": head.data["n"] + 1}, head.version)])
        except Conflict:
            continue
        done += 1
        print(done, flush=True)
    await store.close()

asyncio.run(count(int(sys.argv[2])))
"""


def start_counting(path, times):
    return subprocess.Popen([sys.executable, "-c", COUNT, str(path), str(times)], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "box.db"


async def test_processes_share_one_file(path):
    children = [start_counting(path, 300) for _ in range(3)]
    for child in children:
        await asyncio.to_thread(child.communicate)
        assert child.returncode == 0
    database = Database(path)
    assert (await SqliteStore(database).get("p", "head")).data == {"n": 900}
    await database.close()


async def test_a_killed_process_loses_no_commit(path):
    child = start_counting(path, 1_000_000)
    for _ in range(50):
        child.stdout.readline()
    child.kill()
    told = 50 + len(child.communicate()[0].splitlines())
    database = Database(path)
    kept = (await SqliteStore(database).get("p", "head")).data["n"]
    await database.close()
    assert told <= kept <= told + 1


TELL = """
import asyncio, sys
from pathlib import Path
from shared.sqlite import Database
from shared.store.base import Put
from shared.store.sqlite import SqliteStore

async def tell(store, partition):
    [version] = await store.commit(partition, [Put("head", {"n": 0})])
    for n in range(1, 1_000_000):
        [version] = await store.commit(partition, [Put("head", {"n": n}, version)])
        print(partition, n, flush=True)

async def main():
    store = SqliteStore(Database(Path(sys.argv[1])))
    await asyncio.gather(*(tell(store, f"p{number}") for number in range(8)))

asyncio.run(main())
"""


def start_telling(path, program=TELL):
    return subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)


async def test_a_killed_process_loses_no_commit_of_many_at_once(path):
    child = start_telling(path)
    lines = [child.stdout.readline() for _ in range(300)]
    child.kill()
    rest = child.communicate()[0].rpartition("\n")[0]  # the kill may have cut the last line short
    told = dict(line.split() for line in [*lines, *rest.splitlines()])
    database = Database(path)
    kept = {each: (await SqliteStore(database).get(each, "head")).data["n"] for each in told}
    await database.close()
    assert len(told) == 8
    assert all(int(n) <= kept[each] <= int(n) + 1 for each, n in told.items())


TELL_WITH_MESSAGES = """
import asyncio, sys
from pathlib import Path
from shared.queue.sqlite import SqliteQueue
from shared.sqlite import Database
from shared.store.base import Put
from shared.store.sqlite import SqliteStore

async def tell(store, queue, name):
    for n in range(1_000_000):
        earlier = [store.prepare("me:threads", Put(f"{name}-{n}", {})), queue.prepare({"n": f"{name}-{n}"}, 60)]
        await store.commit(name, [Put(f"{name}-{n}", {})], earlier)
        print(name, n, flush=True)

async def main():
    database = Database(Path(sys.argv[1]))
    store, queue = SqliteStore(database), SqliteQueue(database, "runs")
    await asyncio.gather(*(tell(store, queue, f"p{number}") for number in range(4)))

asyncio.run(main())
"""


async def test_a_killed_process_leaves_what_was_prepared_with_each_commit_and_no_other(path):
    child = start_telling(path, TELL_WITH_MESSAGES)
    for _ in range(200):
        child.stdout.readline()
    child.kill()
    child.communicate()
    with closing(sqlite3.connect(path)) as file:
        committed = {key for [key] in file.execute("SELECT key FROM records WHERE partition LIKE 'p_'")}
        listed = {key for [key] in file.execute("SELECT key FROM records WHERE partition = 'me:threads'")}
        sent = {json.loads(body)["n"] for [body] in file.execute("SELECT body FROM messages")}
    assert len(committed) >= 200
    assert committed == listed == sent


async def test_a_message_that_cannot_be_stored_takes_its_commit_with_it_and_no_other(path):
    database = Database(path)
    store, queue = SqliteStore(database), SqliteQueue(database, "runs")
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE messages")
    listing = store.prepare("me:threads", Put("thread_1", {}))
    outcomes = await asyncio.gather(
        store.commit("p", [Put("a", {})]),
        store.commit("q", [Put("b", {})], [listing, queue.prepare({}, 60)]),
        return_exceptions=True,
    )
    assert [type(each) for each in outcomes] == [list, Unavailable]
    found = [await store.get(*place) for place in (("p", "a"), ("q", "b"), ("me:threads", "thread_1"))]
    assert [each is None for each in found] == [False, True, True]
    await store.close()


async def test_commits_of_one_moment_share_a_transaction(path):
    store, log, sizes = SqliteStore(Database(path)), path.parent / "box.db-wal", [0]
    for together in (False, True):
        commits = [store.commit(f"p{number}", [Put(f"{together}", {})]) for number in range(50)]
        for commit in [asyncio.gather(*commits)] if together else commits:
            await commit
        sizes.append(log.stat().st_size)
    apart, shared = sizes[1] - sizes[0], sizes[2] - sizes[1]
    assert shared < apart / 5
    await store.close()


async def test_a_commit_that_fails_takes_back_its_own_changes_only(path):
    store = SqliteStore(Database(path))
    [version] = await store.commit("p", [Put("there", {"n": 1})])
    outcomes = await asyncio.gather(
        store.commit("p", [Put("a", {"n": 1})]),
        store.commit("p", [Put("b", {"n": 1}), Put("there", {"n": 2})]),
        store.commit("q", [Delete("nothing"), Put("c", {"n": 1}), Put("missing", {}, EXISTING)]),
        store.commit("p", [Put("there", {"n": 3}, version)]),
        store.commit("p", [Put("there", {"n": 4}, version)]),
        return_exceptions=True,
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [list, Conflict, NotFound, list, Conflict]
    found = {record.key: record.data["n"] for each in "pq" for record in await store.scan(each, "a", "z", 10)}
    assert found == {"a": 1, "there": 3}
    await store.close()


async def test_who_does_not_wait_for_a_commit_keeps_nobody_from_theirs(path):
    store = SqliteStore(Database(path))
    left, stays = (asyncio.create_task(store.commit("p", [Put(key, {})])) for key in "ab")
    await asyncio.sleep(0)
    left.cancel()
    await stays
    assert await store.get("p", "b") is not None
    await store.close()


async def test_the_log_is_brought_into_the_file_before_it_is_long(path, tmp_path):
    store, copy = SqliteStore(Database(path)), tmp_path / "copy.db"
    for number in range(CHECKPOINT_AFTER):
        await store.commit("p", [Put(f"{number}", {})])
    async with asyncio.timeout(10):
        while True:
            shutil.copy(path, copy)
            with closing(sqlite3.connect(copy)) as alone, suppress(sqlite3.Error):
                if alone.execute("SELECT count(*) FROM records").fetchone() == (CHECKPOINT_AFTER,):
                    break
            await asyncio.sleep(0.01)
    await store.close()


async def test_a_log_that_is_long_begins_anew_although_others_write(path):
    stores, sizes = [SqliteStore(Database(path, long_log=200)) for _ in range(2)], []
    for number in range(10 * CHECKPOINT_AFTER):
        await asyncio.gather(*(each.commit(f"p{place}", [Put(f"{number}", {})]) for place, each in enumerate(stores)))
        sizes.append((path.parent / "box.db-wal").stat().st_size)
    assert max(sizes) < 5_000 * 4096
    for each in stores:
        await each.close()


async def test_writes_that_meet_a_short_lock_go_on_with_what_came_meanwhile(path):
    store, log, sizes = SqliteStore(Database(path)), path.parent / "box.db-wal", [0]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for locked in (False, True):
            other.execute("BEGIN IMMEDIATE" if locked else "BEGIN")
            commits = []
            for number in range(10):
                commits.append(asyncio.create_task(store.commit(f"p{number}", [Put(f"{locked}", {})])))
                await asyncio.sleep(0.001)
            other.execute("COMMIT")
            await asyncio.gather(*commits)
            sizes.append(log.stat().st_size)
    apart, joined = sizes[1] - sizes[0], sizes[2] - sizes[1]
    assert joined < apart / 2
    await store.close()


async def test_a_lock_of_another_process_holds_up_its_writer_only(path):
    database = Database(path)
    store, queue = SqliteStore(database), SqliteQueue(database, "runs")
    await store.commit("p", [Put("a", {"n": 1})])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writes = asyncio.gather(store.commit("p", [Put("b", {})]), queue.send({"n": 1}))
    for _ in range(20):
        began = time.perf_counter()
        assert (await store.get("p", "a")).data == {"n": 1}
        assert time.perf_counter() - began < 0.5
        await asyncio.sleep(0.01)
    assert not writes.done()
    other.execute("COMMIT")
    other.close()
    await writes
    assert await store.get("p", "b") is not None
    await database.close()


async def test_a_send_wakes_its_own_receiver_at_once(path):
    database = Database(path)
    queue = SqliteQueue(database, "runs")
    delays = []
    for _ in range(20):
        waiting = asyncio.create_task(queue.receive(1, 30, 5))
        await asyncio.sleep(0.001)
        began = time.perf_counter()
        await queue.send({})
        [message] = await waiting
        delays.append(time.perf_counter() - began)
        await queue.delete(message)
    assert sorted(delays)[10] < POLL_SECONDS / 20
    await database.close()


async def test_a_receiver_knows_when_the_next_message_is_visible(path):
    database = Database(path)
    queue = SqliteQueue(database, "runs", poll_seconds=5)
    await queue.send({"later": True}, 0.6)
    waiting = asyncio.create_task(queue.receive(1, 30, 5))
    await asyncio.sleep(0.01)
    sent = time.perf_counter()
    await queue.send({"sooner": True}, 0.1)

    [message] = await waiting
    assert message.body == {"sooner": True}
    assert 0.09 < time.perf_counter() - sent < 0.5
    [message] = await queue.receive(1, 30, 5)
    assert message.body == {"later": True}
    assert time.perf_counter() - sent < 4
    await database.close()


async def test_whatever_sqlite_refuses_is_unavailable(path):
    database = Database(path, lock_timeout=0.05)
    store, queue = SqliteStore(database), SqliteQueue(database, "runs")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await store.commit("p", [Put("b", {})])
    with pytest.raises(QueueUnavailable):
        await queue.send({})
    other.execute("DROP TABLE records")
    other.execute("DROP TABLE messages")
    other.execute("COMMIT")
    other.close()
    with pytest.raises(Unavailable):
        await store.get("p", "a")
    with pytest.raises(QueueUnavailable):
        await queue.receive(1, 30, 0)
    await database.close()
    await database.close()
    with pytest.raises(Unavailable):
        await store.scan("p", "a", "b", 1)


async def test_a_file_of_an_earlier_version_keeps_its_order_and_is_used_as_ever(path):
    with closing(sqlite3.connect(path)) as file:
        file.execute(
            "CREATE TABLE records (partition TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,"
            " version INTEGER NOT NULL, due INTEGER, PRIMARY KEY (partition, key))"
        )
    files = {"earlier": path, "new": path.parent / "new" / "box.db"}
    seen = {}
    for name, each in files.items():
        store = SqliteStore(Database(each))
        for partition in "qp":
            changes = [Put(f"k{n}", {"n": n}, due=n) for n in (3, 1, 2)]
            versions = await store.commit(partition, changes)
            with pytest.raises(Conflict):
                await store.commit(partition, changes[:1])
            await store.commit(partition, [Put("k3", {"n": 4}, versions[0])])
        first, last = [await store.scan("p", "k", "l", 2, backwards=way) for way in (False, True)]
        due = [(partition, record.key) async for partition, record in store.overdue(2)]
        seen[name] = ([each.data["n"] for each in first], [each.data["n"] for each in last], due)
        await store.close()
    assert seen["new"] == seen["earlier"] == ([1, 2], [4, 2], [("p", "k1"), ("q", "k1"), ("p", "k2"), ("q", "k2")])


async def test_commits_of_threads_made_one_after_another_touch_few_pages(path):
    """What a transaction touches goes into the log: 3.4 pages on average, 4.8 in a file of an earlier version."""
    store, log = SqliteStore(Database(path)), path.parent / "box.db-wal"
    for partition in ("me:assistants", "zoe:threads"):
        await store.commit(partition, [Put(f"k{n}", {}) for n in range(40)])
    before = log.stat().st_size
    for _ in range(150):
        thread = newest_first("thread_")
        await store.commit(
            f"me:{thread}", [Put(key, {}) for key in ("head", "thread", *(f"msg_{n}" for n in range(4)))]
        )
    assert (log.stat().st_size - before) / 4096 / 150 < 4
    await store.close()


def places_of(path, text):
    """The files of the database in which a text can be read."""
    return [each.name for each in path.parent.iterdir() if text.encode() in each.read_bytes()]


async def filled_and_emptied(path, records=3000):
    """A store from which all records that say so were deleted again."""
    store, random = SqliteStore(Database(path)), Random(1)
    kept = []
    for number in range(records):
        word = "canary" if number % 2 else "kept"
        text = f"{word}-{number} " * random.choice((5, 20, 80, 300, 900))
        place = (f"p{random.randrange(200)}", f"{random.random()}")
        await store.commit(place[0], [Put(place[1], {"text": text})])
        if word == "kept":
            kept.append(place)
            continue
        [version] = await store.commit(f"q{number % 50}", [Put(place[1], {"text": text})])
        await store.commit(f"q{number % 50}", [Put(place[1], {"text": "replaced"}, version)])
        await store.commit(place[0], [Delete(place[1])])
    return store, kept


async def test_nothing_deleted_or_replaced_is_left_after_a_scrub(path):
    store, kept = await filled_and_emptied(path)
    assert "box.db-wal" in places_of(path, "canary-")
    assert await store.scrub(math.inf)
    assert places_of(path, "canary-") == []
    assert (path.parent / "box.db-wal").stat().st_size == 0
    assert all([await store.get(*place) for place in kept])
    await store.close()


async def test_a_scrub_that_rewrites_nothing_empties_the_log(path):
    store, _ = await filled_and_emptied(path, 300)
    assert not await store.scrub()
    assert (path.parent / "box.db-wal").stat().st_size == 0
    await store.close()


async def test_a_reader_that_stays_keeps_a_scrub_from_its_end_and_loses_nothing(path):
    store, _ = await filled_and_emptied(path, 300)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    [[before]] = reader.execute("SELECT count(*) FROM records")
    assert not await store.scrub(math.inf)
    await store.commit("p", [Put("later", {})])
    assert reader.execute("SELECT count(*) FROM records").fetchone()[0] == before
    reader.close()
    assert await store.scrub(math.inf)
    await store.close()
