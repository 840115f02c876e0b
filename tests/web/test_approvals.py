"""Calls that wait for approval, and the kinds of calls that came after the Assistants API's own, on the page."""

from __future__ import annotations

import json

import pytest

from shared.llm.scripted import call, text
from tests.fakes.mcp_server import mcp_server
from tests.web.letters import letters, settings, tools  # noqa: F401  fixtures

EVIL = '<img src=x onerror="document.title=1">'
#: It turns the order of what follows around.
TURNED = "\u202e"


@pytest.fixture
def assistant(page):
    page.create_assistant("Clerk", tools=("send_letter",))


def letter(to="ann", **more):
    return call("send_letter", to=to, **more)


def press(page, word: str, number: int = 0) -> None:
    """Presses Approve or Deny of a call, as soon as it is no accident."""
    page.until(lambda: page.all(".action button"))
    page.driver.execute_async_script("setTimeout(arguments[0], 450)")
    buttons = page.driver.find_elements("xpath", f"//*[contains(@class, 'action')]//button[.='{word}']")
    buttons[number].click()


def lines(run) -> list[str]:
    return [each.text.replace("\n", " ") for each in run.find_elements("css selector", ".call > summary")]


def test_a_call_waits_shows_its_arguments_as_text_and_goes_on_when_it_is_approved(page, model, assistant):
    model.script([letter(f"{EVIL}{TURNED}ann")], [text("Sent.")])

    run = page.say("Write.", until="requires_action")

    shown = page[".action"].text
    assert "send_letter" in shown
    assert json.dumps(EVIL)[:-1] in shown
    assert "\\u{202e}ann" in shown
    assert TURNED not in shown
    assert "waits for approval" in lines(run)[0]
    assert page.driver.switch_to.active_element.get_attribute("id") == "text"
    assert page["#announcer"].get_property("textContent") == "The assistant asks for your approval: send_letter"
    assert letters == []

    press(page, "Approve")

    assert "Sent." in page.run_is("completed").text
    assert letters == [f"{EVIL}{TURNED}ann"]
    assert "approved by me" in lines(run)[0]
    assert page.all(".action") == []
    run.find_element("xpath", ".//button[.='Trace']").click()
    page.until(lambda: "approved by me" in page["#inspector"].text)
    assert page.driver.title == "Playground · API-in-a-Box"
    assert page.complaints() == []


def test_calls_of_a_run_are_answered_together_after_a_reload_too(page, model, assistant):
    model.script([letter("ann"), letter("bob")], [text("As you say.")])
    page.say("Write two.", until="requires_action")

    page.driver.refresh()
    press(page, "Approve")
    assert "1 of 2 still to be said" in page[".action"].text
    assert letters == []
    press(page, "Deny", 1)

    run = page.run_is("completed")
    page.until(lambda: "As you say." in run.text)
    assert letters == ["ann"]
    assert "approved by me" in lines(run)[0]
    assert "denied by me" in lines(run)[1]


def test_a_click_that_was_meant_for_something_else_approves_nothing(page, model, assistant):
    model.script([letter()])
    page.driver.execute_script(
        "new MutationObserver((_, observer) => {"
        " const button = document.querySelector('.action button');"
        " if (button) { observer.disconnect(); button.click(); }"
        "}).observe(document.getElementById('transcript'), {childList: true, subtree: true})"
    )
    page.say("Write.", until="requires_action")
    page.until(lambda: page.all(".action button"))
    page.driver.execute_async_script("setTimeout(arguments[0], 500)")
    assert letters == []
    assert page.all(".action button")


def test_what_waits_elsewhere_is_told_and_leads_there(page, model, assistant, http):
    model.script([letter()], [text("Sent.")])
    page.say("Write to ann.", until="requires_action")
    assert page["#waiting"].text == ""

    page["#new-thread"].click()
    page.until(lambda: page["#waiting"].text == "1 waits for approval")
    page["#waiting button"].click()
    page.until(lambda: "Write to ann." in page["#inspector"].text)
    assert '{"to": "ann"}' in page["#inspector"].text
    page["#inspector li button"].click()

    page.until(lambda: page.all(".action button"))
    assert not page["#inspector"].is_displayed()
    page.until(lambda: page.driver.switch_to.active_element.get_attribute("class") == "card action")
    page.until(lambda: page["#waiting"].text == "")
    press(page, "Approve")
    page.run_is("completed")
    assert letters == ["ann"]


