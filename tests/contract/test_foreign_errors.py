"""The map of foreign errors is complete: whatever the client libraries may raise comes out as the port's own."""

from __future__ import annotations

import asyncio
import inspect

import azure.data.tables
import azure.identity
import azure.storage.blob
import azure.storage.queue
import pytest
from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.azure.account import EMULATOR, StorageAccount
from shared.backoff import Backoff
from shared.blobs.azure import AzureBlobs
from shared.blobs.base import BlobNotFound, BlobsUnavailable, read_all, write_bytes
from shared.queue.azure import AzureQueue
from shared.queue.base import QueueUnavailable, Received, Sent
from shared.store.base import Put, Unavailable
from shared.store.tables import TablesStore
from tests.fakes.azure_transport import Refusing

CLIENT_LIBRARIES = (azure.data.tables, azure.identity, azure.storage.blob, azure.storage.queue)


def family(kind: type[AzureError]) -> set[type[AzureError]]:
    return {kind}.union(*(family(child) for child in kind.__subclasses__()))


def one_of(kind: type[AzureError]) -> AzureError:
    """An error made without its constructor, since each takes something else."""
    error = kind.__new__(kind)
    Exception.__init__(error, "trouble")
    error.message, error.continuation_token, error.inner_exception = "trouble", None, None
    error.response = error.status_code = error.reason = error.model = error.error = error._error_format = None
    return error


@pytest.mark.parametrize("kind", sorted(family(AzureError), key=str), ids=lambda kind: kind.__name__)
async def test_every_foreign_error_has_a_place(kind):
    assert all(inspect.ismodule(library) for library in CLIENT_LIBRARIES)
    once = Backoff(first=0, attempts=1)
    account = StorageAccount(EMULATOR, options={"transport": Refusing(one_of(kind))})
    blobs = AzureBlobs(account.blobs, backoff=once)
    store = TablesStore(account.tables, blobs, backoff=once)
    queue = AzureQueue(account.queues, "runs", once)
    message = Received({}, 1, ("id", "receipt"))
    outcomes = await asyncio.gather(
        store.commit("p", [Put("a", {})]),
        store.commit("p", [Put("a", {"text": "x" * 1_000_000})]),
        queue.send({}),
        queue.receive(1, 30, 0),
        queue.delete(message),
        queue.prepare({}, 0, Sent(("id", "receipt"))).make(),
        store.prepare("p", Put("a", {})).make(),
        queue.retry(message, 0),
        write_bytes(blobs, "a", b"x"),
        store.get("p", "a"),
        store.scan("p", "a", "b", 1),
        read_all(blobs, "a"),
        blobs.delete("a"),
        return_exceptions=True,
    )
    await account.close()
    wrong = [o for o in outcomes if not isinstance(o, Unavailable | QueueUnavailable | BlobsUnavailable)]
    if issubclass(kind, ResourceNotFoundError):  # what is read or deleted may be missing
        wrong = [o for o in wrong if not (o in (None, []) or isinstance(o, BlobNotFound))]
    assert wrong == []
