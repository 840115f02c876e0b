"""Your own tools. Releases leave this file as it is, so what you write here is in no upgrade's way."""

from __future__ import annotations

from shared.config import Settings
from shared.tools.base import Tool


def own_tools(settings: Settings) -> list[Tool]:
    """One `Tool` each, offered beside the box's (docs/guides/tools.md shows how to write one)."""
    return []
