"""What only the embedded home promises: several processes on one file, an event loop never held up, no lost commit."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import subprocess
import sys
import time
from random import Random

import pytest

from shared.queue.base import QueueUnavailable
from shared.queue.sqlite import POLL_SECONDS, SqliteQueue
from shared.sqlite import Database
from shared.store.base import Delete, Put, Unavailable
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
    assert sorted(delays)[10] < POLL_SECONDS / 5
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
