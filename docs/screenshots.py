"""Takes the pictures of docs/images: `python -m docs.screenshots`. Needs Chromium and its driver.

The page at three sizes, with the samples and the offline demo behind it: an empty conversation, one with code and a
chart, the trace of its run, what happened to it, the form of an assistant, and what was used.
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


def happened(page: Page) -> None:
    """The trace's end: what happened to the run."""
    page.until(lambda: page[".timeline"].is_displayed())


def assistant(page: Page) -> None:
    """The form of an assistant."""
    page.press("ESCAPE")
    page["#edit-assistant"].click()
    page.until(lambda: page["#assistant-dialog"].is_displayed())


def usage(page: Page) -> None:
    """What runs have used, by assistant."""
    page.press("ESCAPE")
    page.driver.find_element("xpath", "//button[.='Usage']").click()
    page.until(lambda: page.all("#inspector select option[value=assistant]"))
    page["#inspector select option[value=assistant]"].click()
    page.until(lambda: "Math Tutor" in page["#inspector table"].text)


STATES: Final[dict[str, Callable[[Page], None]]] = {
    "greeting": greeting,
    "conversation": conversation,
    "trace": trace,
    "happened": happened,
    "assistant": assistant,
    "usage": usage,
}
#: What is scrolled to, where it is not what one sees first.
SCROLL: Final = "arguments[0].style.scrollMarginTop = '5rem'; arguments[0].scrollIntoView()"
SEEN: Final = {"conversation": ".message.user", "happened": ".timeline"}
#: Of today's kind, so that the table has costs: a million tokens, in dollars.
PRICES: Final = {"*": {"input": 0.25, "output": 2}}


def main() -> int:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as home:
        box = Box(Path(home), {"heartbeat_seconds": 0.2, "prices": PRICES})
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
    use(client)
    page = Page(driver, url)
    page.open()
    page.enter(KEY)
    page.until(lambda: page["#text"].is_displayed())
    for state, reach in STATES.items():
        resize(driver, *SIZES["wide"])
        reach(page)
        for size, (width, height) in SIZES.items():
            resize(driver, width, height)
            if state in SEEN:
                driver.execute_script(SCROLL, page[SEEN[state]])
            driver.save_screenshot(str(IMAGES / f"{state}-{size}.png"))


def use(client: OpenAI) -> None:
    """Have the assistants answer their first questions, for the table of what was used."""
    for each in client.beta.assistants.list():
        if (question := (each.metadata or {}).get("prompt_1")) is not None:
            thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
            client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=each.id)
            client.beta.threads.delete(thread.id)


def resize(driver: WebDriver, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


if __name__ == "__main__":
    sys.exit(main())
