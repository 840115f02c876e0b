"""An import cut into portions that fit into requests: each is a folder as an export leaves it, with some objects.

Places in lists follow from how many objects of a second came before, so a portion says that of those before it. Then
whoever sends the portions, once or again, gets what one import of the whole would give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared import json_text
from shared.json_types import Json
from shared.moving.imports import Report, Wanted, total
from shared.moving.lost import Lost
from shared.moving.shapes import in_order
from shared.moving.sources import ASSISTANTS, FILE_LIST, FILES, MANIFEST, STORES, THREADS, ImportSource

#: In the manifest: kind -> second -> objects of earlier portions.
EARLIER: Final = "earlier"

#: Bytes of JSON in a portion, unless a single object has more.
JSON_BYTES: Final = 2 * 1024 * 1024
#: Bytes of files in a portion, unless a single one has more.
FILE_BYTES: Final = 32 * 1024 * 1024
#: The largest file that fits into a request of 100 MB.
LARGEST_FILE: Final = 95 * 1024 * 1024
#: Objects of a portion.
MOST_OBJECTS: Final = 500

Order = Counter[tuple[str, int]]


@dataclass(slots=True)
class Portion:
    """Files of a folder, by their paths in it."""

    documents: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    #: Ids, with the kind of each.
    objects: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0

    def content(self) -> Iterator[tuple[str, bytes | Path]]:
        """Every file with its bytes, or where they are."""
        for name, value in self.documents.items():
            yield name, json_text.ascii_bytes(value)
        yield from self.files.items()


class Portions:
    """A source, portion by portion."""

    def __init__(self, source: ImportSource, wanted: Wanted) -> None:
        self._source, self._wanted = source, wanted
        #: What does not even get into a portion.
        self.report = Report()
        self._order: Order = Counter()
        self._portion = Portion()

    def total(self) -> int:
        """How many objects there are. Raises NotReadable."""
        return total(self._source, self._wanted)

    def __iter__(self) -> Iterator[Portion]:
        """The portions in the order in which they must be sent. Raises NotReadable."""
        for identifier, why in self._source.others():
            self.report.note("others", identifier, "lost", why)
        for kind, listed, document in (
            ("files", self._source.files, FILE_LIST),
            ("vector_stores", self._source.stores, STORES),
            ("assistants", self._source.assistants, ASSISTANTS),
        ):
            if kind in self._wanted.kinds:
                yield from self._collection(kind, in_order(listed()), document)
        if "threads" in self._wanted.kinds:
            yield from self._threads()

    def _collection(self, kind: str, objects: Iterable[Json], document: str) -> Iterator[Portion]:
        for each in objects:
            try:
                path = self._bytes_of(each["id"]) if kind == "files" else None
            except Lost as lost:
                self.report.note(kind, each["id"], "lost", str(lost))
                continue
            size = len(json_text.ascii_bytes(each)) + (path.stat().st_size if path else 0)
            if self._is_full(size, FILE_BYTES if kind == "files" else JSON_BYTES):
                yield self._cut()
            if self._takes(kind, each["id"], each.get("created_at"), size):
                self._portion.documents.setdefault(document, []).append(each)
                if path is not None:
                    self._portion.files[f"{FILES}/{each['id']}"] = path
        if self._portion.objects:
            yield self._cut()

    def _threads(self) -> Iterator[Portion]:
        for thread_id, bundle in self._source.threads():
            if isinstance(bundle, Lost):
                self.report.note("threads", thread_id, "lost", str(bundle))
                continue
            size = len(json_text.ascii_bytes(bundle))
            if self._is_full(size, JSON_BYTES):
                yield self._cut()
            thread = bundle.get("thread")
            created = thread.get("created_at") if isinstance(thread, dict) else None
            if self._takes("threads", thread_id, created, size):
                self._portion.documents[f"{THREADS}/{thread_id}.json"] = bundle
        if self._portion.objects:
            yield self._cut()

    def _takes(self, kind: str, identifier: str, created: object, size: int) -> bool:
        """Count an object; whether it is to come."""
        manifest = self._portion.documents.setdefault(MANIFEST, {THREADS: [], EARLIER: {}})
        if isinstance(created, int):
            manifest[EARLIER].setdefault(kind, {}).setdefault(str(created), self._order[kind, created])
            self._order[kind, created] += 1
            if created < self._wanted.since:
                return False
        if kind == "threads":
            manifest[THREADS].append(identifier)
        self._portion.objects.append((kind, identifier))
        self._portion.size += size
        return True

    def _is_full(self, more: int, limit: int) -> bool:
        portion = self._portion
        return bool(portion.objects) and (portion.size + more > limit or len(portion.objects) == MOST_OBJECTS)

    def _cut(self) -> Portion:
        portion, self._portion = self._portion, Portion()
        # Else files would be looked for in what threads mention.
        portion.documents.setdefault(FILE_LIST, [])
        return portion

    def _bytes_of(self, file_id: str) -> Path | None:
        """Where a file's bytes are. Raises Lost for what no request takes."""
        path = self._source.bytes_of(file_id)
        if path is not None and path.stat().st_size > LARGEST_FILE:
            raise Lost("too large for a request: import it where the storage is, without --url")
        return path


def read_earlier(manifest: Any) -> Mapping[tuple[str, int], int]:
    """What a portion's manifest says of those before it. Raises ValueError."""
    earlier = manifest.get(EARLIER) if isinstance(manifest, dict) else None
    found: Order = Counter()
    for kind, seconds in (earlier or {}).items() if isinstance(earlier, dict) else ():
        if not isinstance(seconds, dict):
            raise ValueError(f"{MANIFEST}: {EARLIER}: expected objects")
        for second, count in seconds.items():
            if not isinstance(count, int) or not second.isdecimal():
                raise ValueError(f"{MANIFEST}: {EARLIER}: expected numbers")
            found[kind, int(second)] = count
    return found
