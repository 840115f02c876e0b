"""Whether those are told who asked to be told of events."""

from __future__ import annotations

from shared.deps import Deps
from shared.doctor.findings import Finding, broken, ok
from shared.webhooks import kept


async def webhooks(deps: Deps) -> Finding:
    """What webhooks could not be told, and which want no more."""
    named = deps.settings.webhooks
    lost, off = len(await kept.undelivered(deps)), [each["webhook"] for each in await kept.switched_off(deps)]
    told = [f"{lost} notices given up: see `webhooks list`"] if lost else []
    told += [f"off since their server answered 410: {', '.join(off)}"] if off else []
    if told:
        return broken("webhooks", "; ".join(told))
    return ok("webhooks", f"{', '.join(named)}: nothing was given up" if named else "none named")
