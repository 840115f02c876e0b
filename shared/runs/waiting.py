"""Runs that may wait for cheaper turns: what they ask for by their metadata, as far as the operator allows it."""

from __future__ import annotations

from typing import Final

from shared.deps import Deps
from shared.errors import InvalidRequest
from shared.objects.common import Metadata
from shared.objects.run import RunRecord
from shared.objects.run_requests import RunSettings

#: The metadata keys: when a turn must be over at the latest, and how it is served.
COMPLETION_WINDOW: Final = "completion_window"
SERVICE_TIER: Final = "service_tier"
#: Seconds of each window that providers have.
WINDOWS: Final = {"2h": 7200, "8h": 28800}
#: How turns in a window are served.
STANDARD: Final = "default"


def check(deps: Deps, body: RunSettings) -> None:
    """Refuse what the operator, the model's server or the way of asking does not allow. Raises InvalidRequest."""
    metadata, settings = body.metadata or {}, deps.settings
    window = asked(metadata, COMPLETION_WINDOW, settings.completion_windows)
    tier = asked(metadata, SERVICE_TIER, settings.service_tiers)
    if window is None:
        return
    if body.stream:
        raise InvalidRequest("Runs with a 'completion_window' are polled; they cannot be streamed.", param="stream")
    if not deps.llm.can_run_in_background:
        raise InvalidRequest("The model takes no turns in the background.", param=f"metadata.{COMPLETION_WINDOW}")
    if tier not in (None, STANDARD):
        text = f"Turns in a 'completion_window' are served by the tier '{STANDARD}'."
        raise InvalidRequest(text, param=f"metadata.{SERVICE_TIER}")


def asked(metadata: Metadata, key: str, allowed: str) -> str | None:
    """What the metadata asks for; where the operator allows nothing, the key means nothing. Raises InvalidRequest."""
    value = metadata.get(key)
    values = [] if value is None else [each.strip() for each in allowed.split(",") if each.strip()]
    if value is None or not values:
        return None
    if value not in values:
        listed = " and ".join(f"'{each}'" for each in values)
        text = f"Invalid value: '{value}'. Supported values are: {listed}."
        raise InvalidRequest(text, param=f"metadata.{key}", code="invalid_value")
    return value


def settle(deps: Deps, record: RunRecord) -> None:
    """Keep what the new run asks for, since its metadata may be changed; its time follows the window."""
    metadata, settings = record.run.metadata, deps.settings
    record.completion_window = asked(metadata, COMPLETION_WINDOW, settings.completion_windows)
    record.service_tier = asked(metadata, SERVICE_TIER, settings.service_tiers)
    prolong(deps, record)


def prolong(deps: Deps, record: RunRecord) -> None:
    """Let the run last as long as a turn that begins now may, and be carried on afterwards."""
    if record.completion_window is not None and record.run.expires_at is not None:
        until = deps.now() + WINDOWS[record.completion_window] + deps.settings.run_lifetime_seconds
        record.run.expires_at = max(record.run.expires_at, until)
