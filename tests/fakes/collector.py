"""A collector of OpenTelemetry on loopback: takes spans and metrics by HTTP, and keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fakes.listening import Quiet, listening


class Collector:
    """What has arrived: spans as the protocol has them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Any] = []
        #: Of the processes that told them.
        self.instances: set[str] = set()
        self.metrics: list[Any] = []
        self.headers: list[dict[str, str]] = []

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [each for scope in resource.scope_metrics for each in scope.metrics]
            return
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.instances.add(attribute(resource.resource, "service.instance.id"))
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def named(self, name: str) -> list[Any]:
        """Spans whose name begins so."""
        return [each for each in self.spans if each.name.startswith(name)]


def attribute(span: Any, name: str) -> str:
    """An attribute that is a text; empty without it."""
    return next((each.value.string_value for each in span.attributes if each.key == name), "")


@contextmanager
def collector(*, keep: bool = True) -> Iterator[Collector]:
    """Listens while the block lasts; with `keep=False` everything is taken and nothing is read."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if keep:
                kept.headers.append({name.lower(): value for name, value in self.headers.items()})
                kept.take(self.path, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

    with listening(Handler) as url:
        kept = Collector(url)
        yield kept