def test_what_somebody_else_answered_is_caught_up_with(page, model, assistant, http):
    model.script([letter()], [text("Not sent.")])
    page.say("Write.", until="requires_action")
    [waiting] = http.get("approvals").json()["data"]
    said = [{"tool_call_id": each["id"], "approve": False} for each in waiting["tool_calls"]]
    path = f"threads/{waiting['thread_id']}/runs/{waiting['run_id']}/submit_tool_outputs"
    assert http.post(path, json={"tool_approvals": said}).status_code == 200

    press(page, "Approve")

    assert "Not sent." in page.run_is("completed").text
    assert "do not accept tool outputs" in page["#notice"].text
    assert letters == []


def test_an_answer_that_did_not_arrive_can_be_given_again(page, model, assistant):
    model.script([letter()], [text("Sent.")])
    page.say("Write.", until="requires_action")
    page.driver.set_network_conditions(offline=True, latency=0, throughput=-1)
    try:
        press(page, "Approve")
        page.until(lambda: "The page goes on trying." in page["#notice"].text)
        assert not page[".action button"].is_enabled()
    finally:
        page.driver.delete_network_conditions()

    page.until(lambda: page["#notice"].text == "The answer did not arrive. Send it again.")
    press(page, "Approve")

    page.run_is("completed")
    assert letters == ["ann"]
    page.complaints()


@pytest.fixture
def weather():
    with mcp_server(by_sse=False) as server:
        yield server


class TestMcp:
    """A server's tools."""

    @pytest.fixture
    def settings(self, weather):
        return {"mcp_allowed_hosts": weather.host}

    def test_a_servers_call_is_approved_and_the_trace_lists_its_tools(self, page, model, weather, http):
        definition = {"type": "mcp", "server_label": "weather", "server_url": weather.url()}
        http.post("assistants", json={"model": "m", "name": "Weather", "tools": [definition]})
        page.driver.refresh()
        page.until(lambda: page["#text"].is_displayed())
        model.script([call("forecast", city="Oslo")], [text("Rain.")])

        page.say("Rain?", until="requires_action")
        assert "At the server weather" in page[".action"].text
        assert '"city": "Oslo"' in page[".action"].text
        press(page, "Approve")

        run = page.run_is("completed")
        assert weather.calls == [("forecast", "Oslo")]
        assert lines(run)[0].startswith("MCP forecast")
        run.find_element("css selector", ".call > summary").click()
        assert "rain in Oslo" in run.text
        run.find_element("xpath", ".//button[.='Trace']").click()
        page.until(lambda: "Tools of weather" in page["#inspector"].text)
        page["#inspector .call summary"].click()
        assert "The weather of tomorrow." in page["#inspector"].text
        assert page.complaints() == []


def test_an_unknown_kind_of_call_or_action_is_shown_as_it_is(page):
    """The page may be older than what the store has from elsewhere."""
    shown = page.driver.execute_async_script(
        """
        const done = arguments[0];
        (async () => {
          const { CallView } = await import("/playground/calls.js");
          const { RunView } = await import("/playground/runs.js");
          const { MessageView } = await import("/playground/messages.js");
          const step = { status: "completed", created_at: 1, completed_at: 2 };
          const calls = [
            { type: "crystal_ball", crystal_ball: { sees: "<b>rain</b>" } },
            { type: "constructor" },
            { type: "file_search", file_search: { results: [{ score: null }] } },
            { type: "bing_grounding", bing_grounding: { requesturl: "https://www.bing.com/search?q=rain+Oslo" } },
            { type: "openapi", openapi: { name: "get_tides", arguments: "{}", output: "high" } },
            { type: "mcp" },
            {},
          ].map((call) => {
            const view = new CallView(false);
            view.show(call, step);
            return view.element.textContent;
          });
          const run = new RunView({ id: "run_1", model: "m", status: "requires_action",
            required_action: { type: "think_again" } }, {}, false);
          const text = { value: "Rain【1†a】.", annotations: [
            { type: "url_citation", text: "【1†a】", url_citation: { url: "https://yr.no/", title: "Yr" } },
            { type: "url_citation", text: "Rain", url_citation: { url: "javascript:alert(1)" } },
            { type: "omen", text: "." } ] };
          const content = [{ type: "text", text }, { type: "scent" }];
          const { body } = new MessageView({ id: "m", role: "assistant", content });
          done([...calls, run.element.textContent, body.textContent, body.querySelectorAll("a").length]);
        })().catch((error) => done([String(error), error.stack]));
        """
    )
    assert "crystal ball" in shown[0]
    assert "<b>rain</b>" in shown[0]
    assert shown[1].startswith("constructor")
    assert shown[2].startswith("file search")
    assert "rain Oslo" in shown[3]
    assert shown[4].startswith("API get_tides")
    assert shown[5].startswith("MCP")
    assert "undefined" in shown[6]
    assert "think_again" in shown[7]
    assert shown[8].startswith("Rain1.")
    assert "(scent)" in shown[8]
    assert "[1] Yr" in shown[8]
    assert shown[9] == 2
