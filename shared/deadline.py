"""How long one call, one drive of a run or one ingestion may take: well inside what the Functions host grants.

An invocation that outlives the host's `functionTimeout` costs the worker process, and every other run and stream in it
is cut. So each ends before, and leaves what it was doing to be gone on with. Tasks that an invocation starts share its
deadline. Times are seconds on the event loop's clock.
"""

from __future__ import annotations

import asyncio
import json
import math
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final

HOST_JSON: Final = Path(__file__).parent.parent / "host.json"
#: What the host grants where there is no host.json, or no limit in it.
DEFAULT: Final = timedelta(minutes=15)
#: Seconds before the host's limit at which work ends, at most a fifth of it: half of them are left for putting the work
#: away, then it is cut.
SPARE: Final = 60.0

_end: ContextVar[float] = ContextVar("end", default=math.inf)


class Overdue(Exception):
    """The invocation has no time left."""


def function_timeout(override: str) -> float:
    """What the host grants an invocation: the setting that overrides host.json, else what is written there."""
    span = override or (json.loads(HOST_JSON.read_text())["functionTimeout"] if HOST_JSON.exists() else "-1")
    return (DEFAULT if span.startswith("-") else time_span(span)).total_seconds()


def time_span(text: str) -> timedelta:
    """A time span as the host writes it: `01:30:00`, `1.00:00:00`. Raises ValueError."""
    hours, minutes, seconds = text.split(":")
    days, _, hours = hours.rpartition(".")
    return timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))


class Until:
    """Work in the block ends at that time; math.inf: never. Raises Overdue.

    As asyncio's timeouts do it; but every request passes several, and those are begun and ended by coroutines.
    """

    def __init__(self, end: float) -> None:
        self._end, self._has_come = end, False
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._cancelled = task, task.cancelling()
        if self._end != math.inf:
            self._timer = loop.call_at(self._end, self._cut)

    def _cut(self) -> None:
        self._has_come = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._has_come:
            return
        is_ours = self._task.uncancel() <= self._cancelled  # nobody else has cancelled the task meanwhile
        if is_ours and isinstance(error, asyncio.CancelledError):
            raise Overdue from None


class invocation(Until):  # noqa: N801
    """Do what one invocation does in the block. Raises Overdue when it must be cut."""

    def __init__(self, granted: float) -> None:
        spare = min(SPARE, granted / 5)
        self._own_end = asyncio.get_running_loop().time() + granted - spare
        super().__init__(self._own_end + spare / 2)

    def __enter__(self) -> None:
        self._token = _end.set(self._own_end)
        super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _end.reset(self._token)
        super().__exit__(kind, error, trace)


def left() -> float:
    """Seconds until the invocation's work should end; without one, there is no end."""
    return max(0.0, _end.get() - asyncio.get_running_loop().time())


def within() -> Until:
    """For work that is put away after the block. Raises Overdue when the invocation's work should end."""
    return Until(_end.get())
