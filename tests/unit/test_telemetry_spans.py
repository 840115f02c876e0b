"""Spans as exporters take them."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import DEFAULT_ON

from shared.telemetry.traces import Traces


class Kept(SpanProcessor):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


def test_a_name_that_was_cut_within_a_sign_does_not_spoil_those_beside_it():
    """Imported assistants have such names."""
    kept = Kept()
    traces = Traces([kept], Resource({}), DEFAULT_ON)

    for name in ("invoke_agent Tutor \ud83d", "invoke_agent Grüße 🌧"):
        traces.start(name, {}).end()

    [resource] = encode_spans(kept.spans).resource_spans
    assert [each.name for each in resource.scope_spans[0].spans] == ["invoke_agent Tutor ?", "invoke_agent Grüße 🌧"]
