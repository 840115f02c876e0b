"""Requests to the storage account past the client libraries' pipelines, whose policies cost more than the request.

What stays theirs: the address, the credential and how it signs, the connections, the kinds of errors. Attempts are
repeated by our callers (`shared.azure.account`), as always.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from wsgiref.handlers import format_date_time

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline import AsyncPipeline
from azure.core.rest import AsyncHttpResponse, HttpRequest

if TYPE_CHECKING:  # heavy: whoever has a client has loaded its library
    from azure.data.tables.aio import TableServiceClient
    from azure.storage.queue.aio import QueueServiceClient

#: The status of what was read; what was written is 201, 202 or 204. From `FAILED` on nothing was done.
READ: Final = 200
FAILED: Final = 300
MISSING: Final = frozenset({"ResourceNotFound", "TableNotFound", "EntityNotFound", "QueueNotFound", "MessageNotFound"})
UNAUTHENTICATED: Final = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"})


class Requests:
    """Sends requests to one service of an account; closed with the client that it was made from."""

    def __init__(self, url: str, version: str, policy: Any, transport: Any) -> None:
        """`url` may end in a shared access signature; `policy` adds the credential to a request."""
        address, _, self._signature = url.partition("?")
        #: The service's address, without a slash at the end.
        self.url = address.rstrip("/")
        self.version = version
        self._pipeline: AsyncPipeline[HttpRequest, AsyncHttpResponse] = AsyncPipeline(
            transport, [] if policy is None else [policy]
        )

    # The libraries have no public way to their credential's policy and their connections; the contract tests, which
    # run with each kind of credential, tell when another release keeps them elsewhere.

    @classmethod
    def to_tables(cls, client: TableServiceClient) -> Requests:
        """Over the client's connections, with its credential."""
        policies = {type(policy).__name__: policy for policy in client._policies}
        names = ("SharedKeyCredentialPolicy", "AsyncBearerTokenChallengePolicy", "AzureSasCredentialPolicy")
        policy = next((policies[name] for name in names if name in policies), None)
        return cls(client.url, client.api_version, policy, client._client._client._pipeline._transport)

    @classmethod
    def to_queues(cls, client: QueueServiceClient) -> Requests:
        """Over the client's connections, with its credential."""
        return cls(client.url, client.api_version, client._credential_policy, client._pipeline._transport)

    async def send(
        self, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> AsyncHttpResponse:
        """The answer, read; `path` and `query` are quoted already. Raises AzureError, whose `error_code` is set."""
        query = "&".join(part for part in (query, self._signature) if part)
        request = HttpRequest(
            method,
            f"{self.url}/{path}?{query}" if query else f"{self.url}/{path}",
            headers={"x-ms-version": self.version, "x-ms-date": now(), **(headers or {})},
            content=content or None,
        )
        response = (await self._pipeline.run(request)).http_response
        # A page of a proxy's comes with 200 also where something was to be written.
        if response.status_code >= FAILED or (response.status_code == READ and method != "GET"):
            raise failure(response)
        return response


def now() -> str:
    """The time as HTTP has it."""
    return format_date_time(time.time())


def failure(response: AsyncHttpResponse) -> HttpResponseError:
    """The libraries' error for an answer that is one."""
    code, message = response.headers.get("x-ms-error-code", ""), response.reason
    with suppress(ValueError, KeyError, TypeError):
        code, message = odata_error(response.json())
    error = kind_of(code)(response=response)
    error.message, error.args = (
        f"{response.status_code} {code}: {message}",
        (f"{response.status_code} {code}: {message}",),
    )
    error.error_code = code  # type: ignore[attr-defined]  # as the libraries leave it
    return error


def odata_error(answer: Any) -> tuple[str, str]:
    """Code and message of a table service's error. Raises KeyError or TypeError when it is none."""
    found = answer["odata.error"]
    return str(found["code"]), str(found["message"]["value"])


def kind_of(code: str) -> type[HttpResponseError]:
    """The class of error that a service's code stands for."""
    if code in MISSING:
        return ResourceNotFoundError
    if code.endswith("AlreadyExists"):
        return ResourceExistsError
    return ClientAuthenticationError if code in UNAUTHENTICATED else HttpResponseError
