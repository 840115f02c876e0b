"""The page tells an owner what runs have used, in money where there are prices."""

from __future__ import annotations

import time

import pytest
from selenium.webdriver.support.select import Select

from shared.llm.base import TurnUsage
from shared.llm.scripted import text


@pytest.fixture
def settings():
    return {"prices": {"*": {"input": 2, "output": 8}}}


def rows(page) -> list[list[str]]:
    """The table, row by row."""
    each = "[...row.cells].map((cell) => cell.textContent)"
    return page.driver.execute_script(f"return [...document.querySelectorAll('#inspector tr')].map((row) => {each})")


def test_what_was_used_is_a_table_by_day_assistant_and_model(page, model, http):
    model.script([text("Rain."), TurnUsage(1_000_000, 500_000)])
    assistant = http.post("assistants", json={"model": "gpt-x"}).json()["id"]
    begun = http.post("threads/runs", json={"assistant_id": assistant, "stream": True})
    assert "event: thread.run.completed" in begun.text
    page.driver.find_element("xpath", "//button[.='Usage']").click()
    page.until(lambda: page.all("#inspector tbody tr"))
    head, today, total = rows(page)
    assert head == ["Day", "Runs", "Tokens in", "Of these cached", "Tokens out", "Tool calls", "Cost"]
    assert today[0].startswith(time.strftime("%Y-", time.gmtime()))
    assert today[1:] == total[1:] == ["1", "1,000,000", "0", "500,000", "0", "6"]
    for group, name in (("assistant", assistant), ("model", "gpt-x")):
        Select(page["#inspector select"]).select_by_value(group)
        page.until(lambda name=name: rows(page)[1][0] == name)


def test_an_assistant_with_a_name_is_told_by_it(page, model, http):
    model.script([text("Rain.")])
    clerk = http.post("assistants", json={"model": "gpt-x", "name": "Clerk"}).json()["id"]
    http.post("threads/runs", json={"assistant_id": clerk, "stream": True})
    page.driver.find_element("xpath", "//button[.='Usage']").click()
    page.until(lambda: page.all("#inspector tbody tr"))
    Select(page["#inspector select"]).select_by_value("assistant")
    page.until(lambda: rows(page)[1][0] == "Clerk")
