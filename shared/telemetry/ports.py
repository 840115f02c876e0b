"""The storage's ports as telemetry wants them: calls are counted, messages say when they are due and whose work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from shared.json_types import Json
from shared.prepared import Prepared
from shared.queue.base import Queue, Sent
from shared.telemetry import traces

P = TypeVar("P")


def counted(port: P, counter: Callable[[str], Callable[[], None]]) -> P:
    """The port, whose calls are counted, but for `close`: `counter` makes what counts those of a name."""
    return cast(P, _Counted(port, counter))


class _Counted:
    def __init__(self, port: object, counter: Callable[[str], Callable[[], None]]) -> None:
        self._port, self._counter = port, counter

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name == "close" or not callable(found):
            return found
        count = self._counter(name)

        def counting(*arguments: Any, **named: Any) -> Any:
            count()
            return found(*arguments, **named)

        self.__dict__[name] = counting  # found at once the next time
        return counting


def traced(queue: Queue, clock: Callable[[], float], *, joins: bool) -> Queue:
    """The queue, whose messages say when they become visible, and, if it `joins`, below which span they were sent."""
    return cast(Queue, _Traced(queue, clock, joins))


class _Traced:
    def __init__(self, queue: Queue, clock: Callable[[], float], joins: bool) -> None:
        self._queue, self._clock, self._joins = queue, clock, joins

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    async def send(self, body: Json, delay: float = 0) -> Sent:
        return await self._queue.send(self._marked(body, delay), delay)

    def prepare(self, body: Json, delay: float, spare: Sent | None = None) -> Prepared[Sent]:
        return self._queue.prepare(self._marked(body, delay), delay, spare)

    def _marked(self, body: Json, delay: float) -> Json:
        marked = {**body, "due": self._clock() + delay}
        return {**marked, "traceparent": traces.now_traceparent()} if self._joins else marked
