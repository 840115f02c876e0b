"""The program `box`, as people and scripts call it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.durability.hosts import free_port
from tests.host.test_program import program
from tests.warm import warm

ROOT = Path(__file__).parents[2]


def box(*words: str, folder: Path | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python -m shared WORDS`."""
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name}
    environment |= {"PYTHONPATH": str(ROOT)} | settings
    return subprocess.run(
        warm("shared", *words), cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_help_has_every_noun_and_examples():
    said = box("--help").stdout
    for word in ("run", "worker", "demo", "samples", "files", "stores", "import", "export", "completion", "Examples:"):
        assert word in said


def test_every_command_says_what_it_is_for():
    said = box("files", "upload", "--help")
    assert said.returncode == 0
    for line in ("Send a file, in parts if it is large", "--part MB", "python -m shared files upload report.pdf"):
        assert line in said.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["walk"], "Error: No such command 'walk'."),
        (["run", "--speed", "3"], "Error: No such option '--speed'."),
        (["run", "--port", "many"], "Error: Invalid value for '--port': 'many' is not a valid integer."),
        (["run", "--port", "99999"], "BOX_PORT: must be less than or equal to 65535"),
        (["samples"], "Usage: "),
    ],
)
def test_what_makes_no_sense_is_refused_with_2(words: list[str], line: str):
    said = box(*words)
    assert (said.returncode, said.stdout) == (2, "")
    assert line in said.stderr
    assert "Traceback" not in said.stderr


def test_the_demo_solves_its_equation_where_nothing_isolates_code(tmp_path: Path):
    said = box("demo", SANDBOX="bwrap", PATH=str(tmp_path), BOX_HOME=str(tmp_path / "box"), BOX_PORT=str(free_port()))
    assert "So x = 1.\n\nThe code interpreter cannot run here: bwrap: " in said.stdout
    assert said.returncode == 0


@pytest.mark.parametrize("status", [200, 404, 501])
@pytest.mark.parametrize("words", [["demo"], ["samples", "install"]])
def test_another_program_at_the_address_is_no_box(words: list[str], status: int):
    with somebody_else(status) as address:
        said = box(*words, "--url", address, "--key", "k")
    assert (said.returncode, said.stderr) == (1, f"What answers at {address}/v1 is no box.\n")


@contextmanager
def somebody_else(status: int) -> Iterator[str]:
    """A web server that answers everything with a page; its address."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = b"<h1>Something else</h1>"
            self.send_response(status)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self.do_GET()

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


def test_options_of_run_win_over_settings(tmp_path: Path):
    port = free_port()
    options = ["--port", str(port), "--host", "localhost", "--home", str(tmp_path / "there")]
    with program("run", *options, BOX_PORT="1", BOX_HOME=str(tmp_path / "not-here")) as made:
        assert f"http://localhost:{port}/v1" in made.greet()
    assert (tmp_path / "there" / "box.db").exists()
    assert not (tmp_path / "not-here").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_learn_to_complete(shell: str):
    assert "_BOX_COMPLETE" in box("completion", shell).stdout


def test_what_serves_loads_no_tables():
    """The Functions app and the embedded host pay for nothing that only people at a terminal see."""
    told = "import sys, function_app, shared.embedded.host; print('rich' in sys.modules, 'shared.cli' in sys.modules)"
    settings = os.environ | {"PYTHON_ENABLE_INIT_INDEXING": "1"}
    said = subprocess.run([sys.executable, "-c", told], env=settings, capture_output=True, text=True, timeout=60)
    assert said.stdout.split() == ["False", "False"], said.stderr
