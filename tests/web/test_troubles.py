"""What a visitor's day brings: odd names, other scripts, another tab, answers that do not arrive whole."""

from __future__ import annotations

import pytest

from shared.llm.scripted import pause, text

#: Answers a request as somebody between the page and the box might.
IN_BETWEEN = """
const [path, body] = arguments, before = window.fetch;
let times = 0;
const isFirst = (asked) => asked.startsWith(path) && times++ < 1;
window.fetch = (asked, options) => isFirst(asked) ? Promise.resolve(new Response(body)) : before(asked, options);
"""


@pytest.fixture
def assistant(page):
    page.create_assistant("Scripted", tools=("file_search",))


@pytest.mark.parametrize("answer", ['{"data": [', "<html>Please sign in to the network.</html>"])
def test_an_answer_that_does_not_arrive_whole_is_told_and_asked_for_again(page, model, assistant, answer):
    model.script([text("Hello.")])
    page.say("Hi")
    page["#new-thread"].click()
    page.driver.execute_script(IN_BETWEEN, "/v1/threads/", answer)

    page["#threads a"].click()

    page.until(lambda: "did not arrive whole. The page goes on trying." in page["#notice"].text)
    page.run_is("completed")
    page.until(lambda: not page["#notice"].is_displayed())


def test_names_of_files_are_as_wide_as_the_page_and_as_they_are(page, assistant, tmp_path):
    for name in (f"{'a' * 240}.txt", "bill\u202etxt.exe"):
        path = tmp_path / name
        path.write_text("x")
        page["#picker"].send_keys(str(path))
    page.until(lambda: len(page.all("#chips li")) == 2 and "uploading" not in page["#chips"].text)
    assert page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert "bill\\u{202e}txt.exe" in page["#chips"].text


def test_each_paragraph_runs_as_its_words_do(page, model, assistant):
    model.script([text("\u0645\u0631\u062d\u0628\u0627!\n\nHello!")])
    run = page.say("\u0645\u0631\u062d\u0628\u0627!")
    page.until(lambda: "Hello!" in run.text)
    first = "const p = document.querySelectorAll('.message .body p')[arguments[0]], range = document.createRange();"
    where = (
        f"{first} range.selectNodeContents(p); const r = range.getBoundingClientRect(), b = p.getBoundingClientRect();"
    )
    gap = f"{where} return [r.left - b.left, b.right - r.right]"
    left, right = page.driver.execute_script(gap, 1)
    assert (left > 10, right < 1) == (True, True)
    left, right = page.driver.execute_script(gap, 2)
    assert (left < 1, right > 10) == (True, True)


def test_what_goes_on_elsewhere_is_shown_when_it_is_in_the_way(page, model, box, http, assistant):
    model.script([text("Hello.")])
    page.say("Hi")
    thread = page.driver.current_url.partition("#")[2]
    go_on = box.event()
    model.script([text("By a program.", pause(go_on))])
    http.post(f"threads/{thread}/messages", json={"role": "user", "content": "Meanwhile"})
    http.post(f"threads/{thread}/runs", json={"assistant_id": http.get("assistants").json()["data"][0]["id"]})

    page["#text"].send_keys("And now?")
    page["#send"].click()

    page.until(lambda: "Meanwhile" in page["#transcript"].text)
    assert "is active" in page["#notice"].text
    assert page["#text"].get_property("value") == "And now?"
    box.loop.call_soon_threadsafe(go_on.set)
    page.run_is("completed")
    page.until(lambda: "By a program." in page["#transcript"].text)
    page.until(lambda: page["#send"].is_enabled())


def test_an_answer_of_formulas_that_never_end_is_drawn_at_once(page):
    took = page.driver.execute_async_script(
        "const done = arguments[0]; import('/playground/markdown.js').then(({ markdown }) => {"
        "const begun = performance.now(); markdown('\\\\[x '.repeat(40000)); done(performance.now() - begun) })"
    )
    assert took < 2000
