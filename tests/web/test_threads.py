"""Conversations that are many: searched, filtered, renamed, deleted, taken along."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from selenium.webdriver.support.select import Select

from shared.llm.scripted import call, text


@pytest.fixture
def downloads(driver, tmp_path) -> Path:
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    return tmp_path


def thread(http, title: str, said: str = "Hello.", **metadata: str) -> str:
    body = {"metadata": {"title": title} | metadata, "messages": [{"role": "user", "content": said}]}
    return http.post("threads", json=body).json()["id"]


def again(page) -> None:
    page.driver.refresh()
    page.until(lambda: page["#text"].is_displayed())


def titles(page) -> list[str]:
    return [each.text for each in page.all("#threads a span")]


def manage(page) -> None:
    page["#manage-thread"].click()
    page.until(lambda: page["#thread-title"].is_displayed())


def test_words_are_looked_for_in_titles_metadata_and_messages(page, http):
    thread(http, "Refund of order 7")
    thread(http, "Second", "Where is my REFUND?")
    thread(http, "Third", ticket="refund-9")
    thread(http, "Fourth")
    again(page)

    page["#find-words"].send_keys("refund")

    page.until(lambda: titles(page) == ["Third", "Second", "Refund of order 7"])
    assert page["#threads-found"].text == "3 found among all 4 conversations."
    page["#find-words"].clear()
    page["#find-words"].send_keys("nothing of it")
    page.until(lambda: titles(page) == [] and "0 found" in page["#threads-found"].text)
    page["#find-words"].clear()
    page["#find-words"].send_keys(" ")
    page.until(lambda: len(titles(page)) == 4)
    assert page["#threads-found"].text == ""


def test_metadata_and_the_assistant_that_answered_are_filters(page, http, model):
    thread(http, "Gold", tier="gold", region="north")
    thread(http, "Silver", tier="silver", region="north")
    page.create_assistant("First")
    model.script([text("Yes.")])
    page.say("Asked the first")
    page["#new-thread"].click()
    page.create_assistant("Second")
    model.script([text("Yes.")])
    page.say("Asked the second")
    again(page)

    page["#find-more summary"].click()
    page["#find-metadata"].send_keys("tier=gold")
    page.until(lambda: titles(page) == ["Gold"])
    page["#find-metadata"].clear()
    page["#find-metadata"].send_keys("region")
    page.until(lambda: titles(page) == ["Silver", "Gold"])
    page["#find-metadata"].clear()
    page["#find-metadata"].send_keys(" ")
    Select(page["#find-assistant"]).select_by_visible_text("First")
    page.until(lambda: titles(page) == ["Asked the first"])


def test_a_search_says_how_far_it_looked_and_goes_on_when_asked(page, http):
    thread(http, "The oldest, wanted")
    for number in range(160):
        http.post("threads", json={"metadata": {"title": f"Other {number}"}})
    again(page)

    page["#find-words"].send_keys("wanted")
    page.until(lambda: page["#threads-found"].text == "0 found among the newest 150 conversations.")
    page["#more-threads"].click()

    page.until(lambda: titles(page) == ["The oldest, wanted"])
    assert page["#threads-found"].text == "1 found among all 161 conversations."


def test_a_conversation_gets_another_title_and_keeps_its_metadata(page, http):
    made = thread(http, "Untitled", ticket="7")
    again(page)
    page["#threads a"].click()
    manage(page)
    page["#thread-title"].clear()
    page["#thread-title"].send_keys("Order 7")
    page["#thread-dialog button.primary"].click()

    page.until(lambda: titles(page) == ["Order 7"])
    assert page["#title"].text == "Order 7"
    assert http.get(f"threads/{made}").json()["metadata"] == {"title": "Order 7", "ticket": "7"}

    manage(page)
    page["#thread-metadata"].clear()
    page["#thread-metadata"].send_keys("{nonsense")
    page["#thread-dialog button.primary"].click()
    page.until(lambda: "not valid JSON" in page["#thread-error"].text)


def test_a_conversation_that_is_deleted_is_gone_after_a_second_word(page, http):
    made = thread(http, "Unwanted")
    again(page)
    page["#threads a"].click()
    manage(page)
    page["#delete-thread"].click()
    assert page["#delete-thread"].text == "Delete for good?"
    time.sleep(0.5)
    page["#delete-thread"].click()

    page.until(lambda: titles(page) == [])
    assert page["#title"].text == "New conversation"
    assert http.get(f"threads/{made}").status_code == 404
    assert not page["#manage-thread"].is_displayed()


def test_a_conversation_is_taken_along(page, http, model, downloads):
    page.create_assistant("Teller", tools=("get_current_time",))
    model.script([call("get_current_time", timezone="Europe/Oslo")], [text("It is **late**.")])
    page.say("How late is it?")

    manage(page)
    page["#export-json"].click()
    page.until((downloads / "How late is it.json").exists)
    page["#export-markdown"].click()
    page.until((downloads / "How late is it.md").exists)

    whole = json.loads((downloads / "How late is it.json").read_text())
    assert whole["thread"] == http.get(f"threads/{whole['thread']['id']}").json()
    assert [each["role"] for each in whole["messages"]] == ["user", "assistant"]
    [run] = whole["runs"]
    assert [each["type"] for each in run["steps"]] == ["tool_calls", "message_creation"]
    told = (downloads / "How late is it.md").read_text()
    assert told.startswith("# How late is it?\n\n## You, 2")
    assert told.endswith("Z\n\nIt is **late**.\n")


def test_conversations_of_programs_are_called_after_their_first_message(page, http):
    first = http.post("threads", json={"messages": [{"role": "user", "content": "Where is  my order?\n4711"}]}).json()
    pictures = [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    http.post("threads", json={"messages": [{"role": "user", "content": pictures}]})
    empty = http.post("threads", json={}).json()
    again(page)
    page.until(lambda: "Where is my order? 4711" in titles(page))
    assert f"Conversation {empty['id'][-6:]}" in titles(page)
    assert sum(each.startswith("Conversation ") for each in titles(page)) == 2
    page.driver.get(f"{page.url}/playground#{first['id']}")
    page.until(lambda: page["#title"].text == "Where is my order? 4711")
    assert page.complaints() == []


def test_an_old_conversation_that_is_not_listed_has_its_title(page, http):
    made = thread(http, "From long ago")
    for number in range(31):
        http.post("threads", json={"metadata": {"title": f"Other {number}"}})
    page.driver.get(f"{page.url}/playground#{made}")
    again(page)
    page.until(lambda: page["#title"].text == "From long ago")


@pytest.mark.parametrize(
    ("said", "title"),
    [("words,\n" * 20, "words, " * 10 + "words…"), ("\U0001f600" * 100, "\U0001f600" * 79 + "…")],
)
def test_a_long_message_gives_a_title_of_whole_words(page, http, model, said, title):
    page.create_assistant("Clerk")
    model.script([text("Done.")])
    page.driver.execute_script("document.querySelector('#text').value = arguments[0]", said)
    page["#send"].click()
    page.run_is("completed")
    assert http.get("threads").json()["data"][0]["metadata"]["title"] == title
