"""The settings that say who is told of the box's work: those that OpenTelemetry's own programs read, too."""

from __future__ import annotations

from urllib.parse import unquote

from pydantic import SecretStr

from shared.settings.environment import FromEnvironment


class TelemetrySettings(FromEnvironment):
    """A part of `Settings`."""

    # traces and metrics
    otel_exporter_otlp_endpoint: str = ""
    """Base URL of an OpenTelemetry collector, such as `http://localhost:4318`: traces and metrics go there by HTTP. The
    SDK's other variables (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, ...) count as they stand in the environment."""
    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    """What it is sent besides, such as its key: `name=value`, separated by commas, values percent-encoded."""
    applicationinsights_connection_string: SecretStr = SecretStr("")
    """Application Insights, for traces and metrics; a Functions host reads it for its own, too."""
    otel_metrics_exporter: str = ""
    """`prometheus` lets the embedded host answer `GET /metrics`, for keys of `BOX_ADMIN_KEYS`; `none` sends no metrics;
    both may stand here, separated by commas."""
    otel_instrumentation_genai_capture_message_content: str = ""
    """`true` (or `span_only`, `span_and_event`): spans have what models are told and say, what calls are given and
    give, and what is searched for; otherwise they have none of it."""
    otel_sdk_disabled: bool = False
    """`true`: no traces and no metrics, whatever else is set."""

    @property
    def metrics_exporters(self) -> list[str]:
        """The words of OTEL_METRICS_EXPORTER."""
        return [each.strip().lower() for each in self.otel_metrics_exporter.split(",")]

    @property
    def otlp_headers(self) -> dict[str, str]:
        """What a collector is sent besides."""
        pairs = [each.partition("=") for each in self.otel_exporter_otlp_headers.get_secret_value().split(",")]
        return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs if name.strip()}

    @property
    def wants_telemetry(self) -> bool:
        """Whether somebody is to be told of the box's work."""
        where = self.otel_exporter_otlp_endpoint or self.applicationinsights_connection_string.get_secret_value()
        return not self.otel_sdk_disabled and bool(where or "prometheus" in self.metrics_exporters)
