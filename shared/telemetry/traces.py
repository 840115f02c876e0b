"""Spans: where they belong, whole ones told afterwards, and the one that is a whole run, whose id its record keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.objects.run import RunTrace
from shared.telemetry import names

Attributes = Mapping[str, str | int | float | list[str]]

#: Where no span is above.
ROOT: Final = Context()
_W3C: Final = TraceContextTextMapPropagator()

#: What is going on here, as OpenTelemetry has it; apart from its own variable, so that no library sends it elsewhere.
_above: ContextVar[Context | None] = ContextVar("above", default=None)
#: Of the request that is being answered.
_headers: ContextVar[Iterable[tuple[bytes, bytes]]] = ContextVar("headers", default=())


class KeptIds(RandomIdGenerator):
    """Ids by chance, but for a span that has its ids already."""

    def __init__(self) -> None:
        self._kept: SpanContext | None = None

    @contextmanager
    def of(self, kept: SpanContext) -> Iterator[None]:
        """The span that is started in the block gets these ids."""
        self._kept = kept
        try:
            yield
        finally:
            self._kept = None

    def generate_span_id(self) -> int:
        return super().generate_span_id() if self._kept is None else self._kept.span_id

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self._kept is None else self._kept.trace_id


class Traces:
    """Starts spans below what is going on."""

    def __init__(self, provider: TracerProvider, ids: KeptIds) -> None:
        """`ids` is what the provider asks for ids."""
        self._tracer, self._ids = provider.get_tracer("api-in-a-box", schema_url=names.SCHEMA_URL), ids

    def start(self, name: str, attributes: Attributes, above: Context | None = None) -> Span:
        """A span that begins now, below what is given, else below what is going on."""
        return self._tracer.start_span(name, above or going_on() or ROOT, attributes=attributes)

    def tell(self, name: str, attributes: Attributes, since: float, until: float, above: Context | None = None) -> None:
        """A span that was from then till then (unix seconds)."""
        where = above or going_on() or ROOT
        span = self._tracer.start_span(name, where, attributes=attributes, start_time=_ns(since))
        fail(span, attributes)
        span.end(_ns(until))

    def place(self, began: float, agent: str) -> RunTrace:
        """The place of a run that is being created: below what is going on, else in a trace of its own.

        The span is told when the run is over: what is started here is its ids, and whether it is recorded.
        """
        above = going_on() or ROOT
        own = self._tracer.start_span(names.INVOKE_AGENT, above).get_span_context()
        parent = get_current_span(above).get_span_context()
        return RunTrace(
            traceparent=written(own),
            parent=f"{parent.span_id:016x}" if parent.is_valid else "",
            began=began,
            agent=agent,
            since=began,
        )

    def tell_run(self, trace: RunTrace, attributes: Attributes, until: float) -> None:
        """The span of a run that is over."""
        own = get_current_span(below(trace.traceparent)).get_span_context()
        above = ROOT
        if trace.parent:
            above = _at(SpanContext(own.trace_id, int(trace.parent, 16), True, TraceFlags(own.trace_flags)))
        name = f"{names.INVOKE_AGENT} {trace.agent}".rstrip()
        with self._ids.of(own):
            span = self._tracer.start_span(name, above, attributes=attributes, start_time=_ns(trace.began))
        fail(span, attributes)
        span.end(_ns(until))

    def consume(self, name: str, attributes: Attributes, traceparent: str) -> Span:
        """A span of a message that is handled, below whoever sent it."""
        return self._tracer.start_span(name, below(traceparent), SpanKind.CONSUMER, attributes)


def fail(span: Span, attributes: Attributes) -> None:
    """A span with an error is one that failed."""
    if names.ERROR in attributes:
        span.set_status(StatusCode.ERROR)


def going_on() -> Context | None:
    """The span that is going on here, else the one that the request names, if any."""
    above = _above.get()
    if above is not None:
        return above
    given = [value for name, value in _headers.get() if name == b"traceparent"]
    # More than one names none.
    return below(given[0].decode("latin-1")) if len(given) == 1 else None


def now_traceparent() -> str:
    """What a message sent from here is to say; empty where nothing is going on."""
    above = going_on()
    own = get_current_span(above).get_span_context() if above else None
    return written(own) if own is not None and own.is_valid else ""


def below(traceparent: str) -> Context:
    """The place below the span of a header; the root where that names none."""
    return _W3C.extract({"traceparent": traceparent}, ROOT)


def written(context: SpanContext) -> str:
    """The header of a span."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


@contextmanager
def within(place: Context | Span) -> Iterator[None]:
    """What is begun in the block is below this."""
    token = _above.set(place if isinstance(place, Context) else set_span_in_context(place, ROOT))
    try:
        yield
    finally:
        _above.reset(token)


@contextmanager
def answering(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[None]:
    """A request with these headers is answered in the block."""
    token = _headers.set(headers)
    try:
        yield
    finally:
        _headers.reset(token)


def _at(context: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(context), ROOT)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
