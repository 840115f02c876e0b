"""The queue side of the Functions host: messages of Queue Storage start functions, and come back when those fail.

As the host does: base64 bodies, looks at an idle queue ever more seldom, a ten minute lease while a function runs,
`visibilityTimeout` after a failure, and the `-poison` queue after `maxDequeueCount` attempts.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from tests.functions.runtime import Function, Outcome
from tests.functions.worker_process import WorkerProcess

LEASE_SECONDS = 600
#: Between looks at a queue that was not empty the last time.
POLL_SECONDS = 0.1
POISON = "-poison"


def seconds(span: str) -> float:
    """A time span as host.json writes it: `00:15:00`, `00:00:00.5`."""
    hours, minutes, rest = span.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(rest)).total_seconds()


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """The `queues` section of host.json."""

    #: Messages handled at once.
    limit: int
    max_dequeue_count: int
    visibility_timeout: float
    max_polling_interval: float

    @classmethod
    def read(cls, section: dict[str, Any]) -> QueueOptions:
        if section["messageEncoding"] != "base64":
            raise ValueError("these tests know base64 messages only")
        return cls(
            int(section["batchSize"]) + int(section["newBatchThreshold"]),
            int(section["maxDequeueCount"]),
            seconds(section["visibilityTimeout"]),
            seconds(section["maxPollingInterval"]),
        )

    def idle_seconds(self, empty: int) -> float:
        """How long to wait after the queue was found empty so many times in a row."""
        return min(self.max_polling_interval, POLL_SECONDS * 2 ** min(empty - 1, 20) * random.uniform(0.8, 1.2))


async def pump(
    worker: WorkerProcess, storage: QueueServiceClient, options: QueueOptions, record: Callable[[Outcome], None]
) -> None:
    """Serve every queue trigger of the app until cancelled."""
    listening = [function for function in worker.functions if function.trigger["type"] == "queueTrigger"]
    async with asyncio.TaskGroup() as group:
        for function in listening:
            group.create_task(_listen(worker, function, storage, options, record))


async def _listen(
    worker: WorkerProcess,
    function: Function,
    storage: QueueServiceClient,
    options: QueueOptions,
    record: Callable[[Outcome], None],
) -> None:
    queue = storage.get_queue_client(function.trigger["queueName"])
    await _create(queue)
    free = asyncio.Semaphore(options.limit)

    async def serve(message: QueueMessage) -> None:
        try:
            arguments = {"message_id": message.id, "dequeue_count": message.dequeue_count or 0}
            try:
                arguments["body"] = base64.b64decode(message.content, validate=True).decode()
            except ValueError:
                await _give_up(queue, storage, message)
                return
            outcome = await worker.invoke(function, "queue", arguments)
            record(outcome)
            await _put(function, storage, outcome)
            await _settle(queue, storage, message, outcome, options)
        finally:
            free.release()

    empty = 0
    async with asyncio.TaskGroup() as group:
        while True:
            await free.acquire()
            message = await queue.receive_message(visibility_timeout=LEASE_SECONDS)
            if message is None:
                free.release()
                empty += 1
                await asyncio.sleep(options.idle_seconds(empty))
            else:
                empty = 0
                group.create_task(serve(message))


async def _put(function: Function, storage: QueueServiceClient, outcome: Outcome) -> None:
    """Messages that the function gave to its output bindings; the host makes their queues."""
    names = {each["name"]: each["queueName"] for each in function.bindings if each["type"] == "queue"}
    for name, text in outcome.outputs.items():
        queue = storage.get_queue_client(names[name])
        await _create(queue)
        await queue.send_message(base64.b64encode(text.encode()).decode())


async def _settle(
    queue: QueueClient, storage: QueueServiceClient, message: QueueMessage, outcome: Outcome, options: QueueOptions
) -> None:
    if outcome.ok:
        await queue.delete_message(message)
    elif (message.dequeue_count or 0) < options.max_dequeue_count:
        await queue.update_message(message, visibility_timeout=round(options.visibility_timeout))
    else:
        await _give_up(queue, storage, message)


async def _give_up(queue: QueueClient, storage: QueueServiceClient, message: QueueMessage) -> None:
    """To the poison queue; what is there already stays there, hidden for as long as its lease."""
    if queue.queue_name.endswith(POISON):
        return
    poison = storage.get_queue_client(queue.queue_name + POISON)
    await _create(poison)
    await poison.send_message(message.content)
    await queue.delete_message(message)


async def _create(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return
