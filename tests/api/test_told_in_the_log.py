"""What a real run leaves in the log, asked as an operator asks on Azure."""

from __future__ import annotations

import logging

import pytest
from openai import OpenAI, RateLimitError

from shared.llm.scripted import ScriptedLlm, fail, text, usage
from tests.infra.log_analytics import Workspace


def a_run(client: OpenAI) -> str:
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
    return str(run.id)


def test_a_run_tells_its_end_once(client: OpenAI, llm: ScriptedLlm, caplog: pytest.LogCaptureFixture):
    workspace = Workspace()
    caplog.set_level(logging.INFO, logger="shared")
    llm.script([text("Hi."), usage(10, 5)])
    run_id = a_run(client)
    workspace.take(caplog.records)
    (end,) = [row for row in workspace.ask("run_story", run_id=run_id) if row["action"] == "run_ended"]
    assert "status=completed code=None" in end["Message"]
    assert [(row["status"], row["runs"]) for row in workspace.ask("runs")] == [("completed", 1)]
    (tokens,) = workspace.ask("tokens")
    assert tokens["model"] == "gpt-4o"
    assert (tokens["prompt"], tokens["completion"]) == (10, 5)
    assert workspace.ask("poison") == workspace.ask("queue_age") == []


def test_a_run_that_fails_says_why(client: OpenAI, llm: ScriptedLlm, caplog: pytest.LogCaptureFixture):
    workspace = Workspace()
    caplog.set_level(logging.INFO, logger="shared")
    llm.script([fail("rate_limit_exceeded", "You exceeded your quota.")])
    run_id = a_run(client)
    workspace.take(caplog.records)
    (end,) = [row for row in workspace.ask("run_story", run_id=run_id) if row["action"] == "run_ended"]
    assert "status=failed code=rate_limit_exceeded" in end["Message"]
    assert "run_failed" in {row["action"] for row in workspace.ask("failures")}


@pytest.mark.parametrize("settings", [{"run_start": "queue"}])
def test_a_run_from_the_queue_is_seen_to_wait(client: OpenAI, llm: ScriptedLlm, caplog: pytest.LogCaptureFixture):
    workspace = Workspace()
    caplog.set_level(logging.INFO, logger="shared")
    llm.script([text("Hi.")])
    run_id = a_run(client)
    workspace.take([each for each in caplog.records if vars(each).get("action") == "run_queued"], ago=300)
    assert [row["found"] for row in workspace.ask("queue_age")] == [1]
    workspace.take(caplog.records, ago=200)
    assert workspace.ask("queue_age") == []
    story = [row["action"] for row in workspace.ask("run_story", run_id=run_id)]
    assert story.index("run_queued") < story.index("run_claimed") < story.index("run_ended")


@pytest.mark.parametrize("settings", [{"budgets": {"*": {"tokens_per_day": 10}}}])
def test_an_owner_whose_budget_is_used_up_is_told_of_once(
    client: OpenAI, llm: ScriptedLlm, caplog: pytest.LogCaptureFixture
):
    workspace = Workspace()
    caplog.set_level(logging.INFO, logger="shared")
    llm.script([text("Hi."), usage(10, 5)])
    a_run(client)
    assert not [each for each in caplog.records if vars(each).get("action") == "over_budget"]
    with pytest.raises(RateLimitError):
        a_run(client)
    workspace.take(caplog.records)
    assert [row["found"] for row in workspace.ask("budget")] == [1]
    assert len([each for each in caplog.records if vars(each).get("action") == "over_budget"]) == 1


@pytest.mark.parametrize("settings", [{"budgets": {"*": {"tokens_per_day": 1000}}}])
def test_a_budget_that_its_owner_has_set_is_not_the_operators_business(
    client: OpenAI, llm: ScriptedLlm, caplog: pytest.LogCaptureFixture
):
    workspace = Workspace()
    caplog.set_level(logging.INFO, logger="shared")
    llm.script([text("Hi."), usage(10, 5)])
    assistant = client.beta.assistants.create(model="gpt-4o", metadata={"run_budget": "tokens_per_day:10"})
    client.beta.threads.create_and_run_poll(assistant_id=assistant.id, poll_interval_ms=20)
    with pytest.raises(RateLimitError):
        client.beta.threads.create_and_run(assistant_id=assistant.id)
    workspace.take(caplog.records)
    (line,) = [each for each in caplog.records if vars(each).get("action") == "over_budget"]
    assert (line.levelno, vars(line)["set_by"]) == (logging.INFO, "owner")
    assert workspace.ask("budget") == []
