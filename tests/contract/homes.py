"""Where adapters keep things in a test: each call opens one more adapter on the same data, as another host would."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from azure.core.exceptions import ResourceNotFoundError

from shared.azure.account import BACKOFF, StorageAccount
from shared.backoff import Backoff
from shared.blobs.azure import AzureBlobs
from shared.blobs.base import Blobs
from shared.blobs.folder import FolderBlobs
from shared.queue.azure import AzureQueue
from shared.queue.base import Queue
from shared.queue.sqlite import SqliteQueue
from shared.sqlite import Database
from shared.store.base import Store
from shared.store.sqlite import SqliteStore
from shared.store.tables import TablesStore


class Home(Protocol):
    def store(self) -> Store: ...
    def blobs(self) -> Blobs: ...
    def queue(self, name: str = "runs") -> Queue: ...
    def both(self) -> tuple[Store, Queue]: ...
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

    def both(self) -> tuple[Store, Queue]:
        """A store and a queue that know that they share a file, as those of a box do."""
        database = self._database()
        return SqliteStore(database), SqliteQueue(database, "runs")

    async def close(self) -> None:
        for database in self._databases:
            await database.close()

    def _database(self) -> Database:
        database = Database(self._folder / "box.db")
        self._databases.append(database)
        return database


class AzureHome:
    """Names of its own in the shared emulator, so that tests do not meet."""

    def __init__(self, connection_string: str, backoff: Backoff = BACKOFF):
        self._connection_string, self._backoff = connection_string, backoff
        self._suffix = uuid4().hex[:20]
        self._accounts: list[StorageAccount] = []

    def store(self) -> TablesStore:
        return TablesStore(self.account().tables, self.blobs(), f"records{self._suffix}", self._backoff)

    def blobs(self) -> AzureBlobs:
        return AzureBlobs(self.account().blobs, f"box{self._suffix}", self._backoff)

    def queue(self, name: str = "runs") -> AzureQueue:
        return AzureQueue(self.account().queues, f"{name}{self._suffix}", self._backoff)

    def both(self) -> tuple[Store, Queue]:
        return self.store(), self.queue()

    async def close(self) -> None:
        last = self.account()
        with suppress(ResourceNotFoundError):
            await last.blobs.delete_container(f"box{self._suffix}")
        await last.tables.delete_table(f"records{self._suffix}")
        for account in self._accounts:
            await account.close()

    def account(self) -> StorageAccount:
        account = StorageAccount(self._connection_string)
        self._accounts.append(account)
        return account
