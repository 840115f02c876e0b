"""Metrics as a collector gets them, and as one that adds up by itself does; whose exporters are installed or not."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from typing import Any

from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource

from shared.app import telemetry_for
from shared.config import Settings
from shared.telemetry import names
from shared.telemetry.base import OFF
from shared.telemetry.exporting import MetricsTeller
from shared.telemetry.metrics import Meters
from shared.telemetry.setup import recording_of
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
        run_in_another_process(tmp_path, f"{collected.url}/")
    assert sorted(each.name for each in collected.spans) == ["chat gpt-x", "invoke_agent Helper", "lease"]
    found = {each.name: each for each in collected.metrics}
    [driven] = found["box.runs.driven"].sum.data_points
    assert (driven.as_double or driven.as_int) == 0
    assert not found["box.runs.driven"].sum.is_monotonic
    assert found["box.runs"].sum.is_monotonic
    assert {point.count for point in found["gen_ai.client.token.usage"].histogram.data_points} == {1}


def run_in_another_process(home, endpoint: str) -> None:
    """A run, from the start of its box to its end."""
    program = (
        "import asyncio, sys\nfrom tests.fakes.one_run import one_run\n"
        "asyncio.run(one_run(sys.argv[1], otel_exporter_otlp_endpoint=sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", program, str(home), endpoint], check=True, timeout=60)


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
    run_in_another_process(tmp_path, "http://127.0.0.1:9")
    assert time.monotonic() - started < 20


async def test_application_insights_takes_traces_and_metrics(tmp_path, caplog):
    """Nothing is sent: its exporter is made as for a deployed app, and closed."""
    caplog.set_level(logging.CRITICAL)
    text = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=http://127.0.0.1:9/"
    settings = Settings(_env_file=None, box_home=tmp_path, applicationinsights_connection_string=text)
    telemetry = recording_of(settings, time.time)
    assert telemetry.spans.start("x", {}).context.trace_flags.sampled
    await telemetry.close()


def test_without_the_extra_the_box_says_so_and_works(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    settings = Settings(_env_file=None, otel_exporter_otlp_endpoint="http://127.0.0.1:9")
    assert telemetry_for(settings, time.time) is OFF
    assert "install the extra `otel`" in caplog.text


def test_it_can_be_switched_off_whatever_else_is_set():
    settings = Settings(_env_file=None, otel_exporter_otlp_endpoint="http://127.0.0.1:9", otel_sdk_disabled=True)
    assert telemetry_for(settings, time.time) is OFF
