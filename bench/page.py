"""The playground in a browser: first paint, its scripts' time and size, and a long conversation opened.

    python -m bench.page [CHECKOUT ...]

Each checkout's box is started with the offline demo, given a conversation of 40 messages, and shown in Chromium;
medians of five loads. A checkout needs the same libraries as this one.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2 as httpx
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from bench.processes import KEY, Checkout, free_port, started
from tests.web.conftest import FLAGS

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


def script_seconds(driver: webdriver.Chrome) -> float:
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(float(each["value"]) for each in metrics if each["name"] == "ScriptDuration")


def load(driver: webdriver.Chrome, url: str, thread: str) -> Json:
    """One visit: the page is entered with the key, then the conversation is shown."""
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    driver.get(f"{url}/playground")
    painted = WebDriverWait(driver, 10, 0.02).until(lambda _: driver.execute_script(PAINTED))
    wait = WebDriverWait(driver, 20, 0.02)
    wait.until(lambda _: driver.find_element(By.ID, "key").is_displayed())
    driver.find_element(By.ID, "key").send_keys(KEY + "\n")
    wait.until(lambda _: driver.find_element(By.ID, "text").is_displayed())
    before = script_seconds(driver)
    driver.execute_script("location.hash = arguments[0]", thread)
    wait.until(lambda _: len(driver.find_elements(By.CSS_SELECTOR, ".message")) == 2 * ANSWERS)
    shown = script_seconds(driver)
    scripts = driver.execute_script(SCRIPTS)
    driver.execute_script("sessionStorage.clear()")
    return {
        "first paint, ms": round(painted),
        "scripts until entered, ms": round(1000 * before),
        "a conversation of 40 messages, ms": round(1000 * (shown - before)),
        "scripts, kB": round(scripts / 1000),
    }


def measure(checkout: Checkout) -> Json:
    """The medians of a checkout's page."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in FLAGS.split():
        options.add_argument(flag)
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        settings = {
            "BOX_HOME": home,
            "BOX_PORT": str(port),
            "BOX_API_KEYS": json.dumps({"bench": KEY}),
            "SANDBOX": "none",
        }
        offline = {"OPENAI_BASE_URL": "", "OPENAI_API_KEY": ""}
        with started(["-m", "shared", "run"], r"(http://\S+)", settings | offline, checkout):
            url = f"http://127.0.0.1:{port}"
            thread = conversation(url)
            driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
            try:
                driver.execute_cdp_cmd("Performance.enable", {})
                driver.execute_cdp_cmd("Network.enable", {})
                load(driver, url, thread)
                visits = [load(driver, url, thread) for _ in range(LOADS)]
            finally:
                driver.quit()
    return {name: median(each[name] for each in visits) for name in visits[0]}


def main(folders: list[str]) -> Json:
    """Every checkout, this one first."""
    checkouts = [Checkout(Path(each).resolve()) for each in (".", *folders)]
    return {str(each.folder): measure(each) for each in checkouts}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:]), indent=2))
