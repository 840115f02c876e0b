"""What lies in the container of backups: the only module that spells its blobs' names.

    BACKUP/backup.json                 of a whole backup: time, owners, counts; written last, removed first
    BACKUP/owners/OWNER/…              an export of the owner, but for the bytes of files
    BACKUP/parts/OWNER/STEP.json       what a step has written, until the backup is whole
    bytes/OWNER/FILE/SHA256            the bytes of files, once for all backups

A backup's name is its time, so names sort as they were taken.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

#: How the name of a whole backup's mark ends.
MARK: Final = "/backup.json"


def backup_at(seconds: float) -> str:
    """The name of a backup that is begun at that time (unix seconds)."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"


def mark(backup: str) -> str:
    """The blob that says that a backup is whole."""
    return f"{backup}{MARK}"


def everything(backup: str) -> str:
    """How the names of all blobs of a backup begin."""
    return f"{backup}/"


def exported(backup: str, owner: str, name: str = "") -> str:
    """A file of an owner's export; without a name, how the names of all begin."""
    return f"{backup}/owners/{owner}/{name}"


def parts(backup: str, owner: str = "") -> str:
    """How the names of what steps have written of an owner begin, or of all owners."""
    return f"{backup}/parts/{owner}/" if owner else f"{backup}/parts/"


def part(backup: str, owner: str, step: int, phase: int) -> str:
    """What a step has written in one of its phases."""
    return f"{parts(backup, owner)}{step:06}-{phase}.json"


def bytes_of(owner: str, file_id: str = "", checksum: str = "") -> str:
    """The bytes of a file; without it, how the names of all of the owner begin."""
    return f"bytes/{owner}/{file_id}/{checksum}" if file_id else f"bytes/{owner}/"


def file_and_checksum(blob: str) -> tuple[str, str]:
    """The file and the checksum in the name of its bytes."""
    _, _, file_id, checksum = blob.split("/")
    return file_id, checksum
