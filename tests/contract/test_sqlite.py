"""What only the embedded home promises: several processes on one file, an event loop never held up, no lost commit."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time

import pytest

from shared.queue.base import QueueUnavailable
from shared.queue.sqlite import POLL_SECONDS, SqliteQueue
from shared.sqlite import Database
from shared.store.base import Put, Unavailable
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
