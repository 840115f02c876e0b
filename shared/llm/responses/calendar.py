"""What a provider's list says of a model: when it was made, and when it will be shut down.

OpenAI gives `shutdown_date` (a date), Azure OpenAI `deprecation.inference` (unix seconds), others nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

from shared.json_types import Json
from shared.llm.base import OfferedModel


def offered(entry: Json) -> OfferedModel:
    """The model of an entry of the list; dates that cannot be read count as not given."""
    name = str(entry["id"])
    deprecation = entry.get("deprecation")
    ends = seconds(entry.get("shutdown_date"))
    if ends is None and isinstance(deprecation, dict):
        ends = seconds(deprecation.get("inference"))
    return OfferedModel(name, seconds(entry.get("created")) or seconds(entry.get("created_at")), ends)


def seconds(told: object) -> int | None:
    """A moment in unix seconds, given as such or as a date; None if it is neither."""
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        return None
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else datetime.fromtimestamp(told, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    whole = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(whole.timestamp()) or None
