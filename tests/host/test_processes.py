"""`python -m shared run --processes 2`: one address, one home, two processes, of which each may die."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import httpx2 as httpx
import psutil
import pytest

from tests.api.conftest import below
from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.host.test_program import KEY, STOPS, Program, program, wait_for

#: Longer than any test: whoever learns something by looking from time to time is late.
LONG = "600"
TIMEOUT = 30


def children(box: Program) -> list[int]:
    """The processes that serve, in the order in which they were started."""
    found = psutil.Process(box.process.pid).children()
    return [each.pid for each in sorted(found, key=lambda each: each.create_time())]


@contextmanager
def pair(home: Path, model: str, **settings: str) -> Iterator[Program]:
    """A box of two processes that has greeted."""
    more = {"BOX_API_KEYS": json.dumps({"me": KEY}), "OPENAI_BASE_URL": model, "OPENAI_API_KEY": "none"} | settings
    with program("run", "--processes", "2", fresh=True, BOX_HOME=str(home), **more) as box:
        box.greet()
        yield box
        if box.process.poll() is None:
            assert box.stop(signal.SIGTERM)[0] == 0


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, model_url: str) -> Iterator[Program]:  # noqa: F811
    """Two processes that look after their runs by themselves when the test is long over."""
    with pair(tmp_path_factory.mktemp("patient"), model_url, HEARTBEAT_SECONDS=LONG) as box:
        yield box


@pytest.fixture(scope="module")
def brisk(tmp_path_factory: pytest.TempPathFactory, model_url: str) -> Iterator[Program]:  # noqa: F811
    """Two processes that take one another's runs over after a second."""
    with pair(tmp_path_factory.mktemp("brisk"), model_url, LEASE_SECONDS="1", HEARTBEAT_SECONDS="0.2") as box:
        yield box


@contextmanager
def speaking_to(box: Program, chosen: int) -> Iterator[httpx.Client]:
    """A client whose connection this process has got: they get them in turn."""
    for _ in range(4):
        before = connections(box, chosen)
        with below(f"http://127.0.0.1:{box.port}/v1/", Authorization=f"Bearer {KEY}") as http:
            assert http.get("assistants").status_code == 200
            if connections(box, chosen) > before:
                yield http
                return
    raise AssertionError("it got no connection")


def connections(box: Program, pid: int) -> int:
    """How many clients the process has."""
    found = psutil.Process(pid).net_connections("tcp")
    return len([each for each in found if each.status == psutil.CONN_ESTABLISHED and each.laddr.port == box.port])


def begin(http: httpx.Client, words: str, **more: object) -> dict:
    """What begins a run on a new thread with these words for the model."""
    assistant = http.post("assistants", json={"model": "m", "tools": [WEATHER]}).json()["id"]
    return {"assistant_id": assistant, "thread": {"messages": [{"role": "user", "content": words}]}, **more}


WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}


