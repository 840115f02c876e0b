"""The box dies, the network goes, the machine sleeps: the page joins its run again and tells the truth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.api.conftest import KEY
from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.durability.hosts import free_port
from tests.web.page import Page

SCRIPT = "wait 2\nsay Rain tomorrow."
AWAY = "The page goes on trying."


class Program:
    """The box as a process of its own, which can be killed and started again on the same port."""

    def __init__(self, home: Path, model_url: str):  # noqa: F811
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "BOX_PORT": str(self.port),
            "BOX_HOME": str(home),
            "BOX_API_KEYS": f'{{"me": "{KEY}"}}',
            "BOX_MODEL_BASE_URL": model_url,
            "BOX_MODEL_API_KEY": "sk-model",
            "SANDBOX": "none",
            "LEASE_SECONDS": "1",
            "HEARTBEAT_SECONDS": "0.2",
        }
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        line = [sys.executable, "-m", "shared", "run"]
        self.process = subprocess.Popen(
            line, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            with suppress(httpx.TransportError):
                httpx.get(f"{self.url}/healthz", trust_env=False)
                return
            time.sleep(0.1)
        raise AssertionError("the box did not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def program(tmp_path, model_url) -> Iterator[Program]:  # noqa: F811
    program = Program(tmp_path / "box", model_url)
    program.start()
    yield program
    program.kill()


@pytest.fixture
def page(driver, program) -> Iterator[Page]:
    page = Page(driver, program.url)
    page.open()
    page.enter(KEY)
    page.until(lambda: page["#text"].is_displayed())
    page.create_assistant("Forecaster")
    # Lost by a reload: the page has to help itself.
    page.driver.execute_script("window.same = true")
    yield page
    page.complaints()  # of requests that nobody answered


def ask(page: Page) -> None:
    page.driver.execute_script("document.getElementById('text').value = arguments[0]", SCRIPT)
    page["#send"].click()
    page.until(lambda: page.all(".run[data-status=in_progress]"))


def answer(page: Page) -> None:
    """The run is over, its one answer is there, and nobody complains any more."""
    page.run_is("completed")
    assert [each.text for each in page.all(".message.assistant .body")] == ["Rain tomorrow."]
    assert not page["#notice"].is_displayed()
    assert page.driver.execute_script("return window.same")


def test_a_box_that_is_killed_and_started_again(page, program):
    ask(page)
    program.kill()
    page.until(lambda: AWAY in page["#notice"].text)

    program.start()

    answer(page)


def test_a_network_that_goes_and_comes_back(page):
    ask(page)
    page.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    try:
        page.until(lambda: AWAY in page["#notice"].text)
    finally:
        page.driver.delete_network_conditions()

    answer(page)


def test_a_conversation_that_is_opened_while_the_box_is_away(page, program):
    ask(page)
    page.run_is("completed")
    page["#new-thread"].click()
    program.kill()
    page["#threads a"].click()
    page.until(lambda: AWAY in page["#notice"].text)

    program.start()

    page.until(lambda: page.all(".run"))
    answer(page)


@pytest.mark.long
def test_a_stream_that_falls_silent(page, program):
    """As on a laptop that slept: the connection is there, and nothing will ever come."""
    ask(page)
    program.process.send_signal(signal.SIGSTOP)
    time.sleep(50)
    program.process.send_signal(signal.SIGCONT)

    answer(page)
