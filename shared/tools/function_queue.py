"""Queues of Azure Storage by which Azure functions are called: requests go into one, answers come out of another.

A message is base64 of a JSON object. `CorrelationId` says which request an answer belongs to: of a queue that many
share, everybody takes their own. Only accounts that the operator names are visited: they are sent the box's token.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import math
import re
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from shared.json_types import Json
from shared.tools.base import ToolFailure
from shared.tools.identity import Identity
from shared.tools.reach import PORTS, is_trusted

logger = logging.getLogger(__name__)

#: Bytes of a request as JSON; the service takes 64 KB after base64.
MOST_BYTES: Final = 48 * 1024
#: Messages in one answer of the service, and how many of these are looked through for an answer.
PAGE_MESSAGES: Final = 32
MOST_PAGES: Final = 10
#: Seconds for which an answer that was taken is hidden, until it is deleted or somebody else must take it.
HELD_SECONDS: Final = 5

NAME: Final = re.compile(r"[a-z0-9](-?[a-z0-9]){2,62}")
#: Queues that the box itself listens to.
OWN: Final = re.compile(r"(runs|ingestion|backups)(-poison)?")
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})
NO_QUEUE: Final = 404


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function has answered."""

    value: Any
    #: The message, and those that say the same: (message id, pop receipt).
    messages: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class QueueAccess:
    """Which queues may be used, and how."""

    #: Hosts, or `host:port`, of accounts.
    hosts: Collection[str]
    identity: Identity
    #: Of the box's own account, which is used with its key then.
    connection_string: str = ""

    @asynccontextmanager
    async def open(self, endpoint: str, name: str) -> AsyncIterator[FunctionQueue]:
        """The queue of that name at the service's address. Raises ToolFailure if it may not be used."""
        from azure.core.exceptions import AzureError
        from azure.storage.queue import TextBase64EncodePolicy

        self._check(endpoint, name)
        try:
            async with self._service(endpoint.rstrip("/")) as service:
                encode = TextBase64EncodePolicy()
                client = service.get_queue_client(name, message_encode_policy=encode, message_decode_policy=None)
                yield FunctionQueue(client)
        except AzureError as error:
            raise ToolFailure(f"the queue '{name}' cannot be used: {type(error).__name__}") from error

    def _check(self, endpoint: str, name: str) -> None:
        try:
            parts = urlsplit(endpoint)
            host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise ToolFailure("the address of the queue service is no URL") from error
        if not is_trusted(host, port, self.hosts):
            raise ToolFailure(f"this box uses no queues at '{host}' (AZURE_FUNCTION_QUEUE_HOSTS)")
        if parts.scheme != "https" and host not in LOOPBACK:
            raise ToolFailure("the address of the queue service must begin with https://")
        if parts.query or parts.fragment or parts.username is not None:
            raise ToolFailure("the address of the queue service must carry no signature or name")
        if NAME.fullmatch(name) is None or OWN.fullmatch(name) is not None:
            raise ToolFailure(f"a function cannot have the queue '{name}'")

    @asynccontextmanager
    async def _service(self, endpoint: str) -> AsyncIterator[Any]:
        from azure.storage.queue.aio import QueueServiceClient

        from shared.azure.account import CLIENT_OPTIONS, StorageAccount

        if self.connection_string:
            async with StorageAccount(self.connection_string).queues as own:
                if own.url.partition("?")[0].rstrip("/") == endpoint:
                    yield own
                    return
        identity: AbstractAsyncContextManager[Any] = self.identity()
        async with (
            identity as credential,
            QueueServiceClient(endpoint, credential=credential, **CLIENT_OPTIONS) as service,
        ):
            yield service


