"""What goes out before a commit of a run: whoever must know of it is told although we may die right after."""

from __future__ import annotations

from shared.deps import Deps
from shared.runs import approvals, queue_messages, webhook_events
from shared.runs.state import RunState


async def send(deps: Deps, state: RunState, *, ends: bool) -> None:
    """Send the messages about what the run waits for, or that it `ends`, and tell its budget what it has used."""
    record = state.record
    if record.approval is not None and state.reasons:
        await approvals.enlist(deps, record)
    for reason in state.reasons:
        await queue_messages.bring_back(deps, record, reason)
    if deps.settings.webhooks and (ends or (record.run.status == "requires_action" and state.reasons)):
        await webhook_events.send(deps, record)
    if ends or state.has_turned or state.unsaved.total_tokens:
        await deps.budgets.settle(record, over=ends)
