"""Files and vector stores on the page: how they are, what uses them, why one failed; uploads, and taking away."""

from __future__ import annotations

import time

from shared.llm.scripted import text


def upload(http, name: str, content: bytes) -> str:
    return http.post("files", data={"purpose": "assistants"}, files={"file": (name, content)}).json()["id"]


def store(http, name: str, *files: str) -> str:
    made = http.post("vector_stores", json={"name": name, "file_ids": [*files]}).json()["id"]
    for _ in range(100):
        if http.get(f"vector_stores/{made}").json()["status"] == "completed":
            return made
        time.sleep(0.1)
    raise AssertionError("the files were not indexed")


def open_library(page) -> None:
    page["#open-library"].click()
    page.until(lambda: page["#library-dialog"].is_displayed())


def things(page, which: str) -> list[str]:
    return [each.text for each in page.all(f"#library-{which} > li")]


def drop(page, name: str, content: str, selector: str = "#library-dialog") -> None:
    page.driver.execute_script(
        """
        const [name, content, selector] = arguments;
        const carried = new DataTransfer();
        carried.items.add(new File([content], name));
        document.querySelector(selector).dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true }));
        """,
        name,
        content,
        selector,
    )


def test_what_there_is_how_it_is_and_what_uses_it(page, http):
    handbook = upload(http, "handbook.md", b"# Leave\n\n25 days.\n" * 90)
    empty = upload(http, "broken.pdf", b"%PDF-1.7 nothing")
    prices = upload(http, "prices.csv", b"a,b")
    upload(http, "unused.txt", b"x")
    shelf = store(http, "Shelf", handbook, empty)
    resources = {"file_search": {"vector_store_ids": [shelf]}, "code_interpreter": {"file_ids": [prices]}}
    tools = [{"type": "file_search"}, {"type": "code_interpreter"}]
    http.post("assistants", json={"model": "m", "name": "Clerk", "tools": tools, "tool_resources": resources})

    open_library(page)

    page.until(lambda: len(things(page, "files")) == 4)
    unused, priced, broken, shelved = things(page, "files")
    assert "unused.txt" in unused
    assert "Not used" in unused
    assert "Used by assistant Clerk" in priced
    assert "Used by store Shelf (failed: " in broken
    assert "assistants · 1.6 kB" in shelved
    assert "Used by store Shelf (ready)" in shelved
    [shown] = things(page, "stores")
    assert "ready ·" in shown
    assert "2 files · 1 failed" in shown
    assert "Used by assistant Clerk" in shown
    page["#library-stores summary"].click()
    said = http.get(f"vector_stores/{shelf}/files/{empty}").json()["last_error"]["message"]
    assert f"failed: {said}" in things(page, "stores")[0]
    assert page.complaints() == []


def test_a_file_that_is_dropped_is_uploaded(page, http):
    open_library(page)
    page.until(lambda: "There are none yet." in page["#library-dialog"].text)
    drop(page, "notes.txt", "notes")
    page.until(lambda: len(things(page, "files")) == 1)
    assert things(page, "uploads") == []
    assert "There are none yet." not in page["#library-dialog"].text
    [file] = http.get("files").json()["data"]
    assert (file["filename"], file["purpose"]) == ("notes.txt", "assistants")


def test_a_store_is_made_filled_and_emptied(page, http, tmp_path):
    open_library(page)
    page["#store-name"].send_keys("Guides\n")
    page.until(lambda: len(things(page, "stores")) == 1)
    guide = tmp_path / "guide.md"
    guide.write_text("# Guide\n\nTurn left.")
    page[".store-picker"].send_keys(str(guide))

    page.until(lambda: "Used by store Guides (ready)" in "".join(things(page, "files")))
    page.until(lambda: "1 file" in things(page, "stores")[0])
    page["#library-stores summary"].click()
    assert "guide.md" in page["#library-stores details"].text

    twice(page, "#library-stores details button")
    page.until(lambda: "0 files" in things(page, "stores")[0])
    assert page["#library-stores details"].get_property("open")
    twice(page, "#library-stores .row button[title^=Delete]")
    page.until(lambda: things(page, "stores") == [])
    twice(page, "#library-files button[title^='Delete guide']")
    page.until(lambda: things(page, "files") == [])
    assert http.get("files").json()["data"] == []


def twice(page, selector: str) -> None:
    page[selector].click()
    assert page[selector].text.endswith(" for good?")
    time.sleep(0.5)
    page[selector].click()


def test_an_upload_tells_how_far_it_is(page):
    """Whole or in parts: percent of what is sent."""
    page.driver.execute_script(
        """
        window.seen = [];
        new MutationObserver(() => seen.push(document.getElementById("library-uploads").textContent)).observe(
          document.getElementById("library-uploads"), { childList: true, subtree: true, characterData: true });
        """
    )
    open_library(page)
    drop(page, "large.txt", "x" * 3_000_000)
    page.until(lambda: len(things(page, "files")) == 1)
    assert any("uploading… 100 %" in each for each in page.driver.execute_script("return window.seen"))

    page.driver.execute_script("document.getElementById('picker').dataset.part = 1_000_000")
    drop(page, "parts.txt", "x" * 3_000_000)
    page.until(lambda: len(things(page, "files")) == 2)
    assert any("in parts… 33 %" in each for each in page.driver.execute_script("return window.seen"))


def test_an_upload_that_fails_says_why(page):
    open_library(page)
    page.driver.execute_script("sessionStorage.setItem('api-in-a-box.key', 'wrong')")
    drop(page, "never.txt", "x")
    page.until(lambda: "does not accept this API key" in page["#library-uploads .error"].text)
    page["#library-uploads button"].click()
    assert things(page, "uploads") == []


def test_indexing_is_seen_while_it_goes_on(page, http, box):
    """A file that is being indexed says so, and is looked at again until it is ready."""
    shelf = store(http, "Shelf")
    file = upload(http, "slow.md", b"# Slow\n\nText.")
    page.driver.execute_script(
        """
        const ask = window.fetch;
        window.indexing = true;
        window.fetch = async (path, options) => {
          const answer = await ask(path, options);
          if (!window.indexing || !/vector_stores\\?/.test(path)) return answer;
          const list = await answer.json();
          list.data.forEach((each) => (each.file_counts.in_progress = 1));
          return new Response(JSON.stringify(list));
        };
        """
    )
    http.post(f"vector_stores/{shelf}/files", json={"file_id": file})
    open_library(page)
    page.until(lambda: "indexing 1 of 1 file" in "".join(things(page, "stores")))
    page.driver.execute_script("window.indexing = false")
    page.until(lambda: "ready ·" in things(page, "stores")[0])


def test_a_document_of_a_message_that_cannot_be_indexed_is_named_with_the_reason(page, model, tmp_path):
    page.create_assistant("Librarian", tools=("file_search",))
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing")
    page.attach(broken)
    model.script([text("I found nothing.")])
    page.say("What does it say?")

    page.until(lambda: "broken.pdf cannot be searched: " in page["#indexing"].text)
    page["#new-thread"].click()
    assert page["#indexing"].text == ""
