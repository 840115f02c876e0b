"""What the tools send to their Logic Apps, found out by calling them."""

from __future__ import annotations

import json

from shared.tools.base import Tool, ToolContext
from shared.tools.create_calendar_event import create_calendar_event_tool
from shared.tools.delivery import AllowedDomains
from shared.tools.send_email import send_email_tool

ALLOWED = AllowedDomains.parse("example.com")
MAIL = {"to": "ann@example.com; bob@example.com", "subject": "Report", "body": "Up & away"}
EVENT = {"subject": "Review", "start": "2026-03-31T09:00:00", "end": "2026-03-31T10:00:00"}


class Recorder:
    """A delivery that keeps what it is given."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, str]] = []

    async def deliver(self, body: dict[str, str], context: ToolContext) -> str:
        self.bodies.append(body)
        return "kept"

    async def forget(self, run_id: str) -> None:
        self.bodies.clear()


async def tool_bodies() -> dict[str, dict[str, str]]:
    """Workflow -> the body its tool sends."""
    mail, event = Recorder(), Recorder()
    await _call(send_email_tool(mail, ALLOWED), MAIL)
    await _call(create_calendar_event_tool(event, ALLOWED), EVENT)
    return {"send-email": mail.bodies[0], "create-event": event.bodies[0]}


async def _call(tool: Tool, arguments: dict[str, str]) -> None:
    context = ToolContext(call_id="call_1", owner="default", thread_id="thread_1", run_id="run_1")
    assert await tool.run(json.dumps(arguments), context) == "kept"
