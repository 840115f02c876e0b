"""What is told when a run has come to its end: in its own record, and in the log."""

from __future__ import annotations

import logging

from shared.objects.run import RunRecord
from shared.runs import history

logger = logging.getLogger(__name__)


def note(record: RunRecord, now: float) -> None:
    """Let the commit that ends the run say so in its history."""
    run = record.run
    code, reason = (run.last_error or {}).get("code"), (run.incomplete_details or {}).get("reason")
    history.note(record, now, f"run.{run.status}", code=code, reason=reason)


def log(record: RunRecord, now: float) -> None:
    """Say what came of the run: dashboards and alerts on Azure count these lines."""
    if not logger.isEnabledFor(logging.INFO):
        return
    run, used, error = record.run, record.spent, record.run.last_error
    told = {
        "action": "run_ended",
        "run_id": run.id,
        "owner": record.owner,
        "status": run.status,
        "code": None if error is None else error["code"],
        "seconds": round(now - run.created_at, 1),
        "turns": record.turns,
        "prompt_tokens": used.prompt_tokens,
        "cached_tokens": used.prompt_token_details.get("cached_tokens", 0),
        "completion_tokens": used.completion_tokens,
        "model": run.model,
    }
    logger.info("run ended", extra=told)
