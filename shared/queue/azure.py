"""A queue in Azure, created when it is missing; messages are encoded as the Functions host expects them."""

from __future__ import annotations

import asyncio
import base64
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final, TypeVar
from urllib.parse import quote
from xml.etree import ElementTree

from azure.core.exceptions import AzureError, DecodeError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient

from shared.azure.account import BACKOFF, code_of, retry
from shared.azure.requests import Requests
from shared.backoff import Backoff
from shared.json_types import Json
from shared.prepared import Prepared
from shared.queue.azure_poison import PoisonQueue, body_of
from shared.queue.base import PEEKED, Poison, PoisonMessage, QueueUnavailable, Received, Sent, encode_body

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: How often an empty queue is asked while somebody waits for a message.
POLL_SECONDS: Final = 0.5
#: Messages in one answer, at most.
RECEIVE_LIMIT: Final = 32
#: What the service says of a message that is gone or was taken by somebody else.
LOST: Final = frozenset({"MessageNotFound", "PopReceiptMismatch"})
XML: Final = {"Content-Type": "application/xml", "Accept": "application/xml"}
MESSAGE: Final = "<?xml version='1.0' encoding='utf-8'?>\n<QueueMessage><MessageText>{}</MessageText></QueueMessage>"


class AzureQueue:
    """One named `Queue`. The handle is (message id, pop receipt); delays are rounded up to whole seconds."""

    def __init__(self, service: QueueServiceClient, name: str, backoff: Backoff = BACKOFF) -> None:
        self._service, self._name, self._backoff = service, name, backoff
        #: For what every run does; the library's client for the rest.
        self._requests = Requests.to_queues(service)
        self._queue = service.get_queue_client(
            name, message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=None
        )

    async def send(self, body: Json, delay: float = 0) -> Sent:
        """Store a message that never expires."""
        query, content = f"visibilitytimeout={math.ceil(delay)}&messagettl=-1", _content(body)

        async def call() -> Sent:
            path = f"{self._name}/messages"
            response = await self._requests.send("POST", path, query, XML, content)
            return Sent(_handle(response.content))

        return await self._ask(call)

    def prepare(self, body: Json, delay: float, spare: Sent | None = None) -> Prepared[Sent]:
        """A message for a request of its own: to rewrite the spare one, which costs no more than to send one."""

        async def write() -> Sent:
            sent = None if spare is None else await self._rewrite(spare, body, delay)
            return sent or await self.send(body, delay)

        return Prepared(write)

    async def _rewrite(self, spare: Sent, body: Json, delay: float) -> Sent | None:
        """Update the message; one whose update was applied though its answer was lost counts as taken."""
        id_, receipt = spare.handle
        path, content = f"{self._name}/messages/{id_}", _content(body)
        query = f"popreceipt={quote(receipt, safe='')}&visibilitytimeout={math.ceil(delay)}"

        async def call() -> Sent:
            response = await self._requests.send("PUT", path, query, XML, content)
            return Sent((id_, response.headers.get("x-ms-popreceipt", "")))

        try:
            return await self._ask(call)
        except QueueUnavailable as error:
            if code_of(error.__cause__) not in LOST:
                raise
            return None

    async def receive(self, limit: int, visibility: float, wait: float) -> list[Received]:
        """Take visible messages, asking now and then while there are none."""
        end = time.monotonic() + wait
        while True:
            taken = await self._ask(lambda: self._take(min(limit, RECEIVE_LIMIT), visibility))
            left = end - time.monotonic()
            if taken or left <= 0:
                return taken
            await asyncio.sleep(min(left, POLL_SECONDS))

    async def delete(self, message: Received | Sent) -> None:
        """Remove the message unless somebody else has taken it meanwhile."""
        id_, receipt = message.handle
        path, query = f"{self._name}/messages/{id_}", f"popreceipt={quote(receipt, safe='')}"
        await self._settle(lambda: self._requests.send("DELETE", path, query))

    async def retry(self, message: Received, delay: float) -> None:
        """Make the message visible after `delay` seconds."""
        seconds = math.ceil(delay)
        await self._settle(lambda: self._queue.update_message(*message.handle, visibility_timeout=seconds))

    async def count(self) -> int:
        """How many messages there are, hidden ones included, approximately."""
        properties = await self._ask(self._queue.get_queue_properties)
        return properties.approximate_message_count or 0

    async def poison(self) -> Poison:
        """Look into `NAME-poison`."""
        return await self._poison_queue().look()

    async def poison_messages(self, limit: int = PEEKED) -> list[PoisonMessage]:
        """What is at the front of `NAME-poison`."""
        return await self._poison_queue().messages(limit)

    async def settle_poison(self, ids: Collection[str] | None, *, give_back: bool) -> list[str]:
        """Send again what is to be given back, then delete it."""
        return await self._poison_queue().settle(ids, give_back=give_back)

    def _poison_queue(self) -> PoisonQueue:
        poison = self._service.get_queue_client(f"{self._name}-poison", message_decode_policy=None)
        plain = self._service.get_queue_client(self._name, message_encode_policy=None)

        async def send_back(content: str) -> None:
            await self._ask(partial(plain.send_message, content, time_to_live=-1))

        return PoisonQueue(poison, send_back, self._backoff)

    async def close(self) -> None:
        """Close the service's client."""
        await self._service.close()

    async def _take(self, limit: int, visibility: float) -> list[Received]:
        messages = self._queue.receive_messages(
            messages_per_page=limit, max_messages=limit, visibility_timeout=max(1, math.ceil(visibility))
        )
        return [_received(message) async for message in messages]

    async def _settle(self, call: Callable[[], Awaitable[object]]) -> None:
        try:
            await self._ask(call)
        except QueueUnavailable as error:
            if code_of(error.__cause__) not in LOST:
                raise

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, and again after creating the queue if that is missing."""
        try:
            try:
                return await retry(call, self._backoff)
            except ResourceNotFoundError as error:
                if code_of(error) != "QueueNotFound":
                    raise
                await retry(self._create, self._backoff)
                return await retry(call, self._backoff)
        except AzureError as error:
            raise QueueUnavailable(str(error)) from error

    async def _create(self) -> None:
        try:
            await self._queue.create_queue()
        except ResourceExistsError:
            return


def _content(body: Json) -> bytes:
    """The body as the service takes it. Raises ValueError when it is too large."""
    return MESSAGE.format(base64.b64encode(encode_body(body).encode("ascii")).decode("ascii")).encode("ascii")


def _handle(answer: bytes) -> tuple[str, str]:
    """Id and pop receipt of the message that was stored. Raises DecodeError."""
    try:
        stored = ElementTree.fromstring(answer)  # noqa: S314  the service's own
    except ElementTree.ParseError as error:
        raise DecodeError("an answer that is no XML") from error
    return stored.findtext("*/MessageId", ""), stored.findtext("*/PopReceipt", "")


def _received(message: QueueMessage) -> Received:
    """The message. The SDK's own decoding would refuse the whole answer for one that somebody else has put there."""
    body = body_of(message)
    if body is None:
        logger.warning("foreign message", extra={"action": "foreign_message", "message_id": message.id})
    return Received(body or {}, message.dequeue_count or 1, (message.id, message.pop_receipt))
