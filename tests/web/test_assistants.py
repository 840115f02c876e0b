"""Assistants with every setting that programs use: shown, changed, copied, deleted, and nothing lost on the way."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from selenium.webdriver.support.select import Select

from shared.llm.scripted import text

SCHEMA = {
    "name": "answer",
    "strict": True,
    "schema": {"type": "object", "properties": {}, "additionalProperties": False},
}


@pytest.fixture
def rich(http, box) -> dict[str, Any]:
    """An assistant that a program made, with all that there is."""
    file = http.post("files", data={"purpose": "assistants"}, files={"file": ("prices.csv", b"a,b")}).json()["id"]
    store = http.post("vector_stores", json={"name": "Handbook"}).json()["id"]
    body = {
        "model": "gpt-x",
        "name": "Rich",
        "description": "Has it all.",
        "instructions": "Answer.",
        "temperature": 0,
        "top_p": 0.5,
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
        "tools": [
            {"type": "code_interpreter"},
            {
                "type": "file_search",
                "file_search": {"max_num_results": 7, "ranking_options": {"score_threshold": 0.25}},
            },
            {"type": "function", "function": {"name": "get_order", "strict": True, "parameters": NO_PARAMETERS}},
        ],
        "tool_resources": {
            "code_interpreter": {"file_ids": [file]},
            "file_search": {"vector_store_ids": [store]},
        },
        "metadata": {"team": "sales", "server_tools": "get_current_time of_another_box"},
    }
    return http.post("assistants", json=body).json()


NO_PARAMETERS = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def open_form(page, button: str = "#edit-assistant") -> None:
    page.driver.refresh()
    page.until(lambda: page["#text"].is_displayed())
    page[button].click()
    page.until(lambda: page["#name"].is_displayed())


def save(page) -> None:
    page["#assistant-form button.primary"].click()
    page.until(lambda: not page["#assistant-dialog"].is_displayed())


def put(page, selector: str, value: str) -> None:
    page.driver.execute_script("arguments[0].value = arguments[1]", page[selector], value)


def test_saving_without_a_change_changes_nothing(page, http, rich):
    open_form(page)
    save(page)
    assert http.get(f"assistants/{rich['id']}").json() == rich


def test_a_changed_name_leaves_what_a_program_changed_meanwhile(page, http, rich):
    open_form(page)
    http.post(f"assistants/{rich['id']}", json={"instructions": "Answer briefly.", "temperature": 0.3})
    put(page, "#name", "Richer")
    save(page)

    now = http.get(f"assistants/{rich['id']}").json()
    assert now == rich | {"name": "Richer", "instructions": "Answer briefly.", "temperature": 0.3}


def test_every_setting_can_be_made_in_the_form(page, http, rich):
    open_form(page, "#new-assistant")
    page["#settings summary"].click()
    for name in ("name", "description", "temperature", "top_p", "max_num_results", "score_threshold"):
        put(page, f"#{name}", {"name": "Made", "description": "By hand."}.get(name, "1"))
    put(page, "#model", "gpt-x")
    put(page, "#metadata", '{"team": "support"}')
    Select(page["#reasoning_effort"]).select_by_value("high")
    Select(page["#response_format"]).select_by_value("json_schema")
    put(page, "#schema", json.dumps(SCHEMA))
    Select(page["#vector-store"]).select_by_visible_text("Handbook")
    page["#code-files input"].click()
    for tool in ("#code_interpreter", "#file_search", "#server-tools input"):
        page[tool].click()
    save(page)

    [made, _] = http.get("assistants").json()["data"]
    assert made["description"] == "By hand."
    assert (made["temperature"], made["top_p"], made["reasoning_effort"]) == (1, 1, "high")
    assert made["response_format"] == rich["response_format"]
    assert made["tool_resources"] == rich["tool_resources"]
    assert made["metadata"] == {"team": "support", "server_tools": "get_current_time"}
    search = made["tools"][1]["file_search"]
    assert (search["max_num_results"], search["ranking_options"]["score_threshold"]) == (1, 1)


def test_a_copy_has_everything_but_the_identity(page, http, rich):
    open_form(page)
    page["#copy-assistant"].click()
    save(page)

    [copy, original] = http.get("assistants").json()["data"]
    assert original == rich
    own = {name: copy[name] for name in ("id", "created_at")}
    assert copy == rich | own | {"name": "Rich (copy)"}
    assert copy["id"] != rich["id"]


def test_an_assistant_is_deleted_when_asked_twice(page, http, rich):
    open_form(page)
    page["#delete-assistant"].click()
    assert page["#delete-assistant"].text == "Delete for good?"
    assert http.get(f"assistants/{rich['id']}").status_code == 200
    time.sleep(0.5)
    page["#delete-assistant"].click()
    page.until(lambda: not page["#assistant-dialog"].is_displayed())

    assert http.get(f"assistants/{rich['id']}").status_code == 404
    assert page["#assistant"].text == "None yet"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("#metadata", "{", "The metadata is not valid JSON"),
        ("#metadata", '{"a": 1}', "metadata"),
        ("#functions", "[", "The list of your functions is not valid JSON"),
        ("#description", "x" * 600, "description"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(page, http, rich, field, value, words):
    open_form(page)
    put(page, field, value)
    page["#assistant-form button.primary"].click()
    page.until(lambda: words in page["#assistant-error"].text)
    assert page[field].get_property("value") == value
    assert http.get(f"assistants/{rich['id']}").json() == rich


def test_a_number_that_cannot_be_is_shown_where_it_stands(page, rich):
    open_form(page)
    put(page, "#temperature", "3")
    page["#assistant-form button.primary"].click()
    page.until(lambda: page["#temperature"].is_displayed())
    assert page.driver.execute_script("return document.activeElement.id") == "temperature"


def test_the_next_runs_use_the_chosen_tool(page, http, model, rich):
    page.driver.refresh()
    page.until(lambda: page["#text"].is_displayed())
    assert [each.text for each in Select(page["#tool-choice"]).options] == [
        "Model's choice",
        "No tool",
        "Some tool",
        "code interpreter",
        "file search",
        "get_order",
        "get_current_time",
        "of_another_box",
    ]
    Select(page["#tool-choice"]).select_by_visible_text("get_order")
    Select(page["#tool-choice"]).select_by_visible_text("No tool")
    model.script([text("{}")])
    page.say("Hello")

    [thread] = http.get("threads").json()["data"]
    [run] = http.get(f"threads/{thread['id']}/runs").json()["data"]
    assert run["tool_choice"] == "none"
