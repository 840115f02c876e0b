"""How many calls with side effects (mails, events) a run may make, and an owner in an hour; counted before each.

The run's count is in its row (`RunState.count_side_effects`) and committed with the turn that asks for the calls. The
owner's is in a row of its own, committed after that and before the call. Who dies in between leaves a call that is
counted once and never made: no other driver makes it. Other calls are not counted and cost nothing.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Final

from shared import layout
from shared.deps import Deps
from shared.objects.run import RunRecord
from shared.optimistic import until_committed
from shared.store.base import Put, StoreError

logger = logging.getLogger(__name__)

#: Seconds for which an owner's call counts.
HOUR: Final = 3600

NOT_MADE: Final = "This call was not carried out"


async def refusal(deps: Deps, record: RunRecord, call_id: str) -> str | None:
    """Why a call may not be made, for the model; None, if it may: then it is counted as the owner's, too."""
    if record.call_of_turn(call_id) not in record.side_effects:
        limit = deps.settings.side_effects_per_run
        return f"{NOT_MADE}: a run may make {limit} calls with side effects, and this one has. Do not try again."
    try:
        return await until_committed(lambda: _count(deps, record, call_id))
    except StoreError:
        logger.warning("call not counted", extra={"action": "call_not_counted", "run_id": record.run.id}, exc_info=True)
        return f"{NOT_MADE}: it could not be counted. Tell the user."


async def _count(deps: Deps, record: RunRecord, call_id: str) -> str | None:
    limit, now = deps.settings.side_effects_per_hour, deps.clock()
    partition = layout.side_effects(record.owner)
    digest = hashlib.sha256(
        f"{record.run.thread_id} {record.run.id} {record.call_of_turn(call_id)}".encode()
    ).hexdigest()
    row = await deps.store.get(partition, layout.LAST_HOUR_KEY)
    made = {} if row is None else {each: at for each, at in row.data["calls"].items() if at > now - HOUR}
    if digest in made:
        return None
    if len(made) >= limit:
        return f"{NOT_MADE}: {limit} calls with side effects an hour are allowed, and they are used up. Tell the user."
    data, version = {"calls": {**made, digest: now}}, None if row is None else row.version
    await deps.store.commit(partition, [Put(layout.LAST_HOUR_KEY, data, version)])
    return None
