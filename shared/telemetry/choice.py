"""Who is told of the box's work: whoever the settings name, if what sends it is installed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from shared.config import Settings
from shared.telemetry.base import OFF, Telemetry

logger = logging.getLogger(__name__)

NO_TELEMETRY: Final = (
    "Traces and metrics are asked for, and what sends them is not installed: install the extra `otel` (a collector, "
    "Prometheus) or `azure-monitor` (Application Insights)."
)


def telemetry_for(settings: Settings, clock: Callable[[], float]) -> Telemetry:
    """What tells of runs to the places that the settings name; does nothing if they name none."""
    if not settings.wants_telemetry:
        return OFF
    try:
        from shared.telemetry.setup import recording_of

        return recording_of(settings, clock)
    except ImportError as error:
        logger.warning(NO_TELEMETRY, extra={"action": "telemetry_not_installed", "missing": error.name})
        return OFF