class FunctionQueue:
    """One queue, while it is open."""

    def __init__(self, client: Any) -> None:
        self._client, self.name = client, client.queue_name

    @property
    def url(self) -> str:
        """The queue's address, without a signature."""
        return str(self._client.url).partition("?")[0]

    async def send(self, body: Json, seconds: float) -> None:
        """Put a request into the queue, for so many seconds. Raises ToolFailure if it certainly is not there."""
        from azure.core.exceptions import (
            AzureError,
            ClientAuthenticationError,
            HttpResponseError,
            ServiceRequestError,
        )

        text = json.dumps(body)
        if len(text) > MOST_BYTES:
            raise ToolFailure(f"the arguments are too large: {len(text)} of {MOST_BYTES} bytes")
        try:
            await self._client.send_message(text, time_to_live=max(1, math.ceil(seconds)))
        except ClientAuthenticationError as error:
            raise self._closed() from error
        except HttpResponseError as error:
            if error.status_code is not None and error.status_code < 500:
                raise self._refused(error.status_code) from error
            logger.warning("send in doubt", extra={"action": "function_send_in_doubt", "queue": self.name})
        except ServiceRequestError as error:
            raise ToolFailure(f"the queue '{self.name}' was not reached") from error
        except AzureError:
            logger.warning("send in doubt", extra={"action": "function_send_in_doubt", "queue": self.name})

    async def take(self, correlation_id: str) -> Answer | None:
        """The answer to a request, hidden from others for a while, if it is there; what others wait for is left.

        Raises ToolFailure where the queue may not be read; what passes is no answer.
        """
        from azure.core.exceptions import AzureError, ClientAuthenticationError, ResourceNotFoundError

        try:
            front = await self._client.peek_messages(max_messages=PAGE_MESSAGES)
            if len(front) < PAGE_MESSAGES and all(_answered(each.content, correlation_id) is None for each in front):
                return None
            return await self._take(correlation_id)
        except ClientAuthenticationError as error:
            raise self._closed() from error
        except ResourceNotFoundError:
            return None  # of a function that has never answered
        except AzureError:
            logger.warning("answers not read", extra={"action": "function_answers_unread", "queue": self.name})
        return None

    async def delete(self, answer: Answer) -> None:
        """The answer is stored elsewhere. Raises AzureError."""
        from azure.core.exceptions import ResourceNotFoundError

        for message_id, receipt in answer.messages:
            try:
                await self._client.delete_message(message_id, receipt)
            except ResourceNotFoundError:
                continue  # taken by somebody else meanwhile

    async def _take(self, correlation_id: str) -> Answer | None:
        """Look through the queue; everything else in it is let go when the answer is found, or is not there."""
        ours: list[tuple[str, str]] = []
        others: list[tuple[str, str]] = []
        found: Json | None = None
        for _ in range(MOST_PAGES):
            pages = self._client.receive_messages(
                messages_per_page=PAGE_MESSAGES, max_messages=PAGE_MESSAGES, visibility_timeout=HELD_SECONDS
            )
            page = [each async for each in pages]
            for each in page:
                body = _answered(each.content, correlation_id)
                (others if body is None else ours).append((each.id, each.pop_receipt))
                found = found or body
            if found is not None or len(page) < PAGE_MESSAGES:
                break
        await asyncio.gather(*(self._let_go(each) for each in others))
        return None if found is None else Answer(found["Value"], ours)

    async def _let_go(self, message: tuple[str, str]) -> None:
        from azure.core.exceptions import AzureError

        try:
            await self._client.update_message(*message, visibility_timeout=0)
        except AzureError:
            logger.info("message stays hidden", extra={"action": "function_answer_hidden", "queue": self.name})

    def _closed(self) -> ToolFailure:
        return ToolFailure(f"this box's identity may not use the queue '{self.name}'")

    def _refused(self, status: int) -> ToolFailure:
        if status == NO_QUEUE:
            return ToolFailure(f"there is no queue '{self.name}'")
        return ToolFailure(f"the queue '{self.name}' refused the message (HTTP {status})")


def _answered(content: Any, correlation_id: str) -> Json | None:
    """The object in a message, if it answers the request; some functions send JSON without base64."""
    text = str(content)
    try:
        body = json.loads(text if text.lstrip().startswith("{") else base64.b64decode(text, validate=True))
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and body.get("CorrelationId") == correlation_id and "Value" in body else None
