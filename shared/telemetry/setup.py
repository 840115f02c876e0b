"""Puts OpenTelemetry behind the telemetry port: which exporters the settings name, and what they need.

Providers are the box's own, not the process's: no library that finds them there starts spans, or sends ours elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from shared.config import Settings
from shared.telemetry.exporting import Beat, MetricsTeller
from shared.telemetry.exposition import WRITTEN_SECONDS, Exposition
from shared.telemetry.metrics import Meters
from shared.telemetry.recording import Recording
from shared.telemetry.traces import Traces
from shared.telemetry.troubles import OURS, Troubles

#: With whether each wants changes.
MetricExporters = list[tuple[MetricExporter, bool]]

#: Seconds that exporters may take for what is left when the box closes.
LAST_SECONDS: Final = 5.0
#: Environment variables that keep the exporter for Application Insights (1.0.0b58) from telling more than it is told:
#: figures about itself for its makers, and for the operator, who would read that each item was dropped since nothing is
#: kept on the disk; a metric with the resource of the process's provider, of which there is none: an error in the log.
SILENCED: Final = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
)
#: Words of OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT that mean contents in spans.
CONTENTS: Final = frozenset({"true", "1", "span_only", "span_and_event"})


def recording_of(settings: Settings, clock: Callable[[], float]) -> Recording:
    """The telemetry that the settings ask for. Raises ImportError where the extra of an exporter is not installed."""
    spans: list[SpanExporter] = []
    metrics: MetricExporters = []
    if settings.otel_exporter_otlp_endpoint:
        to_collector(settings, spans, metrics)
    if settings.applicationinsights_connection_string.get_secret_value():
        to_application_insights(settings, spans, metrics)
    words = settings.metrics_exporters
    told = [] if "none" in words else metrics
    return recorded(
        settings, [BatchSpanProcessor(each) for each in spans], told, clock, is_exposed="prometheus" in words
    )


def recorded(
    settings: Settings,
    processors: Sequence[SpanProcessor],
    exporters: Sequence[tuple[MetricExporter, bool]],
    clock: Callable[[], float],
    *,
    is_exposed: bool = False,
) -> Recording:
    """Telemetry for these; an exporter of metrics with whether it wants changes."""
    resource, provider = whose(), provider_name(settings)
    traces, meters = Traces(processors, resource, the_sampler()), Meters(provider)
    tellers = [MetricsTeller(each, meters.numbers, resource, as_changes=changes) for each, changes in exporters]
    exposed = Exposition(settings.box_home, meters.numbers) if is_exposed else None
    seconds = float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "60000")) / 1000
    beats = [Beat(seconds, each.tell) for each in tellers]
    if exposed is not None:
        beats.append(Beat(WRITTEN_SECONDS, exposed.write))
    troubles = Troubles(traces, meters)
    OURS.addHandler(troubles)

    def shut_down() -> None:
        OURS.removeHandler(troubles)
        for processor in processors:
            processor.shutdown()
        for beat in beats:
            beat.stop()
        for teller in tellers:
            teller.stop()
        if exposed is not None:
            exposed.stop()

    return Recording(
        traces,
        meters,
        provider=provider,
        close=in_time(shut_down),
        clock=clock,
        contents=settings.otel_instrumentation_genai_capture_message_content.lower() in CONTENTS,
        exposed=exposed,
    )


def to_collector(settings: Settings, spans: list[SpanExporter], metrics: MetricExporters) -> None:
    """Exporters to an OTLP endpoint."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = settings.otel_exporter_otlp_endpoint.rstrip("/")
    headers = settings.otlp_headers
    spans.append(OTLPSpanExporter(f"{base}/v1/traces", headers=headers))
    metrics.append((OTLPMetricExporter(f"{base}/v1/metrics", headers=headers), False))


def to_application_insights(settings: Settings, spans: list[SpanExporter], metrics: MetricExporters) -> None:
    """Exporters to Application Insights; an identity is named by APPLICATIONINSIGHTS_AUTHENTICATION_STRING."""
    for variable in SILENCED:
        os.environ.setdefault(variable, "true")
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

    # What cannot be sent is not kept on the disk: it may have contents.
    options = {
        "connection_string": settings.applicationinsights_connection_string.get_secret_value(),
        "disable_offline_storage": True,
    }
    spans.append(AzureMonitorTraceExporter(**options))
    metrics.append((AzureMonitorMetricExporter(**options), True))  # it adds up what it is told


class Whose(Resource):
    """A resource that is hashed once: exporters do so for each span, and then it is written as JSON."""

    def __init__(self, found: Resource) -> None:
        super().__init__(found.attributes, found.schema_url)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash


def whose() -> Whose:
    """This process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say more, or otherwise."""
    own = Resource({"service.name": "api-in-a-box", "service.instance.id": str(uuid.uuid4())})
    return Whose(own.merge(OTELResourceDetector().detect()))


def the_sampler() -> Sampler:
    """Which runs are recorded, as OTEL_TRACES_SAMPLER says: the SDK reads that when it makes a provider."""
    return TracerProvider(shutdown_on_exit=False).sampler


def provider_name(settings: Settings) -> str:
    """Whose models answer, as the conventions name them."""
    if settings.names_own_model or not settings.azure_openai_endpoint:
        return "openai" if settings.names_model else "offline"
    return "azure.ai.openai"


def in_time(work: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    """The work, in a thread that is left alone when it takes too long: a collector may not answer."""

    async def finish() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def finish_here() -> None:
            work()
            with suppress(RuntimeError):  # the loop is over
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=finish_here, name="telemetry", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), LAST_SECONDS)

    return finish
