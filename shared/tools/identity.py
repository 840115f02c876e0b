"""The box's Azure identity, as tools and the key vault show it to servers: a token for each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from shared.tools.base import ToolFailure


class Credential(Protocol):
    """azure-identity's asynchronous credentials, as far as they are used here."""

    async def get_token(self, *scopes: str) -> Any:
        """A token for the scopes, with its text in `token`."""
        ...


#: Opens a credential: tokens are asked for rarely, so each brings its own connection and leaves nothing open.
Identity = Callable[[], AbstractAsyncContextManager[Credential]]


def azure_identity(client_id: str) -> Identity:
    """The user-assigned identity, or whatever DefaultAzureCredential finds when its client id is empty."""

    def open_credential() -> AbstractAsyncContextManager[Credential]:
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential(managed_identity_client_id=client_id or None)

    return open_credential


async def token_of(identity: Identity, scope: str, server: str) -> str:
    """A token of the box's identity. Raises ToolFailure, in whose words `server` is who does not get it."""
    from azure.core.exceptions import AzureError

    try:
        async with identity() as credential:
            return str((await credential.get_token(scope)).token)
    except AzureError as error:
        raise ToolFailure(f"this box's identity got no token for {server}") from error
