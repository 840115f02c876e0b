"""The assistant, as stored and as answered."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from shared.json_types import Json
from shared.objects.common import Metadata
from shared.objects.stored import ApiObject


class Assistant(ApiObject, kw_only=True):
    """An assistant. `tools`, `tool_resources` and `response_format` are kept in their normalised JSON form."""

    id: str
    object: Literal["assistant"] = "assistant"
    created_at: int
    name: str | None = None
    description: str | None = None
    model: str
    instructions: str | None = None
    tools: list[Json] = field(default_factory=list)
    top_p: float | None = 1.0
    temperature: float | None = 1.0
    reasoning_effort: str | None = None
    tool_resources: Json = field(default_factory=dict)
    metadata: Metadata = field(default_factory=dict)
    response_format: str | Json = "auto"
