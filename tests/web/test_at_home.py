"""The page for everyone: by ear, by keyboard, by touch, in the dark, on small screens, and after a reload."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.support.select import Select

from shared.llm.scripted import call, pause, text
from tests.api.conftest import KEY

FUNCTION = '[{"name": "get_order", "parameters": {"type": "object", "properties": {}}}]'


@pytest.fixture
def touch(driver) -> Iterator[None]:
    """A telephone of the smallest kind that is about."""
    screen = {"width": 320, "height": 568, "deviceScaleFactor": 1, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})
    yield
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def again(page) -> None:
    """The page, loaded anew."""
    page.driver.refresh()
    page.until(lambda: page["#text"].is_displayed())


def draft(page) -> str:
    return page["#text"].get_property("value")


# --- by ear


def test_an_answer_is_announced_when_it_is_there_and_not_before(page, model, box):
    page.create_assistant("Speaker")
    go_on = box.event()
    model.script([text("Rain ", pause(go_on), "tomorrow.")])

    page.say("Weather?", until="in_progress")
    page.until(lambda: "Rain" in page["#transcript"].text)
    assert page["#announcer"].text == ""
    box.loop.call_soon_threadsafe(go_on.set)
    page.run_is("completed")

    assert page["#announcer"].get_attribute("role") == "status"
    page.until(lambda: page["#announcer"].text == "Assistant: Rain tomorrow.")

    again(page)
    page.until(lambda: page.all(".run"))
    assert page["#announcer"].text == ""


def test_what_a_run_wants_is_announced(page, model):
    page.create_assistant("Orders", functions=FUNCTION)
    model.script([call("get_order")])
    page.say("My order?", until="requires_action")
    page.until(lambda: page["#announcer"].text == "The assistant calls your function.")


def test_landmarks_and_headings(page):
    shown = "return [...document.querySelectorAll(arguments[0])].filter((each) => each.checkVisibility()).length"
    for landmark in ("header", "aside", "nav", "main", "h1"):
        assert page.driver.execute_script(shown, landmark) == 1, landmark
    levels = [each.tag_name for each in page.all("#house :is(h1, h2, h3)")]
    assert levels == ["h1", "h2", "h2", "h2"]


# --- by keyboard and touch


def test_escape_stops_the_run(page, model, box):
    page.create_assistant("Talker")
    model.script([text("Well, ", pause(box.event()), "no.")])
    page.say("Talk.", until="in_progress")
    page.until(lambda: "Well" in page["#transcript"].text)

    page.press("ESCAPE")

    page.run_is("cancelled")


def test_escape_closes_the_menu_and_dialogs_and_stops_nothing(page, model, box, touch):
    page["#menu"].click()
    page.create_assistant("Talker")
    page["#menu"].click()
    model.script([text("Well, ", pause(box.event()), "no.")])
    page["#text"].send_keys("Talk.")
    page["#send"].click()
    page.run_is("in_progress")

    page["#menu"].click()
    page.press("ESCAPE")
    assert not page["#side"].is_displayed()
    page["#menu"].click()
    page["#edit-assistant"].click()
    page.until(lambda: page["#name"].is_displayed())
    page.press("ESCAPE")
    page.until(lambda: not page["#assistant-dialog"].is_displayed())
    assert page.all(".run")[-1].get_attribute("data-status") == "in_progress"
    page.press("ESCAPE", "ESCAPE")
    page.run_is("cancelled")


def test_enter_on_touch_keyboards_makes_a_new_line(page, touch):
    page["#text"].send_keys("one\ntwo")
    assert draft(page) == "one\ntwo"
    assert page["#text"].get_attribute("enterkeyhint") == "enter"
    assert page.all(".message") == []


def test_enter_sends_where_there_is_a_keyboard(page, model):
    page.create_assistant("Plain")
    model.script([text("Yes.")])
    page.say("Hello")
    assert page["#text"].get_attribute("enterkeyhint") == "send"


def test_nothing_is_wider_than_320_pixels(page, model, touch):
    def fits() -> None:
        widest = "return Math.max(...arguments[0].map((each) => document.querySelector(each).scrollWidth))"
        assert page.driver.execute_script(widest, ["html", "body", "#transcript", "#side"]) <= 320

    fits()
    page["#menu"].click()
    fits()
    page["#new-assistant"].click()
    page.until(lambda: page["#name"].is_displayed())
    dialog = page["#assistant-dialog"]
    page["#settings summary"].click()
    assert dialog.get_property("scrollWidth") <= dialog.get_property("clientWidth")
    page["#name"].send_keys("Small")
    page["#assistant-form button.primary"].click()
    page.until(lambda: not page["#assistant-dialog"].is_displayed())
    page["#menu"].click()
    wide = "| " + " | ".join("column" + str(i) for i in range(9)) + " |\n|" + "---|" * 9
    model.script([text(f"{wide}\n\n```python\n{'x' * 200}\n```\n\n{'y' * 200}")])
    page["#text"].send_keys("z" * 200)
    page["#send"].click()
    page.run_is("completed")
    fits()


# --- by files that are dropped or pasted


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_files_are_pasted_and_dropped(page, way):
    page.driver.execute_script(
        """
        const carried = new DataTransfer();
        carried.items.add(new File(["a,b"], "table.csv", { type: "text/csv" }));
        const paste = () => new ClipboardEvent("paste", { clipboardData: carried, cancelable: true, bubbles: true });
        const drop = () => new DragEvent("drop", { dataTransfer: carried, cancelable: true, bubbles: true });
        window.taken = !document.getElementById("text").dispatchEvent({ paste, drop }[arguments[0]]());
        """,
        way,
    )
    page.until(lambda: page["#chips"].text.replace("\n", " ") == "table.csv ×")
    assert page.driver.execute_script("return window.taken")


def test_pasted_words_are_words(page):
    page.driver.execute_script(
        """
        const carried = new DataTransfer();
        carried.setData("text/plain", "words");
        const paste = new ClipboardEvent("paste", { clipboardData: carried, cancelable: true, bubbles: true });
        window.taken = !document.getElementById("text").dispatchEvent(paste);
        """
    )
    assert not page.driver.execute_script("return window.taken")


# --- in the dark


def test_the_theme_is_chosen_and_kept(page):
    def back() -> str:
        return page["body"].value_of_css_property("background-color")

    try:
        light = back()
        Select(page["#theme"]).select_by_visible_text("Dark")
        dark = back()
        assert dark != light
        page.driver.refresh()
        page.until(lambda: page["#theme"].is_displayed())
        assert (back(), page["#theme"].get_property("value")) == (dark, "dark")

        prefers = [{"name": "prefers-color-scheme", "value": "dark"}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": prefers})
        Select(page["#theme"]).select_by_visible_text("Light")
        assert back() == light
        Select(page["#theme"]).select_by_visible_text("Auto")
        assert back() == dark
        assert page.driver.execute_script("return localStorage.length") == 0
    finally:
        page.driver.execute_script("localStorage.clear()")
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_nothing_moves_for_those_who_asked_for_that(page, model, box):
    page.create_assistant("Slow")
    model.script([text("One", pause(box.event()))])
    page.say("Go.", until="in_progress")
    moves = "return getComputedStyle(document.querySelector('.run-status .badge'), '::before').animationName"
    assert page.driver.execute_script(moves) == "blink"
    calm = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    try:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": calm})
        assert page.driver.execute_script(moves) == "none"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# --- drafts


def test_a_draft_is_kept_over_a_reload_and_belongs_to_its_conversation(page, model, tmp_path):
    page.create_assistant("Plain", tools=("file_search",))
    model.script([text("First.")])
    page.say("One")
    notes = tmp_path / "notes.md"
    notes.write_text("notes")
    page.attach(notes)
    page["#text"].send_keys("for the first")

    page["#new-thread"].click()
    assert (draft(page), page["#chips"].text) == ("", "")
    page["#text"].send_keys("for a new one")
    again(page)
    page.until(lambda: draft(page) == "for a new one")

    page["#threads a"].click()
    page.until(lambda: draft(page) == "for the first")
    again(page)
    page.until(lambda: draft(page) == "for the first")
    assert "notes.md" in page["#chips"].text
    model.script([text("Second.")])
    page["#send"].click()
    page.until(lambda: len(page.all(".run")) == 2)
    page.run_is("completed")
    assert "notes.md" in page.all(".message.user")[-1].text
    assert (draft(page), page["#chips"].text) == ("", "")
    again(page)
    page.until(lambda: len(page.all(".run")) == 2)
    assert draft(page) == ""

    page["#new-thread"].click()
    page.until(lambda: draft(page) == "for a new one")
    page["#leave"].click()
    page.enter(KEY)
    page.until(lambda: page["#text"].is_displayed())
    assert draft(page) == ""


def test_a_message_that_is_on_its_way_takes_nothing_from_the_conversation_that_was_opened_meanwhile(page, model, box):
    page.create_assistant("Plain")
    model.script([text("First.")])
    page.say("One")
    model.script([text("Second.")])
    # The request is held up until the other conversation has words of its own.
    page.driver.execute_script(
        """
        const ask = window.fetch;
        window.fetch = async (path, options) => {
          if (path.endsWith("/messages") && options.method === "POST") await new Promise((go) => (window.go = go));
          return ask(path, options);
        };
        """
    )
    page["#text"].send_keys("Two\n")
    page.until(lambda: page.driver.execute_script("return window.go !== undefined"))
    page["#new-thread"].click()
    page["#text"].send_keys("other words")
    page.driver.execute_script("window.go()")
    page.driver.execute_async_script("setTimeout(arguments[0], 500)")

    assert draft(page) == "other words"
    page["#threads a"].click()
    page.until(lambda: [each.text[:3] for each in page.all(".message.user")][-1:] == ["Two"])
    assert draft(page) == ""


def test_cancel_takes_the_place_of_send_where_there_is_no_room_for_both(page, model, touch):
    page["#menu"].click()
    page.create_assistant("Clerk", functions=FUNCTION)
    page["#new-thread"].click()
    send = page["#send"].rect
    model.script([call("get_order")])
    page["#text"].send_keys("Look it up.")
    page["#send"].click()
    page.run_is("requires_action")
    page.until(lambda: page["#cancel"].is_displayed())
    cancel = page["#cancel"].rect
    assert not page["#send"].is_displayed()
    assert cancel["x"] + cancel["width"] == pytest.approx(send["x"] + send["width"], abs=1)
    assert cancel["y"] == send["y"]
