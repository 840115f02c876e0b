"""Every object of a box, read as clients read it, and compared with what it was."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared import json_text, layout
from shared.app import build, embedded_storage
from shared.assistants import assistants
from shared.backup.manifest import Damaged
from shared.backup.named import owners_in
from shared.config import Settings
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.files import files
from shared.json_types import Json
from shared.paging import ListQuery, NumberRange, Page, numbered_page, with_keys
from shared.runs import service
from shared.threads import messages, threads
from shared.vector_stores import files as store_files
from shared.vector_stores import stores

#: Objects of a page.
PAGE_SIZE: Final = 100

#: A page of a list: its objects, and whether there are more.
Objects = tuple[list[Json], bool]
#: Called with the number of objects read so far.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ShownObject:
    """An object as it was shown; `id` may be another's in another thread or store."""

    kind: str
    owner: str
    shown: Json

    @property
    def name(self) -> str:
        """What people know it by."""
        inside = self.shown.get("thread_id") or self.shown.get("vector_store_id")
        return f"{self.kind} {self.shown['id']}{f' in {inside}' if inside else ''} of {self.owner}"


class Walk:
    """A way through the box in a home, as it is at a time (unix seconds), in an order that does not change.

    Nothing is written: a run whose time is over stays as it is.
    """

    def __init__(self, settings: Settings, home: Path, at: float) -> None:
        """The settings are those of any box."""
        self._settings = settings.model_copy(update={"box_home": home, "sandbox": "none"})
        self._at = at

    async def note(self, path: Path, progress: Progress) -> dict[str, int]:
        """Write every object into a file; how many there are of each kind."""
        counts: Counter[str] = Counter()
        with gzip.open(path, "wb", compresslevel=3) as out:
            async for seen in self.objects():
                out.write(json_text.ascii_bytes([seen.kind, seen.owner, seen.shown]) + b"\n")
                counts[seen.kind] += 1
                progress(counts.total())
        return dict(counts)

    async def compare(self, path: Path, progress: Progress) -> dict[str, int]:
        """Hold every object against what was noted, field by field; how many there are of each kind.

        A later version may show fields that were not noted. Raises Damaged with the first object that differs.
        """
        counts: Counter[str] = Counter()
        with gzip.open(path, "rb") as noted:
            async for seen in self.objects():
                wanted = _read(noted.readline())
                if wanted is None:
                    raise Damaged(f"{seen.name}: the backup's box had no such object")
                if (wanted.kind, wanted.owner, wanted.shown["id"]) != (seen.kind, seen.owner, seen.shown["id"]):
                    raise Damaged(f"{wanted.name} is gone, or not in its place: {seen.name} is there")
                place = difference(wanted.shown, seen.shown)
                if place is not None:
                    raise Damaged(f"{seen.name} is not what it was: {place} differs")
                counts[seen.kind] += 1
                progress(counts.total())
            lost = _read(noted.readline())
        if lost is not None:
            raise Damaged(f"{lost.name} is gone")
        return dict(counts)

    async def objects(self) -> AsyncIterator[ShownObject]:
        """Every object of every owner, as the box's API shows it."""
        storage = embedded_storage(self._settings)
        box = build(self._settings, storage=storage, clock=lambda: self._at)
        try:
            for owner in owners_in(self._settings.box_home / "box.db"):
                async for kind, shown in _of_owner(Caller(box.deps, owner)):
                    yield ShownObject(kind, owner, shown)
        finally:
            await box.close()


def difference(wanted: Any, found: Any) -> str | None:
    """The path to the first field that is lacking or different; None: there is none."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        pairs = {name: (value, found.get(name)) for name, value in wanted.items()}
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = dict(zip(map(str, range(len(wanted))), zip(wanted, found, strict=True), strict=True))
    else:
        return None if wanted == found else ""
    for name, (was, now) in pairs.items():
        inside = difference(was, now)
        if inside is not None:
            return f"{name}.{inside}".rstrip(".")
    return None


def _read(line: bytes) -> ShownObject | None:
    return ShownObject(*json_text.read(line)) if line else None


async def _of_owner(caller: Caller) -> AsyncIterator[tuple[str, Json]]:
    async for assistant in _all(lambda query: assistants.list_page(caller, query)):
        yield "assistants", assistant
    async for file in _all(lambda query: _objects(files.list_page(caller, query, None))):
        yield "files", file | {"sha256": await _checksum(caller, file["id"])}
    async for store in _all(lambda query: stores.list_page(caller, query)):
        yield "vector_stores", store
        async for item in _of_store(caller, store["id"]):
            yield "vector_store_files", item
    async for thread in _all(lambda query: threads.list_page(caller, query)):
        yield "threads", thread
        async for kind, shown in _of_thread(caller, thread["id"]):
            yield kind, shown


def _of_store(caller: Caller, store_id: str) -> AsyncIterator[Json]:
    return _all(lambda query: store_files.list_page(caller, store_id, query, None))


async def _of_thread(caller: Caller, thread_id: str) -> AsyncIterator[tuple[str, Json]]:
    async for message in _all(lambda query: _objects(messages.list_page(caller, thread_id, query, None))):
        yield "messages", message
    async for run in _all(lambda query: _objects(service.list_runs(caller, thread_id, query), "run")):
        yield "runs", run
    async for step in _all(lambda query: _objects(_steps(caller, thread_id, query), "step")):
        yield "run_steps", step


async def _steps(caller: Caller, thread_id: str, query: ListQuery) -> Page:
    """A page of the steps of all runs: listed by their run, they would have a run expire whose time is over."""
    store, partition = caller.deps.store, layout.thread(caller.owner, thread_id)
    head, _ = await threads.head(caller, thread_id)
    query = await with_keys(store, partition, query, head.next.step)
    return await numbered_page(store, partition, NumberRange(layout.STEP, "run step", head.next.step), query)


async def _all(page: Callable[[ListQuery], Awaitable[Objects]]) -> AsyncIterator[Json]:
    """The objects of a list, oldest first."""
    query: ListQuery | None = ListQuery(limit=PAGE_SIZE, order="asc")
    while query is not None:
        listed, has_more = await page(query)
        for each in listed:
            yield each
        query = ListQuery(limit=PAGE_SIZE, order="asc", after=listed[-1]["id"]) if has_more and listed else None


async def _objects(page: Awaitable[Page], inside: str = "") -> Objects:
    found = await page
    return [row.data[inside] if inside else row.data for row in found.records], found.has_more


async def _checksum(caller: Caller, file_id: str) -> str | None:
    """Of a file's bytes; None: they are gone."""
    digest = hashlib.sha256()
    try:
        _, pieces = await files.content(caller, file_id)
        async for piece in pieces:
            digest.update(piece)
    except NotFoundError:
        return None
    return digest.hexdigest()
