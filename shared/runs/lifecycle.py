"""The run's state machine: which status follows which, and what each transition writes. Pure.

Source: docs/contract.md, Runs.
"""

from __future__ import annotations

from typing import Any, Final

from shared.json_types import Json
from shared.objects.common import Usage
from shared.objects.run import ACTIVE, Run, RunStatus

NEXT: Final[dict[RunStatus, frozenset[RunStatus]]] = {
    "queued": frozenset({"in_progress", "cancelling", "failed", "expired"}),
    "in_progress": frozenset({"requires_action", "completed", "incomplete", "failed", "cancelling", "expired"}),
    "requires_action": frozenset({"queued", "cancelling", "failed", "expired"}),
    "cancelling": frozenset({"cancelled"}),
    "cancelled": frozenset(),
    "failed": frozenset(),
    "completed": frozenset(),
    "incomplete": frozenset(),
    "expired": frozenset(),
}

#: Which field of the run tells when it reached the status.
STAMP: Final[dict[RunStatus, str]] = {
    "in_progress": "started_at",
    "cancelled": "cancelled_at",
    "failed": "failed_at",
    "completed": "completed_at",
}

#: What an unfinished step and message become when the run ends this way, and why.
ENDINGS: Final[dict[str, tuple[str, str]]] = {
    "cancelled": ("cancelled", "run_cancelled"),
    "expired": ("expired", "run_expired"),
    "failed": ("failed", "run_failed"),
    "incomplete": ("completed", "max_tokens"),
}


class IllegalTransitionError(Exception):
    """A status that cannot follow the present one: a fault of the engine, never of a client."""


def is_active(status: RunStatus) -> bool:
    """Whether the run still locks its thread."""
    return status in ACTIVE


def has_expired(run: Run, now: float) -> bool:
    """Whether the run is past its time and must become `expired` (a cancelled one stays on its way)."""
    return run.status in NEXT and "expired" in NEXT[run.status] and run.expires_at is not None and now >= run.expires_at


def advance(
    run: Run,
    status: RunStatus,
    now: int,
    *,
    required_action: Json | None = None,
    last_error: dict[str, str] | None = None,
    incomplete: str | None = None,
    usage: Usage | None = None,
) -> Run:
    """The run in its next status. Raises IllegalTransitionError.

    `usage` and the end of `expires_at` come with the terminal statuses only; `required_action` lives exactly as long as
    `requires_action` does.
    """
    if status not in NEXT[run.status]:
        raise IllegalTransitionError(f"{run.id}: {run.status} -> {status}")
    changes: dict[str, Any] = {"status": status, "required_action": required_action}
    if status in STAMP:
        changes[STAMP[status]] = now
    if last_error is not None:
        changes["last_error"] = last_error
    if incomplete is not None:
        changes["incomplete_details"] = {"reason": incomplete}
    if status not in ACTIVE:
        changes |= {"usage": usage, "expires_at": None}
    return run.replace(**changes)
