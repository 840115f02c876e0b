"""`python -m shared run` and `worker`, as people start and stop them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from openai import OpenAI

from tests.api.conftest import below
from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.durability.hosts import free_port
from tests.smoke.faulty import Fault, proxied
from tests.warm import warm

KEY = "sk-program"


class Program:
    """A process of the box, from its first line to its last."""

    def __init__(self, command: str, *more: str, folder: Path | None = None, fresh: bool = False, **settings: str):
        """A fresh one is an interpreter of its own, whose children and process id are the box's."""
        self.port = free_port()
        environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
        environment |= {"BOX_PORT": str(self.port), "SANDBOX": "none"} | settings
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        words = ("shared", command, *more)
        line = [sys.executable, "-m", *words] if fresh else warm(*words)
        self.process = subprocess.Popen(line, cwd=folder, env=environment, **pipes)
        self.greeting = ""

    def greet(self) -> str:
        """Wait until it says how to stop it."""
        assert self.process.stdout is not None
        while "Stop with" not in self.greeting:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()[1]
            self.greeting += line
        return self.greeting

    def http(self, key: str = KEY) -> httpx.Client:
        return below(f"http://127.0.0.1:{self.port}/v1/", Authorization=f"Bearer {key}")

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        """Exit code, last words, and log."""
        self.process.send_signal(number)
        said, log = self.process.communicate(timeout=20)
        return self.process.returncode, said.strip(), log


@contextmanager
def program(
    command: str, *more: str, folder: Path | None = None, fresh: bool = False, **settings: str
) -> Iterator[Program]:
    made = Program(command, *more, folder=folder, fresh=fresh, **settings)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


def test_a_first_start_makes_a_key_and_shows_it_that_later_ones_keep_to_themselves(tmp_path: Path) -> None:
    path = tmp_path / "api_key"
    greetings = []
    for _ in range(2):
        with program("run", BOX_HOME=str(tmp_path)) as box:
            greetings.append(box.greet())
            with box.http(path.read_text().strip()) as http:
                assert http.get("assistants").status_code == 200
            assert "offline" in greetings[-1]
            assert box.stop(signal.SIGINT) == (0, "Stopped.", "")

    key = path.read_text().strip()
    assert [greeting.count(key) for greeting in greetings] == [1, 0]
    assert re.search(rf"API key +{key}\n +\(for default; shown this once, kept in {path}\)", greetings[0])
    assert re.search(rf"API key +in {path}, for default\n", greetings[1])
    assert all(f'export BOX_KEY=$(cat "{path}")' in greeting for greeting in greetings)
    assert [each.name for each in tmp_path.glob("api_key*")] == ["api_key"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_keys_that_were_given_are_shown_to_nobody(tmp_path: Path) -> None:
    keys = {"ann": KEY, "team-b": f"sha256:{sha256(b'sk-other').hexdigest()}"}
    with program("run", BOX_HOME=str(tmp_path), BOX_API_KEYS=json.dumps(keys)) as box:
        greeting = box.greet()
        _, said, log = box.stop(signal.SIGINT)
    assert "API key    as in BOX_API_KEYS, for ann, team-b\n" in greeting
    for secret in (KEY, keys["team-b"].removeprefix("sha256:"), "sha256:"):
        assert secret not in greeting + said + log


def test_what_the_host_prints_is_enough_to_call_it(tmp_path: Path) -> None:
    with program("run", BOX_HOME=str(tmp_path), SANDBOX="auto") as box:
        address, key = (re.search(rf"{name} +(\S+)", box.greet())[1] for name in ("base URL", "API key"))
        with OpenAI(base_url=address, api_key=key, max_retries=0) as client:
            thread = {"messages": [{"role": "user", "content": "I need to solve 3x + 11 = 14."}]}
            assistant = client.beta.assistants.create(model="gpt-4o", tools=[{"type": "code_interpreter"}])
            run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, thread=thread)
            answer = client.beta.threads.messages.list(thread_id=run.thread_id).data[0].content[0].text.value
    assert run.status == "completed"
    assert "x = 1" in answer


def test_a_client_closes_an_idle_connection_first(tmp_path: Path) -> None:
    """A host that does may do so under the client's next request; httpx keeps connections for five seconds."""
    with program("run", BOX_HOME=str(tmp_path)) as box:
        box.greet()
        with closing(HTTPConnection("127.0.0.1", box.port)) as connection:
            for idle in (6, 0):
                connection.request("GET", "/healthz")
                assert connection.getresponse().read()
                time.sleep(idle)


