"""Spans: where they belong, and who is told of them when they are over.

What the SDK's own tracer does for a span costs much beside the box's own work. Ours need little of it: they are made
whole, when they are over, and handed to the SDK's processors. So one that is a whole run can have the ids that its
record keeps.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Final, Generic, TypeVar

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Decision, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context
from opentelemetry.trace.status import Status, StatusCode

from shared.objects.run import RunTrace
from shared.telemetry import names
from shared.telemetry.words import Attributes

P = TypeVar("P")

_HEADER: Final = re.compile("(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
#: Who tells, in spans and metrics.
SCOPE: Final = InstrumentationScope("api-in-a-box", schema_url=names.SCHEMA_URL)
_RECORDED: Final = TraceFlags(TraceFlags.SAMPLED)
_UNRECORDED: Final = TraceFlags(TraceFlags.DEFAULT)
_FINE: Final = Status(StatusCode.UNSET)
_FAILED: Final = Status(StatusCode.ERROR)

#: What is going on here; apart from OpenTelemetry's own variable, so that no library sends it elsewhere.
_above: ContextVar[SpanContext | None] = ContextVar("above", default=None)
#: Of the request that is being answered.
_headers: ContextVar[Iterable[tuple[bytes, bytes]]] = ContextVar("headers", default=())


class OpenSpan:
    """A span that is not over."""

    __slots__ = ("attributes", "context", "kind", "name", "parent", "since", "traces")

    def __init__(
        self,
        traces: Traces,
        name: str,
        attributes: Attributes,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        self.traces, self.name, self.attributes, self.context, self.parent = traces, name, attributes, context, parent
        self.kind, self.since = kind, time.time_ns()

    def end(self, until: int | None = None) -> None:
        """It is over, now or then (nanoseconds since 1970); with an error among its attributes, it has failed."""
        if self.context.trace_flags is _RECORDED:
            self.traces.tell_of(self, time.time_ns() if until is None else until)


class Traces:
    """Makes spans below what is going on."""

    def __init__(self, processors: Sequence[SpanProcessor], resource: Resource, sampler: Sampler) -> None:
        """The processors are told of spans that are over; without any, nothing is recorded."""
        self._processors, self._resource, self._sampler = processors, resource, sampler
        #: Whether everything is recorded but what its caller does not record; nobody need be asked then.
        self._records_all = sampler is DEFAULT_ON

    def start(self, name: str, attributes: Attributes, above: SpanContext | None = None) -> OpenSpan:
        """A span that begins now, below what is given, else below what is going on."""
        parent = above or going_on()
        return OpenSpan(self, name, attributes, self._context(parent, name), parent)

    def tell(
        self, name: str, attributes: Attributes, since: float, until: float, above: SpanContext | None = None
    ) -> None:
        """A span that was from then till then (unix seconds)."""
        span = self.start(name, attributes, above)
        span.since = _ns(since)
        span.end(_ns(until))

    def consume(self, name: str, attributes: Attributes, traceparent: str) -> OpenSpan:
        """A span of a message that is handled, below whoever sent it."""
        parent = read(traceparent)
        return OpenSpan(self, name, attributes, self._context(parent, name), parent, SpanKind.CONSUMER)

    def place(self, began: float, agent: str, state: str) -> RunTrace:
        """The place of a run that is being created: below what is going on, else in a trace of its own."""
        parent = going_on()
        return RunTrace(
            traceparent=written(self._context(parent, names.INVOKE_AGENT)),
            parent="" if parent is None else f"{parent.span_id:016x}",
            began=began,
            agent=agent,
            state=state,
            since=began,
        )

    def tell_run(self, trace: RunTrace, attributes: Attributes, until: float) -> None:
        """The span of a run that is over."""
        own = place_of(trace)
        parent = SpanContext(own.trace_id, int(trace.parent, 16), True, own.trace_flags) if trace.parent else None
        span = OpenSpan(self, f"{names.INVOKE_AGENT} {trace.agent}".rstrip(), attributes, own, parent)
        span.since = _ns(trace.began)
        span.end(_ns(until))

    def tell_of(self, span: OpenSpan, until: int) -> None:
        """Tell the processors."""
        has_failed = names.ERROR in span.attributes
        if has_failed:
            span.attributes[names.ERROR_TOO] = span.attributes[names.ERROR]
        told = ReadableSpan(
            whole(span.name),
            span.context,
            span.parent,
            self._resource,
            span.attributes,
            kind=span.kind,
            status=_FAILED if has_failed else _FINE,
            start_time=span.since,
            end_time=until,
            instrumentation_scope=SCOPE,
        )
        for each in self._processors:
            each.on_end(told)

    def _context(self, parent: SpanContext | None, name: str) -> SpanContext:
        """Of a new span; whether it is recorded is decided where it enters the box, and then stays so."""
        trace_id = random.getrandbits(128) if parent is None else parent.trace_id
        flags = _UNRECORDED
        if parent is not None and not parent.is_remote:
            flags = parent.trace_flags
        elif not self._processors:
            pass
        elif self._records_all:
            flags = _RECORDED if parent is None or parent.trace_flags.sampled else _UNRECORDED
        else:
            where = None if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
            if self._sampler.should_sample(where, trace_id, name).decision is Decision.RECORD_AND_SAMPLE:
                flags = _RECORDED
        return SpanContext(trace_id, random.getrandbits(64), False, flags)


def place_of(trace: RunTrace) -> SpanContext:
    """The run's own span, as its record has it."""
    text = trace.traceparent
    flags = _RECORDED if text.endswith("1") else _UNRECORDED
    return SpanContext(int(text[3:35], 16), int(text[36:52], 16), False, flags)


def read(traceparent: str) -> SpanContext | None:
    """The span that a header names, elsewhere; None: it names none."""
    found = _HEADER.fullmatch(traceparent)
    if found is None:
        return None
    context = SpanContext(int(found[1], 16), int(found[2], 16), True, TraceFlags(int(found[3], 16) & 1))
    return context if context.is_valid else None


def written(context: SpanContext) -> str:
    """The header of a span."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def whole(name: str) -> str:
    """The name without halves of UTF-16 pairs, for which the collector's exporter drops a whole batch (findings/)."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode()


def going_on() -> SpanContext | None:
    """The span that is going on here, else the one that the request names, if any."""
    above = _above.get()
    if above is not None:
        return above
    given = [value for name, value in _headers.get() if name == b"traceparent"]
    # More than one names none.
    return read(given[0].decode("latin-1")) if len(given) == 1 else None


def now_traceparent() -> str:
    """What a message sent from here is to say; empty where nothing is going on."""
    above = going_on()
    return "" if above is None else written(above)


class _Set(AbstractContextManager[None], Generic[P]):
    """A variable has that value in the block."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[P], value: P) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._token = self._variable.set(self._value)

    def __exit__(self, *error: object) -> None:
        self._variable.reset(self._token)


def within(place: SpanContext) -> AbstractContextManager[None]:
    """What is begun in the block is below this."""
    return _Set(_above, place)


def answering(headers: Iterable[tuple[bytes, bytes]]) -> AbstractContextManager[None]:
    """A request with these headers is answered in the block."""
    return _Set(_headers, headers)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
