"""Files with raw objects as lists gave them, in any order: put together by the ids that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from shared.json_types import Json
from shared.moving.lost import Lost
from shared.moving.on_disk import FolderOfFiles, objects_in, read

#: What services call a batch of files.
BATCHES: Final = ("vector_store.files_batch", "vector_store.file_batch")
#: How ids begin, where an object does not say what it is.
KINDS: Final = {
    "asst_": "assistant",
    "thread_": "thread",
    "msg_": "thread.message",
    "run_": "thread.run",
    "step_": "thread.run.step",
    "vs_": "vector_store",
    "vsfb_": BATCHES[0],
    "file-": "file",
    "assistant-": "file",
}


class LooseObjects:
    """Objects of all kinds, put together by the ids that they name."""

    def __init__(self, paths: Iterable[Path], files: Path) -> None:
        """Raises NotReadable."""
        self._bytes = FolderOfFiles(files)
        self._others: list[tuple[str, str]] = []
        self._of: defaultdict[str, dict[str, Json]] = defaultdict(dict)
        self._in_store: defaultdict[str, dict[str, Json]] = defaultdict(dict)
        self._batches: defaultdict[str, dict[str, Json]] = defaultdict(dict)
        for path in paths:
            for each in objects_in(read(path)):
                self._take(each)
        self._inside: defaultdict[str, list[Json]] = defaultdict(list)
        for kind in ("thread.message", "thread.run", "thread.run.step"):
            for each in self._of[kind].values():
                if not isinstance(each.get("thread_id"), str):
                    self._others.append((each["id"], "names no thread"))
                    continue
                self._inside[f"{kind} {each.get('thread_id')}"].append(each)

    def assistants(self) -> list[Json]:
        """The assistants."""
        return [*self._of["assistant"].values()]

    def files(self) -> list[Json]:
        """What is known of files."""
        return [*self._of["file"].values()]

    def stores(self) -> list[Json]:
        """Vector stores, each with its `files` and `file_batches`."""
        found = []
        for each in self._of["vector_store"].values():
            inside, beside = each.get("files") or [], self._in_store[each["id"]].values()
            files = [*inside, *beside] if isinstance(inside, list) else inside
            found.append(each | {"files": files, "file_batches": [*self._batches[each["id"]].values()]})
        return found

    def threads(self) -> Iterator[tuple[str, Json | Lost]]:
        """Threads with what names them; where the thread itself is missing, one is made for its messages."""
        for thread_id in self._thread_ids():
            messages = self._inside[f"thread.message {thread_id}"]
            runs = self._inside[f"thread.run {thread_id}"]
            times = [each["created_at"] for each in (*messages, *runs) if isinstance(each.get("created_at"), int)]
            made = {"id": thread_id, "object": "thread", "created_at": min(times, default=0)}
            steps: defaultdict[str, list[Json]] = defaultdict(list)
            for step in self._inside[f"thread.run.step {thread_id}"]:
                steps[str(step.get("run_id"))].append(step)
            with_steps = [{"steps": steps[run["id"]], **run} for run in runs]
            thread = self._of["thread"].get(thread_id, made)
            yield thread_id, {"thread": thread, "messages": messages, "runs": with_steps}

    def thread_count(self) -> int:
        """How many threads there are."""
        return len(self._thread_ids())

    def bytes_of(self, file_id: str) -> Path | None:
        """Where a file's bytes are."""
        return self._bytes.bytes_of(file_id)

    def others(self) -> list[tuple[str, str]]:
        """Objects of kinds that are not known, and what names nothing that is there."""
        strays = {
            f"steps of {run}": "their run is not there"
            for run in {str(step.get("run_id")) for step in self._of["thread.run.step"].values()}
            if run not in self._of["thread.run"]
        }
        stores = {
            store: "is not there, files of it are" for store in self._in_store if store not in self._of["vector_store"]
        }
        return [*self._others, *strays.items(), *stores.items()]

    def _thread_ids(self) -> list[str]:
        kinds = ("thread.message", "thread.run")
        named = (each.get("thread_id") for kind in kinds for each in self._of[kind].values())
        return [*dict.fromkeys([*self._of["thread"], *(each for each in named if isinstance(each, str))])]

    def _take(self, thing: Json) -> None:
        identifier = str(thing.get("id"))
        kind = thing.get("object") or next((KINDS[each] for each in KINDS if identifier.startswith(each)), None)
        if kind == "vector_store.file":
            self._in_store[str(thing.get("vector_store_id"))][identifier] = thing
        elif kind in BATCHES:
            self._batches[str(thing.get("vector_store_id"))][identifier] = thing
        elif kind in KINDS.values():
            self._of[str(kind)][identifier] = thing
        else:
            self._others.append((identifier, f"objects of kind {kind!r} are not known"))
