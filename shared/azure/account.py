"""The Azure storage account: one client per service, and calls repeated while what they fail for is transient.

Adapters that speak to it import this; hosts without one never load it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.request import getproxies

from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, HttpResponseError

from shared.backoff import Backoff

if TYPE_CHECKING:  # heavy: each client is loaded on first use
    from azure.data.tables.aio import TableServiceClient
    from azure.identity.aio import DefaultAzureCredential
    from azure.storage.blob.aio import BlobServiceClient
    from azure.storage.queue.aio import QueueServiceClient

T = TypeVar("T")

#: Between attempts at a call of the storage account.
BACKOFF: Final = Backoff(first=0.1, factor=3, attempts=5, spread=(0.5, 1.5))
#: Throttled, timed out, or a server that failed or was moved: worth another attempt.
TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
BAD_REQUEST: Final = 400

#: Every attempt is ours (`retry`), so that a commit knows whether an earlier one may have arrived. Whether there is a
#: proxy is found out once: the connections would look through the environment for every request.
CLIENT_OPTIONS: Final[dict[str, Any]] = {
    "retry_total": 0,
    "connection_timeout": 5,
    "read_timeout": 30,
    "use_env_settings": bool(getproxies().keys() & {"http", "https", "all"}),
}

EMULATOR: Final = "UseDevelopmentStorage=true"
#: The emulator's account, as published with it.
EMULATOR_ACCOUNT: Final = (
    "AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)


@dataclass(frozen=True)
class StorageAccount:
    """An account by connection string, or by the three service addresses and an identity."""

    connection_string: str = ""
    table_uri: str = ""
    blob_uri: str = ""
    queue_uri: str = ""
    #: Of a user-assigned identity; empty: whatever DefaultAzureCredential finds.
    client_id: str = ""
    #: Over CLIENT_OPTIONS: a `transport` of one's own, for instance.
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tables(self) -> TableServiceClient:
        """The client of the account's tables, made on first use."""
        from azure.data.tables.aio import TableServiceClient

        if self.connection_string:
            return TableServiceClient.from_connection_string(self._connection_string, **self._options)
        return TableServiceClient(self.table_uri, credential=self._credential, **self._options)

    @cached_property
    def blobs(self) -> BlobServiceClient:
        """The client of the account's blobs, made on first use."""
        from azure.storage.blob.aio import BlobServiceClient

        if self.connection_string:
            return BlobServiceClient.from_connection_string(self._connection_string, **self._options)
        return BlobServiceClient(self.blob_uri, credential=self._credential, **self._options)

    @cached_property
    def queues(self) -> QueueServiceClient:
        """The client of the account's queues, made on first use."""
        from azure.storage.queue.aio import QueueServiceClient

        if self.connection_string:
            return QueueServiceClient.from_connection_string(self._connection_string, **self._options)
        return QueueServiceClient(self.queue_uri, credential=self._credential, **self._options)

    async def close(self) -> None:
        """Close the clients that were made."""
        for name in ("tables", "blobs", "queues", "_credential"):
            opened = self.__dict__.get(name)
            if opened is not None:
                await opened.close()

    @cached_property
    def _credential(self) -> DefaultAzureCredential:
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential(managed_identity_client_id=self.client_id or None)

    @property
    def _options(self) -> dict[str, Any]:
        return {**CLIENT_OPTIONS, **self.options}

    @property
    def _connection_string(self) -> str:
        emulated = self.connection_string.rstrip(";") == EMULATOR
        return EMULATOR_ACCOUNT if emulated else self.connection_string


async def retry(call: Callable[[], Awaitable[T]], backoff: Backoff = BACKOFF) -> T:
    """Make the call, and again with growing delays while its failures are transient. For calls that may repeat.

    Raises AzureError, of an answer that cannot be read DecodeError.
    """
    for delay in backoff.delays():
        try:
            return await _read(call)
        except AzureError as error:
            if not is_transient(error):
                raise
        await asyncio.sleep(delay)
    return await _read(call)


async def _read(call: Callable[[], Awaitable[T]]) -> T:
    """The call's answer; what the libraries stumble over, such as a page of a proxy's, is none of the service's."""
    try:
        return await call()
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise DecodeError(f"an answer that cannot be read ({type(error).__name__})") from error


def is_transient(error: AzureError) -> bool:
    """Whether another attempt may succeed: no answer, half an answer, or one that says so."""
    if isinstance(error, ClientAuthenticationError):
        return False
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return status is None or status < BAD_REQUEST or status in TRANSIENT


def code_of(error: BaseException | None) -> str:
    """The service's own word for the error, such as `EntityAlreadyExists`; empty when it had none."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))
