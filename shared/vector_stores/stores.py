"""Vector stores: a partition each, and a row in the owner's index so that they can be listed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from shared import foreign_ids, ids, layout
from shared.deps import Caller, Deps
from shared.errors import InvalidRequest
from shared.files import index_messages
from shared.json_types import Json
from shared.objects.tools.resources import NewVectorStore
from shared.objects.vector_store import FileCounts, FileSpec, StoreRecord, VectorStore
from shared.objects.vector_store_requests import CreateVectorStore, ModifyVectorStore
from shared.optimistic import check_shape, until_committed
from shared.paging import ListQuery, newest_page
from shared.store.base import MAX_CHANGES, Conflict, Delete, Put
from shared.vector_stores import batches, kept_vectors
from shared.vector_stores.attaching import searchable
from shared.vector_stores.rows import KIND, index_of, number_of, store_put, store_row

#: Idle days that stores of threads live.
THREAD_DAYS: Final = 7


async def create(caller: Caller, body: CreateVectorStore) -> Json:
    """Store a new vector store, with files if there are any. Raises InvalidRequest."""
    specs = await searchable(caller, body.file_ids or (), body.chunking_strategy)
    expires_after = None if body.expires_after is None else body.expires_after.model_dump()
    store = _new(
        caller.deps,
        None if caller.once is None else caller.once.id,
        name=body.name or "",
        description=body.description,
        expires_after=expires_after,
        metadata=body.metadata or {},
    )
    return await _store(caller, store, specs, answers=True)


async def create_for_tools(caller: Caller, new: NewVectorStore, days: int | None) -> str:
    """A store made along with an assistant or a thread, and its id. Raises InvalidRequest."""
    specs = await searchable(caller, new.file_ids or (), new.chunking_strategy)
    expires_after = None if days is None else {"anchor": "last_active_at", "days": days}
    store = _new(caller.deps, None, expires_after=expires_after, metadata=new.metadata or {})
    await _store(caller, store, specs, answers=False)
    return store.id


async def add(caller: Caller, store_id: str, specs: Sequence[FileSpec]) -> None:
    """Attach the files that are not in the store yet. Raises NotFoundError or InvalidRequest."""
    await active(caller, store_id)
    known = await asyncio.gather(*(number_of(caller, store_id, spec.file_id) for spec in specs))
    new = [spec for spec, number in zip(specs, known, strict=True) if number is None]
    if new:
        await batches.start(caller, store_id, new)


async def get(caller: Caller, store_id: str) -> Json:
    """A vector store. Raises NotFoundError."""
    record, _ = await row(caller, store_id)
    return present(record, caller.deps.now())


async def list_page(caller: Caller, query: ListQuery) -> tuple[list[Json], bool]:
    """The owner's vector stores, and whether there are more."""
    page = await newest_page(caller.deps.store, layout.vector_stores(caller.owner), layout.VECTOR_STORE, KIND, query)
    rows = await asyncio.gather(
        *(
            caller.deps.store.get(layout.vector_store(caller.owner, each.data["id"]), layout.STORE_KEY)
            for each in page.records
        )
    )
    now = caller.deps.now()
    found = [present(StoreRecord.from_json(each.data), now) for each in rows if each is not None]
    return found, page.has_more


async def modify(caller: Caller, store_id: str, body: ModifyVectorStore) -> Json:
    """Change what the body sets; it counts as activity. Raises NotFoundError."""
    partition = layout.vector_store(caller.owner, store_id)

    async def attempt() -> Json:
        record, version = await active(caller, store_id)
        if "name" in body.model_fields_set:
            record.store.name = body.name or ""
        if "metadata" in body.model_fields_set:
            record.store.metadata = body.metadata or {}
        if "expires_after" in body.model_fields_set:
            record.store.expires_after = None if body.expires_after is None else body.expires_after.model_dump()
        record.store.last_active_at = caller.deps.now()
        record.derive()
        data = present(record, caller.deps.now())
        await caller.deps.store.commit(partition, [store_put(record, version), *caller.answering(data)])
        return data

    return await caller.carry_out(partition, attempt)


