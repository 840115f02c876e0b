"""Files in vector stores that change while they are being read: cancelled, attached anew, forgotten."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shared import layout
from shared.deps import Caller
from shared.files import index_messages
from shared.housekeeping import sweep
from shared.objects.vector_store_requests import AttachFile
from shared.optimistic import BACKOFF
from shared.search.base import Chunk, EmbeddingUnavailable
from shared.search.embeddings.hashed import HashedEmbedder
from shared.store.base import Conflict, Unavailable
from shared.vector_stores.files import attach
from shared.vector_stores.worker import PUT_OFF, WAITS, IngestionWorker
from tests.api.test_vector_stores import filled, upload
from tests.fakes.ports import Port
from tests.waiting import until


def embedded_by(box, batches) -> None:
    """Have vectors made by `batches`, which is handed an embedder's own."""
    embedder = Port(HashedEmbedder())
    embedder.replace(batches=batches)
    box.deps.embedders.replace(of=lambda of, name: embedder)


class Gate:
    """Holds files back between being read and being indexed."""

    def __init__(self, box, caplog):
        self.box, self.caplog, self.reached, self.opened = box, caplog, 0, box.event()
        caplog.set_level(logging.INFO, "shared.vector_stores")

        async def later(batches, texts):
            self.reached += 1
            await self.opened.wait()
            async for batch in batches(texts):
                yield batch

        embedded_by(box, later)

    def wait(self, files: int = 1) -> None:
        until(lambda: self.reached >= files)

    def open(self) -> None:
        """Let them be indexed, and wait until they are."""
        self.box.loop.call_soon_threadsafe(self.opened.set)
        until(lambda: self.ingested >= self.reached)

    @property
    def ingested(self) -> int:
        return sum(getattr(record, "action", "") == "file_ingested" for record in self.caplog.records)


@pytest.fixture
def gate(box, caplog):
    return Gate(box, caplog)


def unindexed(box, store_id: str, file_id: str) -> None:
    until(lambda: box.run(box.deps.index.chunks(store_id, file_id)) == [])


def slow_queue(box) -> None:
    """Messages arrive after the requests that sent them."""
    box.deps.ingestion.replace(send=lambda send, body, delay=0: send(body, max(delay, 1)))


def test_a_file_cancelled_while_it_is_read_is_not_found(client, box, gate):
    store = client.vector_stores.create()
    file = upload(client, "a.txt", b"alpha")
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[file])
    gate.wait()
    cancelled = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    assert (cancelled.status, cancelled.file_counts.cancelled) == ("cancelled", 1)
    gate.open()
    unindexed(box, store.id, file)
    assert client.vector_stores.files.retrieve(file, vector_store_id=store.id).status == "cancelled"
    assert client.vector_stores.retrieve(store.id).usage_bytes == 0


SMALL = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}


def test_an_indexed_file_attached_anew_stays_even_if_that_is_cancelled(client, box):
    store, ids = filled(client, alpha="alpha", beta="beta")
    extra = upload(client, "gamma.txt", b"gamma")
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[*ids.values(), extra])
    begun = client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id)
    assert begun.file_counts.completed >= 2
    client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    again = client.vector_stores.files.create(store.id, file_id=ids["alpha"], attributes={"kind": "letter"})
    assert (again.status, again.attributes) == ("completed", {"kind": "letter"})
    found = client.vector_stores.search(store.id, query="alpha")
    assert [hit.file_id for hit in found.data][:1] == [ids["alpha"]]
    counts = client.vector_stores.retrieve(store.id).file_counts
    assert (counts.completed + counts.cancelled, counts.in_progress, counts.total) == (3, 0, 3)
    assert client.vector_stores.retrieve(store.id).usage_bytes > 0


def test_a_file_cut_anew_and_cancelled_is_not_found_any_more(client, box, gate):
    gate.opened.set()
    store, ids = filled(client, alpha="alpha", beta="beta")
    gate.opened.clear()
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[*ids.values()], chunking_strategy=SMALL)
    client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    gate.open()
    for file in ids.values():
        unindexed(box, store.id, file)


def test_a_file_attached_anew_is_cut_as_the_last_one_asked(client, box, gate):
    """Whichever of the two readings takes longer."""
    store = client.vector_stores.create()
    file = upload(client, "a.txt", " ".join(f"word{number}" for number in range(900)).encode())
    client.vector_stores.files.create(store.id, file_id=file)
    gate.wait()
    first, gate.opened = gate.opened, box.event()
    gate.opened.set()
    client.vector_stores.files.create_and_poll(
        file, vector_store_id=store.id, chunking_strategy=SMALL, poll_interval_ms=50
    )
    box.loop.call_soon_threadsafe(first.set)
    gate.open()
    assert len(box.run(box.deps.index.chunks(store.id, file))) > 10


