"""The telemetry port: what the box tells of its work. `OFF` tells nobody, at next to no cost, and imports nothing.

A run's record keeps its place in its trace (`RunTrace`), so that every process that carries it on, also after a crash,
adds to the same one. All methods are cheap, wait for nothing, and raise nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol, TypeVar

from shared.json_types import Json
from shared.llm.base import LlmError, Turn, TurnRequest
from shared.objects.run import RunRecord
from shared.queue.base import Queue

P = TypeVar("P")


class PassedState(NamedTuple):
    """A state of a run that a commit ends."""

    #: As `RunTrace` has it.
    state: str
    #: Unix seconds, with fractions.
    since: float
    until: float


class ChatSpan(Protocol):
    """A turn of the model, while it lasts."""

    def heard(self) -> None:
        """The model has said something; the first time counts."""
        ...

    def done(self, turn: Turn) -> None:
        """It is over, and this came of it. One that is never done has failed."""
        ...


class CallSpan(Protocol):
    """A call of the box's own, or a search, while it lasts."""

    def gave(self, output: str) -> None:
        """What came of it. Kept only where the operator wants contents."""
        ...


class Telemetry(Protocol):
    """Hears of the box's work, from the places where it is done."""

    def joined(self, headers: Iterable[tuple[bytes, bytes]]) -> AbstractContextManager[None]:
        """What is begun in the block belongs to the trace that the request's `traceparent` names, if it does."""
        ...

    def begin(self, record: RunRecord, agent: str | None) -> None:
        """A run is being created, of an assistant of that name: give it its place, which is stored with it."""
        ...

    def passing(self, record: RunRecord, *, is_new: bool) -> PassedState | None:
        """A commit of the run is next: the state of it that this ends, if it does."""
        ...

    def passed(self, record: RunRecord, passed: PassedState | None) -> None:
        """The commit is there. One that ends the run is told with all of the run."""
        ...

    def driving(self, record: RunRecord) -> AbstractContextManager[None]:
        """This process holds the run's lease in the block."""
        ...

    def chat(self, record: RunRecord, request: TurnRequest) -> AbstractContextManager[ChatSpan]:
        """The span of a turn of the model, open while the block runs."""
        ...

    def asked(self, record: RunRecord) -> None:
        """A turn is taken in the background from now on; the commit that is next says so."""
        ...

    def answered(self, record: RunRecord, outcome: Turn | LlmError) -> None:
        """This came of the turn in the background."""
        ...

    def call(self, record: RunRecord, call: Json) -> AbstractContextManager[CallSpan]:
        """A call of the model's, as the step keeps it, is carried out in the block."""
        ...

    def search(self, store_ids: Sequence[str], queries: Sequence[str]) -> AbstractContextManager[CallSpan]:
        """Vector stores are searched in the block."""
        ...

    def message(self, queue: str, body: Json) -> AbstractContextManager[None]:
        """A message of that queue is handled in the block."""
        ...

    def poisoned(self, queue: str) -> None:
        """A message of that queue has failed too often."""
        ...

    def counted(self, port: P, service: str) -> P:
        """The port of a storage, whose calls are counted."""
        ...

    def traced(self, queue: Queue, *, joins: bool) -> Queue:
        """The queue, whose messages say when they are due, and, if it `joins`, in whose trace they are handled."""
        ...

    async def exposition(self, queues: Mapping[str, Queue]) -> str | None:
        """All metrics in Prometheus's words, those of the box's other processes included; None: nobody wants them so.

        Raises QueueUnavailable.
        """
        ...

    async def look(self, queues: Mapping[str, Queue]) -> None:
        """Count the messages that wait. Raises QueueUnavailable."""
        ...

    async def close(self) -> None:
        """Tell what has not been told yet, for some seconds at the most."""
        ...


class _Nothing:
    """A block that nobody hears of."""

    __slots__ = ()

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def heard(self) -> None:
        return None

    def done(self, turn: Turn) -> None:
        return None

    def gave(self, output: str) -> None:
        return None


class _Unheard(AbstractContextManager[None]):
    def __exit__(self, *error: object) -> None:
        return None


_NOTHING: Final = _Nothing()
_UNHEARD: Final = _Unheard()


class NoTelemetry:
    """The telemetry of a box that tells nobody: every call does nothing."""

    def joined(self, headers: Iterable[tuple[bytes, bytes]]) -> AbstractContextManager[None]:
        return _UNHEARD

    def begin(self, record: RunRecord, agent: str | None) -> None:
        return None

    def passing(self, record: RunRecord, *, is_new: bool) -> PassedState | None:
        return None

    def passed(self, record: RunRecord, passed: PassedState | None) -> None:
        return None

    def driving(self, record: RunRecord) -> AbstractContextManager[None]:
        return _UNHEARD

    def chat(self, record: RunRecord, request: TurnRequest) -> AbstractContextManager[ChatSpan]:
        return _NOTHING

    def asked(self, record: RunRecord) -> None:
        return None

    def answered(self, record: RunRecord, outcome: Turn | LlmError) -> None:
        return None

    def call(self, record: RunRecord, call: Json) -> AbstractContextManager[CallSpan]:
        return _NOTHING

    def search(self, store_ids: Sequence[str], queries: Sequence[str]) -> AbstractContextManager[CallSpan]:
        return _NOTHING

    def message(self, queue: str, body: Json) -> AbstractContextManager[None]:
        return _UNHEARD

    def poisoned(self, queue: str) -> None:
        return None

    def counted(self, port: P, service: str) -> P:
        return port

    def traced(self, queue: Queue, *, joins: bool) -> Queue:
        return queue

    async def exposition(self, queues: Mapping[str, Queue]) -> str | None:
        return None

    async def look(self, queues: Mapping[str, Queue]) -> None:
        return None

    async def close(self) -> None:
        return None


OFF: Final[Telemetry] = NoTelemetry()
