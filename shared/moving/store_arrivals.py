"""Vector stores under the ids they had: their files are attached again, and indexed anew by the box as it runs.

A store that comes in gets an index of its own, so several owners of a box may have one of the same id. Files that were
not searchable where they come from are listed as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from pydantic import ValidationError

from shared import layout
from shared.deps import Caller
from shared.files import files
from shared.json_types import Json
from shared.moving import arrivals, shapes, values
from shared.moving.arrivals import Outcome
from shared.moving.lost import Lost
from shared.moving.rows import in_collection
from shared.objects.vector_store import BatchRecord, FileBatch, FileCounts, FileSpec, StoreRecord, VectorStore
from shared.objects.vector_store_requests import AttachFile, chunking_json
from shared.optimistic import until_committed
from shared.search.parsing.formats import refusal, supported
from shared.store.base import Conflict, Put
from shared.vector_stores import attaching
from shared.vector_stores.rows import batch_put, number_of, store_put

#: What is compared when a store exists: times and counts are the box's own.
COMPARED: Final = ("name", "description", "metadata", "expires_after")
#: Batches in one commit.
AT_ONCE: Final = 40


async def put_store(caller: Caller, data: Json, order: int, *, write: bool) -> tuple[Outcome, list[str]]:
    """Put a store with its files and batches, or only look; what became of it, and what is lost of it. Raises Lost."""
    data = shapes.store(data)
    made = values.read(VectorStore, {"last_active_at": data.get("created_at"), **data})
    partition = layout.vector_store(caller.owner, made.id)
    there = await caller.deps.store.get(partition, layout.STORE_KEY)
    if there is not None and any(there.data["store"].get(name) != getattr(made, name) for name in COMPARED):
        return "conflict", []
    entry = in_collection(layout.VECTOR_STORE, made.to_json(), order, {"id": made.id})
    if there is None:
        outcome = await arrivals.look(caller, layout.vector_stores(caller.owner), entry)
        if outcome == "deleted":
            return outcome, []
    batches = [_batch(made.id, each) for each in shapes.objects(data, "file_batches")]
    specs, lost = await _files(caller, data, made, strict=write)
    if write and there is None:
        await caller.deps.index_names.keep_apart(caller.deps.store, caller.owner, made.id)
        await arrivals.put(caller, layout.vector_stores(caller.owner), entry)
        for first in range(0, len(batches), AT_ONCE):
            # Whoever was here before and was broken off has put them.
            with suppress(Conflict):
                await caller.deps.store.commit(partition, batches[first : first + AT_ONCE])
        await caller.deps.store.commit(partition, [store_put(_record(caller, made))])
    if write:
        await _attach(caller, made.id, specs)
    return "new" if there is None else "same", lost


def _record(caller: Caller, made: VectorStore) -> StoreRecord:
    """The store without its files; coming in is activity, unless its time was over."""
    if made.status != "expired":
        made = made.replace(last_active_at=caller.deps.now())
    record = StoreRecord(store=made.replace(file_counts=FileCounts(), usage_bytes=0))
    record.derive()
    return record


def _batch(store_id: str, data: Json) -> Put:
    """A batch, kept to be asked for; what was in progress is cancelled. Raises Lost."""
    # Foundry says `vector_store.file_batch`.
    batch = values.read(FileBatch, {**data, "object": "vector_store.files_batch", "vector_store_id": store_id})
    open_, batch.file_counts.in_progress = batch.file_counts.in_progress, 0
    batch.file_counts.cancelled += open_
    return batch_put(BatchRecord(batch=batch, cancelled=bool(open_) or batch.status == "cancelled"))


async def _attach(caller: Caller, store_id: str, specs: Sequence[FileSpec]) -> None:
    """Attach those that were never in the store."""
    new = [each for each in specs if await number_of(caller, store_id, each.file_id, gone=True) is None]
    for first in range(0, len(new), attaching.AT_ONCE):
        piece = new[first : first + attaching.AT_ONCE]
        await until_committed(partial(attaching.attach, caller, store_id, piece))


async def _files(caller: Caller, data: Json, made: VectorStore, *, strict: bool) -> tuple[list[FileSpec], list[str]]:
    """The files to attach, and what is lost; without `strict`, files that are still to come count as there."""
    listed = [each for each in shapes.in_order(shapes.objects(data, "files")) if isinstance(each.get("id"), str)]
    lost = []
    if made.file_counts.total > len(listed):
        lost.append(f"{made.id}: has {made.file_counts.total} files, of which {len(listed)} are listed")
    if made.status == "expired":
        return [], [*lost, *([f"{made.id}: has expired, its files are not attached any more"] if listed else [])]
    names = await files.names(caller, [each["id"] for each in listed])
    batches = _batches_of(shapes.objects(data, "file_batches"))
    specs = []
    for each in listed:
        where = f"{each['id']} in {made.id}"
        if each["id"] in names:
            spec, words = _spec(each, names[each["id"]])
            specs.append(spec.replace(batches=batches.get(each["id"], [])))
            lost += [f"{where}: {words}"] if words else []
        elif strict:
            lost.append(f"{where}: the file is not there")
    return specs, lost


def _spec(file: Json, name: str) -> tuple[FileSpec, str]:
    """How the file was attached, as far as it can be again, and what of it cannot."""
    body, words = _attachment(file)
    spec = FileSpec(
        file_id=file["id"],
        filename=name,
        chunking_strategy=chunking_json(body.chunking_strategy),
        attributes=body.attributes or {},
    )
    if file.get("status") in ("failed", "cancelled"):
        error = file.get("last_error")
        ended = {"ended": file["status"], "last_error": error if isinstance(error, dict) else None}
        return spec.replace(**ended), words
    if not supported(name):
        error = {"code": "unsupported_file", "message": refusal([name])}
        return spec.replace(ended="failed", last_error=error), f"files like {name} cannot be searched"
    return spec, words


def _attachment(file: Json) -> tuple[AttachFile, str]:
    """The request that attaches it so, and what of it the box does not take."""
    given, cut = {"file_id": file["id"], "attributes": file.get("attributes") or {}}, file.get("chunking_strategy")
    # What was cut before there was a choice says `other`: it is cut as by default.
    chunking = {} if not isinstance(cut, dict) or cut.get("type") == "other" else {"chunking_strategy": cut}
    for body, words in (
        (given | chunking, ""),
        (given, "its chunking strategy is not known here: the default is taken"),
        ({"file_id": file["id"]}, "its attributes cannot be kept"),
    ):
        with suppress(ValidationError):
            return AttachFile.model_validate(body), words
    raise Lost(f"{file['id']}: its id cannot be kept")


def _batches_of(batches: Sequence[Json]) -> dict[str, list[str]]:
    """File -> the batches that name it."""
    found: dict[str, list[str]] = {}
    for batch in batches:
        for file_id in batch.get("file_ids") or ():
            found.setdefault(file_id, []).append(batch["id"])
    return found
