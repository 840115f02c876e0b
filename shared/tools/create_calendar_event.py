"""The tool `create_calendar_event`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from shared.tools.base import Tool, ToolContext, ToolFailure, tool
from shared.tools.delivery import AllowedDomains, Delivery, Line, Text, as_html

#: The connector takes names from a list of its own, not those of IANA, so every event goes out in UTC.
CONNECTOR_UTC = "(UTC) Coordinated Universal Time"

Subject = Annotated[Line, Field(min_length=1, description="What the event is called.")]
Start = Annotated[str, Field(description="Local start as ISO 8601 without offset, such as 2026-03-31T09:00:00.")]
End = Annotated[str, Field(description="Local end, in the form of the start.")]
TimeZone = Annotated[str, Field(description="IANA time zone of start and end, such as Europe/Zurich.")]
Body = Annotated[Text, Field(description="A description as plain text, without markup.")]
Location = Annotated[Line, Field(description="Where the event takes place.")]
Attendees = Annotated[str, Field(description="E-mail addresses to invite, separated by semicolons.")]


def create_calendar_event_tool(delivery: Delivery, allowed: AllowedDomains) -> Tool:
    """The tool on top of a delivery, for attendees in the allowed domains."""

    async def create_calendar_event(
        subject: Subject,
        start: Start,
        end: End,
        context: ToolContext,
        time_zone: TimeZone = "UTC",
        body: Body = "",
        location: Location = "",
        required_attendees: Attendees = "",
    ) -> str:
        """Put an event into the team's calendar and invite the attendees. Invitations go out at once."""
        begins, ends = _in_utc(start, time_zone), _in_utc(end, time_zone)
        if ends <= begins:
            raise ToolFailure("the event must end after its start")
        event = {
            "subject": subject,
            "start": f"{begins:%Y-%m-%dT%H:%M:%S}",
            "end": f"{ends:%Y-%m-%dT%H:%M:%S}",
            "time_zone": CONNECTOR_UTC,
            "body": as_html(body),
            "location": location,
            "required_attendees": allowed.check(required_attendees),
        }
        return await delivery.deliver(event, context)

    return tool(create_calendar_event, idempotent=False, timeout=60, forget=delivery.forget)


def _in_utc(local: str, time_zone: str) -> datetime:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolFailure(f"there is no time zone {time_zone[:60]!r}; use a name such as Europe/Zurich") from error
    try:
        parsed = datetime.fromisoformat(local)
        if parsed.tzinfo is not None:
            raise ToolFailure("give start and end without an offset, and their time zone in time_zone")
        return parsed.replace(tzinfo=zone).astimezone(UTC)
    # A moment next to the year 1 or 9999 has no UTC.
    except (ValueError, OverflowError) as error:
        raise ToolFailure(f"{local[:60]!r} is not a time such as 2026-03-31T09:00:00") from error
