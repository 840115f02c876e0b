"""The box dies, the network goes, the machine sleeps: the page joins its run again and tells the truth."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import KEY
from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.durability.hosts import free_port
from tests.host.test_program import Program
from tests.web.page import Page

SCRIPT = "wait 2\nsay Rain tomorrow."
AWAY = "The page goes on trying."


class Mortal:
    """A box that can be killed and started again on the same port."""

    def __init__(self, home: Path, model_url: str):  # noqa: F811
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "BOX_PORT": str(self.port),
            "BOX_HOME": str(home),
            "BOX_API_KEYS": f'{{"me": "{KEY}"}}',
            "BOX_MODEL_BASE_URL": model_url,
            "BOX_MODEL_API_KEY": "sk-model",
            "LEASE_SECONDS": "1",
            "HEARTBEAT_SECONDS": "0.2",
        }
        self.start()

    def start(self) -> None:
        self.program = Program("run", fresh=True, **self.settings)
        self.program.greet()

    def kill(self) -> None:
        self.program.process.kill()
        self.program.process.communicate()


@pytest.fixture
def mortal(tmp_path, model_url) -> Iterator[Mortal]:  # noqa: F811
    mortal = Mortal(tmp_path / "box", model_url)
    yield mortal
    mortal.kill()


@pytest.fixture
def page(driver, mortal) -> Iterator[Page]:
    page = Page(driver, mortal.url)
    page.enter_as_new(KEY)
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


def test_a_box_that_is_killed_and_started_again(page, mortal):
    ask(page)
    mortal.kill()
    page.until(lambda: AWAY in page["#notice"].text)

    mortal.start()

    answer(page)


def test_a_network_that_goes_and_comes_back(page):
    ask(page)
    page.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    try:
        page.until(lambda: AWAY in page["#notice"].text)
    finally:
        page.driver.delete_network_conditions()

    answer(page)


def test_a_conversation_that_is_opened_while_the_box_is_away(page, mortal):
    ask(page)
    page.run_is("completed")
    page["#new-thread"].click()
    mortal.kill()
    page["#threads a"].click()
    page.until(lambda: AWAY in page["#notice"].text)

    mortal.start()

    page.until(lambda: page.all(".run"))
    answer(page)


@pytest.mark.long
def test_a_stream_that_falls_silent(page, mortal):
    """As on a laptop that slept: the connection is there, and nothing will ever come."""
    ask(page)
    mortal.program.process.send_signal(signal.SIGSTOP)
    time.sleep(50)
    mortal.program.process.send_signal(signal.SIGCONT)

    answer(page)
