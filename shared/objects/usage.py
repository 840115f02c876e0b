"""What was used, as owners and administrators see it."""

from __future__ import annotations

from typing import Literal

from shared.objects.stored import ApiObject


class UsageGroup(ApiObject, kw_only=True):
    """What the runs of a group have used; those that ended in the days asked for (UTC)."""

    object: Literal["usage"] = "usage"
    #: What the group has in common; null: it was not asked to be grouped by that.
    day: str | None = None
    owner: str | None = None
    assistant_id: str | None = None
    model: str | None = None
    runs: int = 0
    #: Of the model.
    turns: int = 0
    #: As the provider reported them, attempts that failed included.
    input_tokens: int = 0
    #: Of the input: read from the provider's cache of prompts, and written to it.
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    #: Of the output.
    reasoning_tokens: int = 0
    #: Calls that the model made, whoever carried them out.
    tool_calls: int = 0
    #: Of these, searches in files, indexes and the web.
    search_calls: int = 0
    #: How long model-written code ran.
    code_seconds: float = 0
    #: Bytes of files, as housekeeping found them last (once a day); null in groups by assistant or model.
    stored_bytes: int | None = None
    #: By PRICES; null if the group has tokens of a model without a price.
    cost: float | None = None


class UsageReport(ApiObject, kw_only=True):
    """What was used from one day to another, both included."""

    object: Literal["list"] = "list"
    start: str
    end: str
    group_by: list[str]
    data: list[UsageGroup]