STOPS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", STOPS)
def test_a_box_that_is_stopped_hands_its_run_over(tmp_path: Path, model_url: str, number) -> None:  # noqa: F811
    """Its lease would keep others away for a minute; it gives it back, whoever asked it to stop."""
    settings = {"BOX_HOME": str(tmp_path), "BOX_API_KEYS": json.dumps({"me": KEY})}
    settings |= {"OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "none"}
    with program("run", **settings) as box:
        box.greet()
        with box.http() as http:
            assistant = http.post("assistants", json={"model": "m"}).json()["id"]
            thread = {"messages": [{"role": "user", "content": "wait 2\nsay Hello."}]}
            run = http.post("threads/runs", json={"assistant_id": assistant, "thread": thread}).json()
            path = f"threads/{run['thread_id']}/runs/{run['id']}"
            wait_for(http, path, "in_progress")
        code, said, log = box.stop(number)
    assert (code, said) == (0, "Stopped.")
    assert " ERROR " not in log

    with program("run", **settings) as heir:
        heir.greet()
        with heir.http() as http:
            wait_for(http, path, "completed")


@pytest.mark.parametrize("number", STOPS)
def test_a_worker_stops_when_it_is_asked_to(tmp_path: Path, number) -> None:
    with program("worker", BOX_HOME=str(tmp_path)) as worker:
        worker.greet()
        assert worker.stop(number) == (0, "Stopped.", "")


def wait_for(http: httpx.Client, path: str, status: str) -> None:
    """Poll the run until it has the status."""
    end = time.monotonic() + 30
    while (found := http.get(path).json()["status"]) != status:
        assert time.monotonic() < end, f"still {found}"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        ("BOX_PORT", "abc", "BOX_PORT: must be a valid integer"),
        ("BOX_PORT", "99999", "BOX_PORT: must be less than or equal to 65535"),
        ("SANDBOX", "docker", "SANDBOX: must be one of auto, bwrap, landlock, aca, unsafe-subprocess, none\n"),
        (
            "MODEL_ENDPOINTS",
            '{"x": {"base_url": "http://x", "api_key_variable": "X_KEY"}}',
            "MODEL_ENDPOINTS: there is no",
        ),
        ("MODEL_ALIASES", "{x", "MODEL_ALIASES: not JSON: Expecting"),
        ("BOX_API_KEYS", "x", "BOX_API_KEYS: not JSON: Expecting"),
        ("BOX_API_KEYS", '{"me": ""}', "BOX_API_KEYS has an empty key"),
        ("BOX_API_KEYS", '{"me": "sha256:xyz"}', "BOX_API_KEYS: after sha256: come 64 hex digits"),
        ("BOX_HOME", __file__, f"BOX_HOME: {__file__} cannot be used: "),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_in_a_line(tmp_path: Path, setting: str, value: str, line: str) -> None:
    with program("run", **{"BOX_HOME": str(tmp_path), setting: value}) as box:
        said, log = box.process.communicate(timeout=30)
        assert box.process.returncode in (1, 2)
    assert said == ""
    assert log.startswith(line)
    assert log.count("\n") == 1


def test_a_port_that_is_taken_is_told_with_the_way_out(tmp_path: Path) -> None:
    with program("run", BOX_HOME=str(tmp_path / "first")) as box:
        box.greet()
        with program("run", BOX_HOME=str(tmp_path / "second"), BOX_PORT=str(box.port)) as late:
            said, log = late.process.communicate(timeout=30)
            assert late.process.returncode != 0
    assert said == ""
    assert log == (
        f"Cannot listen at 127.0.0.1:{box.port}: something uses it already. End that, or take another port: "
        f"`BOX_PORT={box.port + 1} make run`.\n"
    )


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_of_this_machine_is_told_in_a_line(tmp_path: Path, host: str, processes: str) -> None:
    with program("run", "--processes", processes, "--host", host, BOX_HOME=str(tmp_path)) as box:
        said, log = box.process.communicate(timeout=30)
        assert box.process.returncode != 0
    assert said == ""
    assert log == f"Cannot listen at {host}:{box.port}: this machine has no such address. Change BOX_HOST.\n"


@pytest.mark.parametrize("command", ["run", "worker"])
def test_a_database_that_is_none_is_told_in_a_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "box.db").write_text("a letter, not a database" * 100)
    (tmp_path / "box.db").chmod(0o600)
    with program(command, BOX_HOME=str(tmp_path)) as box:
        said, log = box.process.communicate(timeout=30)
        assert box.process.returncode == 1
    assert said == ""
    assert log == f"BOX_HOME: {tmp_path} cannot be used: file is not a database\n"


