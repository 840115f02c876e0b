"""The requests that make and change assistants."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.objects.bounds import AtMost
from shared.objects.common import MetadataIn, ReasoningEffort, RequestBody
from shared.objects.tools.foundry import LABELS
from shared.objects.tools.kind import MAX_TOOLS
from shared.objects.tools.resources import NewToolResources, ToolResources
from shared.objects.tools.response_format import ResponseFormat
from shared.objects.tools.tools import Tool

ModelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Instructions = Annotated[str, AtMost(256_000)]
Temperature = Annotated[float, Field(ge=0.0, le=2.0)]
TopP = Annotated[float, Field(ge=0.0, le=1.0)]


class AssistantSettings(RequestBody):
    """What creating and modifying an assistant have in common."""

    name: Annotated[str, StringConstraints(max_length=256)] | None = None
    description: Annotated[str, StringConstraints(max_length=512)] | None = None
    instructions: Instructions | None = None
    tools: Annotated[list[Tool], AtMost(MAX_TOOLS), LABELS] | None = None
    metadata: MetadataIn | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None


class CreateAssistant(AssistantSettings):
    """The body of POST /assistants."""

    model: ModelName
    tool_resources: NewToolResources | None = None


class ModifyAssistant(AssistantSettings):
    """The body of POST /assistants/{id}: omitted is unchanged, null is reset."""

    model: ModelName | None = None
    tool_resources: ToolResources | None = None
