"""Who opens the box's bare address finds the page, or what this is."""

from __future__ import annotations

import socket

import pytest

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_is_led_to_the_page(raw):
    found = raw.get("/", headers={"accept": BROWSER})
    assert (found.status_code, found.headers["location"]) == (302, "/playground")


def test_a_program_is_told_what_this_is_in_one_line(raw):
    found = raw.get("/")
    assert found.json()["name"] == "API-in-a-Box"
    assert found.text.count("\n") == 0
    assert {raw.get(path).status_code for path in ("/healthz", "/healthz/", found.json()["docs"])} == {200}


def test_who_looks_for_the_documentation_at_its_usual_place_is_led_there(raw):
    found = raw.get("/docs")
    assert (found.status_code, found.headers["location"]) == (302, "/v1/docs")


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
def test_the_api_s_address_shows_a_browser_what_it_is_and_programs_what_it_did(raw, http, path):
    assert raw.get(path, headers={"accept": BROWSER}).text == raw.get("/v1/docs").text
    assert raw.get(path).status_code == raw.post(path, headers={"accept": BROWSER}).status_code == 401
    key = {"authorization": http.headers["authorization"]}
    assert raw.get(path, headers=key).json()["error"]["message"] == f"Invalid URL (GET {path})"
    assert raw.get("/v1/models", headers={"accept": BROWSER}).status_code == 401


def test_crawlers_are_sent_away_and_browsers_get_their_icon(raw):
    assert raw.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"
    icon = raw.get("/favicon.ico")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/healthz?deep=1", "/playground", "/playground/app.js", "/v1/docs", "/v1/openapi.json"]
)
def test_pages_answer_head_as_they_answer_get_but_for_the_body(raw, path):
    head, got = raw.head(path), raw.get(path)
    assert (head.status_code, head.content) == (200, b"")
    own = {"date", "x-request-id", "openai-processing-ms"}
    assert {name: value for name, value in head.headers.items() if name not in own} == {
        name: value for name, value in got.headers.items() if name not in own
    }
    assert int(head.headers["content-length"]) == len(got.content) > 0


def test_who_asks_head_is_led_to_the_page_and_asked_for_a_key_like_everybody(raw, http):
    assert raw.head("/", headers={"accept": BROWSER}).headers["location"] == "/playground"
    assert raw.head("/playground/server_tools").status_code == 401
    assert http.head("models").status_code == 404, "no page"


def test_after_head_the_connection_goes_on(raw):
    place = (raw.base_url.host, raw.base_url.port)
    asked = b"%s HTTP/1.1\r\nhost: x\r\nconnection: %s\r\n\r\n"
    with socket.create_connection(place, 10) as connection, connection.makefile("rb") as answers:
        connection.sendall(asked % (b"HEAD /", b"keep-alive") + asked % (b"GET /healthz", b"close"))
        text = answers.read()
    assert text.count(b"HTTP/1.1 200 OK") == 2
    assert text.endswith(b'{"status":"ok"}')
    assert b"API-in-a-Box" not in text
