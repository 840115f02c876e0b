"""The queue side of the Functions host: messages of Queue Storage start functions, and come back when those fail.

As the host does: base64 bodies, a ten minute lease while a function runs, `visibilityTimeout` after a failure, and the
`-poison` queue after `maxDequeueCount` attempts.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from tests.functions.runtime import Function, Outcome, Runtime

LEASE_SECONDS = 600
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """The `queues` section of host.json."""

    batch_size: int
    max_dequeue_count: int
    visibility_timeout: float

    @classmethod
    def read(cls, section: dict[str, Any]) -> QueueOptions:
        if section["messageEncoding"] != "base64":
            raise ValueError("these tests know base64 messages only")
        hours, minutes, seconds = map(int, section["visibilityTimeout"].split(":"))
        visibility = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return cls(int(section["batchSize"]), int(section["maxDequeueCount"]), visibility.total_seconds())


async def pump(
    runtime: Runtime, storage: QueueServiceClient, options: QueueOptions, record: Callable[[Outcome], None]
) -> None:
    """Serve every queue trigger of the app until cancelled."""
    listening = [function for function in runtime.functions if function.trigger["type"] == "queueTrigger"]
    async with asyncio.TaskGroup() as group:
        for function in listening:
            group.create_task(_listen(runtime, function, storage, options, record))


async def _listen(
    runtime: Runtime,
    function: Function,
    storage: QueueServiceClient,
    options: QueueOptions,
    record: Callable[[Outcome], None],
) -> None:
    queue = storage.get_queue_client(function.trigger["queueName"])
    await _create(queue)
    free = asyncio.Semaphore(options.batch_size)

    async def serve(message: QueueMessage) -> None:
        try:
            body = base64.b64decode(message.content).decode()
            outcome = await runtime.invoke_queue(function, body, message.id, message.dequeue_count or 0)
            record(outcome)
            await _settle(queue, storage, message, outcome, options)
        finally:
            free.release()

    async with asyncio.TaskGroup() as group:
        while True:
            await free.acquire()
            message = await queue.receive_message(visibility_timeout=LEASE_SECONDS)
            if message is None:
                free.release()
                await asyncio.sleep(POLL_SECONDS)
            else:
                group.create_task(serve(message))


async def _settle(
    queue: QueueClient, storage: QueueServiceClient, message: QueueMessage, outcome: Outcome, options: QueueOptions
) -> None:
    if outcome.ok:
        await queue.delete_message(message)
    elif (message.dequeue_count or 0) < options.max_dequeue_count:
        await queue.update_message(message, visibility_timeout=round(options.visibility_timeout))
    else:
        poison = storage.get_queue_client(f"{queue.queue_name}-poison")
        await _create(poison)
        await poison.send_message(message.content)
        await queue.delete_message(message)


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return
