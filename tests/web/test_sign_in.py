"""The link that signs in, opened in a browser."""

from __future__ import annotations

import webbrowser

import pytest

from shared.api.sign_in import LIFETIME
from shared.embedded import page_link
from tests.api.conftest import KEY, OTHER_KEY
from tests.web.page import Page


@pytest.fixture
def door(driver, box) -> Page:
    """The playground, with nobody in it."""
    page = Page(driver, box.url)
    page.open_as_new()
    page.until(lambda: page["#key"].is_displayed())
    page.complaints()  # of the page that was left
    return page


def link(box, owner: str = "") -> str:
    return box.run(page_link.made(f"{box.url}/playground", box.deps, owner))


def kept(page: Page) -> str | None:
    return page.driver.execute_script("return sessionStorage.getItem('api-in-a-box.key')")


def afresh(page: Page, address: str) -> None:
    """Opens the address as a click elsewhere does, not as a step within the page."""
    page.driver.get("about:blank")
    page.driver.get(address)


def test_a_link_lets_in_and_leaves_no_trace_of_its_code(door, box):
    address = link(box)
    afresh(door, address)
    door.until(lambda: door["#text"].is_displayed())
    assert kept(door) == KEY
    assert door.driver.current_url == f"{box.url}/playground"
    code = address.partition("=")[2]
    asked = door.driver.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert any(each.endswith("/playground/sign_in") for each in asked)
    assert not [each for each in asked if code in each]
    door.driver.refresh()
    door.until(lambda: door["#text"].is_displayed())
    assert door.complaints() == []


def test_a_link_lets_in_once_and_says_so_to_the_next(door, box):
    address = link(box)
    afresh(door, address)
    door.until(lambda: door["#text"].is_displayed())
    door.driver.execute_script("sessionStorage.clear()")
    afresh(door, address)
    door.until(lambda: door["#key-error"].is_displayed())
    assert door["#key-error"].text.startswith("This link was used before, or is older than two minutes.")
    assert kept(door) is None
    door.enter(KEY)
    door.until(lambda: door["#text"].is_displayed())


def test_a_link_lets_in_for_two_minutes(door, box):
    address = link(box)
    box.clock.advance(LIFETIME + 1)
    afresh(door, address)
    door.until(lambda: door["#key-error"].is_displayed())
    assert kept(door) is None


def test_a_link_works_where_the_page_is_open_already(door, box):
    """The browser loads nothing then: only the fragment changes."""
    door.driver.get(link(box, "other"))
    door.until(lambda: door["#text"].is_displayed())
    assert kept(door) == OTHER_KEY
    door.driver.get(link(box, "me"))
    door.until(lambda: kept(door) == KEY)
    assert door.driver.current_url == f"{box.url}/playground"


def test_whoever_is_inside_stays_there_when_a_link_is_of_no_use(page, box):
    page.driver.get(f"{box.url}/playground#sign-in={'x' * 32}")
    page.until(lambda: "This link was used before" in page["#notice"].text)
    assert page["#text"].is_displayed()
    assert kept(page) == KEY


def test_the_file_that_the_browser_is_given_leads_to_the_page(door, box, tmp_path, monkeypatch):
    shown: list[str] = []

    def browse(shown_address: str) -> bool:
        shown.append(shown_address)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    address = link(box)
    assert page_link.opened(address, tmp_path)
    assert address.partition("=")[2] not in shown[0], "others see what a process is started with"
    afresh(door, shown[0])
    door.until(lambda: door.driver.current_url.startswith(box.url) and door["#text"].is_displayed())
    assert kept(door) == KEY
