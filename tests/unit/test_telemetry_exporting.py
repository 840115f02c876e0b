"""Metrics as a collector gets them, and as one that adds up by itself does; whose exporters are installed or not."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource

from shared.config import Settings
from shared.telemetry import names
from shared.telemetry.base import OFF
from shared.telemetry.choice import telemetry_for
from shared.telemetry.exporting import MetricsTeller
from shared.telemetry.metrics import Meters
from tests.fakes.application_insights import application_insights
from tests.fakes.collector import collector


class Kept(MetricExporter):
    def __init__(self) -> None:
        super().__init__()
        self.data: list[Any] = []

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        self.data.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **kwargs):
        return None

    def last(self) -> dict[str, Any]:
        [resource] = self.data[-1].resource_metrics
        return {each.name: each.data for each in resource.scope_metrics[0].metrics}


def test_a_collector_gets_the_spans_and_metrics_of_a_run(tmp_path):
    with collector() as collected:
        run_in_another_process(tmp_path, otel_exporter_otlp_endpoint=f"{collected.url}/")
    assert sorted(each.name for each in collected.spans) == ["chat gpt-x", "invoke_agent Helper", "lease"]
    found = {each.name: each for each in collected.metrics}
    [driven] = found["box.runs.driven"].sum.data_points
    assert (driven.as_double or driven.as_int) == 0
    assert not found["box.runs.driven"].sum.is_monotonic
    assert found["box.runs"].sum.is_monotonic
    assert {point.count for point in found["gen_ai.client.token.usage"].histogram.data_points} == {1}


def run_in_another_process(home: Path, status: str = "completed", **settings: str) -> str:
    """A run, from the start of its box to such an end; what the process says about it in its log."""
    program = (
        "import asyncio, json, sys\nfrom tests.fakes.one_run import one_run\n"
        "asyncio.run(one_run(*sys.argv[1:3], **json.loads(sys.argv[3])))"
    )
    arguments = [sys.executable, "-c", program, str(home), status, json.dumps(settings)]
    return subprocess.run(arguments, check=True, timeout=60, stderr=subprocess.PIPE, text=True).stderr


def test_who_adds_up_is_told_what_came_since_the_last_time():
    meters, kept = Meters("openai"), Kept()
    teller = MetricsTeller(kept, meters.numbers, Resource({}), as_changes=True)
    for seconds in (0.5, 2.0):
        meters.status("completed")
        meters.status("completed")
        meters.run("gpt-x", seconds, None)
        meters.drives(1)
        teller.tell()
    told = kept.last()
    assert told[names.RUNS].aggregation_temporality is AggregationTemporality.DELTA
    assert [point.value for point in told[names.RUNS].data_points] == [2]
    [duration] = told[names.OPERATION_DURATION].data_points
    assert (duration.count, duration.sum) == (1, 2.0)
    assert [point.value for point in told[names.DRIVEN].data_points] == [2], "how many there are, not how many came"


def test_everybody_else_is_told_all_since_the_beginning():
    meters, kept = Meters("openai"), Kept()
    teller = MetricsTeller(kept, meters.numbers, Resource({}), as_changes=False)
    for _ in range(2):
        meters.run("gpt-x", 0.01, None)
        teller.tell()
    [duration] = kept.last()[names.OPERATION_DURATION].data_points
    assert (duration.count, duration.bucket_counts[0], duration.min) == (2, 2, 0.01)


def test_an_unreachable_collector_delays_nobody(tmp_path):
    started = time.monotonic()
    run_in_another_process(tmp_path, otel_exporter_otlp_endpoint="http://127.0.0.1:9")
    assert time.monotonic() - started < 20


def test_application_insights_gets_the_spans_and_metrics_of_a_run(tmp_path):
    with application_insights() as insights:
        said = run_in_another_process(tmp_path, applicationinsights_connection_string=insights.connection_string)
    assert sorted(insights.dependencies()) == ["chat gpt-x", "invoke_agent Helper", "lease"]
    assert insights.dependencies()["invoke_agent Helper"]["properties"]["gen_ai.agent.id"].startswith("asst_")
    assert names.RUNS in insights.metrics()
    assert [each for each in insights.metrics() if not each.startswith(("box.", "gen_ai."))] == []
    assert "Failed to derive Resource" not in said


def test_application_insights_is_told_why_a_run_has_failed(tmp_path):
    """Its exporter keeps back `error.type` (version 1.0.0b58) and what a status says."""
    with application_insights() as insights:
        run_in_another_process(tmp_path, "failed", applicationinsights_connection_string=insights.connection_string)
    failed = insights.dependencies()["invoke_agent Helper"]
    assert not failed["success"]
    assert failed["properties"]["box.error"] == "server_error"


def test_without_the_extra_the_box_says_so_and_works(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    settings = Settings(_env_file=None, otel_exporter_otlp_endpoint="http://127.0.0.1:9")
    assert telemetry_for(settings, time.time) is OFF
    assert "install the extra `otel`" in caplog.text


def test_it_can_be_switched_off_whatever_else_is_set():
    settings = Settings(_env_file=None, otel_exporter_otlp_endpoint="http://127.0.0.1:9", otel_sdk_disabled=True)
    assert telemetry_for(settings, time.time) is OFF
