"""A box with its playground, and a browser. Without Chromium these tests are skipped; in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from shared.llm.base import Llm
from shared.llm.scripted import ScriptedLlm
from shared.tools.base import Tool
from shared.tools.get_current_time import get_current_time_tool
from tests.api.conftest import KEY, Box, below
from tests.web.browser import chromium, installed

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

    from tests.web.page import Page


@pytest.fixture
def model() -> Llm:
    """The model behind the box; override in a test module."""
    return ScriptedLlm()


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings that differ from the defaults; override by parametrisation."""
    return {}


@pytest.fixture
def tools() -> list[Tool]:
    """The box's own tools; override in a test module."""
    return [get_current_time_tool()]


@pytest.fixture
def box(tmp_path, model, settings, tools) -> Iterator[Box]:
    box = Box(tmp_path / "box", {"heartbeat_seconds": 0.2} | settings)
    box.llm = model
    box.tools = tools
    box.start()
    yield box
    box.stop()


@pytest.fixture
def raw(box):
    """Requests without a key, below the root."""
    with below(box.url) as client:
        yield client


@pytest.fixture
def http(box):
    """Requests with the owner's key, below `/v1`."""
    with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as client:
        yield client


@pytest.fixture(scope="session")
def driver(tmp_path_factory) -> Iterator[WebDriver]:
    """One browser for all tests; it starts in some seconds."""
    if installed() is None:
        reason = "Chromium is not installed; apt-get install chromium chromium-driver does it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with chromium(f"--user-data-dir={tmp_path_factory.mktemp('browser')}") as driver:
        yield driver


@pytest.fixture
def page(driver, box) -> Page:
    """The playground, entered."""
    from tests.web.page import Page

    page = Page(driver, box.url)
    page.enter_as_new(KEY)
    return page
