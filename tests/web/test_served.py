"""What the playground's paths answer, without a browser."""

from __future__ import annotations

import gzip
import re

from shared.api.playground import FILES
from tests.api.conftest import KEY

OURS = [path for path in FILES if "/vendor/" not in path]


def test_every_file_of_the_page_needs_no_key_and_has_its_type(raw):
    types = {path: raw.get(path).headers["content-type"].partition(";")[0] for path in FILES}
    assert types["/playground"] == "text/html"
    assert types["/playground/style.css"] == "text/css"
    assert types["/playground/app.js"] == "text/javascript"
    assert types["/playground/icon.svg"] == "image/svg+xml"
    assert {raw.get(path).status_code for path in FILES} == {200}
    assert raw.get("/playground/").text == raw.get("/playground").text


def test_the_page_uses_nothing_but_its_own_files(raw):
    used = set()
    for path in [*OURS, "/v1/docs"]:
        text = raw.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(src|href|from|url\()[=( ]*[\"']?(https?:)?//", text), path
        used |= set(re.findall(r'(?:src|href)="(/playground[^"]*)"', text))
        used |= {f"/playground/{name}" for name in re.findall(r'(?:from |import\()"\./([^"]+)"', text)}
    assert used | {"/playground"} == set(FILES)


def test_the_browser_is_told_to_run_nothing_else(raw):
    for path in FILES:
        headers = raw.get(path).headers
        policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert policy["trusted-types"] == "dompurify"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_nothing_is_written_into_the_page_as_markup(raw):
    banned = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|Function\(|setTimeout\([\"']"
    for path in OURS:
        assert not re.search(banned, raw.get(path).text), path


def test_the_page_is_small(raw):
    """Without mathematics, which the first formula loads, and the API's description."""
    scripts = [path for path in FILES if path.endswith(".js") and "katex" not in path and "swagger" not in path]
    assert sum(len(gzip.compress(raw.get(path).content)) for path in scripts) < 400_000


def test_what_the_page_asks_for_needs_the_key(raw):
    assert raw.get("/playground/server_tools").status_code == 401
    [tool] = raw.get("/playground/server_tools", headers={"Authorization": f"Bearer {KEY}"}).json()["data"]
    assert tool["name"] == "get_current_time"
    assert "time" in tool["description"]


def test_there_are_no_other_files(raw):
    for path in ("/playground/app.py", "/playground/../config.py", "/playground/%2e%2e/config.py"):
        assert raw.get(path).status_code == 401
        assert raw.get(path, headers={"Authorization": f"Bearer {KEY}"}).status_code == 404