def test_a_file_that_waits_long_is_asked_for_again_but_not_every_minute(client, box, gate):
    store = client.vector_stores.create()
    client.vector_stores.files.create(store.id, file_id=upload(client, "a.txt", b"alpha"))
    gate.wait()
    sent = []

    async def counted(send, body, delay=0):
        sent.append(body)
        await send(body, delay)

    box.deps.ingestion.replace(send=counted)
    box.clock.advance(3600)
    for _ in range(3):
        box.run(sweep(box.deps))
    assert len(sent) == 1
    gate.open()


@pytest.mark.parametrize("end", ["completed", "cancelled", "detached"])
def test_a_file_may_keep_more_batches_waiting_than_fit_into_a_commit(client, gate, end):
    store = client.vector_stores.create()
    file = upload(client, "a.txt", b"alpha")
    batches = [client.vector_stores.file_batches.create(store.id, file_ids=[file]).id for _ in range(105)]
    gate.wait()
    if end == "cancelled":
        client.vector_stores.file_batches.cancel(batches[-1], vector_store_id=store.id)
    elif end == "detached":
        client.vector_stores.files.delete(file, vector_store_id=store.id)
    gate.open()
    until(lambda: client.vector_stores.retrieve(store.id).status == "completed")
    for batch in batches:
        counts = client.vector_stores.file_batches.retrieve(batch, vector_store_id=store.id).file_counts
        assert (counts.in_progress, counts.completed) == (0, int(end == "completed"))


def test_batches_that_share_a_file_may_be_attached_at_once(client, box):
    """A file comes with another batch just when this one has read the store's row."""
    store = client.vector_stores.create()
    first, shared = upload(client, "a.txt", b"alpha"), upload(client, "b.txt", b"beta")
    reads = []

    async def get_slowly(get, partition, key):
        row = await get(partition, key)
        if key == layout.STORE_KEY:
            reads.append(key)
            if len(reads) == 2:
                await attach(Caller(box.deps, "me"), store.id, AttachFile(file_id=shared))
        return row

    slow_queue(box)
    box.deps.store.replace(get=get_slowly)
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[first, shared], poll_interval_ms=50)
    assert (batch.file_counts.completed, batch.file_counts.total) == (2, 2)
    assert client.vector_stores.retrieve(store.id).file_counts.total == 2
    assert len(client.vector_stores.files.list(store.id).data) == 2


def test_a_batch_that_the_ingestion_is_attaching_already_is_answered(client, box):
    """Both begin; the request loses every race for the batch's row."""
    store = client.vector_stores.create()
    file = upload(client, "a.txt", b"alpha")
    lost: list[Any] = []

    async def lose(commit, partition, changes, *after):
        if len(lost) < BACKOFF.attempts and any(change.key.startswith(layout.ITEM) for change in changes):
            lost.append(partition)
            raise Conflict("somebody else was faster")
        return await commit(partition, changes, *after)

    slow_queue(box)
    box.deps.store.replace(commit=lose)
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[file])
    assert (batch.status, batch.file_counts.in_progress) == ("in_progress", 1)
    done = client.vector_stores.file_batches.poll(batch.id, vector_store_id=store.id, poll_interval_ms=50)
    assert done.file_counts.completed == 1


def test_a_batch_that_can_never_be_attached_fails_instead_of_waiting_for_ever(http, client, box):
    store = client.vector_stores.create()
    file = upload(client, "a.txt", b"alpha")
    sent = []

    async def lost(send, body, delay=0):
        sent.append(body)

    async def refuse(commit, partition, changes, *after):
        if any(change.key.startswith(layout.ITEM) for change in changes):
            raise Unavailable("not now")
        return await commit(partition, changes, *after)

    box.deps.ingestion.replace(send=lost)
    box.deps.store.replace(commit=refuse)
    assert http.post(f"vector_stores/{store.id}/file_batches", json={"file_ids": [file]}).status_code >= 500
    [message] = [body for body in sent if body["kind"] == "batch"]
    box.run(IngestionWorker(box.deps).poisoned(message))
    batch = client.vector_stores.file_batches.retrieve(message["batch_id"], vector_store_id=store.id)
    assert (batch.status, batch.file_counts.failed, batch.file_counts.in_progress) == ("failed", 1, 0)


