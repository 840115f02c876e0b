"""Milliseconds that a page of 20 takes in short and in long lists, in both orders: `python -m bench pages [COUNT…]`.

On SQLite and on Azurite (tests/install-node-packages.sh). Azurite itself looks through a whole partition for any range
of it; the requests that a page makes stand beside its time.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, Literal

from pydantic import SecretStr

from bench.counting import CountingTransport, counting
from shared import ids, layout
from shared.app import azure_storage, build, storage_for
from shared.box import Box
from shared.config import Settings
from shared.deps import Caller
from shared.files import files
from shared.llm.scripted import ScriptedLlm
from shared.objects.file import File
from shared.objects.message_requests import CreateMessage
from shared.objects.thread import Head
from shared.objects.vector_store import ItemRecord, StoreRecord, VectorStore, VectorStoreFile
from shared.paging import ListQuery
from shared.store.base import MAX_CHANGES, MAX_CHANGES_OF_COLLECTION, Change, Put
from shared.threads import messages, new_messages, threads
from shared.vector_stores import files as store_files
from shared.vector_stores.rows import item_put, store_put
from tests import azurite

COUNTS: Final = (100, 10_000)
#: Pages of each kind; one after the other, kinds and lengths in turn.
ROUNDS: Final = 15
ORDERS: Final[tuple[Literal["asc", "desc"], ...]] = ("asc", "desc")
THREAD: Final = "thread_" + "0" * 24
STORE: Final = "vs_" + "0" * 32

Page = Callable[[ListQuery], Awaitable[object]]


async def written(box: Box, partition: str, rows: Sequence[Change]) -> None:
    """Write rows, as many at once as may be."""
    step = MAX_CHANGES_OF_COLLECTION if layout.is_collection(partition) else MAX_CHANGES
    for first in range(0, len(rows), step):
        await box.deps.store.commit(partition, rows[first : first + step])


async def lists_of(box: Box, count: int) -> dict[str, Page]:
    """Lists of so many, each of another kind, of an owner who has nothing else; how to ask for a page."""
    caller = Caller(box.deps, f"owner{count}")
    owner, now = caller.owner, box.deps.now()
    names = [ids.newest_first(layout.FILE, ids.FILE_LENGTH) for _ in range(count)]
    of_files = [File(id=each, purpose="assistants", filename="a.txt", bytes=1, created_at=now) for each in names]
    await written(box, layout.files(owner), [Put(each.id, each.to_json()) for each in of_files])

    said = CreateMessage(role="user", content="Hello?")
    head = Head()
    head.next.message = count
    thread = [Put(layout.THREAD_KEY, {"id": THREAD}), Put(layout.HEAD_KEY, head.to_json())]
    thread += new_messages.rows(box.deps, THREAD, [said] * count, 0)
    await written(box, layout.thread(owner, THREAD), thread)

    store = VectorStore(id=STORE, created_at=now, last_active_at=now)
    items = [
        ItemRecord(
            file=VectorStoreFile(id=each, created_at=now, vector_store_id=STORE, chunking_strategy={}),
            number=number,
            filename="a.txt",
            token="",
        )
        for number, each in enumerate(names)
    ]
    rows = [store_put(StoreRecord(store=store, next=count)), *(item_put(each, now) for each in items)]
    await written(box, layout.vector_store(owner, STORE), rows)

    await written(box, layout.threads(owner), [Put(ids.newest_first(layout.THREAD), {}) for _ in range(count)])
    return {
        "messages": partial(messages.list_page, caller, THREAD, run_id=None),
        "files": partial(files.list_page, caller, purpose=None),
        "threads": partial(threads.list_page, caller),
        "files of a store": partial(store_files.list_page, caller, STORE, status=None),
    }


async def measure(box: Box, counter: Counter[str], counts: Sequence[int]) -> None:
    """Print a line for each kind of list and each order."""
    lists = {count: await lists_of(box, count) for count in counts}
    for kind in lists[counts[0]]:
        for order in ORDERS:
            query = ListQuery(order=order)
            took: dict[int, list[float]] = {count: [] for count in counts}
            for _ in range(ROUNDS):
                for count in counts:
                    counter.clear()
                    started = time.perf_counter()
                    await lists[count][kind](query)
                    took[count].append((time.perf_counter() - started) * 1000)
            cells = "".join(f"{median(took[count]):9.2f} ({min(took[count]):.2f})" for count in counts)
            asked = ", ".join(f"{number} {operation}" for operation, number in counter.items())
            ratio = median(took[counts[-1]]) / median(took[counts[0]])
            print(f"{kind:<17}{order:<5}{cells}  x {ratio:.2f}  {asked}", flush=True)


async def on_sqlite(home: Path, counts: Sequence[int]) -> None:
    """The embedded host's home."""
    settings, counter = Settings(_env_file=None, box_home=home, sandbox="none"), Counter[str]()
    box = build(settings, storage=counting(storage_for(settings), counter), llm=ScriptedLlm())
    await measure(box, counter, counts)
    await box.close()


async def on_azurite(home: Path, counts: Sequence[int]) -> None:
    """A storage account."""
    with azurite.serving(home) as ports:
        services = {port: service for service, port in ports.items()}
        account = SecretStr(azurite.connection_string(ports))
        settings = Settings(_env_file=None, box_home=home, sandbox="none", AzureWebJobsStorage=account)
        counter = Counter[str]()
        storage = azure_storage(settings, transport=CountingTransport(services, counter))
        box = build(settings, storage=storage, llm=ScriptedLlm())
        await measure(box, counter, counts)
        await box.close()


def main(counts: Sequence[int]) -> None:
    """Both homes."""
    print(f"{'ms, median (min), of a list of':<22}{''.join(f'{count:>16,}' for count in counts)}")
    for home in (on_sqlite, on_azurite):
        print(f"-- {home.__name__.removeprefix('on_')}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(home(Path(folder), counts))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or COUNTS)
