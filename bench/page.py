"""The playground in a browser: first paint, its scripts' time and size, and a long conversation opened.

    python -m bench.page [CHECKOUT ...]

Each checkout's box is started with the offline demo, given a conversation of 40 messages, and shown in Chromium;
medians of five loads. A checkout needs the same libraries as this one.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2 as httpx
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from bench.processes import KEY, Checkout, box
from tests.web.browser import chromium

LOADS: Final = 5
ANSWERS: Final = 20
Json = dict[str, Any]

PAINTED: Final = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
SCRIPTS: Final = """
return performance.getEntriesByType('resource').filter((each) => each.name.endsWith('.js'))
    .reduce((sum, each) => sum + each.decodedBodySize, 0)
"""


def conversation(url: str) -> str:
    """A thread with twenty answers in Markdown; its id."""
    answer = "## Result\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n- one\n- two\n\n```python\nprint(1)\n```\n"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as client:
        thread: str = client.post("/v1/threads", json={}).json()["id"]
        for _ in range(ANSWERS):
            for role, content in (("user", "Tell me."), ("assistant", answer)):
                client.post(f"/v1/threads/{thread}/messages", json={"role": role, "content": content})
    return thread


def script_seconds(driver: WebDriver) -> float:
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(float(each["value"]) for each in metrics if each["name"] == "ScriptDuration")


def load(driver: WebDriver, url: str, thread: str) -> Json:
    """One visit: the page is entered with the key, then the conversation is shown."""
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    driver.get(f"{url}/playground")
    painted = WebDriverWait(driver, 10, 0.02).until(lambda _: driver.execute_script(PAINTED))
    wait = WebDriverWait(driver, 20, 0.02)
    wait.until(lambda _: driver.find_element(By.ID, "key").is_displayed())
    driver.find_element(By.ID, "key").send_keys(KEY + "\n")
    wait.until(lambda _: driver.find_element(By.ID, "text").is_displayed())
    scripting, began = script_seconds(driver), time.perf_counter()
    driver.execute_script("location.hash = arguments[0]", thread)
    wait.until(lambda _: len(driver.find_elements(By.CSS_SELECTOR, ".message")) == 2 * ANSWERS)
    shown = time.perf_counter() - began
    scripts = driver.execute_script(SCRIPTS)
    driver.execute_script("sessionStorage.clear()")
    return {
        "first paint, ms": round(painted),
        "scripts until entered, ms": round(1000 * scripting),
        "a conversation of 40 messages shown, ms": round(1000 * shown),
        "scripts, kB": round(scripts / 1000),
    }


def measure(checkout: Checkout) -> Json:
    """The medians of a checkout's page."""
    with (
        tempfile.TemporaryDirectory() as home,
        box("", Path(home), checkout, OPENAI_API_KEY="") as (base_url, _),
        chromium() as driver,
    ):
        url = base_url.removesuffix("/v1")
        thread = conversation(url)
        driver.execute_cdp_cmd("Performance.enable", {})
        driver.execute_cdp_cmd("Network.enable", {})
        load(driver, url, thread)
        visits = [load(driver, url, thread) for _ in range(LOADS)]
    return {name: median(each[name] for each in visits) for name in visits[0]}


def main(folders: list[str]) -> Json:
    """Every checkout, this one first."""
    checkouts = [Checkout(Path(each).resolve()) for each in (".", *folders)]
    return {str(each.folder): measure(each) for each in checkouts}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=2))
