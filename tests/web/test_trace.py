"""A run can be looked into: its turns and tokens, its calls and their durations, the objects, and what failed."""

from __future__ import annotations

import json
import re

import pytest

from shared.llm.base import Retried
from shared.llm.scripted import call, fail, pause, reasoning, text, usage
from shared.runs import trouble
from tests.api.conftest import KEY

FUNCTION = json.dumps(
    [{"name": "look_up", "parameters": {"type": "object", "properties": {"what": {"type": "string"}}}}]
)


@pytest.fixture
def assistant(page):
    page.create_assistant("Clerk", tools=("get_current_time",), functions=FUNCTION)


def inspector(page, *words: str) -> str:
    """What the dialog says, once it says these words."""
    page.until(lambda: all(word in page["#inspector"].text for word in words))
    return page["#inspector"].text


def shown_json(page, kind: str):
    page.until(lambda: page["#inspector h2"].text == kind and page.all("#inspector pre"))
    return json.loads(page["#inspector pre"].text)


def back(page) -> None:
    page["#inspector .head button:first-child"].click()


def test_a_trace_shows_turns_calls_times_and_tokens(page, model, assistant):
    model.script(
        [
            text("Let me see."),
            call("get_current_time", timezone="Asia/Tokyo"),
            usage(1200, 30, cached_tokens=1024, reasoning_tokens=12),
        ],
        [text("It is late."), usage(1300, 8)],
    )
    run = page.say("What time is it?")

    run.find_element("xpath", ".//button[.='Trace']").click()
    shown = inspector(page, "Turn 2")

    assert [each.text for each in page.all("#inspector .turn h3")] == [
        "Turn 1 1,200 tokens in, 1,024 cached · 30 out, 12 reasoning",
        "Turn 2 1,300 tokens in · 8 out",
    ]
    assert "2,538 tokens: 2,500 tokens in, 1,024 cached · 38 out, 12 reasoning" in shown
    assert "Answered by" in shown
    [first_turn, second_turn] = page.all("#inspector .turn")
    assert "get_current_time" in first_turn.text
    assert len(first_turn.find_elements("css selector", ".traced")) == 2
    assert len(second_turn.find_elements("css selector", ".traced")) == 1
    first_turn.find_element("css selector", ".call summary").click()
    assert "weekday" in first_turn.text
    assert page.complaints() == []


@pytest.mark.parametrize("settings", [{"reasoning_summary": "auto", "service_tiers": "flex"}])
def test_a_trace_says_who_served_a_turn_and_what_was_told_of_the_reasoning(page, model, assistant, box, raw):
    model.script([reasoning("secret", "I <b>weigh</b> it."), text("Rain.")])
    headers = {"Authorization": f"Bearer {KEY}"}
    clerk = raw.get("/v1/assistants", headers=headers).json()["data"][0]["id"]
    body = {"assistant_id": clerk, "metadata": {"service_tier": "flex"}}
    thread = {"messages": [{"role": "user", "content": "Weather?"}]}
    run = raw.post("/v1/threads/runs", headers=headers, json={**body, "thread": thread}).json()
    page.driver.get(f"{page.url}/playground#{run['thread_id']}")
    page.driver.refresh()
    page.until(lambda: page.all(".run"))

    page.run_is("completed").find_element("xpath", ".//button[.='Trace']").click()
    shown = inspector(page, "Turn 1")

    assert "Tier: " in shown
    page["#inspector summary"].click()
    assert "I <b>weigh</b> it." in page["#inspector .turn"].text
    assert "secret" not in page["html"].get_property("outerHTML")


def test_a_trace_ends_with_what_happened_and_who_did_it(page, model, assistant):
    model.script(
        [Retried(429, "rate_limit_exceeded", 2.5), call("get_current_time", timezone="Asia/Tokyo")],
        [call("look_up", what="order")],
        [text(".")],
    )
    run = page.say("What time is it?", until="requires_action")
    run.find_element("xpath", ".//button[.='Trace']").click()
    inspector(page, "outputs asked")

    said = [each.text for each in page.all("#inspector .timeline li")]

    assert page["#inspector .timeline h3"].text == "What happened"
    words = ["run created", "lease taken", "turn retried", "turn finished", "call started", "call finished"]
    words += ["turn finished", "outputs asked"]
    assert len(said) == len(words)
    assert all(re.match(rf"\+[\d.]+ s\s{word}\b", line) for word, line in zip(words, said, strict=True)), said
    assert "by me · how streamed" in said[0]
    assert "turn 1 · status 429 · code rate_limit_exceeded · seconds 2.5" in said[2]
    assert re.search(r"took [\d.]+ s · turn 1 · call id call_\w+ · name get_current_time · outcome ok", said[5])
    assert len(page.all("#inspector .timeline .bar")) == 3
    assert page.complaints() == []


