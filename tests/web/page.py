"""The playground as a person uses it: what can be clicked, typed and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait


class Page:
    """The page at an address, in a browser."""

    def __init__(self, driver: WebDriver, url: str):
        self.driver, self.url = driver, url

    def open(self) -> None:
        self.driver.get(f"{self.url}/playground")

    def open_as_new(self) -> None:
        """Opens it as a visitor who was never here: a port, and so an origin, may have been another box's before."""
        clear = {"source": "if (self === top) { sessionStorage.clear(); localStorage.clear() }"}
        added = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", clear)
        self.open()
        self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    def enter_as_new(self, key: str) -> None:
        """Opens it so, and waits until it can be used; its complaints so far are forgotten."""
        self.open_as_new()
        self.enter(key)
        self.until(lambda: self["#text"].is_displayed())
        self.complaints()

    def enter(self, key: str) -> None:
        self.until(lambda: self["#key"].is_displayed())
        self["#key"].clear()
        self["#key"].send_keys(key, Keys.ENTER)

    def __getitem__(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def until(self, condition: Callable[[], Any], seconds: float = 30) -> Any:
        """Waits for something to be true; what the page replaces meanwhile is looked for again."""
        wait = WebDriverWait(self.driver, seconds, 0.1, [StaleElementReferenceException])
        try:
            return wait.until(lambda _: condition())
        except TimeoutException as error:
            error.msg = f"the page says:\n{self['body'].text}"
            raise

    def press(self, *keys: str) -> None:
        """Presses keys, one after the other, where the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(getattr(Keys, key))

    def create_assistant(self, name: str, *, tools: tuple[str, ...] = (), functions: str = "") -> None:
        self["#new-assistant"].click()
        self.until(lambda: self["#name"].is_displayed())
        self["#name"].send_keys(name)
        for tool in tools:
            self[f"#{tool}, #server-tools input[value='{tool}']"].click()
        if functions:
            self["#functions-details summary"].click()
            self["#functions"].send_keys(functions)
        self["#assistant-form button.primary"].click()
        self.until(lambda: not self["#assistant-dialog"].is_displayed())

    def attach(self, path: Path) -> None:
        self["#picker"].send_keys(str(path))
        self.until(lambda: path.name in self["#chips"].text and "uploading" not in self["#chips"].text)

    def say(self, text: str, *, until: str = "completed") -> WebElement:
        """Sends a message and waits for the run's status; the run."""
        before = len(self.all(".run"))
        self["#text"].send_keys(text, Keys.ENTER)
        self.until(lambda: len(self.all(".run")) > before)
        return self.run_is(until)

    def run_is(self, status: str) -> WebElement:
        """Waits until the newest run has this status; the run."""
        self.until(lambda: [each.get_attribute("data-status") for each in self.all(".run")][-1:] == [status])
        return self.all(".run")[-1]

    def shown_pictures(self, run: WebElement) -> list[WebElement]:
        pictures = run.find_elements(By.CSS_SELECTOR, ".message img")
        return [each for each in pictures if each.get_property("naturalWidth")]

    def complaints(self) -> list[str]:
        """What the browser's console has, such as scripts that were refused."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