@pytest.mark.parametrize("what", ["the file", "the store"])
def test_who_dies_after_indexing_what_was_taken_out_meanwhile_leaves_nothing(client, box, what):
    store, ids = filled(client, a="alpha")
    file = ids["a"]
    if what == "the file":
        client.vector_stores.files.delete(file, vector_store_id=store.id)
    else:
        client.vector_stores.delete(store.id)
    unindexed(box, store.id, file)
    box.run(box.deps.index.add(store.id, file, [Chunk("alpha")], None))

    message = index_messages.files("me", store.id, [file], "token").to_json()
    box.run(IngestionWorker(box.deps).handle(message | {"returns": len(WAITS)}))

    assert box.run(box.deps.index.chunks(store.id, file)) == []


@pytest.mark.parametrize("what", ["vector_stores/{store}", "vector_stores/{store}/files/{file}", "files/{file}"])
def test_what_was_deleted_while_the_storage_was_away_goes_later(http, client, box, what):
    store, ids = filled(client, a="alpha")
    put_off, file = [], ids["a"]

    async def away(*_):
        raise Unavailable("not now")

    async def later(send, body, delay=0):
        put_off.append((body, delay))

    async def without(commit, partition, changes, *after):
        return await (away() if "index-" in partition else commit(partition, changes, *after))

    box.deps.store.replace(commit=without)
    box.deps.ingestion.replace(send=later)
    assert http.delete(what.format(store=store.id, file=file)).status_code == 503
    message, _ = put_off[0]
    worker = IngestionWorker(box.deps)
    for _ in PUT_OFF:
        box.run(worker.poisoned(message))
        message, delay = put_off[-1]
        assert delay >= 3600
    before = len(put_off)
    box.run(worker.poisoned(message))
    assert len(put_off) == before, "it is not tried for ever"

    box.deps.store.replace()
    box.run(worker.handle(message))
    assert box.run(box.deps.index.chunks(store.id, file)) == []


class Rationed:
    """An embedder that makes a few vectors at a time and then asks to come again; it may break, too."""

    def __init__(self, box, at_once: int, breaks: int = 0, wait: float = 0.05):
        self.made: list[str] = []

        async def some(batches, texts):
            nonlocal breaks
            if at_once:
                yield dict(enumerate(await HashedEmbedder().embed(texts[:at_once])))
                self.made += texts[:at_once]
            if breaks:
                breaks -= 1
                raise RuntimeError("the process died")
            if len(texts) > at_once:
                raise EmbeddingUnavailable("rate limit", retry_after=wait)

        embedded_by(box, some)


def long_file(client) -> str:
    return upload(client, "long.txt", " ".join(f"word{number}" for number in range(3000)).encode())


@pytest.mark.parametrize("breaks", [0, 3])
def test_a_file_larger_than_the_quota_is_indexed_and_no_text_is_embedded_twice(client, box, breaks):
    rationed = Rationed(box, at_once=20, breaks=breaks)
    store = client.vector_stores.create()
    file = client.vector_stores.files.create_and_poll(
        long_file(client), vector_store_id=store.id, chunking_strategy=SMALL, poll_interval_ms=50
    )
    assert file.status == "completed"
    chunks = box.run(box.deps.index.chunks(store.id, file.id))
    assert len(chunks) > 60
    assert sorted(rationed.made) == sorted(chunk.text for chunk in chunks)
    assert kept(box) == []


def test_a_file_that_is_detached_while_it_waits_leaves_nothing(client, box):
    Rationed(box, at_once=20, wait=2)
    store = client.vector_stores.create()
    file = client.vector_stores.files.create(store.id, file_id=long_file(client), chunking_strategy=SMALL)
    until(lambda: kept(box) != [])
    client.vector_stores.files.delete(file.id, vector_store_id=store.id)
    until(lambda: kept(box) == [])


def test_a_quota_that_lets_nothing_through_ends_in_a_failure(client, box):
    Rationed(box, at_once=0, wait=0.001)
    store = client.vector_stores.create()
    file = client.vector_stores.files.create_and_poll(
        upload(client, "a.txt", b"alpha"), vector_store_id=store.id, poll_interval_ms=50
    )
    assert (file.status, file.last_error.code) == ("failed", "server_error")


def kept(box) -> list[str]:
    async def names() -> list[str]:
        return [info.name async for info in box.deps.blobs.list("vectors/")]

    return box.run(names())


def test_a_file_that_a_busy_machine_could_not_read_in_time_is_read_later(client, box, caplog):
    readers = box.deps.readers
    enough, readers.seconds = readers.seconds, 0.001
    store = client.vector_stores.create()
    file = client.vector_stores.files.create(store.id, file_id=upload(client, "a.txt", b"alpha"))
    until(lambda: "not read within" in caplog.text)
    readers.seconds = enough
    file = client.vector_stores.files.poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    assert (file.status, file.last_error) == ("completed", None)
