"""The message, as stored and as answered."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from shared.json_types import Json
from shared.objects.common import Metadata
from shared.objects.stored import ApiObject


class Message(ApiObject, kw_only=True):
    """A message. Content parts are kept in their answer form (`text.value`, `annotations`)."""

    id: str
    object: Literal["thread.message"] = "thread.message"
    created_at: int
    assistant_id: str | None = None
    thread_id: str
    run_id: str | None = None
    status: Literal["in_progress", "incomplete", "completed"] = "completed"
    incomplete_details: dict[str, str] | None = None
    completed_at: int | None = None
    incomplete_at: int | None = None
    role: Literal["user", "assistant"]
    content: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Metadata = field(default_factory=dict)


def text_part(value: str, annotations: list[Json] | None = None) -> Json:
    """A text part in answer form."""
    return {"type": "text", "text": {"value": value, "annotations": annotations or []}}
