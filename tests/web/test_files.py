"""Files in conversations: attached, searched, cited, made, and downloaded with the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.llm.scripted import call, text
from tests.api.conftest import KEY, below

POLICY = "# Refunds\n\nRefunds are paid within 14 days. <b>Always.</b>\n"


@pytest.fixture
def downloads(driver, tmp_path) -> Path:
    folder = tmp_path / "downloads"
    folder.mkdir()
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    return folder


def downloaded(page, path: Path) -> str:
    page.until(path.exists)
    return path.read_text()


def test_an_answer_cites_documents_that_can_be_downloaded(page, model, tmp_path, downloads):
    page.create_assistant("Librarian", tools=("file_search",))
    policy = tmp_path / "policy.md"
    policy.write_text(POLICY)
    page.attach(policy)
    model.script([call("file_search", queries=["refunds"])], [text("Within 14 days【1:0†policy.md】.")])

    run = page.say("When are refunds paid?")

    page.until(lambda: page[".run .sources"].text == "[1] policy.md")
    assert "Within 14 days1." in run.text.replace("\n", "")
    page[".run .citation"].click()
    assert downloaded(page, downloads / "policy.md") == POLICY

    for look_again in (lambda: None, page.driver.refresh):
        look_again()
        page.until(lambda: page.all(".run details.call summary"))
        if "<b>Always.</b>" not in page[".run details.call"].text:
            page[".run details.call summary"].click()
        assert "<b>Always.</b>" in page[".run details.call"].text


def test_a_link_into_the_sandbox_is_a_download(page, model, downloads):
    page.create_assistant("Maker", tools=("code_interpreter",))
    code = "open('/mnt/data/page.html', 'w').write('<script>document.title=1</script>')"
    model.script([call("code_interpreter", code=code)], [text("Here: [your page](sandbox:/mnt/data/page.html).")])

    page.say("Make a page.")

    page.until(lambda: page.all(".message.assistant button.file"))
    page[".message.assistant button.file"].click()
    assert downloaded(page, downloads / "page.html") == "<script>document.title=1</script>"
    assert page["button.file"].text == "your page"
    assert page.driver.title == "Playground · API-in-a-Box"


def test_files_that_nobody_would_read_are_not_sent(page, tmp_path):
    page.create_assistant("Plain")
    notes = tmp_path / "notes.txt"
    notes.write_text("notes")
    page.attach(notes)

    page["#text"].send_keys("Read this.\n")

    page.until(lambda: "cannot read files" in page["#notice"].text)
    assert page["#text"].get_property("value") == "Read this."
    assert page.all(".message") == []


def test_a_large_file_goes_up_in_parts_and_says_how_far_it_is(page, box, tmp_path):
    """Azure's host takes no request above 100 MB; here parts are small so that the test is."""
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 1000)
    page.driver.execute_script(
        """
        document.getElementById("picker").dataset.part = 100_000;
        window.seen = [];
        new MutationObserver(() => seen.push(document.getElementById("chips").innerText)).observe(
          document.getElementById("chips"), { childList: true, subtree: true, characterData: true });
        """
    )

    page.attach(large)

    seen = "\n".join(page.driver.execute_script("return window.seen"))
    assert all(f"uploading in parts… {percent} %" in seen for percent in (0, 39, 78, 100))
    with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as http:
        [file] = http.get("files").json()["data"]
        assert (file["filename"], file["bytes"]) == ("large.bin", 256_000)
        assert http.get(f"files/{file['id']}/content").content == large.read_bytes()
    asked = page.driver.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert sum(address.endswith("/parts") for address in asked) == 3


def test_a_small_file_goes_up_whole(page, tmp_path):
    small = tmp_path / "small.txt"
    small.write_text("small")
    page.attach(small)
    asked = page.driver.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert not any("/uploads" in address for address in asked)


def test_a_large_file_that_is_removed_is_given_up(page, box, tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * 20_000)
    page.driver.execute_script('document.getElementById("picker").dataset.part = 10')
    page["#picker"].send_keys(str(large))
    page.until(lambda: "uploading in parts" in page["#chips"].text)
    page["#chips button"].click()

    with below(f"{box.url}/v1/", Authorization=f"Bearer {KEY}") as http:
        assert http.get("files").json()["data"] == []
    assert page["#chips"].text == ""