def events(response: httpx.Response) -> Iterator[tuple[str, dict]]:
    """The stream's events as they come."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and name != "done":
            yield name, json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("number", STOPS)
def test_they_greet_once_and_stop_together(tmp_path: Path, number: signal.Signals) -> None:
    with program("run", fresh=True, BOX_HOME=str(tmp_path), BOX_PROCESSES="2") as box:
        assert box.greet().count("API-in-a-Box is running.") == 1
        key = (tmp_path / "api_key").read_text().strip()
        assert key in box.greeting
        both = children(box)
        assert len(both) == 2
        assert len([*(tmp_path / "wake").iterdir()]) == 2
        with box.http(key) as http:
            assert http.get("assistants").status_code == 200
        started = time.monotonic()
        assert box.stop(number) == (0, "Stopped.", "")
        assert time.monotonic() - started < 10
    assert not any(psutil.pid_exists(pid) for pid in both)
    assert [*(tmp_path / "wake").iterdir()] == []
    socket.create_server(("127.0.0.1", box.port)).close()


def test_they_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    with program("run", fresh=True, BOX_HOME=str(tmp_path), BOX_PROCESSES="2") as box:
        box.greet()
        both = [psutil.Process(pid) for pid in children(box)]
        box.process.kill()
        _, alive = psutil.wait_procs(both, timeout=TIMEOUT)
        assert alive == []


def test_they_get_connections_in_turn(patient: Program) -> None:
    """However busy the machine is, and whichever of them it lets run."""
    before = [connections(patient, pid) for pid in children(patient)]
    with ExitStack() as stack:
        for _ in range(10):
            address = f"http://127.0.0.1:{patient.port}/v1/"
            http = stack.enter_context(below(address, Authorization=f"Bearer {KEY}"))
            assert http.get("assistants").status_code == 200
        after = [connections(patient, pid) for pid in children(patient)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [5, 5]


def test_cancelling_reaches_the_process_that_drives_the_run_at_once(patient: Program) -> None:
    took = []
    first, second = children(patient)
    with speaking_to(patient, first) as http, speaking_to(patient, second) as other:
        for _ in range(7):
            with http.stream("POST", "threads/runs", json=begin(http, "wait 30", stream=True)) as response:
                for name, data in events(response):
                    if name == "thread.run.created":
                        path = f"threads/{data['thread_id']}/runs/{data['id']}"
                    if name == "thread.run.in_progress":
                        time.sleep(0.1)
                        asked = time.monotonic()
                        other.post(f"{path}/cancel").raise_for_status()
                    if name == "thread.run.cancelled":
                        took.append(time.monotonic() - asked)
    print(f"cancelled after {[round(1000 * each) for each in took]} ms")
    assert len(took) == 7
    assert median(took) < 1, "a driver that is not woken looks after ten minutes"


def test_a_run_goes_on_and_is_streamed_by_the_process_that_gets_the_outputs(patient: Program) -> None:
    first, second = children(patient)
    with speaking_to(patient, first) as http, speaking_to(patient, second) as other:
        run = http.post("threads/runs", json=begin(http, "call get_weather {}\nthen\nsay Rain.")).json()
        path = f"threads/{run['thread_id']}/runs/{run['id']}"
        wait_for(other, path, "requires_action")
        [call] = other.get(path).json()["required_action"]["submit_tool_outputs"]["tool_calls"]
        body = {"tool_outputs": [{"tool_call_id": call["id"], "output": "wet"}], "stream": True}
        with other.stream("POST", f"{path}/submit_tool_outputs", json=body) as response:
            heard = [name for name, _ in events(response)]
        assert heard[-1] == "thread.run.completed"
        assert http.get(path).json()["status"] == "completed"


def test_a_stream_tells_the_end_of_a_run_that_went_on_in_the_other(brisk: Program) -> None:
    """Its process was away for longer than a lease; the run did not wait for it."""
    first, second = children(brisk)
    heard = []
    with speaking_to(brisk, first) as http, speaking_to(brisk, second) as other:
        body = begin(http, "wait 1\nsay Hello.", stream=True)
        with http.stream("POST", "threads/runs", json=body) as response:
            for name, data in events(response):
                heard.append(name)
                if name == "thread.run.in_progress":
                    os.kill(first, signal.SIGSTOP)
                    wait_for(other, f"threads/{data['thread_id']}/runs/{data['id']}", "completed")
                    os.kill(first, signal.SIGCONT)
    assert heard[-1] == "thread.run.completed"


def test_one_that_was_killed_is_started_again_and_its_run_is_finished(brisk: Program) -> None:
    first, second = children(brisk)
    with speaking_to(brisk, second) as other:
        with speaking_to(brisk, first) as http:
            run = http.post("threads/runs", json=begin(http, "wait 2\nsay Hello.")).json()
        path = f"threads/{run['thread_id']}/runs/{run['id']}"
        wait_for(other, path, "in_progress")
        os.kill(first, signal.SIGKILL)
        wait_for(other, path, "completed")
    replaced = heir(brisk, {first, second})
    with speaking_to(brisk, replaced) as http:
        assert http.get(path).json()["status"] == "completed"
    assert second in children(brisk)
    _, _, log = brisk.stop(signal.SIGTERM)
    assert len([line for line in log.splitlines() if "action=process_ended" in line]) == 1


def heir(box: Program, known: set[int]) -> int:
    """The process that was started in the place of one of these, when it hears its sibling."""
    until = time.monotonic() + TIMEOUT
    while True:
        wake = Path(psutil.Process(box.process.pid).environ()["BOX_HOME"]) / "wake"
        serving = {int(each.name.partition("-")[0]) for each in wake.iterdir()}
        new = {*children(box)} - known
        if new and new <= serving:
            return new.pop()
        assert time.monotonic() < until, "it was not started again"
        time.sleep(0.1)


def test_a_port_that_is_taken_is_told_once_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with program("run", "--processes", "2", "--port", port, fresh=True, BOX_HOME=str(tmp_path)) as late:
            said, log = late.process.communicate(timeout=TIMEOUT)
    assert late.process.returncode == 1
    assert said == ""
    assert log.startswith(f"Cannot listen at 127.0.0.1:{port}: something uses it already. End that, ")
    assert log.count("\n") == 1


def test_what_keeps_one_from_starting_is_told_once_and_ends_the_box(tmp_path: Path) -> None:
    (tmp_path / "box.db").write_text("a letter, not a database" * 100)
    (tmp_path / "box.db").chmod(0o600)
    with program("run", "--processes", "3", fresh=True, BOX_HOME=str(tmp_path)) as box:
        said, log = box.process.communicate(timeout=TIMEOUT)
    assert box.process.returncode == 1
    assert said == ""
    assert log == f"BOX_HOME: {tmp_path} cannot be used: file is not a database\n"
