"""Speed and memory of file search: `python -m bench.search [azurite | pdf | CHUNKS ...]` (default 10000 100000).

Text is drawn from a Zipf-like vocabulary, about 500 words a chunk; vectors are random unit vectors of 256 dimensions.
Embedding is not measured: it is the model's time. `azurite` measures how long a process without anything in memory
takes to its first result from 10,000 chunks in the storage emulator (tests/install-node-packages.sh); `pdf` measures
reading.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from shared.azure.account import StorageAccount
from shared.blobs.azure import AzureBlobs
from shared.blobs.base import Blobs
from shared.blobs.folder import FolderBlobs
from shared.search.base import Chunk, Embedded, Ranking, Scope, given
from shared.search.index import SegmentIndex
from shared.search.parsing.chunking import Strategy
from shared.search.parsing.parser import parse
from shared.sqlite import Database
from shared.store.base import Store
from shared.store.sqlite import SqliteStore
from shared.store.tables import TablesStore
from tests import azurite
from tests.fakes import documents

STORE_ID = "vs_bench"
WORDS_A_CHUNK = 500
VOCABULARY = 60_000
DIMENSIONS = 256
PER_FILE = 500
SEARCHES = 60
PAGES = 300


class Corpus:
    """Reproducible chunks, vectors and queries."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
        self._words = ["".join(self._random.choice(letters, size=length)) for length in self._lengths()]
        weights = 1 / np.arange(1, VOCABULARY + 1) ** 0.9
        self._weights = weights / weights.sum()

    def _lengths(self) -> list[int]:
        return [int(length) for length in self._random.integers(3, 11, size=VOCABULARY)]

    def texts(self, count: int) -> list[str]:
        """So many chunks of text."""
        picks = self._random.choice(VOCABULARY, size=(count, WORDS_A_CHUNK), p=self._weights)
        return [" ".join(self._words[pick] for pick in row) for row in picks]

    def vectors(self, count: int) -> list[list[float]]:
        """So many vectors."""
        return list(self._random.standard_normal((count, DIMENSIONS), dtype=np.float32))

    def query(self) -> str:
        """Ten words, common and rare ones."""
        return " ".join(self._words[pick] for pick in self._random.choice(VOCABULARY, size=10, p=self._weights))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SegmentIndex]:
    """The index over what `home` gives."""
    store, blobs = home(folder)
    yield SegmentIndex(store, blobs)
    await store.close()
    await blobs.close()


def home(folder: Path) -> tuple[Store, Blobs]:
    """SQLite and a folder, or the emulator."""
    connection = os.environ.get("BENCH_AZURITE")
    if connection:
        account = StorageAccount(connection, "", "", "", "")
        blobs = AzureBlobs(account.blobs, "bench")
        return TablesStore(account.tables, blobs, "bench"), blobs
    return SqliteStore(Database(folder / "box.db")), FolderBlobs(folder / "blobs")


def resident() -> int:
    """Megabytes this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


async def build(folder: Path, chunks: int) -> None:
    """Fill a store, compacting as the worker does."""
    corpus = Corpus()
    started = time.perf_counter()
    async with opened(folder) as index:
        for number in range(chunks // PER_FILE):
            texts = [Chunk(text) for text in corpus.texts(PER_FILE)]
            await index.add(STORE_ID, f"file-{number}", texts, Embedded("bench", corpus.vectors(PER_FILE)))
            await index.compact(STORE_ID)
    print(f"{chunks:>7} chunks  built in {time.perf_counter() - started:.0f} s, texts drawn included")


async def measure(folder: Path, chunks: int) -> None:
    """Cold open, then warm searches, in a process that has only this store."""
    corpus = Corpus()
    times, filtered = [], []
    some = {f"file-{number}" for number in range(0, chunks // PER_FILE, 2)}
    async with opened(folder) as index:
        busy = time.process_time()
        cold = await search(index, corpus, None)
        busy = time.process_time() - busy
        for _ in range(SEARCHES):
            times.append(await search(index, corpus, None))
            filtered.append(await search(index, corpus, some))
    print(
        f"{chunks:>7} chunks  first search {cold * 1000:.0f} ms ({busy * 1000:.0f} ms of processor)"
        f"  p50 {statistics.median(times) * 1000:.1f} ms"
        f"  p95 {sorted(times)[int(0.95 * SEARCHES)] * 1000:.1f} ms"
        f"  filtered p50 {statistics.median(filtered) * 1000:.1f} ms  resident {resident()} MB"
    )


async def search(index: SegmentIndex, corpus: Corpus, files: set[str] | None) -> float:
    """One hybrid search for 20 results, in seconds."""
    query, vector = corpus.query(), corpus.vectors(1)
    started = time.perf_counter()
    hits = await index.search([Scope(STORE_ID, files)], [query], 20, Ranking(), given(Embedded("bench", vector)))
    assert len(hits) == 20
    return time.perf_counter() - started


async def read_pdf() -> None:
    """Pages a second of a text PDF, from bytes to a searchable index, embedding left out."""
    words = [text.split() for text in Corpus().texts(PAGES)]
    pages = ["\n".join(" ".join(row[first : first + 11]) for first in range(0, len(row), 11)) for row in words]
    data = documents.pdf(pages)
    with tempfile.TemporaryDirectory() as folder:
        index = SegmentIndex(*home(Path(folder)))
        started = time.perf_counter()
        chunks = (await parse("book.pdf", documents.pieces(data), Strategy())).chunks
        await index.add(STORE_ID, "file-book", chunks, None)
        seconds = time.perf_counter() - started
    print(f"{PAGES} pages, {len(chunks)} chunks in {seconds:.1f} s: {PAGES / seconds:.0f} pages/s")


def run(chunks: int, environment: dict[str, str]) -> None:
    """Build a store and measure it in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(environment)
        asyncio.run(build(Path(folder), chunks))
        own = {**os.environ, "BENCH_FOLDER": folder}
        subprocess.run([sys.executable, "-m", "bench.search", str(chunks)], env=own, check=True)


def main() -> None:
    """What the command line asks for."""
    arguments = sys.argv[1:]
    if os.environ.get("BENCH_FOLDER"):
        asyncio.run(measure(Path(os.environ["BENCH_FOLDER"]), int(arguments[0])))
    elif arguments == ["pdf"]:
        asyncio.run(read_pdf())
    elif arguments == ["azurite"]:
        with tempfile.TemporaryDirectory() as folder, azurite.running(Path(folder)) as connection:
            run(10_000, {"BENCH_AZURITE": connection})
    else:
        for chunks in [int(argument) for argument in arguments] or [10_000, 100_000]:
            run(chunks, {})


if __name__ == "__main__":
    main()
