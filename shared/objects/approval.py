"""What waits for somebody's approval, as answered."""

from __future__ import annotations

from typing import Literal

from shared.json_types import Json
from shared.objects.stored import ApiObject


class Approval(ApiObject, kw_only=True):
    """Tool calls of a run that are not carried out before somebody approves them; no part of the hosted API.

    The answer goes to the run's `submit_tool_outputs`, as `tool_approvals`.
    """

    id: str
    object: Literal["approval"] = "approval"
    created_at: int
    expires_at: int
    assistant_id: str
    thread_id: str
    run_id: str
    tool_calls: list[Json]
