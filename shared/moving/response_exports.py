"""Moving out to the Conversations and Responses APIs: threads as bodies of requests that make conversations of them.

manifest.json             what there is, with checksums; `not_included` says what those APIs have no place for
conversations/THREAD.jsonl    the body of `POST /conversations`, then bodies of `POST /conversations/ID/items`
requests.json             for each assistant the body of `POST /responses`, but for the input
left_out.jsonl            every single thing that became no item, with its thread and id
files.json files/ID       files to upload; items name them by the ids that they have here
vector_stores.json        stores with their files, as the API answers them
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from shared.deps import Caller
from shared.files import files
from shared.json_types import Json
from shared.moving.exports import written_files
from shared.moving.items import NOT_INCLUDED, file_ids, items_of
from shared.moving.on_disk import CONVERSATIONS, FILE_LIST, STORES
from shared.moving.outgoing import Chosen, Outgoing, ReadThread
from shared.moving.output import OutputFolder
from shared.moving.response_bodies import request

SCHEMA: Final = "responses-export/v1"
REQUESTS: Final = "requests.json"
LEFT_OUT: Final = "left_out.jsonl"
#: Items that one call takes.
ITEMS_AT_ONCE: Final = 20


class ResponsesExport:
    """One owner's threads on their way into a folder of conversations."""

    def __init__(self, caller: Caller, folder: Path, chosen: Chosen) -> None:
        """The folder is made if there is none."""
        self._caller, self._folder = caller, folder
        self._out = Outgoing(caller, chosen)
        self.remarks = self._out.remarks
        #: How often something became no item, by what it is.
        self.left_out: Counter[str] = Counter()

    async def thread_count(self) -> int:
        """How many threads `run` will look at."""
        return await self._out.thread_count()

    async def run(self, progress: Callable[[], None]) -> dict[str, int]:
        """Write everything, `progress` after each thread; how many there are of each kind. Raises Changing."""
        folder = OutputFolder(self._folder, self._caller.owner, (CONVERSATIONS,))
        conversations = items = 0
        with folder.lines(LEFT_OUT) as told:
            async for thread_id in self._out.thread_ids():
                read = await self._out.thread(thread_id)
                if read is not None:
                    conversations += 1
                    items += await self._conversation(read, folder, told)
                progress()
            assistants, stores = await self._out.assistants(), await self._out.stores()
            folder.write(REQUESTS, {each["id"]: self._request(each, told) for each in assistants})
        folder.write(STORES, stores)
        written = await written_files(self._caller, self._out, folder)
        folder.write(FILE_LIST, written)
        counts = {"requests": len(assistants), "files": len(written), "vector_stores": len(stores)}
        counts |= {"conversations": conversations, "items": items}
        manifest = {"export_schema": SCHEMA, "exported_at": self._caller.deps.now(), "counts": counts}
        folder.finish(manifest | {"left_out": self.left_out, "not_included": NOT_INCLUDED})
        return counts

    async def _conversation(self, read: ReadThread, folder: OutputFolder, told: Callable[[Json], None]) -> int:
        """Write a thread's conversation; how many items it has."""
        self._out.refer([read.thread, *(row.data for row in (*read.messages, *read.runs, *read.steps))])
        made = items_of(read, await files.names(self._caller, file_ids(read)))
        thread_id = read.thread["id"]
        for identifier, what in made.left_out:
            self._tell(told, thread_id, identifier, what)
        with folder.lines(f"{CONVERSATIONS}/{thread_id}.jsonl") as write:
            for body in bodies(read.thread["metadata"], made.items):
                write(body)
        return len(made.items)

    def _request(self, assistant: Json, told: Callable[[Json], None]) -> Json:
        body, left_out = request(assistant)
        for what in left_out:
            self._tell(told, None, assistant["id"], what)
        return body

    def _tell(self, told: Callable[[Json], None], thread_id: str | None, identifier: str, what: str) -> None:
        self.left_out[what] += 1
        told({"thread": thread_id, "id": identifier, "what": what})


def bodies(metadata: dict[str, str], items: list[Json]) -> Iterator[Json]:
    """The call that makes a conversation, and those that add what did not fit into it."""
    yield {"metadata": metadata, "items": items[:ITEMS_AT_ONCE]}
    for first in range(ITEMS_AT_ONCE, len(items), ITEMS_AT_ONCE):
        yield {"items": items[first : first + ITEMS_AT_ONCE]}
