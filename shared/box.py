"""A whole box as hosts use it: one method for each kind of message, one for the timer, the app for HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.types import ASGIApp

from shared import housekeeping
from shared.api.health import Health
from shared.assistants import models
from shared.deadline import Overdue, invocation
from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import Malformed
from shared.queue.consumer import RETRY_DELAY, Consumer
from shared.runs.driven import DrivenRuns
from shared.runs.worker import Worker
from shared.vector_stores.worker import IngestionWorker
from shared.webhooks.notices import is_notice
from shared.webhooks.worker import WebhookWorker

if TYPE_CHECKING:  # loaded where there are backups
    from shared.scheduled.worker import BackupWorker

logger = logging.getLogger(__name__)

#: How often housekeeping is due, as the timer trigger's schedule says, too.
HOUSEKEEPING_SECONDS: Final = 3600
#: Seconds.
DAY: Final = 24 * 3600

Close = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Box:
    """A box, ready to serve and to work."""

    deps: Deps
    worker: Worker
    ingestion_worker: IngestionWorker
    driven: DrivenRuns
    asgi: ASGIApp
    close_storage: Close
    webhook_worker: WebhookWorker
    #: None: there is no place for backups.
    backup_worker: BackupWorker | None

    async def handle_run(self, body: Json) -> None:
        """A message of the queue `runs`."""
        with invocation(self.deps.granted), self.deps.telemetry.message("runs", body):
            await (self.webhook_worker if is_notice(body) else self.worker).handle(body)

    async def handle_poisoned_run(self, body: Json) -> None:
        """A message of the queue `runs-poison`."""
        self.deps.telemetry.poisoned("runs")
        with invocation(self.deps.granted), _dropping("runs"):
            await (self.webhook_worker if is_notice(body) else self.worker).poisoned(body)

    async def handle_ingestion(self, body: Json) -> None:
        """A message of the queue `ingestion`."""
        with invocation(self.deps.granted), self.deps.telemetry.message("ingestion", body):
            await self.ingestion_worker.handle(body)

    async def handle_poisoned_ingestion(self, body: Json) -> None:
        """A message of the queue `ingestion-poison`."""
        self.deps.telemetry.poisoned("ingestion")
        with invocation(self.deps.granted), _dropping("ingestion"):
            await self.ingestion_worker.poisoned(body)

    async def handle_backup(self, body: Json) -> None:
        """A message of the queue `backups`."""
        with invocation(self.deps.granted):
            await self._backups.handle(body)

    async def handle_poisoned_backup(self, body: Json) -> None:
        """A message of the queue `backups-poison`."""
        self.deps.telemetry.poisoned("backups")
        with invocation(self.deps.granted), _dropping("backups"):
            await self._backups.poisoned(body)

    async def on_timer(self) -> None:
        """What the timer trigger does: housekeeping, backups, and a look at model and storage that logs what fails.

        Each of them whatever became of the others; then the first failure is raised.
        """
        failures: list[Exception] = []
        for part in (self.housekeeping, self._look_at_backups, Health(self.deps).look):
            try:
                await part()
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]

    async def housekeeping(self, *, thorough: bool = False) -> None:
        """What is done every hour: overdue records; orphaned blobs once a day, or if it is to be thorough."""
        try:
            with invocation(self.deps.granted):
                await housekeeping.sweep(self.deps)
                await housekeeping.report_poison(self.deps)
                await housekeeping.age(self.deps)
                await housekeeping.add_up_usage(self.deps)
                daily = thorough or self.deps.now() % DAY < HOUSEKEEPING_SECONDS
                if daily:
                    await housekeeping.remove_orphans(self.deps)
                    await models.report_endings(self.deps)
                await housekeeping.scrub(self.deps, thorough=daily)
        except Overdue:
            logger.warning("housekeeping unfinished", extra={"action": "housekeeping_unfinished"})

    @asynccontextmanager
    async def at_work(self, *, retry_delay: float = RETRY_DELAY) -> AsyncIterator[None]:
        """Take messages from the queues, as the triggers do on Azure; afterwards close everything.

        What failed is tried again after `retry_delay` seconds.
        """
        self.deps.wakes.open()
        visibility = self.deps.settings.lease_seconds
        runs = Consumer(
            self.deps.queue,
            self.handle_run,
            self.handle_poisoned_run,
            limit=max(1, self.deps.settings.runs_at_once),
            visibility=visibility,
            retry_delay=retry_delay,
        )
        ingestion = self._ingestion(retry_delay)
        try:
            async with _doing(runs.run(), ingestion.run(), self._keep_house(), self._back_up(retry_delay)):
                yield
        finally:
            await self.close()

    @asynccontextmanager
    async def ingesting(self) -> AsyncIterator[None]:
        """Take messages from the queue `ingestion` alone: files are indexed, runs are left to others."""
        async with _doing(self._ingestion(RETRY_DELAY).run()):
            yield

    def _ingestion(self, retry_delay: float) -> Consumer:
        return Consumer(
            self.deps.ingestion,
            self.handle_ingestion,
            self.handle_poisoned_ingestion,
            limit=self.deps.readers.at_once,
            # Twice a lease: a slow file may be read twice, but a dead host is not waited for.
            visibility=2 * self.deps.settings.lease_seconds,
            retry_delay=retry_delay,
        )

    @property
    def _backups(self) -> BackupWorker:
        """Who takes them. Raises RuntimeError in a home that has no place for them, and so no messages about them."""
        if self.backup_worker is None:
            raise RuntimeError("There is no place for backups.")
        return self.backup_worker

    async def _look_at_backups(self) -> None:
        if self.backup_worker is not None:
            await self.backup_worker.look()

    async def _back_up(self, retry_delay: float) -> None:
        """Take messages from the queue `backups`, if there is one."""
        if self.deps.backup_steps is None:
            return
        steps = Consumer(
            self.deps.backup_steps,
            self.handle_backup,
            self.handle_poisoned_backup,
            limit=1,
            visibility=self.deps.granted,
            retry_delay=retry_delay,
        )
        await steps.run()

    async def _keep_house(self) -> None:
        thorough = True  # a laptop may never be on when the day begins
        while True:
            try:
                await self._look_at_backups()
                await self.housekeeping(thorough=thorough)
                thorough = False
            except Exception:
                logger.exception("housekeeping failed", extra={"action": "housekeeping_failed"})
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def close(self) -> None:
        """Release what is being driven, then everything that is open."""
        await self.driven.close()
        await self.deps.close()
        await self.close_storage()


@contextmanager
def _dropping(queue: str) -> Iterator[None]:
    """Let a message go that is none: it was tried as often as others, and would come again for ever."""
    try:
        yield
    except Malformed as error:
        extra = {"action": "message_dropped", "queue": queue, "reason": str(error)}
        logger.error("message dropped", extra=extra)


@asynccontextmanager
async def _doing(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Keep this work going while the block runs; cancelled at its end."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
