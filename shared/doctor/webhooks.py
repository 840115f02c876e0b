"""Whether those are told who asked to be told of events, and may be."""

from __future__ import annotations

import httpx2 as httpx

from shared.deps import Deps
from shared.doctor.findings import Finding, broken, ok
from shared.settings.values import Webhook
from shared.tools import reach
from shared.tools.base import ToolFailure
from shared.tools.domains import domains_of
from shared.webhooks import kept


async def webhooks(deps: Deps) -> Finding:
    """What webhooks could not be told, and which want no more."""
    named = deps.settings.webhooks
    lost, off = len(await kept.undelivered(deps)), [each["webhook"] for each in await kept.switched_off(deps)]
    told = [f"{name}: {words}" for name, hook in named.items() if (words := await _forbidden(deps, hook)) is not None]
    told += [f"{lost} notices given up: see `webhooks list`"] if lost else []
    told += [f"off since their server answered 410: {', '.join(off)}"] if off else []
    if told:
        return broken("webhooks", "; ".join(told))
    return ok("webhooks", f"{', '.join(named)}: nothing was given up" if named else "none named")


async def _forbidden(deps: Deps, hook: Webhook) -> str | None:
    """Why nothing will be sent to the webhook's address; None: it may be. The address itself is not told."""
    try:
        await reach.hop(httpx.URL(hook.url), trusted=domains_of(deps.settings.webhook_allowed_hosts))
    except httpx.InvalidURL:
        return "its address is none"
    except ToolFailure as failure:
        if isinstance(failure.__cause__, OSError | UnicodeError):
            return "its host is not known here"
        return "nothing is sent to its address: WEBHOOK_ALLOWED_HOSTS names hosts that are not public, and other ports"
    return None
