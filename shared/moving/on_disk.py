"""JSON and the bytes of files on disk, as exports and dumps have them, and the names of an export's files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared import json_text
from shared.json_types import Json

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


class NotReadable(Exception):
    """There is nothing at the path that could come in; says why."""


class FolderOfFiles:
    """The bytes of files: `ID`, or `ID.` and more."""

    def __init__(self, folder: Path) -> None:
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        self._paths = {each.name.partition(".")[0]: each for each in found if each.is_file()}

    def bytes_of(self, file_id: str) -> Path | None:
        """Where a file's bytes are."""
        return self._paths.get(file_id)


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


def read(path: Path) -> Any:
    """The JSON in a file, or the list of its lines'. Raises NotReadable."""
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        if path.suffix == ".json":
            return json_text.read(data)
        return [json_text.read(line) for line in data.splitlines() if line.strip()]
    except ValueError as error:
        raise NotReadable(f"{path}: no JSON ({error})") from error
