"""Nothing that users uploaded runs in the box's origin, nobody frames it, and the key stays in its tab."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.api.conftest import KEY, below
from tests.fakes.listening import Quiet, listening

#: Says so in its title if it runs, with whatever key it finds.
CURIOUS = b"<!doctype html><title>shown</title><script>document.title = 'ran ' + Object.values(sessionStorage)</script>"


@pytest.fixture
def uploaded(box) -> str:
    """The id of an HTML file that somebody uploaded."""
    with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as http:
        form = {"file": ("curious.html", CURIOUS, "text/html")}
        return http.post("files", data={"purpose": "assistants"}, files=form).json()["id"]


@pytest.fixture
def known_to_the_front(driver) -> Iterator[None]:
    """A front door that adds the key to whatever is asked for, as some proxies do: addresses can be opened."""
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {"Authorization": f"Bearer {KEY}"}})
    yield
    driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {}})
    driver.execute_cdp_cmd("Network.disable", {})


def framing(address: str) -> type[BaseHTTPRequestHandler]:
    class Elsewhere(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>Elsewhere</title><iframe src='{address}'></iframe>".encode())

    return Elsewhere


def test_the_address_of_an_uploaded_page_is_a_download(page, uploaded, known_to_the_front, tmp_path):
    folder = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", folder)

    page.driver.get(f"{page.url}/v1/files/{uploaded}/content")

    page.until((tmp_path / "curious.html").exists)
    assert page.driver.current_url == f"{page.url}/playground"
    assert page.driver.title == "Playground · API-in-a-Box"


def test_an_answer_with_markup_is_no_page(page, box, known_to_the_front):
    """Whatever kind a browser takes an answer for: it has no origin, and so no key."""
    with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as http:
        thread = http.post("threads", json={"metadata": {"title": CURIOUS.decode()}}).json()["id"]

    page.driver.get(f"{page.url}/v1/threads/{thread}")

    assert "ran" not in page.driver.title
    assert page.all("script") == []
    assert page.driver.execute_script("return window.origin") == "null"


def test_what_the_page_fetched_is_no_page_either(page, uploaded):
    """An address of a blob has the page's origin: it must not be opened as what the file says it is."""
    page.driver.execute_async_script(
        """
        const [id, done] = arguments;
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => {
          setTimeout(done);
          return (window.made = make(blob));
        };
        import("/playground/files.js").then(({ fileLink }) => fileLink(id).click());
        """,
        uploaded,
    )
    before = set(page.driver.window_handles)
    page.driver.execute_script("window.opened = window.open(window.made)")
    page.driver.execute_async_script("setTimeout(arguments[0], 500)")
    try:
        assert page.driver.execute_script("try { return opened.document.title } catch { return '' }") == ""
        assert page.driver.title == "Playground · API-in-a-Box"
    finally:
        home = page.driver.current_window_handle
        for handle in set(page.driver.window_handles) - before:
            page.driver.switch_to.window(handle)
            page.driver.close()
        page.driver.switch_to.window(home)


@pytest.mark.parametrize("path", ["/playground", "/v1/docs", "/v1/openapi.json", "/healthz"])
def test_nobody_frames_the_box(page, path):
    with listening(framing(page.url + path)) as elsewhere:
        page.driver.get(elsewhere.replace("127.0.0.1", "localhost"))
        page.driver.switch_to.frame(page["iframe"])
        assert not page.driver.current_url.startswith("chrome-extension")
        assert page.url not in page.driver.execute_script("return location.href")
        page.driver.switch_to.default_content()
        refused = page.complaints()
        assert any("frame-ancestors" in each for each in refused), refused


def test_the_key_is_in_the_tab_alone(page):
    """No cookie and no lasting storage has it, no address, and no tab that the page opens."""
    kept = page.driver.execute_script("return [document.cookie, JSON.stringify(localStorage), location.href]")
    assert all(KEY not in each for each in kept)
    links = page.all("a[target=_blank]")
    assert {each.get_attribute("rel") for each in links} == {"noopener"}
