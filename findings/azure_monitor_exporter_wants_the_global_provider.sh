#!/usr/bin/env bash
# azure-monitor-opentelemetry-exporter 1.0.0b58, added to a tracer provider that is not the process's global one (as a
# library or a test has it): each batch writes an error with a traceback to the log, "Failed to derive Resource", though
# all spans arrive. It looks for its resource at the global provider, not at the spans, which have one. The constructor
# takes `tracer_provider=`, which its documentation does not mention.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check azure-monitor-opentelemetry-exporter==1.0.0b58 \
    opentelemetry-sdk==1.45.2
export APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL=true APPLICATIONINSIGHTS_SDKSTATS_DISABLED=true
"$work/python/bin/python" - <<'PROGRAM'
import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

arrived, errors = [], []


class Insights(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        rows = json.loads(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
        arrived.extend(row["tags"]["ai.cloud.role"] for row in rows if "name" in row["data"]["baseData"])
        answer = json.dumps({"itemsReceived": len(rows), "itemsAccepted": len(rows), "errors": []}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Errors(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.ERROR:
            errors.append(record.getMessage())


server = HTTPServer(("127.0.0.1", 0), Insights)
threading.Thread(target=server.serve_forever, daemon=True).start()
logging.getLogger().addHandler(Errors())
place = f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:{server.server_port}/"


def three_spans(**given):
    """Each is a batch of its own."""
    arrived.clear()
    errors.clear()
    provider = TracerProvider(resource=Resource({"service.name": "example"}))
    more = {name: provider for name in given}
    exporter = AzureMonitorTraceExporter(connection_string=place, disable_offline_storage=True, **more)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for _ in range(3):
        provider.get_tracer("example").start_span("work").end()
    provider.shutdown()
    return list(arrived), sorted(set(errors)), len(errors)


alone, told = three_spans(), three_spans(tracer_provider=True)
print("azure-monitor-opentelemetry-exporter", version("azure-monitor-opentelemetry-exporter"))
print("by itself:", alone)
print("with tracer_provider:", told)
assert alone[0] == ["example"] * 3, "the spans' own resource was known"
assert alone[2] == 3 and "Failed to derive Resource" in alone[1][0], "it no longer complains"
assert told == (["example"] * 3, [], 0)
PROGRAM
