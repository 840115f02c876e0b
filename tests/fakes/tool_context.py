"""A call of a tool, as the tool sees it."""

from __future__ import annotations

from typing import Final

from shared.tools.base import ToolContext

CONTEXT: Final = ToolContext(call_id="call_1", owner="alice", thread_id="thread_1", run_id="run_1")
