"""Scheduled backups on their way back: what there is in the container, and one as folders that `import` reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from shared.blobs.base import BlobNotFound, Blobs, read_all
from shared.json_types import Json
from shared.moving.sources import FILES, MANIFEST
from shared.scheduled import names

#: Of a file while it is being written.
DRAFT = ".part"


class NotWhole(Exception):
    """A backup that is not there, or of which something is missing or damaged, in a line."""


async def whole_backups(backups: Blobs) -> AsyncIterator[Json]:
    """What every whole backup tells of itself, oldest first. Looks at the names of all blobs."""
    async for blob in backups.list(""):
        if blob.name.endswith(names.MARK):
            yield json.loads(await read_all(backups, blob.name))


async def fetch(backups: Blobs, backup: str, folder: Path, progress: Callable[[str], None]) -> dict[str, Json]:
    """Write each owner's export into a folder of its own below `folder`, checked; counts by owner.

    An owner's manifest comes last. What is there with the right checksum is kept, so it can be started again.
    `progress` is told the name of each file. Raises NotWhole.
    """
    try:
        told = json.loads(await read_all(backups, names.mark(backup)))
        for owner in told["owners"]:
            await _fetch_owner(backups, backup, owner, folder / owner, progress)
    except BlobNotFound as error:
        raise NotWhole(f"{backup}: no such backup, or something of it is gone ({error})") from error
    except ValueError as error:
        raise NotWhole(f"{backup}: {error}") from error
    owners: dict[str, Json] = told["owners"]
    return owners


async def _fetch_owner(backups: Blobs, backup: str, owner: str, folder: Path, progress: Callable[[str], None]) -> None:
    manifest = await read_all(backups, names.exported(backup, owner, MANIFEST))
    for name, checksum in json.loads(manifest)["checksums"].items():
        path = folder / name
        if ".." in path.parts or not path.is_relative_to(folder):
            raise ValueError(f"{name!r} is no file of an export")
        path.parent.mkdir(parents=True, exist_ok=True)
        kind, _, file_id = name.partition("/")
        if kind == FILES and file_id:
            blob = names.bytes_of(owner, file_id, checksum)
        else:
            blob = names.exported(backup, owner, name)
        if not path.exists() or _sha256(path) != checksum:
            await _fetch_file(backups, blob, path, checksum)
        progress(f"{owner}/{name}")
    draft = folder / f"{MANIFEST}{DRAFT}"
    draft.write_bytes(manifest)
    draft.replace(folder / MANIFEST)


async def _fetch_file(backups: Blobs, blob: str, path: Path, checksum: str) -> None:
    draft, digest = path.with_name(path.name + DRAFT), hashlib.sha256()
    with draft.open("wb") as out:
        async for piece in backups.read(blob):
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != checksum:
        draft.unlink()
        raise ValueError(f"{blob} is damaged: it has not the checksum of the manifest")
    draft.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
