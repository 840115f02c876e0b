"""The requests that make and change threads."""

from __future__ import annotations

from typing import Annotated, Final

from shared.objects.bounds import AtMost
from shared.objects.common import MetadataIn, RequestBody
from shared.objects.message_requests import CreateMessage
from shared.objects.tools.resources import NewToolResources, ToolResources

#: Messages that come with a new thread or run: they are stored in one commit with it.
MAX_MESSAGES: Final = 90

NewMessages = Annotated[list[CreateMessage], AtMost(MAX_MESSAGES)]


class CreateThread(RequestBody):
    """The body of POST /threads, and `thread` of POST /threads/runs."""

    messages: NewMessages | None = None
    tool_resources: NewToolResources | None = None
    metadata: MetadataIn | None = None


class ModifyThread(RequestBody):
    """The body of POST /threads/{id}: omitted is unchanged, null is reset."""

    tool_resources: ToolResources | None = None
    metadata: MetadataIn | None = None
