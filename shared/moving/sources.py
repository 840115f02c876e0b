"""What is to come in, read from disk: a folder as an export leaves it, or files with raw objects as lists gave them.

A folder has `manifest.json`, `assistants.json`, `threads/ID.json` with messages, runs and their steps
(`assistants-thread-export/v1`), and what `export` adds: `files.json`, `vector_stores.json`, `files/ID`, checksums.
Files with objects are JSON or JSON Lines in any order: objects, arrays of them, or whole answers of list calls.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from shared import json_text
from shared.json_types import Json
from shared.moving.lost import Lost

MANIFEST: Final = "manifest.json"
#: What an export has until its manifest is written.
UNFINISHED: Final = "unfinished.json"
ASSISTANTS: Final = "assistants.json"
FILE_LIST: Final = "files.json"
STORES: Final = "vector_stores.json"
THREADS: Final = "threads"
FILES: Final = "files"
#: What an export for the Responses API has in place of threads.
CONVERSATIONS: Final = "conversations"
SCHEMA: Final = "assistants-thread-export/v1"

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


class NotReadable(Exception):
    """There is nothing at the path that could come in; says why."""


class ImportSource(Protocol):
    """Objects as they were answered elsewhere; a collection in the order in which it was listed."""

    def assistants(self) -> list[Json]:
        """The assistants."""
        ...

    def files(self) -> list[Json]:
        """What is known of files, whether their bytes are there or not."""
        ...

    def stores(self) -> list[Json]:
        """Vector stores, each with its `files`."""
        ...

    def threads(self) -> Iterator[tuple[str, Json | Lost]]:
        """Each thread's id, and the thread with `messages` and `runs`, or why it cannot be read."""
        ...

    def thread_count(self) -> int:
        """How many threads there are."""
        ...

    def bytes_of(self, file_id: str) -> Path | None:
        """Where a file's bytes are. Raises Lost if they are damaged."""
        ...

    def others(self) -> list[tuple[str, str]]:
        """Ids of objects of which a box knows no kind, and why they are none of the above."""
        ...


def opened(path: Path) -> ImportSource:
    """What is at the path. Raises NotReadable."""
    if (path / UNFINISHED).exists():
        words = f"this export was broken off: start it again, or remove {UNFINISHED} to take what there is"
        raise NotReadable(f"{path}: {words}")
    if (path / CONVERSATIONS).is_dir():
        raise NotReadable(
            f"{path}: this was exported for the Responses API; a box reads what `export` writes without it"
        )
    if path.is_dir() and ((path / MANIFEST).exists() or (path / THREADS).is_dir()):
        return ExportFolder(path)
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.suffix in (".json", ".jsonl", ".ndjson"))
        if found:
            return LooseObjects(found, path / FILES)
        raise NotReadable(f"{path}: no export, and no .json or .jsonl files")
    if path.is_file():
        return LooseObjects([path], path.parent / FILES)
    raise NotReadable(f"{path}: there is nothing")


class FolderOfFiles:
    """The bytes of files: `ID`, or `ID.` and more."""

    def __init__(self, folder: Path) -> None:
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        self._paths = {each.name.partition(".")[0]: each for each in found if each.is_file()}

    def bytes_of(self, file_id: str) -> Path | None:
        """Where a file's bytes are."""
        return self._paths.get(file_id)


class ExportFolder:
    """A folder as an export leaves it."""

    def __init__(self, folder: Path) -> None:
        """Raises NotReadable."""
        self._folder = folder
        self._bytes = FolderOfFiles(folder / FILES)
        manifest = _read(folder / MANIFEST) if (folder / MANIFEST).exists() else {}
        self._checksums: Mapping[str, str] = manifest.get("checksums") or {}
        order = {name: place for place, name in enumerate(manifest.get("threads") or ())}
        paths = (folder / THREADS).glob("*.json")
        self._threads = sorted(paths, key=lambda each: (order.get(each.stem, len(order)), each.name))

    def assistants(self) -> list[Json]:
        """The assistants. Raises NotReadable."""
        return self._listed(ASSISTANTS)

    def files(self) -> list[Json]:
        """Those of the list, else those that threads mention. Raises NotReadable."""
        if (self._folder / FILE_LIST).exists():
            return self._listed(FILE_LIST)
        known: dict[str, Json] = {}
        for _, bundle in self.threads():
            if isinstance(bundle, dict):
                known.update(bundle.get("files") or {})
        return [*known.values()]

    def stores(self) -> list[Json]:
        """Vector stores, each with its `files`. Raises NotReadable."""
        return self._listed(STORES)

    def threads(self) -> Iterator[tuple[str, Json | Lost]]:
        """One file after the other."""
        for path in self._threads:
            try:
                self._check(path)
                yield path.stem, _object(_read(path))
            except (NotReadable, Lost) as error:
                yield path.stem, Lost(str(error))

    def thread_count(self) -> int:
        """How many threads there are."""
        return len(self._threads)

    def bytes_of(self, file_id: str) -> Path | None:
        """Where a file's bytes are. Raises Lost."""
        path = self._bytes.bytes_of(file_id)
        if path is not None:
            self._check(path)
        return path

    def others(self) -> list[tuple[str, str]]:
        """None: each file is of one kind."""
        return []

    def _listed(self, name: str) -> list[Json]:
        path = self._folder / name
        if not path.exists():
            return []
        try:
            self._check(path)
        except Lost as error:
            raise NotReadable(f"{path}: {error}") from error
        return [*objects_in(_read(path))]

    def _check(self, path: Path) -> None:
        wanted = self._checksums.get(path.relative_to(self._folder).as_posix())
        if wanted is not None and sha256(path) != wanted:
            raise Lost("damaged: its checksum is not that of the manifest")


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
            for each in objects_in(_read(path)):
                self._take(each)
        self._inside: defaultdict[str, list[Json]] = defaultdict(list)
        for kind in ("thread.message", "thread.run", "thread.run.step"):
            for each in self._of[kind].values():
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
            files = [*(each.get("files") or ()), *self._in_store[each["id"]].values()]
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
        inside = (each["thread_id"] for kind in kinds for each in self._of[kind].values() if each.get("thread_id"))
        return [*dict.fromkeys([*self._of["thread"], *inside])]

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


def objects_in(value: Any) -> Iterator[Json]:
    """The objects in an answer, an array or lines of either. Raises NotReadable."""
    if isinstance(value, list):
        for each in value:
            yield from objects_in(each)
    elif isinstance(value, dict) and isinstance(value.get("data"), list) and "id" not in value:
        yield from objects_in(value["data"])
    elif isinstance(value, dict) and isinstance(value.get("id"), str):
        yield value
    else:
        raise NotReadable(f"no object with an id: {str(value)[:60]}")


def sha256(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise Lost("no JSON object")
    return value


def _read(path: Path) -> Any:
    """The JSON in a file, or the list of its lines'. Raises NotReadable."""
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        if path.suffix == ".json":
            return json_text.read(data)
        return [json_text.read(line) for line in data.splitlines() if line.strip()]
    except ValueError as error:
        raise NotReadable(f"{path}: no JSON ({error})") from error
