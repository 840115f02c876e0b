"""Application Insights on loopback: takes what an exporter sends, and keeps it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.listening import Quiet, listening


class ApplicationInsights:
    """What has arrived, as its tables name it."""

    def __init__(self, url: str) -> None:
        self.connection_string = f"InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint={url}/"
        self.rows: list[dict[str, Any]] = []

    def dependencies(self) -> dict[str, dict[str, Any]]:
        """By name."""
        told = [row["data"] for row in self.rows]
        return {
            each["baseData"]["name"]: each["baseData"] for each in told if each["baseType"] == "RemoteDependencyData"
        }

    def metrics(self) -> set[str]:
        """Their names."""
        told = [row["data"]["baseData"] for row in self.rows if row["data"]["baseType"] == "MetricData"]
        return {metric["name"] for each in told for metric in each["metrics"]}


@contextmanager
def application_insights() -> Iterator[ApplicationInsights]:
    """Listens while the block lasts."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            rows = json.loads(body)
            kept.rows += rows
            answer = json.dumps({"itemsReceived": len(rows), "itemsAccepted": len(rows), "errors": []}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with listening(Handler) as url:
        kept = ApplicationInsights(url)
        yield kept
