"""What the box's log says of retries and of trouble, in traces and metrics: whoever logs need know nothing of them."""

from __future__ import annotations

import logging
import time

from shared.telemetry import names, traces
from shared.telemetry.metrics import Meters
from shared.telemetry.traces import Traces

#: The logger of all our modules.
OURS = logging.getLogger("shared")


class Troubles(logging.Handler):
    """Counts warnings and errors by their `action`; one with a `delay` tells of something that is tried again."""

    def __init__(self, spans: Traces, meters: Meters) -> None:
        super().__init__(logging.WARNING)
        self._spans, self._meters = spans, meters

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a line."""
        action, delay = getattr(record, "action", None), getattr(record, "delay", None)
        if not isinstance(action, str):
            return
        if not isinstance(delay, int | float):
            self._meters.trouble(action)
            return
        self._meters.retry(action)
        if traces.going_on() is not None:
            now = time.time()
            self._spans.tell(names.RETRY, {names.ACTION: action, **reason(record)}, now, now + delay)


def reason(record: logging.LogRecord) -> dict[str, str]:
    """Why, if the line says so: the status of an answer, else the kind of the error."""
    found = getattr(record, "status", None) or getattr(record, "error", None) or getattr(record, "code", None)
    return {} if found is None else {names.ERROR: str(found)}
