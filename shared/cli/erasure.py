"""What of an owner's objects has some metadata, what goes with it and what cannot; and the deleting. By the API alone.

Files go first and threads last: a thread names what goes with it, so an erasure that broke off is begun again and finds
the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.cli.api import ApiClient, ErrorAnswer
from shared.json_types import Json
from shared.objects.hold import Hold
from shared.objects.run import ACTIVE
from shared.threads import named

#: What is erased, in this order.
KINDS: Final = ("files", "vector_stores", "assistants", "messages", "threads")
#: What goes with a thread.
INSIDE: Final = ("messages of them", "runs", "steps")
#: Threads that are read side by side.
SIDE_BY_SIDE: Final = 8


@dataclass(frozen=True, slots=True)
class SeenThread:
    """A thread with what is in it."""

    thread: Json
    messages: list[Json]
    runs: list[Json]
    steps: list[Json]

    def names(self) -> set[str]:
        """The files that it names."""
        return named.files_of(self.thread, *self.messages, *self.steps)


@dataclass(slots=True)
class FoundObjects:
    """What would go, by kind: path below /v1 -> bytes; what goes inside it; and what stays, with the reason."""

    going: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    inside: dict[str, int] = field(default_factory=lambda: dict.fromkeys(INSIDE, 0))
    #: Files in the vector stores that go: so many rows of theirs.
    indexed: int = 0
    #: Has the metadata, but cannot be erased now.
    kept: dict[str, str] = field(default_factory=dict)
    #: Has not, but is named by what goes, and by others, too.
    shared: dict[str, str] = field(default_factory=dict)


class Erasure:
    """One erasure: found, then done."""

    def __init__(self, api: ApiClient, metadata: dict[str, str]) -> None:
        self._api, self._metadata = api, metadata
        self.found = FoundObjects()
        self._candidates: set[str] = set()
        self._stores: set[str] = set()
        #: What others use -> who.
        self._used: dict[str, str] = {}

    async def threads(self) -> list[Json]:
        """All threads of the owner, to be looked through."""
        return [each async for each in self._api.all("threads")]

    async def find(self, threads: Sequence[Json], watch: Callable[[int], None]) -> FoundObjects:
        """Look through everything; `watch` is told how many threads more were looked at."""
        holds = [Hold.from_json(each) for each in (await self._api.ask("GET", "legal_holds"))["data"]]
        for some in (threads[first : first + SIDE_BY_SIDE] for first in range(0, len(threads), SIDE_BY_SIDE)):
            for contents in await asyncio.gather(*map(self._contents, some)):
                if contents is not None:
                    self._look_at(contents, holds)
            watch(len(some))
        assistants = [each async for each in self._api.all("assistants")]
        for assistant in assistants:
            self._look_at_assistant(assistant)
        await self._look_at_stores()
        await self._look_at_files()
        return self.found

    async def erase(self, watch: Callable[[int], None]) -> None:
        """Delete what was found; `watch` is told after each object. What a hold keeps since is noted as kept."""
        for kind in KINDS:
            for path in [*self.found.going[kind]]:
                try:
                    await self._api.ask("DELETE", path)
                except ErrorAnswer as refused:
                    if refused.code == "legal_hold":
                        del self.found.going[kind][path]
                        self.found.kept[path.rpartition("/")[2]] = str(refused)
                    elif refused.status != 404:  # gone since, or before an erasure was broken off
                        raise
                watch(1)

    def _matches(self, each: Json) -> bool:
        return self._metadata.items() <= (each.get("metadata") or {}).items()

    async def _contents(self, thread: Json) -> SeenThread | None:
        """What is in a thread: of those that stay no steps, which only name what their own runs made."""
        path = f"threads/{thread['id']}"
        try:
            messages = [each async for each in self._api.all(f"{path}/messages")]
            runs = [each async for each in self._api.all(f"{path}/runs")]
            steps = []
            for run in runs if self._matches(thread) else ():
                steps += [each async for each in self._api.all(f"{path}/runs/{run['id']}/steps")]
        except ErrorAnswer as refused:
            if refused.status == 404:
                return None  # deleted since
            raise
        return SeenThread(thread, messages, runs, steps)

    def _look_at(self, contents: SeenThread, holds: Iterable[Hold]) -> None:
        thread = contents.thread
        why = self._why_kept(contents, holds) if self._matches(thread) else None
        if self._matches(thread) and why is None:
            self.found.going["threads"][f"threads/{thread['id']}"] = 0
            for kind, some in zip(INSIDE, (contents.messages, contents.runs, contents.steps), strict=True):
                self.found.inside[kind] += len(some)
            self._candidates |= contents.names()
            self._stores |= {*named.stores_of(thread)}
            return
        self._use(thread["id"], contents.names(), named.stores_of(thread))
        if why is not None:
            self.found.kept[thread["id"]] = why
            return
        for message in filter(self._matches, contents.messages):
            self.found.going["messages"][f"threads/{thread['id']}/messages/{message['id']}"] = 0
        for run in filter(self._matches, contents.runs):
            self.found.kept[run["id"]] = f"a run in {thread['id']}, which stays: runs go with their threads alone"

    def _why_kept(self, contents: SeenThread, holds: Iterable[Hold]) -> str | None:
        thread = contents.thread
        on = [hold.id for hold in holds if hold.holds(thread["id"], thread["metadata"])]
        if on:
            return f"is on legal hold ({', '.join(on)})"
        busy = [run["id"] for run in contents.runs if run["status"] in ACTIVE]
        return f"{busy[0]} is not over: cancel it, or wait" if busy else None

    def _look_at_assistant(self, assistant: Json) -> None:
        files = named.files_of(assistant)
        if self._matches(assistant):
            self.found.going["assistants"][f"assistants/{assistant['id']}"] = 0
            self._candidates |= files
            self._stores |= {*named.stores_of(assistant)}
        else:
            self._use(assistant["id"], files, named.stores_of(assistant))

    def _use(self, who: str, files: Iterable[str], stores: Iterable[str]) -> None:
        for each in (*files, *stores):
            self._used.setdefault(each, who)

    async def _look_at_stores(self) -> None:
        """Stores with the metadata go, and those made along with a thread that goes, unless somebody else has them."""
        staying = []
        async for store in self._api.all("vector_stores"):
            store_id = store["id"]
            mine = store_id in self._stores
            if self._matches(store) or (mine and named.is_own(store) and store_id not in self._used):
                self.found.going["vector_stores"][f"vector_stores/{store_id}"] = store["usage_bytes"]
                files = [each["id"] async for each in self._files_in(store)]
                self._candidates |= {*files}
                self.found.indexed += len(files)
                continue
            staying.append(store)
            if mine:
                user = self._used.get(store_id)
                self.found.shared[store_id] = f"{user} uses it, too" if user else "was not made along with the thread"
        if self._candidates:
            for store in staying:
                self._use(store["id"], [each["id"] async for each in self._files_in(store)], ())

    def _files_in(self, store: Json) -> AsyncIterator[Json]:
        return self._api.all(f"vector_stores/{store['id']}/files")

    async def _look_at_files(self) -> None:
        for file_id in sorted(self._candidates):
            if file_id in self._used:
                self.found.shared[file_id] = f"{self._used[file_id]} uses it, too"
                continue
            try:
                file = await self._api.ask("GET", f"files/{file_id}")
            except ErrorAnswer as refused:
                if refused.status == 404:
                    continue
                raise
            self.found.going["files"][f"files/{file_id}"] = file["bytes"]
