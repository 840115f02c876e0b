"""What Prometheus is told: for administrators, where the settings ask for it, of every process of the box."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.config import Settings
from shared.llm.scripted import text, usage
from shared.telemetry import names
from shared.telemetry.choice import telemetry_for
from shared.telemetry.metrics import Meters
from shared.telemetry.numbers import MOST_POINTS
from tests.api.conftest import KEY, Box, ModelBox, below
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses, serving_in_thread

ADMIN = "sk-admin-0123456789"
ASKED = {"otel_metrics_exporter": "prometheus", "box_admin_keys": {"ops": ADMIN}}


@pytest.fixture
def settings():
    return ASKED


@pytest.fixture
def box(tmp_path, settings):
    box = Box(tmp_path, settings)
    box.telemetry = None  # as its settings say
    box.start()
    yield box
    box.stop()


@pytest.fixture
def scrape(raw):
    def scrape(key=ADMIN):
        return raw.get("/metrics", headers={"Authorization": f"Bearer {key}"})

    return scrape


def value(text: str, name: str, **labels: str) -> float:
    """The number with this name and, among others, these labels."""
    wanted = [f'{label}="{each}"' for label, each in labels.items()]
    [found] = [line for line in text.splitlines() if line.startswith(name + "{") and all(w in line for w in wanted)]
    return float(found.rpartition(" ")[2])


def test_an_administrator_is_told_what_runs_did(scrape, llm, ask):
    llm.script([text("Wet."), usage(90, 7)])
    ask()
    response = scrape()
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = response.text
    assert value(told, "box_runs_total", box_run_status="completed") == 1
    assert value(told, "gen_ai_client_token_usage_sum", gen_ai_token_type="input") == 90
    assert value(told, "gen_ai_client_operation_duration_seconds_count", gen_ai_operation_name="chat") == 1
    assert value(told, "gen_ai_client_operation_duration_seconds_bucket", gen_ai_operation_name="chat", le="+Inf") == 1
    assert value(told, "box_storage_operations_total", box_storage_operation="commit") > 0
    assert value(told, "box_queue_poison", box_queue_name="runs", process=str(os.getpid())) == 0


def test_every_line_is_one_that_prometheus_reads(scrape, llm, ask):
    llm.script([text("Wet.")])
    ask()
    number, label = r"-?[0-9.e+-]+", r'[a-z_]+="(?:[^"\\\n]|\\.)*"'
    sample, about = rf"([a-z_]+)\{{(?:{label},)*{label}\}} {number}", r"# (?:HELP|TYPE) ([a-z_]+) .+"
    seen: list[str] = []
    for line in scrape().text.splitlines():
        found = re.fullmatch(sample, line) or re.fullmatch(about, line)
        assert found, line
        family = re.sub("_(bucket|sum|count)$", "", found[1])
        if not seen or seen[-1] != family:
            assert family not in seen, "a family stands together"
            seen.append(family)


@pytest.mark.parametrize(("key", "status"), [(KEY, 403), ("sk-nobodys", 401)])
def test_nobody_else_is_told(scrape, key, status):
    assert scrape(key).status_code == status


def test_many_who_ask_at_once_are_all_told_everything(scrape, llm, ask):
    llm.script([text("Wet.")])
    ask()
    with ThreadPoolExecutor(8) as pool:
        told = [each.text for each in pool.map(lambda _: scrape(), range(150))]
    assert [value(each, "box_runs_total", box_run_status="completed") for each in told] == [1] * 150


def test_of_models_that_nobody_knows_so_many_are_told_apart():
    """Their names come from clients, and no number is ever forgotten."""
    meters = Meters("openai")
    for number in range(2 * MOST_POINTS):
        meters.run(f"model-{number}", 1.0, None)
        meters.trouble(f"action-{number}")
    found = {each["name"]: each["points"] for each in meters.numbers.all()}
    assert len(found[names.TROUBLES]) == len(found[names.OPERATION_DURATION]) == MOST_POINTS + 1
    assert found[names.TROUBLES][-1] == {"attributes": {"otel.metric.overflow": "true"}, "value": MOST_POINTS}


@pytest.mark.parametrize("settings", [{"otel_metrics_exporter": "prometheus"}])
def test_without_administrators_there_is_no_such_page(scrape):
    assert scrape().status_code == 404


@pytest.mark.parametrize("settings", [{"box_admin_keys": {"ops": ADMIN}}])
def test_a_box_that_keeps_no_metrics_says_how_it_would(scrape):
    response = scrape()
    assert response.status_code == 404
    assert "OTEL_METRICS_EXPORTER=prometheus" in response.json()["error"]["message"]


def test_processes_of_one_home_are_told_apart_and_the_dead_are_left_out(tmp_path, scrape, llm, ask):
    """Another process of the same home has written its metrics down, and so has one that died."""
    llm.script([text("Wet.")])
    ask()
    told = scrape().text
    [own] = (tmp_path / "metrics").glob("*.json")
    other, dead = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE), finished()
    try:
        for pid in (other.pid, dead):
            (tmp_path / "metrics" / f"{pid}.json").write_bytes(own.read_bytes())
        told = scrape().text
    finally:
        other.communicate()
    completed = [line for line in told.splitlines() if line.startswith('box_runs_total{box_run_status="completed"')]
    assert {re.search('process="(.*?)"', line)[1] for line in completed} == {str(os.getpid()), str(other.pid)}
    waiting = [line for line in told.splitlines() if line.startswith('box_queue_messages{box_queue_name="runs"')]
    assert len(waiting) == 1, "messages are the home's, not a process's"
    assert not (tmp_path / "metrics" / f"{dead}.json").exists()


def finished() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


async def test_a_process_that_ends_leaves_no_metrics(tmp_path):
    telemetry = telemetry_for(Settings(_env_file=None, box_home=tmp_path, **ASKED), time.time)
    assert await telemetry.exposition({}) is not None
    assert [*(tmp_path / "metrics").iterdir()]
    await telemetry.close()
    assert [*(tmp_path / "metrics").iterdir()] == []


OFF = """
import asyncio, sys
from tests.fakes.one_run import one_run
asyncio.run(one_run(sys.argv[1]))
ours = {name for name in sys.modules if name.startswith("shared.telemetry.")}
assert ours == {"shared.telemetry.base", "shared.telemetry.choice"}, ours
heavy = ("opentelemetry", "azure.monitor")
assert not [name for name in sys.modules if name.startswith(heavy)]
"""


def test_where_nobody_asks_nothing_of_opentelemetry_is_loaded(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "APPLICATION"))}
    subprocess.run([sys.executable, "-c", OFF, str(tmp_path)], check=True, env=environment, timeout=60)


@pytest.fixture
def busy_once():
    """A model that is away for the first request."""
    fake = FakeResponses()
    fake.script(FakeTurn(status=503), FakeTurn(text=("Wet.",)))
    with serving_in_thread(fake) as url:
        yield url


def test_what_is_repeated_waited_for_and_given_up_is_counted(tmp_path, busy_once):
    box = ModelBox(tmp_path, {**ASKED, "box_model_base_url": busy_once, "run_start": "queue"})
    box.telemetry = None
    box.start()
    try:
        with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as http:
            assistant = http.post("assistants", json={"model": "gpt-x"}).json()["id"]
            run = http.post("threads/runs", json={"assistant_id": assistant, "thread": {}}).json()
            while http.get(f"threads/{run['thread_id']}/runs/{run['id']}").json()["status"] != "completed":
                time.sleep(0.02)
            box.run(box.deps.queue.send({"owner": "nobody knows what this is"}))
        told, until = "", time.monotonic() + 20
        with below(box.url, Authorization=f"Bearer {ADMIN}") as http:
            while "box_messages_poisoned_total{" not in told and time.monotonic() < until:
                time.sleep(0.1)
                told = http.get("/metrics").text
    finally:
        box.stop()
    assert value(told, "box_retries_total", box_action="model_retried") == 1
    assert value(told, "box_queue_wait_seconds_count", box_queue_name="runs") >= 1
    assert value(told, "box_messages_poisoned_total", box_queue_name="runs") == 1
    assert value(told, "gen_ai_client_operation_time_to_first_chunk_seconds_count") == 1
