"""The smoke test against a box that works: everything is well, and nothing stays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.llm.scripted import fail
from shared.smoke.__main__ import main
from shared.smoke.report import Look
from shared.smoke.story import ANSWERS, CLEANED, HELD, STEPS
from tests.api.conftest import KEY, Box, below
from tests.test_docs import anchors
from tests.warm import warm

TROUBLE = Path(__file__).parents[2] / "docs/troubleshooting.md"


@pytest.fixture
def everything(box):
    """What the owner has: ids by kind."""

    def listed() -> dict[str, list[str]]:
        with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as http:
            kinds = ("assistants", "threads", "files", "vector_stores")
            return {kind: [each["id"] for each in http.get(kind).json()["data"]] for kind in kinds}

    return listed


def run(box, *arguments: str, key: str = KEY, url: str = "") -> subprocess.CompletedProcess[str]:
    line = ["shared.smoke", "--url", url or f"{box.url}/v1", *arguments]
    return subprocess.run(warm(*line), env=os.environ | {"BOX_KEY": key}, capture_output=True, text=True, timeout=120)


def test_a_box_that_works_gets_a_tick_for_each_step_and_keeps_nothing(box, everything):
    before = everything()

    done = run(box, "--hold", "5", "--megabytes", "40")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[0] for line in lines] == ["✓"] * len(lines)
    assert [line[2:36].strip() for line in lines] == [ANSWERS, *STEPS, CLEANED]
    assert re.search(r"first event \d+(\.\d+)? s, first words \d+(\.\d+)? s", done.stdout)
    assert re.search(r"started after \d+(\.\d+)? s", done.stdout)
    assert KEY not in done.stdout
    assert everything() == before


def test_make_keeps_the_key_out_of_the_command():
    line = ["make", "--dry-run", "smoke", "URL=https://box.example", f"KEY={KEY}", "SMOKE=--hold 10"]
    printed = subprocess.run(line, cwd=TROUBLE.parents[1], capture_output=True, text=True, timeout=60).stdout
    assert '-m shared.smoke --url "https://box.example" --hold 10' in printed
    assert KEY not in printed


def test_programs_read_json(box):
    done = run(box, "--json", "--only", "both prefixes")

    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["url"]) == (0, True, box.url)
    assert [step["step"] for step in found["steps"]] == [ANSWERS, "both prefixes", CLEANED]
    assert all(step["ok"] and step["look"] is None for step in found["steps"])


def test_a_failure_is_the_exit_code_and_names_a_heading(box):
    done = run(box, "--json", key="sk-wrong")

    [step] = json.loads(done.stdout)["steps"]
    assert done.returncode == 1
    assert step["look"] == "docs/troubleshooting.md#401-or-403"
    assert "401: the box does not accept this key" in step["wrong"]


def test_a_model_that_is_none_is_told_in_its_words(tmp_path, tell):
    box = Box(tmp_path, {})
    box.llm.default = lambda request: [fail("server_error", "The model 'gpt-4o' does not exist.")]
    box.start()
    try:
        outcomes = tell(box.url, "a streamed run", "a polled run")
    finally:
        box.stop()
    for step in ("a streamed run", "a polled run"):
        assert "ended as failed (server_error: The model 'gpt-4o' does not exist.)" in outcomes[step].wrong
        assert outcomes[step].look == Look.MODEL
    assert outcomes[CLEANED].ok


def test_all_headings_that_are_named_are_there():
    assert {each.value for each in Look} - anchors(TROUBLE.read_text()) == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "example.com"), "example.com is no address: it must begin with http:// or https://"),
        (("--url", "http://127.0.0.1:1", "--key", ""), "the key is missing"),
        (("--url", "http://127.0.0.1:1", "--key", "k", "--hold", "500"), "from 1 to 120"),
        (("--url", "http://127.0.0.1:1", "--only", "nothing"), "invalid choice"),
    ],
)
def test_what_cannot_be_meant_is_told(capsys, arguments, said):
    with pytest.raises(SystemExit, match="2"):
        main([*arguments])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_it_gets_rid_of_all_that_was_made(box, everything, number):
    before = everything()
    line = [sys.executable, "-m", "shared.smoke", "--url", box.url, "--hold", "100", "--only", HELD]
    with subprocess.Popen(line, env=os.environ | {"BOX_KEY": KEY}, stdout=subprocess.PIPE) as process:
        until = time.monotonic() + 30
        while len(everything()["threads"]) == len(before["threads"]):
            assert time.monotonic() < until
            time.sleep(0.1)
        time.sleep(1)  # the program runs
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert everything() == before
