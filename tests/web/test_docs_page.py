"""The API's description: read, and tried with a key."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.by import By

from tests.api.conftest import KEY


@pytest.fixture
def description(page):
    """The page as one sees it who is signed in to the playground in this tab."""
    page.driver.get(f"{page.url}/v1/docs")
    page.until(lambda: page.all(".opblock"))
    return page


def opened(page, method: str, path: str):
    """The route's block, opened."""
    [found] = [
        each
        for each in page.all(f".opblock-{method}")
        if each.find_element(By.CSS_SELECTOR, ".opblock-summary-path").get_attribute("data-path") == path
    ]
    found.find_element(By.CSS_SELECTOR, ".opblock-summary-control").click()
    page.until(lambda: found.find_elements(By.CSS_SELECTOR, ".opblock-body"))
    return found


def test_a_call_is_tried_with_the_key_of_the_playground(description):
    route = opened(description, "post", "/v1/threads")

    route.find_element(By.CSS_SELECTOR, "button.execute").click()

    description.until(lambda: route.find_elements(By.CSS_SELECTOR, ".live-responses-table"))
    told = route.find_element(By.CSS_SELECTOR, ".live-responses-table").text
    assert "200" in told
    assert '"object": "thread"' in told
    assert description.complaints() == []


def test_a_key_is_entered_by_those_who_are_not_signed_in(description):
    description.driver.execute_script("sessionStorage.clear()")
    description.driver.refresh()
    description.until(lambda: description.all(".opblock"))
    description["button.authorize"].click()
    description.until(lambda: description.all(".auth-container input"))
    description.all(".auth-container input")[0].send_keys(KEY)
    description.all("button.modal-btn.authorize")[0].click()
    description["button.btn-done"].click()

    route = opened(description, "get", "/v1/models")
    route.find_element(By.CSS_SELECTOR, "button.execute").click()

    description.until(lambda: '"object": "list"' in route.text)
    assert description.complaints() == []


def test_bodies_answers_events_and_errors_have_examples(description):
    route = opened(description, "post", "/v1/threads/{thread_id}/runs")

    assert '"assistant_id": "asst_' in route.find_element(By.CSS_SELECTOR, "textarea").get_property("value")
    assert '"object": "thread.run"' in route.text
    error = opened(description, "get", "/v1/assistants/{assistant_id}")
    assert "No assistant found with id" in error.text
    assert description.complaints() == []


@pytest.mark.parametrize(("theme", "bright"), [("dark", False), ("light", True)])
def test_it_is_light_or_dark_as_chosen_in_the_playground(description, theme, bright):
    description.driver.execute_script("localStorage.setItem('api-in-a-box.theme', arguments[0])", theme)
    try:
        description.driver.refresh()
        description.until(lambda: description.all(".opblock"))
        back = description["html"].value_of_css_property("background-color")
        words = description[".info .title"].value_of_css_property("color")
        assert (max(channels(words)) < 128, min(channels(back)) > 128 or channels(back)[3] == 0) == (bright, bright)
        assert description.complaints() == []
    finally:
        description.driver.execute_script("localStorage.clear()")


def channels(colour: str) -> list[float]:
    """Red, green, blue and how opaque, of a computed colour."""
    return [float(each) for each in re.findall(r"[\d.]+", colour)]
