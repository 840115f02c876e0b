"""Vector stores under the ids they had: their files are attached again, and indexed anew by the box as it runs.

The index of a store is named by the store's id alone. So an id comes in for one owner of a box: the first claims it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from shared import layout
from shared.deps import Caller
from shared.files import files
from shared.json_types import Json
from shared.moving import arrivals, values
from shared.moving.arrivals import Outcome
from shared.moving.lost import Lost
from shared.moving.rows import in_collection
from shared.objects.vector_store import FileCounts, StoreRecord, VectorStore
from shared.objects.vector_store_requests import AttachFile
from shared.search.parsing.formats import supported
from shared.store.base import Conflict, Put
from shared.vector_stores import attaching, stores
from shared.vector_stores.rows import store_put

#: The row of an index that names its owner.
OWNER_KEY: Final = "owner"
#: What is compared when a store exists: times and counts are the box's own.
COMPARED: Final = ("name", "description", "metadata", "expires_after")


async def put_store(caller: Caller, data: Json, order: int, *, write: bool) -> tuple[Outcome, list[str]]:
    """Put a store with its files, or only look; what became of it, and which files are lost. Raises Lost."""
    made = values.read(VectorStore, {"last_active_at": data.get("created_at"), **data})
    partition = layout.vector_store(caller.owner, made.id)
    await _check_claim(caller, made.id)
    there = await caller.deps.store.get(partition, layout.STORE_KEY)
    if there is not None and any(there.data["store"].get(name) != getattr(made, name) for name in COMPARED):
        return "conflict", []
    entry = in_collection(layout.VECTOR_STORE, made.to_json(), order, {"id": made.id})
    if there is None:
        outcome = await arrivals.look(caller, layout.vector_stores(caller.owner), entry)
        if outcome == "deleted":
            return outcome, []
    specs, lost = await _files(caller, data, strict=write)
    if write and there is None:
        await _claim(caller, made.id)
        await arrivals.put(caller, layout.vector_stores(caller.owner), entry)
        await caller.deps.store.commit(partition, [store_put(_record(caller, made))])
    expired = made.status == "expired"
    if write and specs and not expired:
        await stores.add(
            caller, made.id, [spec for each in specs for spec in await attaching.specs(caller, [each], "")]
        )
    return "new" if there is None else "same", [] if expired else lost


def _record(caller: Caller, made: VectorStore) -> StoreRecord:
    """The store without its files; coming in is activity, unless its time was over."""
    if made.status != "expired":
        made = made.model_copy(update={"last_active_at": caller.deps.now()})
    record = StoreRecord(store=made.model_copy(update={"file_counts": FileCounts(), "usage_bytes": 0}))
    record.derive()
    return record


async def _files(caller: Caller, data: Json, *, strict: bool) -> tuple[list[AttachFile], list[str]]:
    """The files to attach, and why others are not; without `strict`, files that are still to come count as there."""
    listed = [each for each in data.get("files") or () if isinstance(each.get("id"), str)]
    names = await files.names(caller, [each["id"] for each in listed])
    wanted, lost = [], []
    for each in listed:
        if each["id"] not in names:
            if strict:
                lost.append(f"{each['id']} in {data['id']}: the file is not there")
        elif not supported(names[each["id"]]):
            lost.append(f"{each['id']} in {data['id']}: files like {names[each['id']]} cannot be searched")
        else:
            wanted.append(_attachment(each))
    return wanted, lost


def _attachment(file: Json) -> AttachFile:
    """How the file was attached, as far as it can be asked for."""
    how = {"file_id": file["id"], "attributes": file.get("attributes") or {}}
    for body in (how | {"chunking_strategy": file.get("chunking_strategy")}, how):
        with suppress(ValidationError):
            return AttachFile.model_validate(body)
    return AttachFile(file_id=file["id"])


async def _check_claim(caller: Caller, store_id: str) -> None:
    """Refuse a store whose id another owner of this box has: they would share an index. Raises Lost."""
    store, index = caller.deps.store, layout.index(store_id)
    claim = await store.get(index, OWNER_KEY)
    if claim is not None and claim.data["owner"] == caller.owner:
        return
    mine = await store.get(layout.vector_store(caller.owner, store_id), layout.STORE_KEY)
    if mine is not None:
        return
    others = [name for name in caller.deps.settings.box_api_keys if name != caller.owner]
    theirs = [await store.get(layout.vector_store(name, store_id), layout.STORE_KEY) for name in others]
    if claim is not None or any(theirs) or await store.get(index, layout.MANIFEST_KEY) is not None:
        raise Lost("another owner of this box has a vector store of this id")


async def _claim(caller: Caller, store_id: str) -> None:
    try:
        await caller.deps.store.commit(layout.index(store_id), [Put(OWNER_KEY, {"owner": caller.owner})])
    except Conflict:
        await _check_claim(caller, store_id)
