#!/usr/bin/env bash
# opentelemetry-exporter-otlp-proto-http 1.45.2: one span whose name holds half of a UTF-16 pair (what is left where a
# JavaScript program cut a text in the middle of a sign, and `json.loads` reads without complaint) loses all spans
# that were to be sent with it. The exporter logs "Failed to encode span batch" and goes on: of a batch of up to 512
# nothing is sent, and nobody who ended a span is told. Of an attribute with the same text, that attribute alone is
# left out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check \
    opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-sdk==1.45.2
"$work/python/bin/python" - 2>"$work/log" <<'PROGRAM'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import Compression, OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

arrived = []


class Collector(BaseHTTPRequestHandler):
    """Accepts everything."""

    def do_POST(self):
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        arrived.extend(span.name for part in sent.resource_spans for kind in part.scope_spans for span in kind.spans)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
place = f"http://127.0.0.1:{server.server_port}/v1/traces"


def send(names):
    """The names of the spans that arrive, all sent as one batch."""
    arrived.clear()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(place, compression=Compression.NoCompression)))
    for name in names:
        provider.get_tracer("example").start_span(name).end()
    provider.shutdown()
    return list(arrived)


cut = json.loads('"Tutor \\ud83d"')
whole, with_cut = send(["Tutor", "Banks"]), send(["Tutor", cut, "Banks"])
print("opentelemetry-exporter-otlp-proto-http", version("opentelemetry-exporter-otlp-proto-http"))
print("whole names:", whole, "| beside a cut one:", with_cut)
assert whole == ["Tutor", "Banks"]
assert with_cut == [], "spans beside one that cannot be encoded are sent now"
PROGRAM
grep -q "Failed to encode span batch" "$work/log"
