"""Whether the box works: the process always answers; asked deeply, the model and the storage have to."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shared import housekeeping
from shared.api.answers import answer
from shared.api.directory import Pages
from shared.blobs.base import BlobsUnavailable
from shared.deps import Deps
from shared.json_types import Json
from shared.queue.base import QueueUnavailable
from shared.store.base import StoreError
from shared.webhooks import kept

logger = logging.getLogger(__name__)

pages = Pages()

#: Seconds for which an answer is given again: nobody can make the box ask its model faster.
FRESH: Final = 10.0
#: Seconds that the storage may take.
STORAGE_TIMEOUT: Final = 10.0


@dataclass(slots=True)
class Health:
    """The last look at what the box depends on."""

    deps: Deps
    _seen: Json = field(default_factory=dict)
    _until: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> Json:
        """The state in words without secrets; `status` is `ok` or `failing`."""
        async with self._looking:
            if self.deps.clock() >= self._until:
                self._seen = await self._look()
                self._until = self.deps.clock() + FRESH
        return self._seen

    async def _look(self) -> Json:
        model, (storage, poison, undelivered) = await asyncio.gather(self.deps.llm.health(), self._storage())
        works = model.answers and storage == "answers"
        seen: Json = {
            "status": "ok" if works else "failing",
            "model": model.words,
            "storage": storage,
            "poison": poison,
        }
        if self.deps.settings.webhooks:
            seen["undelivered"] = undelivered
        if model.endpoints:
            seen["endpoints"] = dict(model.endpoints)
        if not works:
            logger.warning("something does not work", extra={"action": "health_failing", **seen})
        return seen

    async def _storage(self) -> tuple[str, int, int]:
        """What the storage says, how many messages wait for a person, and how many notices no webhook took."""
        try:
            async with asyncio.timeout(STORAGE_TIMEOUT):
                await self.deps.store.get("health", "health")
                async for _ in self.deps.blobs.list("health/"):
                    break
                poison = await housekeeping.unreadable(self.deps)
                undelivered = len(await kept.undelivered(self.deps)) if self.deps.settings.webhooks else 0
        except (StoreError, BlobsUnavailable, QueueUnavailable, TimeoutError) as error:
            refused = getattr(error.__cause__, "status_code", None) == HTTPStatus.FORBIDDEN
            return ("refuses the box: see the roles of its identity" if refused else "could not be reached"), 0, 0
        return "answers", len(poison), undelivered


@pages.get("/healthz")
async def health(request: Request) -> Response:
    """The process answers; with `deep=1` also whether the model and the storage do, else 503."""
    if request.query_params.get("deep", "0") in ("", "0", "false"):
        return answer({"status": "ok"})
    seen = await request.app.health.look()
    return answer(seen, 200 if seen["status"] == "ok" else 503)
