"""The telemetry port on OpenTelemetry: what is told of runs, turns, calls, searches and messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import TracebackType
from typing import Protocol, TypeVar

from opentelemetry.trace import SpanContext

from shared.json_types import Json
from shared.llm.base import LlmError, Turn, TurnRequest
from shared.objects.run import ACTIVE, RunRecord
from shared.queue.base import Queue
from shared.telemetry import names, ports, traces
from shared.telemetry.base import OFF, CallSpan, ChatSpan, PassedState
from shared.telemetry.metrics import Meters
from shared.telemetry.model_spans import ModelSpans
from shared.telemetry.traces import OpenSpan, Traces
from shared.telemetry.words import Attributes, about, about_run, error_of, state_of, word_of

P = TypeVar("P")


class Exposed(Protocol):
    """All metrics of the box's processes."""

    def text(self) -> str:
        """In Prometheus's words."""
        ...


class Recording:
    """Tells of everything."""

    def __init__(
        self,
        spans: Traces,
        meters: Meters,
        *,
        provider: str,
        close: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.time,
        contents: bool = False,
        exposed: Exposed | None = None,
    ) -> None:
        """`provider` as `gen_ai.provider.name`; `contents`: whether spans have what is said."""
        self.spans, self.meters, self.contents = spans, meters, contents
        self._provider, self._clock, self._close, self._exposed = provider, clock, close, exposed
        self._turns = ModelSpans(spans, meters, provider, contents=contents)

    def joined(self, headers: Iterable[tuple[bytes, bytes]]) -> AbstractContextManager[None]:
        return traces.answering(headers)

    def begin(self, record: RunRecord, agent: str | None) -> None:
        record.trace = self.spans.place(self._clock(), agent or "", state_of(record.run))

    def passing(self, record: RunRecord, *, is_new: bool) -> PassedState | None:
        trace, state = record.trace, state_of(record.run)
        if trace is None or (state == trace.state and not is_new):
            return None
        passed = PassedState("" if is_new else trace.state, trace.since, self._clock())
        trace.state, trace.since = state, passed.until
        return passed

    def passed(self, record: RunRecord, passed: PassedState | None) -> None:
        if passed is None or record.trace is None:
            return
        run = record.run
        self.meters.status(run.status)
        wait = names.WAITS.get(passed.state)
        if wait is not None:
            place = traces.place_of(record.trace)
            self.spans.tell(wait, {names.RUN: run.id}, passed.since, passed.until, place)
        if run.status not in ACTIVE:
            error = error_of(run)
            self.spans.tell_run(record.trace, about_run(record, error, self._provider), passed.until)
            self.meters.run(run.model, passed.until - record.trace.began, error)

    def driving(self, record: RunRecord) -> AbstractContextManager[None]:
        if record.trace is None:
            self.begin(record, None)
        assert record.trace is not None
        place = traces.place_of(record.trace)
        holder = "" if record.lease is None else record.lease.holder
        span = self.spans.start(names.LEASE, {names.RUN: record.run.id, names.HOLDER: holder}, place)
        return _Lease(span, place, self.meters.drives)

    def chat(self, record: RunRecord, request: TurnRequest) -> AbstractContextManager[ChatSpan]:
        return self._turns.chat(record, request)

    def asked(self, record: RunRecord) -> None:
        if record.trace is not None:
            record.trace.asked = self._clock()

    def answered(self, record: RunRecord, outcome: Turn | LlmError) -> None:
        trace = record.trace
        if trace is not None and trace.asked:
            self._turns.answered(record, outcome, trace.asked, self._clock())
            trace.asked = 0

    def call(self, record: RunRecord, call: Json) -> AbstractContextManager[CallSpan]:
        name = call["name"]
        told = about(record, names.EXECUTE_TOOL, self._provider)
        kind = "datastore" if name == "file_search" else "extension"
        told |= {names.TOOL_NAME: name, names.TOOL_TYPE: kind, names.CALL_ID: call["call_id"]}
        if self.contents:
            told[names.ARGUMENTS] = str(call["arguments"])
        span = self.spans.start(f"{names.EXECUTE_TOOL} {name}", told)
        return _Call(span, names.RESULT if self.contents else "", lambda *took: self.meters.call(name, *took))

    def search(self, store_ids: Sequence[str], queries: Sequence[str]) -> AbstractContextManager[CallSpan]:
        told: Attributes = {names.OPERATION: names.RETRIEVAL, names.DATA_SOURCE: ",".join(store_ids)}
        if self.contents:
            told[names.QUERY] = "\n".join(queries)
        return _Call(self.spans.start(names.RETRIEVAL, told), "", lambda *took: None)

    def counted(self, port: P, service: str) -> P:
        return ports.counted(port, partial(self.meters.operation, service))

    def traced(self, queue: Queue, *, joins: bool) -> Queue:
        return ports.traced(queue, self._clock, joins=joins)

    def message(self, queue: str, body: Json) -> AbstractContextManager[None]:
        due = body.get("due")
        if isinstance(due, int | float):
            self.meters.waited(queue, max(0.0, self._clock() - due))
        return self._ingesting(body) if queue == "ingestion" else OFF.message(queue, body)

    @contextmanager
    def _ingesting(self, body: Json) -> Iterator[None]:
        file_ids = [str(each) for each in body.get("file_ids") or ()]
        told: Attributes = {names.WORK: str(body.get("kind")), names.FILES: file_ids}
        told[names.DATA_SOURCE] = str(body.get("store_id"))
        span = self.spans.consume(names.INGEST, told, str(body.get("traceparent", "")))
        with _Call(span, "", lambda *took: None):
            yield

    def poisoned(self, queue: str) -> None:
        self.meters.poisoned(queue)

    async def look(self, queues: Mapping[str, Queue]) -> None:
        for name, queue in queues.items():
            poison = await queue.poison()
            self.meters.waiting(name, await queue.count(), poison.messages)

    async def exposition(self, queues: Mapping[str, Queue]) -> str | None:
        if self._exposed is None:
            return None
        await self.look(queues)
        return await asyncio.to_thread(self._exposed.text)

    async def close(self) -> None:
        await self._close()


class _Lease:
    """A run that this process carries on."""

    __slots__ = ("_drives", "_span", "_within")

    def __init__(self, span: OpenSpan, place: SpanContext, drives: Callable[[int], None]) -> None:
        self._span, self._within, self._drives = span, traces.within(place), drives

    def __enter__(self) -> None:
        self._drives(1)
        self._within.__enter__()

    def __exit__(self, *error: object) -> None:
        self._within.__exit__(None, None, None)
        self._drives(-1)
        self._span.end()


class _Call:
    """A call, a search or a message, while it lasts."""

    __slots__ = ("_result", "_span", "_started", "_tell", "_within")

    def __init__(self, span: OpenSpan, result: str, tell: Callable[[float, str | None], None]) -> None:
        """`result` is the attribute of what comes of it; empty: none."""
        self._span, self._result, self._tell = span, result, tell

    def __enter__(self) -> _Call:
        self._within = traces.within(self._span.context)
        self._within.__enter__()
        self._started = time.perf_counter()
        return self

    def gave(self, output: str) -> None:
        if self._result:
            self._span.attributes[self._result] = output

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._within.__exit__(None, None, None)
        why = None if error is None else word_of(error)
        if why is not None:
            self._span.attributes[names.ERROR] = why
        self._span.end()
        self._tell(time.perf_counter() - self._started, why)
