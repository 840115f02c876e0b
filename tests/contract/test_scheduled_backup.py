"""Scheduled backups: taken in steps, each of which may die or come twice, and the same in the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.app import build, embedded_storage
from shared.blobs.base import read_all
from shared.blobs.folder import FolderBlobs
from shared.box import Box
from shared.config import Settings
from shared.deps import Caller
from shared.doctor.backups import backups as looked_at
from shared.files import files
from shared.llm.scripted import ScriptedLlm
from shared.moving.exports import Export
from shared.moving.outgoing import Chosen
from shared.objects.assistant_requests import CreateAssistant
from shared.objects.thread_requests import CreateThread
from shared.queue.sqlite import SqliteQueue
from shared.scheduled.fetching import fetch, whole_backups
from shared.scheduled.worker import BackupWorker
from shared.sqlite import Database
from shared.threads import threads
from tests.fakes.ports import Port

START = 2_000_000_000.0


class Died(BaseException):
    """The process is gone."""


@dataclass
class Filled:
    """A box with a container for backups, whose time stands still."""

    box: Box
    store: Port
    backups: Port
    queue: SqliteQueue
    now: float = START

    async def messages(self, *, step_seconds: float = 0, twice: bool = False) -> int:
        """Take every message, and those that come of it; how many there were."""
        worker, count = BackupWorker(self.box.deps, step_seconds=step_seconds), 0
        while received := await self.queue.receive(1, 60, 0):
            for _ in range(1 + twice):
                await worker.handle(received[0].body)
            await self.queue.delete(received[0])
            count += 1
            self.now += 1
        return count

    async def backup(self, **more: Any) -> int:
        await BackupWorker(self.box.deps).look()
        return await self.messages(**more)

    async def blobs(self) -> dict[str, bytes]:
        """What is in the container, by name."""
        found = [blob.name async for blob in self.box.deps.backups.list("")]
        return {name: await read_all(self.box.deps.backups, name) for name in found}


@asynccontextmanager
async def opened(home: Path, **settings: Any) -> AsyncIterator[Filled]:
    keys = {"ann": SecretStr("k"), "ben": SecretStr("l")}
    given = Settings(_env_file=None, box_home=home, box_api_keys=keys, sandbox="none", backup_hours=24, **settings)
    storage = embedded_storage(given)
    queue = SqliteQueue(Database(home / "queue.db"), "backups")
    store, backups = Port(storage.store), Port(FolderBlobs(home / "backups"))
    storage = replace(storage, store=store, backups=backups, backup_steps=queue)
    box = build(given, storage=storage, llm=ScriptedLlm(), clock=lambda: filled.now)
    filled = Filled(box, store, backups, queue)
    try:
        yield filled
    finally:
        await box.close()


async def fill(filled: Filled) -> None:
    for owner in ("ann", "ben"):
        caller = Caller(filled.box.deps, owner)
        await threads.create(caller, CreateThread(metadata={"of": owner}))
        await threads.create(caller, CreateThread())
        await upload(filled, owner, f"of {owner}")
        await upload(filled, owner, "more")
        await assistants_create(caller)


async def assistants_create(caller: Caller) -> None:
    from shared.assistants import assistants

    await assistants.create(caller, CreateAssistant(model="m"))


async def upload(filled: Filled, owner: str, text: str) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        yield text.encode()

    return str((await files.produce(Caller(filled.box.deps, owner), "note.txt", pieces()))["id"])


async def exported(filled: Filled, owner: str, folder: Path) -> dict[str, bytes]:
    await Export(Caller(filled.box.deps, owner), folder, Chosen()).run(lambda: None)
    return content(folder)


def content(folder: Path) -> dict[str, Any]:
    """An export's files by name, without the manifest's time."""
    found: dict[str, Any] = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    manifest = json.loads(found["manifest.json"])
    return found | {"manifest.json": {name: value for name, value in manifest.items() if name != "exported_at"}}


@pytest.mark.parametrize("twice", [False, True])
async def test_a_backup_is_an_export_of_every_owner(tmp_path: Path, twice: bool) -> None:
    async with opened(tmp_path / "home") as filled:
        await fill(filled)
        assert await filled.backup(twice=twice) > 10
        [told] = [each async for each in whole_backups(filled.box.deps.backups)]
        assert told["owners"]["ann"] == {"assistants": 1, "files": 2, "threads": 2, "vector_stores": 0}
        await fetch(filled.box.deps.backups, told["backup"], tmp_path / "fetched", lambda name: None)
        for owner in ("ann", "ben"):
            assert content(tmp_path / "fetched" / owner) == await exported(filled, owner, tmp_path / f"own-{owner}")
        # Nothing is left of the steps.
        assert not [name for name in await filled.blobs() if "/parts/" in name]


async def test_a_backup_comes_in_its_time_and_old_ones_go(tmp_path: Path) -> None:
    async with opened(tmp_path / "home", backups_kept=2) as filled:
        await fill(filled)
        gone = await upload(filled, "ann", "soon deleted")
        worker = BackupWorker(filled.box.deps)
        for _ in range(4):
            assert await filled.backup(step_seconds=60) == 1
            filled.now += 3600
            await worker.look()
            assert await filled.messages() == 0
            if gone:
                await files.delete(Caller(filled.box.deps, "ann"), gone)
                gone = ""
            filled.now += 23 * 3600
        found = [each async for each in whole_backups(filled.box.deps.backups)]
        assert [round((filled.now - each["begun"]) / 86400) for each in found] == [2, 1]
        names = await filled.blobs()
        assert len({name.split("/")[0] for name in names}) == 3
        # Bytes are there once, and as long as a backup names them.
        assert sorted(names[name] for name in names if name.startswith("bytes/ann/")) == [b"more", b"of ann"]


async def test_whatever_step_dies_the_backup_is_the_same_in_the_end(tmp_path: Path) -> None:
    async with opened(tmp_path / "home") as filled:
        await fill(filled)
        await filled.backup()
        wanted = {
            name.partition("/")[2]: data for name, data in (await filled.blobs()).items() if "backup.json" not in name
        }
        for dying in range(1, 200):
            filled.now += 24 * 3600
            left, died = dying, False

            async def mortal(call: Any, *arguments: Any, **more: Any) -> Any:
                nonlocal left, died
                left -= 1
                if left == 0:
                    died = True
                    raise Died
                return await call(*arguments, **more)

            filled.backups.replace(write=mortal, delete=mortal)
            filled.store.replace(commit=mortal)
            with suppress(Died):
                await filled.backup(step_seconds=0 if dying % 8 == 0 else 60)
            # The hour after: the lease is over, and the timer looks, whatever became of the message.
            filled.now += 3600
            await BackupWorker(filled.box.deps).look()
            await filled.messages(step_seconds=60)
            filled.now += 3600
            await BackupWorker(filled.box.deps).look()
            await filled.messages(step_seconds=60)
            filled.backups.replace()
            filled.store.replace()
            last = [each async for each in whole_backups(filled.box.deps.backups)][-1]
            assert round(filled.now - last["begun"]) < 3 * 3600
            found = {name.partition("/")[2]: data for name, data in (await filled.blobs()).items()
                     if name.startswith((last["backup"], "bytes")) and "backup.json" not in name}  # fmt: skip
            assert without_time(found) == without_time(wanted)
            if not died:
                break
        assert dying > 30


def without_time(found: dict[str, bytes]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in json.loads(data).items() if key != "exported_at"}
        if name.endswith("manifest.json")
        else data
        for name, data in found.items()
    }


async def test_a_backup_that_fails_again_and_again_is_given_up(tmp_path: Path) -> None:
    async def refuse(call: Any, *arguments: Any) -> Any:
        raise Died

    async with opened(tmp_path / "home") as filled:
        await fill(filled)
        filled.backups.replace(write=refuse)
        for _ in range(6):
            with suppress(Died):
                await filled.backup()
            filled.now += 3600
        filled.backups.replace()
        assert await filled.messages() == 0
        assert (await looked_at(filled.box.deps)).words == "none is there yet"
        filled.now += 24 * 3600
        assert await filled.backup() > 10
        assert len([each async for each in whole_backups(filled.box.deps.backups)]) == 1


async def test_the_doctor_says_how_old_the_last_one_is(tmp_path: Path) -> None:
    async with opened(tmp_path / "home") as filled:
        assert (await looked_at(filled.box.deps)).state == "warning"
        await filled.backup()
        filled.now = START + 30 * 3600
        seen = await looked_at(filled.box.deps)
        assert (seen.state, seen.words) == ("ok", "the last one, 20330518T033320Z, is 30 hours old")
        filled.now += 24 * 3600
        assert (await looked_at(filled.box.deps)).state == "broken"
        await filled.backups.delete("20330518T033320Z/backup.json")
        assert (await looked_at(filled.box.deps)).words == "the last one, 20330518T033320Z, is gone"
