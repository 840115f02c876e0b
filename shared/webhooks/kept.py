"""What is written down about webhooks: notices that could not be delivered, and webhooks that want no more.

No row has an address or a secret. Rows of notices go after a month.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

from shared import layout
from shared.deps import Deps
from shared.json_types import Json
from shared.optimistic import until_committed
from shared.settings.values import Webhook
from shared.store.base import Delete, Put, Record
from shared.webhooks.notices import Notice

#: Seconds for which a notice is kept that could not be delivered.
NOTICE_SECONDS: Final = 30 * 24 * 3600
#: Rows that are read at a time.
AT_ONCE: Final = 100


async def keep(deps: Deps, notice: Notice, why: str) -> None:
    """Write down that a notice was given up."""
    data = {"notice": notice.to_json(), "why": why, "at": deps.now()}
    await _write(deps, f"{layout.UNDELIVERED}{notice.notice_id}:{notice.webhook}", data, deps.now() + NOTICE_SECONDS)


async def undelivered(deps: Deps) -> list[Record]:
    """Every notice that was given up."""
    return await _rows(deps, layout.UNDELIVERED)


async def replay(deps: Deps, ids: Collection[str] | None) -> list[str]:
    """Send notices again that were given up, all or those of these ids; the ids of those that were there.

    Raises QueueUnavailable.
    """
    sent: dict[str, None] = {}
    for row in await undelivered(deps):
        notice = Notice.from_json(row.data["notice"])
        if ids is None or notice.notice_id in ids:
            await deps.queue.send(notice.to_json())
            await deps.store.commit(layout.WEBHOOKS, [Delete(row.key)])
            sent[notice.notice_id] = None
    return [*sent]


async def switch_off(deps: Deps, name: str, hook: Webhook) -> None:
    """The webhook's server wants no more notices at this address."""
    data = {"webhook": name, "at": deps.now(), "address": _mark(hook)}
    await _write(deps, f"{layout.SWITCHED_OFF}{name}", data)


async def switch_on(deps: Deps, name: str) -> bool:
    """Tell the webhook again; whether it was off."""
    key = f"{layout.SWITCHED_OFF}{name}"
    if await deps.store.get(layout.WEBHOOKS, key) is None:
        return False
    await deps.store.commit(layout.WEBHOOKS, [Delete(key)])
    return True


async def is_off(deps: Deps, name: str, hook: Webhook) -> bool:
    """Whether the server at the webhook's present address wants no more."""
    found = await deps.store.get(layout.WEBHOOKS, f"{layout.SWITCHED_OFF}{name}")
    return found is not None and found.data["address"] == _mark(hook)


async def switched_off(deps: Deps) -> list[Json]:
    """The webhooks of the settings that are off: `webhook` and `at`."""
    named = deps.settings.webhooks
    rows = [each.data for each in await _rows(deps, layout.SWITCHED_OFF)]
    return [row for row in rows if row["webhook"] in named and row["address"] == _mark(named[row["webhook"]])]


async def _write(deps: Deps, key: str, data: Json, due: int | None = None) -> None:
    async def attempt() -> None:
        before = await deps.store.get(layout.WEBHOOKS, key)
        version = None if before is None else before.version
        await deps.store.commit(layout.WEBHOOKS, [Put(key, data, version, due)])

    await until_committed(attempt)


async def _rows(deps: Deps, prefix: str) -> list[Record]:
    found, first = [], prefix
    while rows := await deps.store.scan(layout.WEBHOOKS, first, f"{prefix}~", AT_ONCE):
        found += rows
        first = rows[-1].key + "!"
    return found


def _mark(hook: Webhook) -> str:
    """What stands for an address, which may have something secret in it."""
    return hashlib.sha256(hook.url.encode()).hexdigest()
