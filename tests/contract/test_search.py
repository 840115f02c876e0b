"""The index over every home's store and blobs."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from shared import layout
from shared.blobs.base import read_all
from shared.search.base import Chunk, Embedded, Hit, OtherSpace, Ranking, Scope, Space, given
from shared.search.compaction import CROWD
from shared.search.index import SegmentIndex
from shared.store.base import Delete, Put
from tests.contract.homes import Home

ANIMALS = {
    "file-cat": ["The cat sleeps on the warm windowsill.", "Cats purr when they are content."],
    "file-dog": ["A dog guards the house and barks at strangers."],
    "file-owl": ["Owls hunt at night; their flight is silent."],
}


@pytest.fixture
def index(home: Home) -> SegmentIndex:
    return SegmentIndex(home.store(), home.blobs())


async def fill(index: SegmentIndex, store_id: str = "vs_a") -> None:
    for file_id, texts in ANIMALS.items():
        await index.add(store_id, file_id, [Chunk(text) for text in texts], None)


async def crowd(index: SegmentIndex, name: str = "file") -> None:
    """As many small segments as call for a compaction."""
    for number in range(CROWD + 1):
        await index.add("vs_a", f"{name}-{number}", [Chunk(f"word{number} shared")], None)


class Interrupted:
    """A port after whose first call of a method something else happens."""

    def __init__(self, port: Any, method: str, happens: Callable[[], Awaitable[Any]]):
        self.port, self.method, self.happens = port, method, happens
        self.interrupted = False

    def __getattr__(self, name: str) -> Any:
        if name != self.method or self.interrupted:
            return getattr(self.port, name)
        self.interrupted = True
        return self._interrupt

    async def _interrupt(self, *arguments: Any) -> Any:
        result = await getattr(self.port, self.method)(*arguments)
        await self.happens()
        return result


async def find(index: SegmentIndex, *queries: str, store_id: str = "vs_a", limit: int = 10, **options) -> list[Hit]:
    scope = Scope(store_id, options.pop("files", None))
    return await index.search([scope], queries, limit, Ranking(**options), given(None))


async def test_the_best_chunk_comes_first_with_its_text_and_place(index):
    await fill(index)
    [hit, *_] = await find(index, "when do cats purr?")
    assert (hit.file_id, hit.index, hit.text) == ("file-cat", 1, "Cats purr when they are content.")
    assert hit.score > 0.5


async def test_nothing_is_found_in_an_unknown_or_empty_store(index):
    assert await find(index, "cat", store_id="vs_none") == []
    assert await index.chunks("vs_none", "file-cat") == []


async def test_words_that_occur_nowhere_find_nothing(index):
    await fill(index)
    assert await find(index, "quasar") == []


async def test_a_removed_file_is_not_found_again(index):
    await fill(index)
    await index.remove("vs_a", "file-cat")
    assert {hit.file_id for hit in await find(index, "cats dog owls purr")} == {"file-dog", "file-owl"}
    assert await index.chunks("vs_a", "file-cat") == []
    await index.remove("vs_a", "file-cat")


async def test_a_file_added_again_replaces_what_it_was(index):
    await fill(index)
    await index.add("vs_a", "file-cat", [Chunk("Lions roar.")], None)
    assert await find(index, "purr") == []
    assert [hit.text for hit in await find(index, "lions")] == ["Lions roar."]


async def test_a_filter_leaves_only_the_allowed_files(index):
    await fill(index)
    hits = await find(index, "cats dog owls", files={"file-owl"})
    assert {hit.file_id for hit in hits} == {"file-owl"}


async def test_several_queries_are_searched_at_once(index):
    await fill(index)
    hits = await find(index, "purr", "barks")
    assert all(hit.score > 0.5 for hit in hits)
    assert {hit.file_id for hit in hits} == {"file-cat", "file-dog"}


async def test_several_stores_are_ranked_together_and_a_shared_file_counts_once(index):
    await fill(index)
    await index.add("vs_b", "file-owl", [Chunk(ANIMALS["file-owl"][0])], None)
    await index.add("vs_b", "file-bat", [Chunk("Bats hunt at night too.")], None)
    hits = await index.search([Scope("vs_a"), Scope("vs_b")], ["hunt at night"], 10, Ranking(), given(None))
    assert sorted((hit.file_id, hit.index) for hit in hits) == [("file-bat", 0), ("file-owl", 0)]


async def test_limit_and_threshold_cut_the_list(index):
    await fill(index)
    everything = await find(index, "cat cats dog owls")
    assert len(everything) == 4
    assert len(await find(index, "cat cats dog owls", limit=2)) == 2
    least = sorted(hit.score for hit in everything)[2]
    cut = await find(index, "cat cats dog owls", score_threshold=least)
    assert cut == [hit for hit in everything if hit.score >= least]


async def test_vectors_find_what_words_do_not(index):
    await index.add("vs_a", "file-cat", [Chunk("feline")], Embedded("m", [[1.0, 0.0, 0.1]]))
    await index.add("vs_a", "file-dog", [Chunk("canine")], Embedded("m", [[0.0, 1.0, 0.1]]))
    hits = await index.search([Scope("vs_a")], ["kitty"], 5, Ranking(), given(Embedded("m", [[0.9, 0.1, 0.0]])))
    assert hits[0].file_id == "file-cat"


async def test_vectors_of_another_model_are_not_compared(index):
    await index.add("vs_a", "file-cat", [Chunk("feline")], Embedded("old", [[1.0, 0.0]]))
    assert await index.search([Scope("vs_a")], ["kitty"], 5, Ranking(), given(Embedded("new", [[1.0, 0.0]]))) == []


async def test_a_chunk_first_by_words_and_by_vectors_is_first_and_most_relevant(index):
    await index.add("vs_a", "file-cat", [Chunk("a feline")], Embedded("m", [[1.0, 0.0]]))
    await index.add("vs_a", "file-dog", [Chunk("a canine")], Embedded("m", [[0.6, 0.8]]))
    query = Embedded("m", [[1.0, 0.0]])
    hits = await index.search([Scope("vs_a")], ["feline"], 5, Ranking(), given(query))
    assert [hit.file_id for hit in hits] == ["file-cat", "file-dog"]
    assert hits[0].score > hits[1].score > 0.5
    hits = await index.search([Scope("vs_a")], ["canine"], 5, Ranking(text_weight=0), given(query))
    assert hits[0].file_id == "file-cat"


async def test_chunks_give_back_texts_and_overlaps_in_order(index):
    chunks = [Chunk("Grüße aus"), Chunk("aus 東京 📦", 3)]
    await index.add("vs_a", "file-x", chunks, None)
    assert await index.chunks("vs_a", "file-x") == chunks


async def test_many_writers_lose_nothing(home: Home):
    indexes = [SegmentIndex(home.store(), home.blobs()) for _ in range(4)]

    async def write(number: int) -> None:
        await indexes[number % 4].add("vs_a", f"file-{number}", [Chunk(f"word{number} shared")], None)

    await asyncio.gather(*map(write, range(12)))
    await asyncio.gather(*[indexes[n % 4].remove("vs_a", f"file-{n}") for n in range(0, 12, 3)])
    hits = await find(indexes[0], "shared", limit=50)
    assert {hit.file_id for hit in hits} == {f"file-{n}" for n in range(12) if n % 3}


async def test_small_segments_are_merged_without_changing_any_answer(home: Home):
    index = SegmentIndex(home.store(), home.blobs())
    for number in range(CROWD + 1):
        texts = [f"alpha{number} beta gamma" + " delta" * number, f"épsilon{number}"]
        await index.add("vs_a", f"file-{number}", [Chunk(text, number) for text in texts], None)
    await index.remove("vs_a", "file-3")
    await index.add("vs_a", "file-last", [Chunk("gamma delta")], None)
    before = await find(index, "delta gamma alpha2", limit=50)
    assert await index.compact("vs_a")
    assert not await index.compact("vs_a")
    fresh = SegmentIndex(home.store(), home.blobs())
    assert await find(fresh, "delta gamma alpha2", limit=50) == before
    assert await fresh.chunks("vs_a", "file-2") == await index.chunks("vs_a", "file-2")
    assert [info.name async for info in home.blobs().list("index/vs_a/")] != []
    assert len([info.name async for info in home.blobs().list("index/vs_a/")]) == 1


async def test_a_segment_with_many_dead_rows_is_rewritten(home: Home):
    index = SegmentIndex(home.store(), home.blobs())
    for number in range(CROWD + 1):
        await index.add("vs_a", f"file-{number}", [Chunk(f"word{number} shared")], None)
    await index.compact("vs_a")
    await index.remove("vs_a", "file-0")
    assert not await index.compact("vs_a")
    await index.remove("vs_a", "file-1")
    assert await index.compact("vs_a")
    assert len(await find(index, "shared", limit=50)) == CROWD - 1


async def bytes_of(home: Home) -> bytes:
    """Texts of all segments, as they are before they are compressed."""
    found = b""
    async for info in home.blobs().list("index/"):
        data = await read_all(home.blobs(), info.name)
        for start in (place for place in range(len(data)) if data[place : place + 2] == b"x\x9c"):
            with suppress(zlib.error):
                found += zlib.decompressobj().decompress(data[start:])
    return found


async def test_a_purge_leaves_nothing_of_a_removed_file_however_little_it_was(home: Home):
    index = SegmentIndex(home.store(), home.blobs())
    await crowd(index)
    await index.compact("vs_a")
    await index.remove("vs_a", "file-0")
    assert not await index.compact("vs_a")
    assert b"word0 shared" in await bytes_of(home)
    await index.purge("vs_a")
    left = await bytes_of(home)
    assert b"word0 shared" not in left
    assert b"word1 shared" in left
    assert len(await find(index, "shared", limit=50)) == CROWD


async def test_an_index_with_bytes_of_removed_files_is_overdue_a_day_later(home: Home):
    index, store = SegmentIndex(home.store(), home.blobs()), home.store()
    await crowd(index)
    await index.compact("vs_a")

    async def overdue(hours: float) -> list[str]:
        return [partition async for partition, _ in store.overdue(int(time.time() + hours * 3600))]

    assert await overdue(1000) == []
    await index.remove("vs_a", "file-0")
    assert await overdue(23) == []
    assert await overdue(25) == ["index-vs_a"]
    await index.purge("vs_a")
    assert await overdue(1000) == []


async def test_what_a_writer_left_of_a_store_that_is_gone_is_swept(home: Home):
    blobs = home.blobs()
    await fill(index := SegmentIndex(home.store(), blobs))
    await home.store().commit("index-vs_a", [Delete("manifest")])
    await index.sweep("vs_a")
    assert [info async for info in blobs.list("index/")] != []  # somebody may be about to name them
    later = SegmentIndex(home.store(), blobs, clock=lambda: time.time() + 2 * 3600)
    await later.sweep("vs_a")
    assert [info async for info in blobs.list("index/")] == []


async def test_a_search_survives_a_compaction_by_somebody_else(home: Home):
    writer = SegmentIndex(home.store(), home.blobs())
    await crowd(writer)
    store = Interrupted(home.store(), "get", lambda: writer.compact("vs_a"))
    reader = SegmentIndex(store, home.blobs())
    assert len(await find(reader, "shared", limit=50)) == CROWD + 1
    assert store.interrupted


async def test_a_file_removed_while_its_segment_is_merged_stays_removed(home: Home):
    other = SegmentIndex(home.store(), home.blobs())
    await crowd(other)
    await other.compact("vs_a")
    await crowd(other, "more")
    blobs = Interrupted(home.blobs(), "write", lambda: other.remove("vs_a", "file-5"))
    index = SegmentIndex(home.store(), blobs)
    await index.compact("vs_a")
    assert blobs.interrupted
    found = {hit.file_id for hit in await find(index, "shared", limit=50)}
    assert found == {f"{name}-{number}" for name in ("file", "more") for number in range(CROWD + 1)} - {"file-5"}


async def test_of_two_compactions_at_once_one_counts(home: Home):
    other = SegmentIndex(home.store(), home.blobs())
    await crowd(other)
    blobs = Interrupted(home.blobs(), "write", lambda: other.compact("vs_a"))
    index = SegmentIndex(home.store(), blobs)
    await index.compact("vs_a")
    assert len(await find(index, "shared", limit=50)) == CROWD + 1
    assert len([info.name async for info in home.blobs().list("index/vs_a/")]) == 1


async def test_texts_are_found_wherever_their_blocks_begin(home: Home):
    index = SegmentIndex(home.store(), home.blobs())
    random = Random(5)
    texts = [f"word{number} {random.randbytes(30_000).hex()}" for number in range(20)]
    await index.add("vs_a", "file-a", [Chunk(text) for text in texts], None)
    for number in (0, 7, 12, 19):
        assert [hit.text for hit in await find(index, f"word{number}")] == [texts[number]]
    assert [chunk.text for chunk in await index.chunks("vs_a", "file-a")] == texts


async def test_a_dropped_store_leaves_no_bytes(home: Home):
    index = SegmentIndex(home.store(), home.blobs())
    await fill(index)
    await index.drop("vs_a")
    assert await find(index, "cat") == []
    assert [info async for info in home.blobs().list("index/")] == []


async def test_a_file_indexed_while_its_store_was_dropped_leaves_nothing_when_it_is_removed(home: Home):
    index, store = SegmentIndex(home.store(), home.blobs()), home.store()
    await fill(index)
    await index.drop("vs_a")
    await index.add("vs_a", "file-late", [Chunk("late")], None)
    await index.remove("vs_a", "file-late")
    assert [info async for info in home.blobs().list("index/")] == []
    assert await store.scan("index-vs_a", "!", "~", 10) == []
    await fill(index)
    assert len(await find(index, "cats dog owls")) == 3


async def test_memory_stays_within_its_bound(home: Home):
    index = SegmentIndex(home.store(), home.blobs(), memory=1)
    await fill(index)
    assert len(await find(index, "cats dog owls")) == 3
    assert len(index._segments._opened) == 1


async def test_an_index_takes_vectors_of_one_space_only(index):
    await index.add("vs_a", "file-cat", [Chunk("feline")], Embedded("m", [[1.0, 0.0]]))
    assert await index.space("vs_a") == Space("m", 2)
    for other in (Embedded("n", [[1.0, 0.0]]), Embedded("m", [[1.0, 0.0, 0.0]])):
        with pytest.raises(OtherSpace):
            await index.add("vs_a", "file-dog", [Chunk("canine")], other)
    await index.add("vs_a", "file-dog", [Chunk("canine")], None)
    assert [hit.file_id for hit in await find(index, "canine")] == ["file-dog"]


async def test_of_two_first_files_one_decides_the_space(home: Home):
    index, other = SegmentIndex(home.store(), home.blobs()), SegmentIndex(home.store(), home.blobs())
    added = await asyncio.gather(
        index.add("vs_a", "file-cat", [Chunk("feline")], Embedded("m", [[1.0, 0.0]])),
        other.add("vs_a", "file-dog", [Chunk("canine")], Embedded("n", [[1.0, 0.0]])),
        return_exceptions=True,
    )
    assert {type(each) for each in added} == {int, OtherSpace}
    space = await index.space("vs_a")
    assert space in (Space("m", 2), Space("n", 2))
    stored = [info.name async for info in home.blobs().list("index/vs_a/")]
    assert len(stored) == 1, "what the loser wrote is gone"


async def test_indexes_of_several_spaces_are_searched_together(index):
    await index.add("vs_a", "file-cat", [Chunk("feline")], Embedded("m", [[1.0, 0.0]]))
    await index.add("vs_b", "file-dog", [Chunk("canine")], Embedded("n", [[0.0, 1.0, 0.0]]))
    known = {"m": [[1.0, 0.1]], "n": [[0.1, 1.0, 0.0]]}

    async def embed(name: str) -> Embedded:
        return Embedded(name, known[name])

    hits = await index.search([Scope("vs_a"), Scope("vs_b")], ["pet"], 5, Ranking(), embed)
    assert {hit.file_id for hit in hits} == {"file-cat", "file-dog"}
    assert all(hit.score > 0.5 for hit in hits)


async def test_an_index_from_before_spaces_were_noted_has_that_of_most_of_its_rows(home: Home):
    index, store = SegmentIndex(home.store(), home.blobs()), home.store()
    for number, name in enumerate(["old", "new", "new"]):
        await index.add(f"vs_{number}", "file-cat", [Chunk("feline")], Embedded(name, [[1.0, 0.0]]))
    entries = []
    for number in range(3):
        record = await store.get(layout.index(f"vs_{number}"), layout.MANIFEST_KEY)
        [entry] = record.data["entries"]
        entries.append({key: value for key, value in entry.items() if key != "dimensions"})
    await store.commit(layout.index("vs_x"), [Put(layout.MANIFEST_KEY, {"entries": entries})])
    assert await index.space("vs_x") == Space("new", 0)
