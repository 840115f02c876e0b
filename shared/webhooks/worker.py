"""What a notice in the queue means: tell its webhook, now or later, or write down that it cannot be told.

Nothing here remembers a notice between two messages; the next attempt is in the queue before this one's message goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import COMMIT_WAITS, again
from shared.settings.values import Webhook
from shared.tools import reach
from shared.tools.reach import Resolve
from shared.webhooks import delivery, events, kept
from shared.webhooks.notices import Notice

logger = logging.getLogger(__name__)

#: Whether the commit came that a notice tells of, and it is still worth telling. None: it may be on its way.
Happened = Callable[[Deps, Notice], Awaitable[bool | None]]

#: Seconds between attempts at a server that does not take a notice: nine attempts within two days.
WAITS: Final = (5.0, 30.0, 120.0, 600.0, 3600.0, 4 * 3600.0, 12 * 3600.0, 24 * 3600.0)
#: Seconds that an attempt may take, from the lookup of the name to the status.
ANSWER_SECONDS: Final = 10.0
#: Attempts at one webhook that a process makes at once: a slow server must not hold up runs.
AT_ONCE: Final = 4
#: Seconds until a notice is looked at again for which there is no room.
NO_ROOM: Final = 3.0


class WebhookWorker:
    """Takes up notices, each by itself."""

    def __init__(
        self,
        deps: Deps,
        happened: Mapping[str, Happened],
        *,
        waits: Sequence[float] = WAITS,
        seconds: float = ANSWER_SECONDS,
        resolve: Resolve = reach.resolve,
    ) -> None:
        """`happened` by how types of events begin."""
        self._deps, self._happened, self._waits = deps, happened, waits
        self._seconds, self._resolve = seconds, resolve
        self._under_way: Counter[str] = Counter()

    async def handle(self, body: Json) -> None:
        """Do what a notice asks for. It may come twice, late, or for what never happened."""
        notice = Notice.from_json(body)
        hook = self._deps.settings.webhooks.get(notice.webhook)
        if hook is None or not events.hears(hook, notice.owner):
            logger.info("webhook forgotten", extra={"action": "webhook_forgotten", **_about(notice)})
            return
        happened = await self._await_commit(notice)
        if happened is None:
            await again(self._deps.queue, notice)
        elif happened and not await kept.is_off(self._deps, notice.webhook, hook):
            await self._tell(hook, replace(notice, happened=True))

    async def poisoned(self, body: Json) -> None:
        """A notice on which the worker itself failed again and again."""
        await self._give_up(Notice.from_json(body), "the box could not read or write what it needed")

    async def _await_commit(self, notice: Notice) -> bool | None:
        look = next(look for start, look in self._happened.items() if notice.type.startswith(start))
        for wait in COMMIT_WAITS.delays():
            happened = await look(self._deps, notice)
            if happened is not None:
                return happened
            await asyncio.sleep(wait)
        return None

    async def _tell(self, hook: Webhook, notice: Notice) -> None:
        if self._under_way[notice.webhook] >= AT_ONCE:
            await self._deps.queue.send(notice.to_json(), NO_ROOM)
            return
        self._under_way[notice.webhook] += 1
        try:
            allowed, now = self._deps.settings.webhook_allowed_hosts, self._deps.now()
            outcome = await delivery.attempt(hook, notice, now, allowed, self._seconds, self._resolve)
        finally:
            self._under_way[notice.webhook] -= 1
        if outcome.is_gone:
            logger.error("webhook switched off", extra={"action": "webhook_switched_off", **_about(notice)})
            await kept.switch_off(self._deps, notice.webhook, hook)
        elif outcome.failure:
            await self._failed(notice, outcome.failure)
        else:
            logger.info("webhook told", extra={"action": "webhook_told", **_about(notice)})

    async def _failed(self, notice: Notice, why: str) -> None:
        if notice.failures >= len(self._waits):
            await self._give_up(notice, why)
            return
        delay = self._waits[notice.failures]
        extra = {"action": "webhook_not_told", "reason": why, "delay": delay, **_about(notice)}
        logger.warning("webhook not told", extra=extra)
        await self._deps.queue.send(replace(notice, failures=notice.failures + 1).to_json(), delay)

    async def _give_up(self, notice: Notice, why: str) -> None:
        logger.error("webhook given up", extra={"action": "webhook_given_up", "reason": why, **_about(notice)})
        await kept.keep(self._deps, replace(notice, failures=0, returns=0), why)


def _about(notice: Notice) -> Json:
    return {"webhook": notice.webhook, "webhook_id": notice.notice_id, "type": notice.type}
