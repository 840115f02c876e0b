"""Budgets that owners give their assistants by metadata: they bind as the operator's do, and never loosen them."""

from __future__ import annotations

from typing import Any

import pytest
from openai import RateLimitError

from shared.llm.base import TurnUsage
from shared.llm.scripted import call, text
from tests.api.test_budgets import tools  # noqa: F401


@pytest.fixture
def operator() -> dict[str, Any]:
    return {}


@pytest.fixture
def settings(operator):
    return operator


@pytest.fixture
def assistant(client):
    def assistant(budget: str):
        return client.beta.assistants.create(model="gpt-x", metadata={"run_budget": budget, "server_tools": "look_up"})

    return assistant


def begin(client, assistant):
    return client.beta.threads.create_and_run_poll(assistant_id=assistant.id, poll_interval_ms=10)


def test_an_assistant_is_bound_by_what_its_owner_says(client, llm, assistant):
    llm.script([text("Rain."), TurnUsage(1000, 0)], [text("Sun."), TurnUsage(1, 0)])
    bound, free = assistant("tokens_per_day:1000"), assistant("")
    assert begin(client, bound).status == "completed"
    with pytest.raises(RateLimitError) as refused:
        client.with_options(max_retries=0).beta.threads.create_and_run(assistant_id=bound.id)
    assert (refused.value.code, refused.value.response.headers["x-should-retry"]) == ("insufficient_quota", "false")
    assert "1000 tokens a day" in refused.value.message
    assert begin(client, free).status == "completed"
    client.beta.assistants.update(bound.id, metadata={})
    llm.script([text("Snow."), TurnUsage(1, 0)])
    assert begin(client, bound).status == "completed"


def test_a_run_that_has_used_it_up_fails_before_its_next_turn(client, llm, assistant):
    llm.script([call("look_up", word="rain"), TurnUsage(1000, 0)], [text("Rain.")])
    found = begin(client, assistant("tokens_per_month:900"))
    assert (found.status, found.last_error.code) == ("failed", "rate_limit_exceeded")


def test_answers_say_how_much_is_left(http, llm, assistant, wait):
    llm.script([text("Rain."), TurnUsage(10, 0)])
    begun = http.post("threads/runs", json={"assistant_id": assistant("requests_per_minute:3").id})
    assert begun.headers["x-ratelimit-limit-requests"] == "3"
    assert begun.headers["x-ratelimit-remaining-requests"] == "2"
    wait(begun.json())


OPERATOR = {"budgets": {"*": {"tokens_per_day": 500}}}


@pytest.mark.parametrize(
    ("operator", "budget", "why"),
    [
        ({}, "tokens_per_dya:1", "'tokens_per_dya:1'"),
        ({}, "tokens_per_day", "'tokens_per_day'"),
        ({}, "tokens_per_day:-1", "'tokens_per_day:-1'"),
        ({}, "runs_at_once:1.5", "'runs_at_once:1.5'"),
        ({}, "runs_at_once:1, runs_at_once:2", "'runs_at_once:2'"),
        ({}, "Q3", "'Q3'"),
        ({}, "cost_per_day:2.5", "knows no prices"),
        (OPERATOR, "runs_at_once:1, tokens_per_day:501", "this box allows 500 tokens a day"),
    ],
)
def test_what_is_no_budget_or_above_the_operators_is_refused(http, budget, why):
    made = http.post("assistants", json={"model": "gpt-x"}).json()["id"]
    for path in ("assistants", f"assistants/{made}"):
        refused = http.post(path, json={"model": "gpt-x", "metadata": {"run_budget": budget}})
        error = refused.json()["error"]
        assert (refused.status_code, error["param"], error["code"]) == (400, "metadata", "invalid_value")
        assert error["message"].startswith("Invalid 'metadata.run_budget': ")
        assert why in error["message"]
    assert http.get("assistants").json()["data"][0]["metadata"] == {}


@pytest.mark.parametrize("operator", [OPERATOR])
def test_the_smaller_one_counts(client, llm, assistant):
    llm.script([text("Rain."), TurnUsage(100, 0)], [text("Sun."), TurnUsage(500, 0)])
    small, same = assistant("tokens_per_day:100"), assistant("tokens_per_day:500")
    assert [begin(client, each).status for each in (small, same)] == ["completed"] * 2
    for each in (small, same):
        with pytest.raises(RateLimitError):
            client.with_options(max_retries=0).beta.threads.create_and_run(assistant_id=each.id)
