"""The tool `get_current_time`: models do not know what day it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from shared.tools.base import Tool, ToolFailure, tool

Timezone = Annotated[str, Field(description="IANA time zone, such as Europe/Zurich or America/New_York.")]


def get_current_time_tool() -> Tool:
    """The tool `get_current_time`, as the catalogue offers it."""
    return tool(get_current_time, idempotent=True, timeout=5)


async def get_current_time(timezone: Timezone = "UTC") -> dict[str, str]:
    """Get the current date, time and weekday in a time zone."""
    try:
        now = datetime.now(UTC).astimezone(ZoneInfo(timezone))
    # A name that is no file name at all raises ValueError, a directory in the database OSError.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolFailure(f"there is no time zone {timezone[:60]!r}; use a name such as Europe/Zurich") from error
    return {"time": now.isoformat(timespec="seconds"), "weekday": f"{now:%A}", "timezone": timezone}
