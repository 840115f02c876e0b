"""A whole conversation with the demo model: a chart, a server tool, a function of the user's own, and back again."""

from __future__ import annotations

import json

import pytest

from shared.demo.offline.model import OfflineLlm
from tests.api.conftest import KEY

ORDERS = [
    {
        "name": "get_order_status",
        "description": "Look up the status of an order",
        "parameters": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
    }
]
ATTACK = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


@pytest.fixture
def model():
    return OfflineLlm(seconds_per_word=0)


def test_a_conversation(page, tmp_path):
    page.create_assistant("Analyst", tools=("code_interpreter", "get_current_time"), functions=json.dumps(ORDERS))
    sales = tmp_path / "sales.csv"
    sales.write_text("state,amount\nOregon,5\nTexas,9\n")

    page.attach(sales)
    charted = page.say("Show a chart of the file, by state")
    page.until(lambda: len(page.shown_pictures(charted)) == 1)
    assert "plt.show()" not in charted.text
    charted.find_elements("css selector", ".call summary")[1].click()
    assert "values.plot.bar" in charted.text
    assert "Texas" in charted.text
    assert "sales.csv" in page[".message.user"].text

    told = page.say("What time is it in Tokyo?")
    assert "get_current_time" in told.text
    assert '"Asia/Tokyo"' in told.text
    assert "in Asia/Tokyo." in told.text

    asked = page.say("What is the order status of A17?", until="requires_action")
    assert '"A17"' in asked.text
    assert not page["#send"].is_enabled()
    page[".action textarea"].send_keys(ATTACK)
    page[".action button"].click()
    page.run_is("completed")
    assert f"says: {ATTACK}" in asked.text

    assert "The offline demo answers" in page["#advice"].text
    assert "completed offline demo" in page[".run .run-status"].text

    page.driver.refresh()
    page.until(lambda: len(page.all(".run")) == 3)
    charted, told, asked = page.all(".run")
    page.until(lambda: len(page.shown_pictures(charted)) == 1)
    assert "in Asia/Tokyo." in told.text
    assert f"says: {ATTACK}" in asked.text
    assert [each.text.splitlines()[0] for each in page.all(".message.user")] == [
        "Show a chart of the file, by state",
        "What time is it in Tokyo?",
        "What is the order status of A17?",
    ]
    assert page["#threads a[aria-current]"].text.startswith("Show a chart of the file, by state")
    assert page.driver.title == "Playground · API-in-a-Box"
    assert page.complaints() == []


def test_a_wrong_key_is_said_in_words_and_not_kept(page):
    page["#leave"].click()
    page.enter("wrong")
    page.until(lambda: page["#key-error"].text == "The box does not accept this API key.")
    assert page.driver.execute_script("return sessionStorage.length") == 0
    page.enter(KEY)
    page.until(lambda: page["#text"].is_displayed())
    assert page.driver.execute_script("return [sessionStorage.length, localStorage.length, document.cookie]") == [
        1,
        0,
        "",
    ]


def test_a_small_screen_has_it_all_behind_the_menu(page):
    small = {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", small)
    try:
        assert not page["#new-assistant"].is_displayed()
        page["#menu"].click()
        page.create_assistant("Pocket")
        page["#new-thread"].click()
        page.say("x" * 300)
        widths = "return ['html', '#transcript'].map((each) => document.querySelector(each).scrollWidth <= 360)"
        assert page.driver.execute_script(widths) == [True, True]
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_keyboard_is_back_in_the_message_when_a_form_or_button_has_gone(page):
    def focused() -> str:
        return page.driver.execute_script("return document.activeElement.id")

    page.create_assistant("Orders", functions=json.dumps(ORDERS))
    page.say("What is the order status of A17?", until="requires_action")
    page[".action textarea"].send_keys("sent")
    page.press("TAB", "ENTER")
    page.run_is("completed")
    page.until(lambda: focused() == "text", 3)

    page.say("What is the order status of B18?", until="requires_action")
    page.press(*["TAB"] * 6)  # past the copy of the id and the trace
    assert focused() == "cancel"
    page.press("ENTER")
    page.run_is("cancelled")
    page.until(lambda: focused() == "text", 3)
