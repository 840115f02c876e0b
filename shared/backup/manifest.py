"""What a backup says of itself. It is written last, so a folder with a manifest is whole.

manifest.json      this: formats, time, counts, size and checksum of every other file
objects.jsonl.gz   every object as the box showed it, a line each: what a restored box is compared with
home/              the files of a box's home
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from shared.layout import FORMAT

#: The form of a backup, major.minor; a newer major is refused.
BACKUP_FORMAT: Final = "1.0"
MANIFEST: Final = "manifest.json"
OBJECTS: Final = "objects.jsonl.gz"
HOME: Final = "home"


class NotDone(Exception):
    """What cannot be done as it was asked, in a line; nothing was changed."""


class Damaged(Exception):
    """A backup, or a box, that is not what it should be, in a line that names the file or the object."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Backup:
    """A whole backup."""

    #: Unix seconds, with fractions: the moment whose state it is.
    taken: float
    #: Objects by kind.
    objects: dict[str, int]
    #: By path below the backup's folder.
    files: dict[str, Entry]
    #: Of stored records.
    records: str = FORMAT
    backup: str = BACKUP_FORMAT

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(entry.bytes for entry in self.files.values())


def write(folder: Path, manifest: Backup) -> None:
    """Make the folder a whole backup."""
    draft = folder / f"{MANIFEST}.part"
    draft.write_text(json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    settle(draft)
    draft.replace(folder / MANIFEST)
    settle(folder)


def read(folder: Path) -> Backup:
    """The backup in a folder. Raises NotDone when there is none that this version reads, Damaged."""
    path = folder / MANIFEST
    if not path.is_file():
        raise NotDone(f"{folder} is no backup: it has no {MANIFEST}, which is written last.")
    try:
        data = json.loads(path.read_bytes())
        formats = {"backup": BACKUP_FORMAT, "records": FORMAT}
        for name, known in formats.items():
            if _major(data[name]) > _major(known):
                raise NotDone(f"{folder} is of format {data[name]} ({name}); this version reads {known}: upgrade it.")
        files = {name: Entry(int(entry["bytes"]), str(entry["sha256"])) for name, entry in data["files"].items()}
        return Backup(float(data["taken"]), dict(data["objects"]), files, data["records"], data["backup"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{path} is damaged: {type(error).__name__}: {error}") from error


def settle(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before going on."""
    if path.is_dir() and os.name != "posix":
        return  # Windows opens no folders; its renames are journalled
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _major(version: str) -> int:
    return int(version.partition(".")[0])