def test_a_call_is_one_line_with_its_time_and_is_opened_on_demand(page, model, box, assistant):
    go_on = box.event()
    model.script([call("get_current_time", timezone="Asia/Tokyo")], [text("It is "), pause(go_on), text("late.")])

    run = page.say("What time is it?", until="in_progress")
    page.until(lambda: "It is" in run.text)

    folded = run.find_element("css selector", ".call")
    assert re.fullmatch(r'Function get_current_time\n\{"timezone": ?"Asia/Tokyo"\}\n[\d.]+ s', folded.text)
    folded.find_element("css selector", "summary").click()
    assert "weekday" in folded.text
    box.loop.call_soon_threadsafe(go_on.set)
    page.run_is("completed")
    assert "weekday" in folded.text


def test_the_trace_of_a_run_that_goes_on_is_kept_up_to_date(page, model, box, assistant):
    go_on = box.event()
    model.script([call("get_current_time", timezone="Asia/Tokyo")], [text("It is "), pause(go_on), text("late.")])
    run = page.say("What time is it?", until="in_progress")
    page.until(lambda: "It is" in run.text)
    run.find_element("xpath", ".//button[.='Trace']").click()
    inspector(page, "in progress", "Turn 2")
    page["#inspector .call summary"].click()

    box.loop.call_soon_threadsafe(go_on.set)

    assert "weekday" in inspector(page, "completed", "Used")


def test_a_call_that_runs_says_how_long(page, model, assistant):
    model.script([call("look_up", what="order")], [text("Found.")])
    run = page.say("Look.", until="requires_action")
    page.until(lambda: re.search(r"running · [1-9]\d* s", run.find_element("css selector", ".call").text), 10)


def test_every_object_is_shown_as_json(page, model, assistant, box):
    model.script([call("get_current_time", timezone="Asia/Tokyo")], [text("Late.")])
    run = page.say("What time is it?")
    run.find_element("css selector", ".message .json").click()
    assert shown_json(page, "Message")["content"][0]["text"]["value"] == "Late."
    page.press("ESCAPE")

    run.find_element("xpath", ".//button[.='Trace']").click()
    inspector(page, "Turn 2")
    page["#inspector .facts .json"].click()
    assert shown_json(page, "Run")["object"] == "thread.run"
    back(page)
    inspector(page, "Turn 2")
    page["#inspector .traced .json"].click()
    assert shown_json(page, "Step")["object"] == "thread.run.step"
    page.press("ESCAPE")

    page.driver.find_element("xpath", "//button[.='Ids']").click()
    for kind, made in (("Assistant", "assistant"), ("Conversation (thread)", "thread")):
        inspector(page, "Conversation (thread)")
        page[f"#inspector [aria-label='{kind} as JSON']"].click()
        assert shown_json(page, kind)["object"] == made
        back(page)
    assert page.complaints() == []


def test_failed_and_waiting_runs_are_found_in_all_conversations(page, model, assistant, box):
    model.script([call("look_up", what="order")])
    page.say("Look.", until="requires_action")
    page["#new-thread"].click()
    model.script([fail("rate_limit_exceeded", "The model is busy.")])
    page.say("Hello?", until="failed")
    page["#new-thread"].click()
    page.until(lambda: page.all(".run") == [])
    box.clock.advance(trouble.DRIVERLESS_SECONDS + 5)

    page.driver.find_element("xpath", "//button[.='Failed runs']").click()
    shown = inspector(page, "The model is busy.", "waits for tool outputs", "2 in the conversations")
    assert shown.index("The model is busy.") < shown.index("waits for tool outputs")

    page["#inspector li button"].click()
    inspector(page, "Trace of a run", "The model is busy.")
    back(page)
    inspector(page, "waits for tool outputs")
    page.driver.find_element("xpath", "//*[@id='inspector']//li[2]//button[.='Open conversation']").click()
    page.until(lambda: page.all(".action textarea"))
    assert not page["#inspector"].is_displayed()
