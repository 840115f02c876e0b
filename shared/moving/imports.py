"""Moving in: what a source has is put into the box, or only looked at, and what becomes of it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shared import layout
from shared.blobs.base import CHUNK
from shared.deps import Caller
from shared.json_types import Json
from shared.moving import arrivals, shapes, values
from shared.moving.arrivals import Outcome
from shared.moving.lost import Lost
from shared.moving.rows import in_collection, thread_rows
from shared.moving.sources import ImportSource
from shared.moving.store_arrivals import put_store
from shared.runs import kinds, lifecycle

#: What can be chosen; in this order, because later kinds name earlier ones.
KINDS: Final = ("files", "vector_stores", "assistants", "threads")


@dataclass(slots=True)
class Report:
    """What came, or would come: how many by kind and outcome (`lost` beside those of `arrivals`), and why."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    def note(self, kind: str, identifier: str, outcome: str, why: str = "") -> None:
        """Count an object, and keep the reason."""
        self.counts[kind, outcome] += 1
        if why:
            self.remarks.append(f"{identifier}: {why}")


WHY: Final[dict[Outcome, str]] = {
    "new": "",
    "same": "",
    "conflict": "exists with other contents: left as it is",
    "deleted": "was deleted here after it had come: not brought back",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects are to come."""

    kinds: frozenset[str] = frozenset(KINDS)
    #: Unix seconds: nothing that was created before.
    since: int = 0


class Import:
    """One source on its way in."""

    def __init__(
        self,
        caller: Caller,
        source: ImportSource,
        wanted: Wanted,
        *,
        write: bool,
        earlier: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        """Without `write` nothing is changed. `earlier`: how many of a kind and second other portions have had."""
        self.report = Report()
        #: Ids of the vector stores that were looked at, all their files attached.
        self.stores: list[str] = []
        self._caller, self._source, self._wanted, self._write = caller, source, wanted, write
        #: How many objects of a kind were created in a second, so far.
        self._order: Counter[tuple[str, int]] = Counter(earlier or {})

    def total(self) -> int:
        """How many objects `run` will look at. Raises NotReadable."""
        return total(self._source, self._wanted)

    async def run(self, progress: Callable[[], None]) -> Report:
        """Bring everything in that is wanted; `progress` is called after each object. Raises NotReadable."""
        for identifier, why in self._source.others():
            self.report.note("others", identifier, "lost", why)
        collections = (
            ("files", self._source.files, self._file),
            ("vector_stores", self._source.stores, self._store),
            ("assistants", self._source.assistants, self._assistant),
        )
        for kind, objects, bring in collections:
            if kind in self._wanted.kinds:
                for each in shapes.in_order(objects()):
                    await self._one(kind, each, bring)
                    progress()
        if "threads" in self._wanted.kinds:
            for thread_id, bundle in self._source.threads():
                await self._thread(thread_id, bundle)
                progress()
        return self.report

    async def _one(self, kind: str, data: Json, bring: Callable[[Json, int], AsyncIterator[Outcome]]) -> None:
        created = data.get("created_at")
        order = self._next(kind, created)
        if isinstance(created, int) and created < self._wanted.since:
            return
        try:
            async for outcome in bring(data, order):
                self.report.note(kind, data["id"], outcome, WHY[outcome])
        except Lost as lost:
            self.report.note(kind, data["id"], "lost", str(lost))

    def _next(self, kind: str, created: object) -> int:
        """The object's place among those of its second."""
        if not isinstance(created, int):
            return 0
        self._order[kind, created] += 1
        return self._order[kind, created] - 1

    async def _file(self, data: Json, order: int) -> AsyncIterator[Outcome]:
        placed = in_collection(layout.FILE, values.file(data), order)
        path = self._source.bytes_of(placed.identifier)
        if path is None:
            raise Lost("its bytes are missing: put them beside the export as files/ID")
        if path.stat().st_size != placed.shown["bytes"]:
            raise Lost(f"it should have {placed.shown['bytes']} bytes, but {path.name} has {path.stat().st_size}")
        if self._write:
            yield await arrivals.put_file(self._caller, placed, pieces(path))
        else:
            yield await arrivals.look(self._caller, layout.files(self._caller.owner), placed)

    async def _store(self, data: Json, order: int) -> AsyncIterator[Outcome]:
        outcome, lost = await put_store(self._caller, data, order, write=self._write)
        self.stores.append(data["id"])
        self.report.remarks += lost
        yield outcome

    async def _assistant(self, data: Json, order: int) -> AsyncIterator[Outcome]:
        placed = in_collection(layout.ASSISTANT, values.assistant(data), order)
        self._tell_tools(placed.shown)
        self._tell_secrets(data)
        bring = arrivals.put if self._write else arrivals.look
        yield await bring(self._caller, layout.assistants(self._caller.owner), placed)

    def _tell_tools(self, assistant: Json) -> None:
        types = dict.fromkeys(str(tool.get("type")) for tool in assistant["tools"])
        refused = [each for each in types if isinstance(kinds.line_of(each), kinds.Refused)]
        if refused:
            words = f"tools of type {', '.join(refused)} are kept, but runs with them are refused"
            self.report.remarks.append(f"{assistant['id']}: {words}")

    def _tell_secrets(self, data: Json) -> None:
        if shapes.secrets(data):
            words = "headers for MCP servers come without their values, which are secrets: give them anew"
            self.report.remarks.append(f"{data['id']}: {words}")

    async def _thread(self, thread_id: str, bundle: Json | Lost) -> None:
        try:
            if isinstance(bundle, Lost):
                raise bundle
            talk = values.contents(bundle)
            order = self._next("threads", talk.thread.created_at)
            if talk.thread.created_at < self._wanted.since:
                return
            rows = thread_rows(self._caller.owner, talk, order)
            bring = arrivals.put_thread if self._write else arrivals.look_at_thread
            outcome = await bring(self._caller, rows)
            self.report.note("threads", thread_id, outcome, WHY[outcome])
            self.report.counts["messages", outcome] += len(talk.messages)
            self.report.counts["runs", outcome] += len(talk.runs)
            self._tell_secrets(bundle["thread"])
            for run in bundle.get("runs") or ():
                self._tell_secrets(run)
                if outcome == "new" and lifecycle.is_active(run["status"]):
                    self.report.remarks.append(f"{run['id']}: was {run['status']}, comes as expired")
        except Lost as lost:
            self.report.note("threads", thread_id, "lost", str(lost))


def total(source: ImportSource, wanted: Wanted) -> int:
    """How many objects of the wanted kinds a source has. Raises NotReadable."""
    counts = {
        "files": lambda: len(source.files()),
        "vector_stores": lambda: len(source.stores()),
        "assistants": lambda: len(source.assistants()),
        "threads": source.thread_count,
    }
    return sum(counts[kind]() for kind in wanted.kinds)


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """A file's bytes."""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece
