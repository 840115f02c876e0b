"""One owner's export into the container, in pieces: each phase goes on behind a key, and says when it is done.

What a step has written it notes in a blob of its own; the manifest is made of these. Bytes of files are written once
for all backups, under a name that tells their checksum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final

from shared import layout
from shared.blobs.base import BlobNotFound, Blobs, read_all, write_bytes
from shared.deps import Caller
from shared.json_types import Json
from shared.moving.exports import bundle
from shared.moving.outgoing import Chosen, Outgoing
from shared.moving.sources import ASSISTANTS, FILE_LIST, FILES, MANIFEST, STORES, THREADS
from shared.scheduled import names
from shared.scheduled.state import BackupState
from shared.store.base import Record

#: Rows of a collection read at a time.
STRIDE: Final = 100

#: Whether there is time for one more.
More = Callable[[], bool]


class OwnerExport:
    """The first owner of a backup's state, on the way into the container."""

    def __init__(self, caller: Caller, backups: Blobs, state: BackupState) -> None:
        self._caller, self._backups, self._state = caller, backups, state
        self._out = Outgoing(caller, Chosen())
        #: What this step has written: threads, rows of files, checksums.
        self._part: Json = {THREADS: [], FILES: [], "checksums": {}, "counts": {}}

    async def threads(self, more: More) -> bool:
        """Write thread after thread."""
        done = True
        async for row in self._rows(layout.threads(self._caller.owner), layout.THREAD):
            if not more():
                done = False
                break
            read = await self._out.thread(row.data["id"])
            if read is not None:
                self._part[THREADS].append(row.data["id"])
                await self._write(f"{THREADS}/{row.data['id']}.json", bundle(read))
            self._state.after = row.key
        await self._note()
        return done

    async def rest(self, more: More) -> bool:
        """Write assistants and vector stores."""
        for name, found in ((ASSISTANTS, await self._out.assistants()), (STORES, await self._out.stores())):
            await self._write(name, found)
            self._part["counts"][name.removesuffix(".json")] = len(found)
        await self._note()
        return True

    async def files(self, more: More) -> bool:
        """Write the bytes of files that no earlier backup has written."""
        owner, now, done = self._caller.owner, self._caller.deps.now(), True
        written = {
            names.file_and_checksum(blob.name)[0]: blob async for blob in self._backups.list(names.bytes_of(owner))
        }
        async for row in self._rows(layout.files(owner), layout.FILE):
            if not more():
                done = False
                break
            file = row.data
            there = written.get(file["id"])
            if file["expires_at"] is None or file["expires_at"] > now:
                with suppress(BlobNotFound):  # deleted meanwhile
                    if there is None or there.size != file["bytes"]:
                        checksum = await self._copy(file["id"])
                    else:
                        _, checksum = names.file_and_checksum(there.name)
                    self._part["checksums"][f"{FILES}/{file['id']}"] = checksum
                    self._part[FILES].append(file)
            self._state.after = row.key
        await self._note()
        return done

    async def manifest(self, more: More) -> bool:
        """Write the list of files and, last, the manifest."""
        state, owner = self._state, self._caller.owner
        parts = [each.name async for each in self._backups.list(names.parts(state.backup, owner))]
        read = [json.loads(await read_all(self._backups, name)) for name in parts]
        # A step that died may have noted what was done again later.
        threads = [*dict.fromkeys(each for part in read for each in part[THREADS])]
        files = [*{each["id"]: each for part in read for each in part[FILES]}.values()]
        await self._write(FILE_LIST, files)
        checksums = {name: checksum for part in (*read, self._part) for name, checksum in part["checksums"].items()}
        counts = {name: count for part in read for name, count in part["counts"].items()}
        counts |= {"files": len(files), "threads": len(threads)}
        manifest = {"export_schema": "assistants-export-manifest/v1", "exported_at": int(state.begun), "owner": owner}
        await self._write(MANIFEST, manifest | {"counts": counts, "threads": threads, "checksums": checksums})
        state.done[owner] = counts
        return True

    async def _rows(self, partition: str, prefix: str) -> AsyncIterator[Record]:
        """The rows of a collection behind the state's key, oldest first."""
        last = self._state.after or f"{prefix}~"
        scan = self._caller.deps.store.scan
        while rows := await scan(partition, prefix, last, STRIDE, backwards=True):
            for row in rows:
                yield row
            last = rows[-1].key

    async def _copy(self, file_id: str) -> str:
        """Write a file's bytes; their checksum. They are read twice: it stands in the name. Raises BlobNotFound."""
        owner, source, digest = self._caller.owner, self._caller.deps.blobs, hashlib.sha256()
        blob = layout.file_blob(owner, file_id)
        async for piece in source.read(blob):
            digest.update(piece)
        checksum = digest.hexdigest()
        await self._backups.write(names.bytes_of(owner, file_id, checksum), source.read(blob))
        return checksum

    async def _write(self, name: str, value: Any) -> None:
        data = (json.dumps(value, sort_keys=True, indent=1) + "\n").encode("ascii")
        self._part["checksums"][name] = hashlib.sha256(data).hexdigest()
        await write_bytes(self._backups, names.exported(self._state.backup, self._caller.owner, name), data)

    async def _note(self) -> None:
        """Keep what this step has written, for the manifest."""
        state, phase = self._state, ("threads", "rest", "files").index(self._state.phase)
        name = names.part(state.backup, self._caller.owner, state.step, phase)
        await write_bytes(self._backups, name, json.dumps(self._part).encode("ascii"))