async def delete(caller: Caller, store_id: str) -> Json:
    """Remove a vector store; its files stay. Raises NotFoundError."""
    await row(caller, store_id)
    await caller.deps.ingestion.send(index_messages.drop(caller.owner, store_id).to_json())
    await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), [Delete(layout.STORE_KEY)])
    await drop(caller, store_id)
    return {"id": store_id, "object": "vector_store.deleted", "deleted": True}


async def drop(caller: Caller, store_id: str) -> None:
    """Remove everything a vector store had; its own row is gone already, the index entry goes last."""
    partition, store = layout.vector_store(caller.owner, store_id), caller.deps.store
    while rows := await store.scan(partition, "!", "~", MAX_CHANGES):
        # Request and message are both at it: who comes second looks what is left, instead of finding each row gone.
        with suppress(Conflict):
            await store.commit(partition, [Delete(each.key, each.version) for each in rows])
            numbers = [each for each in rows if each.key.startswith((layout.FILE, layout.FOREIGN_FILE))]
            held = [layout.attached_key(each.key, store_id) for each in numbers if not each.data["gone"]]
            await store.commit(layout.attached(caller.owner), [Delete(each) for each in held])
    index = await index_of(caller, store_id)
    await caller.deps.index.drop(index)
    await kept_vectors.forget(caller.deps.blobs, index)
    entry = await foreign_ids.read(caller.deps.store, layout.vector_stores(caller.owner), store_id)
    if entry is not None:
        await caller.deps.store.commit(layout.vector_stores(caller.owner), [Delete(entry.key)])


async def touch(caller: Caller, store_ids: Iterable[str]) -> None:
    """Note that the stores are used, which puts off their expiry. Raises NotFoundError, InvalidRequest if expired."""
    for store_id in store_ids:
        await until_committed(partial(_touch, caller, store_id))


async def check(caller: Caller, store_ids: Sequence[str], message: str = "") -> None:
    """Refuse stores that do not exist or have expired. Raises NotFoundError or InvalidRequest."""
    for store_id in store_ids:
        await active(caller, store_id, message)


async def row(caller: Caller, store_id: str) -> tuple[StoreRecord, str]:
    """The store's row and its version. Raises NotFoundError."""
    check_shape(store_id, KIND, "vs", "vector_store_id")
    return await store_row(caller, store_id)


async def active(caller: Caller, store_id: str, message: str = "") -> tuple[StoreRecord, str]:
    """The row of a store that has not expired; `message` says otherwise. Raises NotFoundError or InvalidRequest."""
    record, version = await row(caller, store_id)
    if record.expired(caller.deps.now()):
        raise InvalidRequest(message.format(store_id) or f"Vector store '{store_id}' has expired.")
    return record, version


def present(record: StoreRecord, now: int) -> Json:
    """The store as answered: `expired` as soon as its time is over, housekeeping or not."""
    data = record.store.to_json()
    return data | {"status": "expired"} if record.expired(now) else data


async def _touch(caller: Caller, store_id: str) -> None:
    record, version = await active(caller, store_id)
    if record.store.last_active_at < caller.deps.now():
        record.store.last_active_at = caller.deps.now()
        record.derive()
        await caller.deps.store.commit(layout.vector_store(caller.owner, store_id), [store_put(record, version)])


def _new(deps: Deps, store_id: str | None, **fields: Any) -> VectorStore:
    now = deps.now()
    id_ = store_id or ids.newest_first_hex(layout.VECTOR_STORE)
    return VectorStore(id=id_, created_at=now, last_active_at=now, **fields)


async def _store(caller: Caller, store: VectorStore, specs: Sequence[FileSpec], *, answers: bool) -> Json:
    """Store it, with a batch of its files; `answers`: that is what the caller has asked for."""
    record = StoreRecord(store=store)
    record.derive()
    counts = FileCounts(in_progress=len(specs), total=len(specs))
    data = store.to_json() | {"file_counts": counts.to_json(), "status": "in_progress" if specs else "completed"}
    rows = [store_put(record), *(caller.answering(data) if answers else [])]
    # An entry of the index without a store is skipped, a store without one would be lost.
    listing = caller.deps.store.prepare(layout.vector_stores(caller.owner), Put(store.id, {"id": store.id}))
    if specs:
        await batches.start(caller, store.id, specs, rows, [listing])
    else:
        await caller.deps.store.commit(layout.vector_store(caller.owner, store.id), rows, [listing])
    return data
