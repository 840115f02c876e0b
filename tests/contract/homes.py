"""Where adapters keep things in a test: each call opens one more adapter on the same data, as another host would."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from shared.blobs.base import Blobs
from shared.blobs.folder import FolderBlobs
from shared.queue.base import Queue
from shared.queue.sqlite import SqliteQueue
from shared.sqlite import Database
from shared.store.base import Store
from shared.store.sqlite import SqliteStore


class Home(Protocol):
    def store(self) -> Store: ...
    def blobs(self) -> Blobs: ...
    def queue(self, name: str = "runs") -> Queue: ...
    async def close(self) -> None: ...


class EmbeddedHome:
    def __init__(self, folder: Path):
        self._folder = folder
        self._databases: list[Database] = []

    def store(self) -> Store:
        return SqliteStore(self._database())

    def blobs(self) -> Blobs:
        return FolderBlobs(self._folder / "blobs")

    def queue(self, name: str = "runs") -> Queue:
        return SqliteQueue(self._database(), name)

    async def close(self) -> None:
        for database in self._databases:
            await database.close()

    def _database(self) -> Database:
        database = Database(self._folder / "box.db")
        self._databases.append(database)
        return database
