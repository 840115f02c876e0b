"""Who opens the box's bare address finds the page, or what this is."""

from __future__ import annotations

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_is_led_to_the_page(raw):
    found = raw.get("/", headers={"accept": BROWSER})
    assert (found.status_code, found.headers["location"]) == (302, "/playground")


def test_a_program_is_told_what_this_is_in_one_line(raw):
    found = raw.get("/")
    assert found.json()["name"] == "API-in-a-Box"
    assert found.text.count("\n") == 0
    assert {raw.get(path).status_code for path in ("/healthz", "/healthz/", found.json()["docs"])} == {200}


def test_crawlers_are_sent_away_and_browsers_get_their_icon(raw):
    assert raw.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    icon = raw.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")
