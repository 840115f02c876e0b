"""Takes the pictures of docs/images: `python -m docs.screenshots`. Needs Chromium and its driver.

The page at three sizes, with the samples and the offline demo behind it: an empty conversation, one with code and a
chart, the trace of its run, and the form of an assistant.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from openai import OpenAI
from selenium.webdriver.chrome.webdriver import WebDriver

from shared.demo.offline.model import OfflineLlm
from shared.demo.samples.install import install, names
from tests.api.conftest import KEY, Box
from tests.web.browser import chromium
from tests.web.page import Page

IMAGES: Final = Path(__file__).parent / "images"
#: Width and height in pixels.
SIZES: Final = {"wide": (1280, 800), "tablet": (820, 1100), "phone": (360, 740)}


def greeting(page: Page) -> None:
    """An empty conversation."""
    page["#assistant"].find_element("xpath", ".//option[contains(., 'Failed Banks')]").click()
    page.until(lambda: page.all(".greeting button"))


def conversation(page: Page) -> None:
    """A question, the code that answers it, and its chart."""
    page.all(".greeting button")[0].click()
    page.until(lambda: page.all(".run[data-status=completed]"))
    page.until(lambda: page.shown_pictures(page[".run"]))


def trace(page: Page) -> None:
    """What the run did."""
    page.driver.find_element("xpath", "//button[.='Trace']").click()
    page.until(lambda: page["dialog[open]"].is_displayed())


def assistant(page: Page) -> None:
    """The form of an assistant."""
    page.press("ESCAPE")
    page["#edit-assistant"].click()
    page.until(lambda: page["#assistant-dialog"].is_displayed())


STATES: Final[dict[str, Callable[[Page], None]]] = {
    "greeting": greeting,
    "conversation": conversation,
    "trace": trace,
    "assistant": assistant,
}


def main() -> int:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as home:
        box = Box(Path(home), {"heartbeat_seconds": 0.2})
        box.llm = OfflineLlm(seconds_per_word=0)  # type: ignore[assignment]
        box.start()
        try:
            with chromium("--hide-scrollbars") as driver:
                take(driver, box.url)
        finally:
            box.stop()
    return 0


def take(driver: WebDriver, url: str) -> None:
    """Go from state to state, and look at each in every size."""
    client = OpenAI(api_key=KEY, base_url=f"{url}/v1")
    for name in names():
        install(client, name, "gpt-5.6-luna")
    page = Page(driver, url)
    page.open()
    page.enter(KEY)
    page.until(lambda: page["#text"].is_displayed())
    for state, reach in STATES.items():
        resize(driver, *SIZES["wide"])
        reach(page)
        for size, (width, height) in SIZES.items():
            resize(driver, width, height)
            driver.save_screenshot(str(IMAGES / f"{state}-{size}.png"))


def resize(driver: WebDriver, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


if __name__ == "__main__":
    sys.exit(main())
