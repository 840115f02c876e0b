"""The tool `send_email`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.tools.base import Tool, ToolContext, ToolFailure, tool
from shared.tools.delivery import AllowedDomains, Delivery, Line, Text, as_html

To = Annotated[str, Field(description="One or several e-mail addresses, separated by semicolons.")]
Subject = Annotated[Line, Field(min_length=1, description="The subject line.")]
Body = Annotated[Text, Field(description="The message as plain text, without markup.")]


def send_email_tool(delivery: Delivery, allowed: AllowedDomains) -> Tool:
    """The tool on top of a delivery, for recipients in the allowed domains."""

    async def send_email(to: To, subject: Subject, body: Body, context: ToolContext) -> str:
        """Send an e-mail. It goes out at once and cannot be taken back."""
        recipients = allowed.check(to)
        if not recipients:
            raise ToolFailure("the e-mail has no recipient")
        return await delivery.deliver({"to": recipients, "subject": subject, "body": as_html(body)}, context)

    return tool(send_email, idempotent=False, timeout=60, forget=delivery.forget)
