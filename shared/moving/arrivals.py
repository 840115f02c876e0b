"""Objects put into the store under the ids they had: each once, whatever becomes of the process in between.

A thread appears when all of it is there. What exists is never written over: it is the same, or in conflict. Rows and
their keys follow from the export alone, so whoever starts again finds what is done.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator, Sequence
from typing import Final, Literal

from shared import foreign_ids, json_text, layout
from shared.deps import Caller
from shared.json_types import Json
from shared.moving.rows import Placed, PlacedThread
from shared.store.base import Conflict

#: Objects in one commit, each with its alias, and about how many bytes.
AT_ONCE: Final = 40
COMMIT_BYTES: Final = 1_000_000

#: What became of an object: `deleted` here since it came, and not brought back.
Outcome = Literal["new", "same", "conflict", "deleted"]


async def look(caller: Caller, partition: str, placed: Placed) -> Outcome:
    """What putting an object there would come to."""
    store = caller.deps.store
    found = await foreign_ids.read(store, partition, placed.identifier)
    if found is not None:
        return "same" if _shown(found.data) == placed.shown else "conflict"
    if await foreign_ids.key_of(store, partition, placed.identifier) is not None:
        return "deleted"
    return "new" if await store.get(partition, placed.row.key) is None else "conflict"


async def put(caller: Caller, partition: str, placed: Placed) -> Outcome:
    """Put one object into an owner's collection."""
    try:
        await caller.deps.store.commit(partition, placed.changes)
    except Conflict:
        return await look(caller, partition, placed)
    return "new"


async def look_at_thread(caller: Caller, placed: PlacedThread) -> Outcome:
    """What putting a thread would come to."""
    partition = layout.thread(caller.owner, placed.thread_id)
    there = await caller.deps.store.get(partition, layout.THREAD_KEY)
    if there is not None:
        same = there.data == placed.thread.data
        inside = [await look(caller, partition, each) for each in placed.inside] if same else []
        return "same" if same and all(each in ("same", "deleted") for each in inside) else "conflict"
    entry = await foreign_ids.read(caller.deps.store, layout.threads(caller.owner), placed.thread_id)
    known = await foreign_ids.key_of(caller.deps.store, layout.threads(caller.owner), placed.thread_id)
    return "deleted" if entry is None and known is not None else "new"


async def put_thread(caller: Caller, placed: PlacedThread) -> Outcome:
    """Put a thread with all that is in it: the index first, the thread itself last."""
    store, partition = caller.deps.store, layout.thread(caller.owner, placed.thread_id)
    try:
        await store.commit(layout.threads(caller.owner), placed.entry.changes)
    except Conflict:
        outcome = await look_at_thread(caller, placed)
        if outcome != "new":
            return outcome
    last = [placed.thread, placed.head]
    pieces = [*_pieces(placed.inside)]
    for piece in pieces[:-1]:
        if not await _put_piece(caller, partition, piece):
            return "conflict"
    remaining = pieces[-1] if pieces else []
    try:
        await store.commit(partition, [*last, *(change for each in remaining for change in each.changes)])
    except Conflict:
        if not await _put_piece(caller, partition, remaining):
            return "conflict"
        try:
            await store.commit(partition, last)
        except Conflict:
            return await look_at_thread(caller, placed)
    return "new"


async def put_file(caller: Caller, placed: Placed, pieces: AsyncIterable[bytes]) -> Outcome:
    """Put a file: its bytes first, unless it is there already."""
    partition = layout.files(caller.owner)
    outcome = await look(caller, partition, placed)
    if outcome != "new":
        return outcome
    await caller.deps.blobs.write(layout.file_blob(caller.owner, placed.identifier), pieces)
    return await put(caller, partition, placed)


async def _put_piece(caller: Caller, partition: str, piece: Sequence[Placed]) -> bool:
    """Write rows of a thread that is not there yet; False if others are in their place."""
    try:
        await caller.deps.store.commit(partition, [change for each in piece for change in each.changes])
    except Conflict:
        outcomes = [await look(caller, partition, each) for each in piece]
        if not set(outcomes) <= {"new", "same"}:
            return False
        missing = [each for each, outcome in zip(piece, outcomes, strict=True) if outcome == "new"]
        await caller.deps.store.commit(partition, [change for each in missing for change in each.changes])
    return True


def _pieces(inside: Sequence[Placed]) -> Iterator[list[Placed]]:
    """The rows in portions that fit into a commit beside the thread's own."""
    piece: list[Placed] = []
    size = 0
    for each in inside:
        weight = len(json_text.ascii_bytes(each.row.data))
        if piece and (len(piece) == AT_ONCE or size + weight > COMMIT_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(each)
        size += weight
    if piece:
        yield piece


def _shown(data: Json) -> Json:
    """What clients see of a row: runs and steps have it inside."""
    for name in ("run", "step"):
        if isinstance(data.get(name), dict):
            shown: Json = data[name]
            return shown
    return data
