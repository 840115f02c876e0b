"""What a model may say, and when: the model is scripted."""

from __future__ import annotations

import pytest

from shared.llm.base import ModelHealth
from shared.llm.scripted import call, fail, pause, text
from tests.api.conftest import KEY

ATTACKS = [
    "<img src=x onerror=\"document.title='hit'\">",
    "<script>document.title='hit'</script>",
    "[click](javascript:document.title='hit')",
    "```html\n<iframe srcdoc=\"<script>parent.document.title='hit'</script>\"></iframe>\n```",
    "| <b onclick=alert(1)>a</b> |\n| --- |\n| <svg onload=alert(1)> |",
    "# <h1>big</h1>\n- <style>*{display:none}</style>\n\n**<i>x</i>** `<u>y</u>`",
]


@pytest.fixture
def assistant(page):
    page.create_assistant("Scripted", functions='[{"name": "look_up"}]')


def test_what_a_model_writes_is_text_and_nothing_else(page, model, assistant):
    model.script([text(*(f"{attack}\n\n" for attack in ATTACKS))])

    run = page.say("Attack.")

    for shown in ATTACKS[:3]:
        assert shown in run.text
    assert "<iframe srcdoc=" in run.text
    assert "<svg onload=alert(1)>" in run.text
    assert "<style>*{display:none}</style>" in run.text
    assert page.all(":is(.run, #threads) :is(img, script, iframe, svg, style, b, i, u, h1, a[href^=javascript])") == []
    assert page.driver.title == "Playground · API-in-a-Box"
    assert page.complaints() == []


def test_names_and_titles_are_text_too(page, model, box, raw):
    evil = ATTACKS[0]
    headers = {"Authorization": f"Bearer {KEY}"}
    raw.post("/v1/assistants", headers=headers, json={"model": "m", "name": evil, "instructions": evil})
    raw.post("/v1/threads", headers=headers, json={"metadata": {"title": evil}})
    page.driver.refresh()
    page.until(lambda: page.all("#threads a"))

    page["#threads a"].click()

    page.until(lambda: page["#title"].get_property("textContent") == evil)
    assert evil in page["#threads a"].text
    assert page["#assistant option"].get_property("textContent") == evil
    assert page.driver.title == "Playground · API-in-a-Box"


def test_an_answer_is_shown_while_it_is_written_and_can_be_stopped(page, model, box, assistant):
    model.script([text("One, ", "two, ", pause(box.event()), "three.")])

    run = page.say("Count.", until="in_progress")
    page.until(lambda: "One, two," in run.text)
    page["#cancel"].click()

    page.run_is("cancelled")
    assert "One, two," in run.text
    assert not page["#cancel"].is_displayed()
    assert page["#send"].is_enabled()


def test_a_run_that_was_left_is_followed_when_it_is_opened_again(page, model, box, assistant):
    go_on = box.event()
    model.script([text("Patience. ", pause(go_on), "Done.")])
    page.say("Take your time.", until="in_progress")

    page["#new-thread"].click()
    page.until(lambda: page.all(".run") == [])
    page["#threads a"].click()
    page.until(lambda: len(page.all(".run")) == 1)
    box.loop.call_soon_threadsafe(go_on.set)

    assert "Patience. Done." in page.run_is("completed").text


def test_a_required_action_waits_for_those_who_come_back(page, model, assistant):
    model.script([call("look_up", call_id="call_a"), call("look_up", call_id="call_b")], [text("Thanks.")])
    page.say("Look up.", until="requires_action")

    page.driver.refresh()
    page.until(lambda: len(page.all(".action textarea")) == 2)
    for field, output in zip(page.all(".action textarea"), ("first", "second"), strict=True):
        field.send_keys(output)
    page[".action button"].click()

    assert "Thanks." in page.run_is("completed").text
    outputs = [item for item in model.requests[1].input if item["type"] == "function_call_output"]
    assert [(each["call_id"], each["output"]) for each in outputs] == [("call_a", "first"), ("call_b", "second")]


def test_a_model_that_cannot_answer_is_said_as_soon_as_one_enters(page, model, box, monkeypatch):
    async def refused() -> ModelHealth:
        return ModelHealth(answers=False, words="The model's server refuses the key (401).")

    assert not page["#advice"].is_displayed()
    monkeypatch.setattr(model, "health", refused)
    box.clock.advance(60)
    page.driver.refresh()
    page.until(lambda: "refuses the key (401)" in page["#advice"].text)
    page.complaints()


def test_failures_are_said(page, model, assistant):
    model.script([fail("rate_limit_exceeded", "The model is busy.")])
    assert "The model is busy." in page.say("Hello?", until="failed").text


def test_numbers_of_a_table_stand_below_each_other(page, model, assistant):
    model.script([text("| Symbol | Cost |\n|---|---:|\n| MSFT | 5.10 |\n| BND | 11,368.00 |")])

    run = page.say("What do I own?")

    cells = run.find_elements("css selector", "th, td")
    assert [cell.text for cell in cells] == ["Symbol", "Cost", "MSFT", "5.10", "BND", "11,368.00"]
    assert [cell.value_of_css_property("text-align") for cell in cells] == ["start", "end"] * 3
