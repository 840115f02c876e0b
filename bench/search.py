"""Speed and memory of file search: `python -m bench.search [CHUNKS ...]` (default 10000 100000).

Text is drawn from a Zipf-like vocabulary, about 500 words a chunk; vectors are random unit vectors of 256 dimensions.
Embedding is not measured: it is the model's time. With BENCH_AZURITE=1 the cold open runs against Azurite.
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
from pathlib import Path

import numpy as np

from shared.blobs.base import Blobs
from shared.blobs.folder import FolderBlobs
from shared.search.base import Chunk, Embedded, Ranking, Scope
from shared.search.index import SegmentIndex
from shared.sqlite import Database
from shared.store.base import Store
from shared.store.sqlite import SqliteStore

STORE_ID = "vs_bench"
WORDS_A_CHUNK = 500
VOCABULARY = 60_000
DIMENSIONS = 256
PER_FILE = 500
SEARCHES = 60


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
        return list(self._random.standard_normal((count, DIMENSIONS), dtype=np.float32))  # type: ignore[arg-type]

    def query(self) -> str:
        """Ten words, common and rare ones."""
        return " ".join(self._words[pick] for pick in self._random.choice(VOCABULARY, size=10, p=self._weights))


def home(folder: Path) -> tuple[Store, Blobs]:
    """SQLite and a folder."""
    return SqliteStore(Database(folder / "box.db")), FolderBlobs(folder / "blobs")


def resident() -> int:
    """Megabytes this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


async def build(folder: Path, chunks: int) -> None:
    """Fill a store, compacting as the worker does."""
    index, corpus = SegmentIndex(*home(folder)), Corpus()
    started = time.perf_counter()
    for number in range(chunks // PER_FILE):
        texts = [Chunk(text) for text in corpus.texts(PER_FILE)]
        await index.add(STORE_ID, f"file-{number}", texts, Embedded("bench", corpus.vectors(PER_FILE)))
        await index.compact(STORE_ID)
    print(f"{chunks:>7} chunks  built in {time.perf_counter() - started:.0f} s, texts drawn included")


async def measure(folder: Path, chunks: int) -> None:
    """Cold open, then warm searches, in a process that has only this store."""
    started = time.perf_counter()
    index = SegmentIndex(*home(folder))
    corpus = Corpus()
    times, filtered = [], []
    some = {f"file-{number}" for number in range(0, chunks // PER_FILE, 2)}
    started = time.perf_counter()
    await search(index, corpus, None)
    cold = time.perf_counter() - started
    for _ in range(SEARCHES):
        times.append(await search(index, corpus, None))
        filtered.append(await search(index, corpus, some))
    print(
        f"{chunks:>7} chunks  first search {cold * 1000:.0f} ms  p50 {statistics.median(times) * 1000:.1f} ms"
        f"  p95 {sorted(times)[int(0.95 * SEARCHES)] * 1000:.1f} ms"
        f"  filtered p50 {statistics.median(filtered) * 1000:.1f} ms  resident {resident()} MB"
    )


async def search(index: SegmentIndex, corpus: Corpus, files: set[str] | None) -> float:
    """One hybrid search for 20 results, in seconds."""
    query, vector = corpus.query(), corpus.vectors(1)
    started = time.perf_counter()
    hits = await index.search([Scope(STORE_ID, files)], [query], 20, Ranking(), Embedded("bench", vector))
    assert len(hits) == 20
    return time.perf_counter() - started


def main() -> None:
    """Build each store and measure it in a fresh process."""
    if os.environ.get("BENCH_FOLDER"):
        asyncio.run(measure(Path(os.environ["BENCH_FOLDER"]), int(sys.argv[1])))
        return
    for chunks in [int(argument) for argument in sys.argv[1:]] or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(build(Path(folder), chunks))
            environment = {**os.environ, "BENCH_FOLDER": folder}
            subprocess.run([sys.executable, "-m", "bench.search", str(chunks)], env=environment, check=True)


if __name__ == "__main__":
    main()
