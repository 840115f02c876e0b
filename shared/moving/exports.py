"""Moving out: all that an owner has, or some threads with what they refer to, written to a folder that `import` reads.

A thread is read between two looks at its head, and again if something was added meanwhile, so what is written was true
at one time. Files are replaced whole, and the manifest comes last: an export that was broken off can be started again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared import ids, layout
from shared.deps import Caller
from shared.errors import NotFoundError
from shared.files import files
from shared.json_types import Json
from shared.moving.sources import ASSISTANTS, FILE_LIST, FILES, MANIFEST, SCHEMA, STORES, THREADS, sha256
from shared.objects.thread import Head
from shared.paging import ListQuery
from shared.store.base import Record
from shared.vector_stores import stores

STRIDE: Final = 500
#: How often a thread that changes is read again.
ATTEMPTS: Final = 20


class Changing(Exception):
    """A thread changed each time it was read."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which threads go out: all, those named, or those with this metadata; of other objects then what they refer to."""

    threads: Collection[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not self.threads and not self.metadata


class Export:
    """One owner's objects on their way out."""

    def __init__(self, caller: Caller, folder: Path, chosen: Chosen) -> None:
        """The folder is made if there is none."""
        self._caller, self._folder, self._chosen = caller, folder, chosen
        self._referred: set[str] = set()
        self._checksums: dict[str, str] = {}
        self.remarks: list[str] = []

    async def run(self, progress: Callable[[], None]) -> dict[str, int]:
        """Write everything; how many there are of each kind. Raises Changing."""
        for name in (THREADS, FILES):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        threads = []
        async for thread_id in self._thread_ids():
            bundle = await self._thread(thread_id)
            if bundle is not None:
                threads.append(thread_id)
                self._refer(bundle)
                self._write(f"{THREADS}/{thread_id}.json", bundle)
            progress()
        assistants = [each async for each in self._rows(layout.assistants, layout.ASSISTANT) if self._goes(each["id"])]
        self._refer(assistants)
        self._write(ASSISTANTS, assistants)
        stores_ = [each async for each in self._stores()]
        self._refer(stores_)
        self._write(STORES, stores_)
        found = [each async for each in self._files()]
        self._write(FILE_LIST, found)
        counts = {"assistants": len(assistants), "files": len(found), "vector_stores": len(stores_)}
        counts["threads"] = len(threads)
        self._finish(threads, counts)
        return counts

    def _finish(self, threads: list[str], counts: dict[str, int]) -> None:
        """Write the manifest, and remove what an earlier export left."""
        for path in (*(self._folder / THREADS).iterdir(), *(self._folder / FILES).iterdir()):
            if path.relative_to(self._folder).as_posix() not in self._checksums:
                path.unlink()
        manifest = {
            "export_schema": "assistants-export-manifest/v1",
            "exported_at": self._caller.deps.now(),
            "counts": counts,
            "threads": threads,
            "checksums": self._checksums,
        }
        self._write(MANIFEST, manifest)

    async def _thread_ids(self) -> AsyncIterator[str]:
        if self._chosen.threads:
            for thread_id in self._chosen.threads:
                yield thread_id
            return
        async for row in self._rows(layout.threads, layout.THREAD):
            yield row["id"]

    async def _thread(self, thread_id: str) -> Json | None:
        """The thread with what is in it, if it goes out."""
        partition, store = layout.thread(self._caller.owner, thread_id), self._caller.deps.store
        for _ in range(ATTEMPTS):
            before = await store.get(partition, layout.HEAD_KEY)
            thread = await store.get(partition, layout.THREAD_KEY)
            if before is None or thread is None:
                self._tell_missing(thread_id)
                return None
            if not self._chosen.metadata.items() <= thread.data["metadata"].items():
                return None
            end = Head.model_validate(before.data).next
            messages = await self._numbered(partition, layout.MESSAGE, end.message)
            runs = await self._numbered(partition, layout.RUN, end.run)
            steps = await self._numbered(partition, layout.STEP, end.step)
            after = await store.get(partition, layout.HEAD_KEY)
            if after is not None and after.version == before.version:
                return _bundle(thread.data, messages, runs, steps)
        raise Changing(thread_id)

    def _tell_missing(self, thread_id: str) -> None:
        if self._chosen.threads:
            self.remarks.append(f"{thread_id}: there is no such thread")

    async def _numbered(self, partition: str, prefix: str, end: int) -> list[Record]:
        found: list[Record] = []
        for first in range(0, end, STRIDE):
            low, high = ids.key_at(prefix, first), ids.key_at(prefix, min(first + STRIDE, end))
            found += await self._caller.deps.store.scan(partition, low, high, STRIDE)
        return found

    async def _rows(self, collection: Callable[[str], str], prefix: str) -> AsyncIterator[Json]:
        """The rows of a collection, oldest first."""
        last, partition = f"{prefix}~", collection(self._caller.owner)
        while rows := await self._caller.deps.store.scan(partition, prefix, last, STRIDE, backwards=True):
            for row in rows:
                yield row.data
            last = rows[-1].key

    async def _stores(self) -> AsyncIterator[Json]:
        """Vector stores with their files, oldest first."""
        query: ListQuery | None = ListQuery(limit=100, order="asc")
        while query is not None:
            listed, has_more = await stores.list_page(self._caller, query)
            for each in listed:
                if self._goes(each["id"]):
                    yield each | {"files": await self._files_of(each["id"])}
            query = ListQuery(limit=100, order="asc", after=listed[-1]["id"]) if has_more and listed else None

    async def _files_of(self, store_id: str) -> list[Json]:
        record, _ = await stores.row(self._caller, store_id)
        partition = layout.vector_store(self._caller.owner, store_id)
        return [row.data["file"] for row in await self._numbered(partition, layout.ITEM, record.next)]

    async def _files(self) -> AsyncIterator[Json]:
        """Files whose bytes are written beside them."""
        async for row in self._rows(layout.files, layout.FILE):
            gone = row["expires_at"] is not None and row["expires_at"] <= self._caller.deps.now()
            if self._goes(row["id"]) and not gone and await self._bytes(row):
                yield row

    async def _bytes(self, file: Json) -> bool:
        """Write a file's bytes, unless they are there; whether there are any."""
        name = f"{FILES}/{file['id']}"
        path, draft = self._folder / name, self._folder / f"{name}.part"
        if not path.exists() or path.stat().st_size != file["bytes"]:
            try:
                _, read = await files.content(self._caller, file["id"])
                with draft.open("wb") as out:
                    async for piece in read:
                        out.write(piece)
            except NotFoundError:
                self.remarks.append(f"{file['id']}: its bytes are gone")
                return False
            draft.replace(path)
        self._checksums[name] = sha256(path)
        return True

    def _goes(self, identifier: str) -> bool:
        return self._chosen.is_everything or identifier in self._referred

    def _refer(self, value: Any) -> None:
        """Note every id in it that something may be known by."""
        if self._chosen.is_everything:
            return
        match value:
            case dict():
                for each in value.values():
                    self._refer(each)
            case list():
                for each in value:
                    self._refer(each)
            case str() if ids.is_key(value):
                self._referred.add(value)

    def _write(self, name: str, value: Any) -> None:
        path = self._folder / name
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(value, sort_keys=True, indent=1) + "\n", encoding="ascii")
        self._checksums[name] = sha256(draft)
        draft.replace(path)


def _bundle(thread: Json, messages: list[Record], runs: list[Record], steps: list[Record]) -> Json:
    of_run: dict[str, list[Json]] = {}
    for row in steps:
        of_run.setdefault(row.data["step"]["run_id"], []).append(row.data["step"])
    return {
        "export_schema": SCHEMA,
        "thread_id": thread["id"],
        "thread": thread,
        "messages": [row.data for row in messages],
        "runs": [row.data["run"] | {"steps": of_run.get(row.data["run"]["id"], [])} for row in runs],
        "files": {},
        "errors": [],
    }
