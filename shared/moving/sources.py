"""What is to come in, read from disk: a folder as an export leaves it, or files with raw objects as lists gave them.

A folder has `manifest.json`, `assistants.json`, `threads/ID.json` with messages, runs and their steps
(`assistants-thread-export/v1`), and what `export` adds: `files.json`, `vector_stores.json`, `files/ID`, checksums.
Files with objects are JSON or JSON Lines in any order: objects, arrays of them, or whole answers of list calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from shared.json_types import Json
from shared.moving.loose_objects import LooseObjects
from shared.moving.lost import Lost
from shared.moving.on_disk import (
    ASSISTANTS,
    CONVERSATIONS,
    FILE_LIST,
    FILES,
    MANIFEST,
    STORES,
    THREADS,
    UNFINISHED,
    FolderOfFiles,
    NotReadable,
    objects_in,
    read,
    sha256,
)

__all__ = [
    "ASSISTANTS",
    "FILES",
    "FILE_LIST",
    "MANIFEST",
    "STORES",
    "THREADS",
    "ExportFolder",
    "ImportSource",
    "NotReadable",
    "opened",
    "sha256",
]


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


class ExportFolder:
    """A folder as an export leaves it."""

    def __init__(self, folder: Path) -> None:
        """Raises NotReadable."""
        self._folder = folder
        self._bytes = FolderOfFiles(folder / FILES)
        manifest = read(folder / MANIFEST) if (folder / MANIFEST).exists() else {}
        if not isinstance(manifest, dict):
            raise NotReadable(f"{folder / MANIFEST}: expected an object")
        # Other exporters may mean something else by these names.
        checksums, threads = manifest.get("checksums"), manifest.get("threads")
        self._checksums: Mapping[str, str] = checksums if isinstance(checksums, dict) else {}
        named = [each for each in threads if isinstance(each, str)] if isinstance(threads, list) else []
        order = {name: place for place, name in enumerate(named)}
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
                yield path.stem, _object(read(path))
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
        return [*objects_in(read(path))]

    def _check(self, path: Path) -> None:
        wanted = self._checksums.get(path.relative_to(self._folder).as_posix())
        if wanted is not None and sha256(path) != wanted:
            raise Lost("damaged: its checksum is not that of the manifest")


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise Lost("no JSON object")
    return value
