"""Removing old backups: the newest whole ones stay, with the bytes that they name."""

from __future__ import annotations

import json
from collections.abc import Callable

from shared.blobs.base import BlobNotFound, Blobs, read_all
from shared.moving.sources import FILE_LIST
from shared.scheduled import names
from shared.scheduled.state import BackupState


async def prune(backups: Blobs, state: BackupState, kept: int, more: Callable[[], bool]) -> bool:
    """Remove all but the newest `kept` whole backups, and broken ones; whether that is done. It can be begun again."""
    whole = [each for each in state.known if await _is_whole(backups, each)]
    wanted = whole[-kept:]
    for backup in [each for each in state.known if each not in wanted]:
        await backups.delete(names.mark(backup))
        if not await _remove(backups, names.everything(backup), more):
            return False
        state.known.remove(backup)
    if not await _remove(backups, names.parts(state.last), more):
        return False
    return await _remove_bytes(backups, wanted, [*state.done], more)


async def _remove(backups: Blobs, prefix: str, more: Callable[[], bool]) -> bool:
    """Delete everything with that beginning; False if the time was over before."""
    async for blob in backups.list(prefix):
        if not more():
            return False
        await backups.delete(blob.name)
    return True


async def _remove_bytes(backups: Blobs, wanted: list[str], owners: list[str], more: Callable[[], bool]) -> bool:
    """Delete the bytes of files that no backup names any more."""
    for owner in owners:
        named = {file_id for backup in wanted for file_id in await _files(backups, backup, owner)}
        async for blob in backups.list(names.bytes_of(owner)):
            if names.file_and_checksum(blob.name)[0] in named:
                continue
            if not more():  # asked only where something is done: each step gets on
                return False
            await backups.delete(blob.name)
    return True


async def _files(backups: Blobs, backup: str, owner: str) -> set[str]:
    try:
        listed = json.loads(await read_all(backups, names.exported(backup, owner, FILE_LIST)))
    except BlobNotFound:
        return set()  # an owner that there was not yet
    return {each["id"] for each in listed}


async def _is_whole(backups: Blobs, backup: str) -> bool:
    try:
        await read_all(backups, names.mark(backup))
    except BlobNotFound:
        return False
    return True
