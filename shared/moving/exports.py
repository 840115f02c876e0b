"""Moving out in the form of `assistants-thread-export/v1`, which `import` reads: objects as the API answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from shared import json_text
from shared.deps import Caller
from shared.json_types import Json
from shared.moving.on_disk import ASSISTANTS, FILE_LIST, SCHEMA, STORES, THREADS
from shared.moving.outgoing import Changing, Chosen, Outgoing, ReadThread
from shared.moving.output import OutputFolder

__all__ = ["Changing", "Chosen", "Export"]


class Export:
    """One owner's objects on their way into a folder."""

    def __init__(self, caller: Caller, folder: Path, chosen: Chosen) -> None:
        """The folder is made if there is none."""
        self._caller, self._folder = caller, folder
        self._out = Outgoing(caller, chosen)
        self.remarks = self._out.remarks
        #: Nothing: this form has a place for everything.
        self.left_out: Mapping[str, int] = {}

    async def thread_count(self) -> int:
        """How many threads `run` will look at."""
        return await self._out.thread_count()

    async def run(self, progress: Callable[[], None]) -> dict[str, int]:
        """Write everything, `progress` after each thread; how many there are of each kind. Raises Changing."""
        folder = OutputFolder(self._folder, self._caller.owner, (THREADS,))
        threads = []
        async for thread_id in self._out.thread_ids():
            read = await self._out.thread(thread_id)
            if read is not None:
                threads.append(thread_id)
                whole = bundle(read)
                self._out.refer(whole)
                folder.write(f"{THREADS}/{thread_id}.json", whole)
            progress()
        assistants, stores = await self._out.assistants(), await self._out.stores()
        folder.write(ASSISTANTS, assistants)
        folder.write(STORES, stores)
        files = await written_files(self._caller, self._out, folder)
        folder.write(FILE_LIST, files)
        counts = {"assistants": len(assistants), "files": len(files), "vector_stores": len(stores)}
        counts["threads"] = len(threads)
        manifest = {"export_schema": "assistants-export-manifest/v1", "exported_at": self._caller.deps.now()}
        folder.finish(manifest | {"counts": counts, "threads": threads})
        return counts


async def written_files(caller: Caller, out: Outgoing, folder: OutputFolder) -> list[Json]:
    """The files that go out, their bytes written; those without bytes are told."""
    written = []
    async for each in out.files():
        if await folder.write_bytes(caller, each):
            written.append(each)
        else:
            out.remarks.append(f"{each['id']}: its bytes are gone")
    return written


def bundle(read: ReadThread) -> Json:
    """A thread with what is in it, as `import` reads it."""
    of_run: dict[str, list[Json]] = {}
    for row in read.steps:
        of_run.setdefault(row.data["step"]["run_id"], []).append(row.data["step"])
    histories = {
        row.data["run"]["id"]: {
            "entries": [*map(json_text.read, row.data["history"])],
            "left_out": row.data["history_left_out"],
        }
        for row in read.runs
        if row.data.get("history")
    }
    return {
        "export_schema": SCHEMA,
        "thread_id": read.thread["id"],
        "thread": read.thread,
        "messages": [row.data for row in read.messages],
        "runs": [row.data["run"] | {"steps": of_run.get(row.data["run"]["id"], [])} for row in read.runs],
        "files": {},
        "errors": [],
    } | ({"histories": histories} if histories else {})