def test_the_demo_says_where_to_look_when_the_box_cannot_start(tmp_path: Path) -> None:
    with program("demo", BOX_HOME=str(tmp_path), BOX_HOST="no.such.invalid") as stranger:
        said, log = stranger.process.communicate(timeout=60)
        assert stranger.process.returncode == 1
    assert (said, log) == ("", "The host did not start; `make run` shows why.\n")


def sent(path: Path | str, *more: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python -m shared files upload PATH`."""
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name} | settings
    return subprocess.run(
        warm("shared", "files", "upload", str(path), *more), env=environment, capture_output=True, text=True, timeout=60
    )


def test_a_file_of_any_size_is_sent_in_parts_that_hosts_take(tmp_path: Path) -> None:
    """Between the program and the box is a host that takes no large request, as Azure's: 500 and not a word."""
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(2_500_000))
    no_large_body = Fault("POST .*", 500, above=1_500_000)
    with program("run", BOX_HOME=str(tmp_path), BOX_API_KEYS=json.dumps({"me": KEY})) as box:
        box.greet()
        with proxied(f"http://127.0.0.1:{box.port}", no_large_body) as front, box.http() as http:
            refused = sent(large, "--url", front.url, "--key", KEY)
            done = sent(large, "--url", f"{front.url}/v1", "--key", KEY, "--part", "1")
            file = http.get(f"files/{done.stdout.strip()}").json()
            content = http.get(f"files/{file['id']}/content").content
    assert (refused.returncode, refused.stdout) == (1, "")
    assert front.hits == ["POST /v1/files"] * 3, "the SDK does not give up at once"
    assert (done.returncode, done.stderr) == (0, "large.bin: 2 MB in 3 parts\n")
    assert (file["filename"], file["bytes"], file["purpose"]) == ("large.bin", 2_500_000, "assistants")
    assert content == large.read_bytes()
    assert [size for call, size in front.calls if call.endswith("/parts")][-1] < 1_500_000


def test_a_file_is_sent_to_the_box_of_this_folder(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("raclette")
    done = sent(notes, "--purpose", "user_data", BOX_HOME=str(tmp_path / "box"), BOX_PORT=str(free_port()))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"file-\w+\n", done.stdout)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("no-such-file",), "no-such-file: there is no such file\n"),
        ((__file__, "--part", "65"), "--part: from 1 to 64 megabytes\n"),
        ((__file__, "--url", "box.example", "--key", "k"), "box.example is no address: it must begin with http:// or"),
        ((__file__, "--url", "http://127.0.0.1:1", "--key", ""), "The key is missing: --key, or BOX_KEY"),
    ],
)
def test_a_file_that_cannot_be_sent_is_told_in_a_line(tmp_path: Path, more: tuple[str, ...], line: str) -> None:
    done = sent(*more, BOX_HOME=str(tmp_path))
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_the_demo_says_in_a_line_that_the_running_box_has_another_key(tmp_path: Path) -> None:
    with program("run", BOX_HOME=str(tmp_path), BOX_API_KEYS=json.dumps({"me": KEY})) as box:
        box.greet()
        with program("demo", BOX_HOME=str(tmp_path), BOX_PORT=str(box.port)) as stranger:
            said, log = stranger.process.communicate(timeout=60)
            assert stranger.process.returncode == 1
    assert said == ""
    assert "Incorrect API key provided" in log
    assert log.count("\n") == 1


def test_a_run_leaves_no_line_in_the_log(tmp_path: Path) -> None:
    """Whoever starts the host need not read what it says: a full pipe would stop it."""
    with program("run", BOX_HOME=str(tmp_path), BOX_API_KEYS=json.dumps({"me": KEY}), SANDBOX="none") as host:
        host.greet()
        with host.http() as http:
            of = http.post("assistants", json={"model": "demo"}).json()["id"]
            run = http.post("threads/runs", json={"assistant_id": of}).json()
            wait_for(http, f"threads/{run['thread_id']}/runs/{run['id']}", "completed")
        code, _, log = host.stop(signal.SIGINT)
    assert (code, log) == (0, "")
