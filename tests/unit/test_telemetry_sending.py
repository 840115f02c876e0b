"""What a collector is sent: the very message that the library would make, in which nothing spoils the rest."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import DEFAULT_ON

from shared.telemetry import names, traces
from shared.telemetry.sending import encoded
from shared.telemetry.traces import Traces
from shared.telemetry.words import Attributes


class Kept:
    """A processor that keeps what it is told."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def made(kept):
    return Traces([kept], Resource({"service.name": "api-in-a-box"}), DEFAULT_ON)


ATTRIBUTES: list[Attributes] = [
    {},
    {names.MODEL: "gpt-x", names.TURNS: 1, names.TEMPERATURE: 1.0, "yes": True, "no": False, "none": 0, "word": ""},
    {names.TURNS: 1.0, names.INPUT_TOKENS: 2**40, "less": -1, names.FINISH_REASONS: ["stop"], names.FILES: []},
    {names.AGENT_NAME: "Grüße 🌧", names.INPUT_MESSAGES: "long " * 10_000, names.QUERY: "middling " * 20},
    {names.ERROR: "server_error"},
]


def test_the_message_is_the_one_that_the_library_makes(made, kept):
    for attributes in ATTRIBUTES:
        made.start("chat gpt-x", {**attributes}).end()
    with traces.within(made.start("above", {}).context):
        made.start("Grüße", {names.RUN: "run_1"}).end()
    made.consume("ingest", {}, f"00-{7:032x}-{9:016x}-01").end()

    for _ in range(2):  # the second time from what is kept
        assert ExportTraceServiceRequest.FromString(encoded(kept.spans)) == encode_spans(kept.spans)


def test_what_cannot_be_written_does_not_spoil_the_rest(made, kept):
    """Names come from clients, numbers from providers."""
    made.start(
        "invoke_agent \ud83d", {names.AGENT_NAME: "half \ud83d", names.OUTPUT_TOKENS: 2**70, names.TURNS: 1}
    ).end()
    made.start("chat", {}).end()

    [resource] = ExportTraceServiceRequest.FromString(encoded(kept.spans)).resource_spans
    first, second = resource.scope_spans[0].spans
    assert (first.name, second.name) == ("invoke_agent ?", "chat")
    assert [each.key for each in first.attributes] == [names.AGENT_NAME, names.TURNS]
    assert first.attributes[0].value.string_value == "half ?"
