#!/usr/bin/env bash
# azure-monitor-opentelemetry-exporter 1.0.0b58 with `disable_offline_storage=True`, which who keeps no contents on a disk
# sets: its figures for the operator (`Item_Success_Count`, `Item_Dropped_Count`, on by default, in the operator's own
# Application Insights) count each item that arrived twice, as sent and as dropped, "Client local storage disabled". An
# alert on what was dropped goes off for ever.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check azure-monitor-opentelemetry-exporter==1.0.0b58 \
    opentelemetry-sdk==1.45.2
export APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL=true APPLICATIONINSIGHTS_SDKSTATS_EXPORT_INTERVAL=2
export APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED=true
"$work/python/bin/python" - <<'PROGRAM'
import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

spans, figures = [], {}


class Insights(BaseHTTPRequestHandler):
    """Accepts everything."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        rows = json.loads(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
        for data in (row["data"]["baseData"] for row in rows):
            if "metrics" not in data:
                spans.append(data["name"])
            elif data["properties"].get("telemetryType") == "DEPENDENCY":
                why = data["properties"].get("dropReason", "sent")
                figures[data["metrics"][0]["name"], why] = data["metrics"][0]["value"]
        answer = json.dumps({"itemsReceived": len(rows), "itemsAccepted": len(rows), "errors": []}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Insights)
threading.Thread(target=server.serve_forever, daemon=True).start()
place = f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:{server.server_port}/"
provider = TracerProvider()
exporter = AzureMonitorTraceExporter(connection_string=place, disable_offline_storage=True)
provider.add_span_processor(SimpleSpanProcessor(exporter))
for _ in range(3):
    provider.get_tracer("example").start_span("work").end()
until = time.monotonic() + 30
while len(figures) < 2 and time.monotonic() < until:
    time.sleep(0.1)
print("azure-monitor-opentelemetry-exporter", version("azure-monitor-opentelemetry-exporter"))
print("arrived:", spans, "| told of them:", figures)
assert spans == ["work"] * 3
assert figures["Item_Success_Count", "sent"] == 3
assert figures["Item_Dropped_Count", "Client local storage disabled"] == 3, "what was sent is no longer called dropped"
PROGRAM
