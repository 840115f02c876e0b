#!/usr/bin/env bash
# azure-monitor-opentelemetry-exporter 1.0.0b58: Application Insights is told that a span has failed, and not why. The
# words of its status are sent nowhere, and `error.type`, which the conventions ask for, is left out as if it belonged to
# HTTP alone; the result code is 0 as for a span that went well. Attributes that are lists arrive in Python's spelling:
# "('stop',)", which `parse_json` of the query language does not read.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check azure-monitor-opentelemetry-exporter==1.0.0b58 \
    opentelemetry-sdk==1.45.2
export APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL=true APPLICATIONINSIGHTS_SDKSTATS_DISABLED=true
export APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED=true
"$work/python/bin/python" - <<'PROGRAM'
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

arrived = []


class Insights(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        rows = json.loads(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
        arrived.extend(row["data"]["baseData"] for row in rows)
        answer = json.dumps({"itemsReceived": len(rows), "itemsAccepted": len(rows), "errors": []}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Insights)
threading.Thread(target=server.serve_forever, daemon=True).start()
place = f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:{server.server_port}/"
provider = TracerProvider()
exporter = AzureMonitorTraceExporter(connection_string=place, disable_offline_storage=True)
provider.add_span_processor(SimpleSpanProcessor(exporter))
with provider.get_tracer("example").start_as_current_span("chat some-model", kind=SpanKind.CLIENT) as span:
    span.set_attribute("gen_ai.response.finish_reasons", ["stop"])
    span.set_attribute("error.type", "rate_limit_exceeded")
    span.set_status(Status(StatusCode.ERROR, "Try again in 20 seconds."))
provider.shutdown()

[told] = arrived
print("azure-monitor-opentelemetry-exporter", version("azure-monitor-opentelemetry-exporter"))
print(json.dumps({name: told[name] for name in ("name", "success", "resultCode", "properties")}, indent=1))
assert told["success"] is False
assert told["resultCode"] == "0", "it has a code now"
assert "rate_limit_exceeded" not in json.dumps(told), "it tells the kind of error now"
assert "20 seconds" not in json.dumps(told), "it tells what the status says now"
assert told["properties"]["gen_ai.response.finish_reasons"] == "('stop',)", "lists are JSON now"
PROGRAM
