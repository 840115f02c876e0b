"""Chromium without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --no-proxy-server --window-size=1200,900"
)


def installed() -> tuple[str, str] | None:
    """Where the browser and its driver are; None if one is missing."""
    browser, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    return None if browser is None or driver is None else (browser, driver)


@contextmanager
def chromium(*more: str) -> Iterator[WebDriver]:
    """A browser, started in some seconds; `more` are flags of its own. Its console can be read."""
    from selenium import webdriver

    found = installed()
    assert found is not None, "Chromium or its driver is not installed: `make test-tools` does it"
    options = webdriver.ChromeOptions()
    options.binary_location = found[0]
    for flag in [*FLAGS.split(), *more]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(found[1]))
    try:
        yield driver
    finally:
        driver.quit()
