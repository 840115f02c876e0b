"""Owners and assistants with a budget: clients are told in the words and headers that their SDKs understand."""

from __future__ import annotations

import time

import httpx2 as httpx
import pytest
from openai import OpenAI, RateLimitError

from shared.api import granted
from shared.llm.base import TurnUsage
from shared.llm.scripted import call, pause, text
from shared.store.base import Conflict, Put
from shared.tools.base import tool
from tests.api.conftest import KEY, TLS, below

BUDGETS: dict[str, dict] = {
    "tokens a day": {"tokens_per_day": 1000},
    "money a month": {"cost_per_month": 0.002},
    "requests": {"requests_per_minute": 2},
    "tokens a minute": {"tokens_per_minute": 1000},
    "at once": {"runs_at_once": 1},
}


@pytest.fixture
def budget() -> dict:
    return {}


@pytest.fixture
def settings(budget):
    return {"budgets": {"me": budget}, "prices": {"gpt-x": {"input": 2, "output": 8}}}


def with_budget(name: str):
    return pytest.mark.parametrize("budget", [BUDGETS[name]], ids=[name])


@pytest.fixture
def run(client, assistant):
    """A run on a thread of its own, polled until it stops."""

    def run(**more):
        return client.beta.threads.create_and_run_poll(assistant_id=assistant.id, poll_interval_ms=10, **more)

    return run


async def look_up(word: str) -> str:
    """Look a word up."""
    return word


@pytest.fixture
def tools():
    return [tool(look_up, idempotent=True, timeout=5)]


@pytest.fixture
def looking(client) -> str:
    """An assistant with a tool that the box carries out itself."""
    return client.beta.assistants.create(model="gpt-x", metadata={"server_tools": "look_up"}).id


def answer(tokens: int) -> list:
    return [text("Rain."), TurnUsage(tokens, 0)]


@with_budget("tokens a day")
def test_who_has_used_up_the_day_is_refused_at_once_until_tomorrow(llm, run, client, assistant, box):
    llm.script(answer(1000))
    assert run().status == "completed"

    with pytest.raises(RateLimitError) as refused:
        client.with_options(max_retries=5).beta.threads.create_and_run(assistant_id=assistant.id)

    error, headers = refused.value, refused.value.response.headers
    assert (error.status_code, error.code, error.type) == (429, "insufficient_quota", "insufficient_quota")
    assert "1000 tokens a day" in error.message
    assert headers["x-should-retry"] == "false"
    assert 0 < int(headers["retry-after"]) <= 24 * 3600
    assert headers["x-ratelimit-limit-tokens"] == "1000"
    assert headers["x-ratelimit-remaining-tokens"] == "0"
    box.clock.advance(24 * 3600)
    llm.script(answer(10))
    assert run().status == "completed"


@with_budget("tokens a day")
def test_outputs_are_refused_while_nothing_is_left_and_the_run_waits_on(llm, run, client):
    llm.script([call("get_weather", call_id="call_1"), TurnUsage(900, 100)], answer(1))
    found = run()
    done = client.beta.threads.runs.retrieve(found.id, thread_id=found.thread_id)
    assert done.status == "requires_action"
    with pytest.raises(RateLimitError):
        client.beta.threads.runs.submit_tool_outputs(
            found.id, thread_id=found.thread_id, tool_outputs=[{"tool_call_id": "call_1", "output": "wet"}]
        )


@pytest.mark.parametrize("budget", [BUDGETS["tokens a day"], BUDGETS["money a month"]])
def test_a_run_that_goes_on_by_itself_fails_before_the_turn_for_which_nothing_is_left(llm, client, looking):
    llm.script([call("look_up", word="rain"), TurnUsage(1000, 0)], answer(1))
    found = client.beta.threads.create_and_run_poll(assistant_id=looking, poll_interval_ms=10)
    assert (found.status, found.last_error.code) == ("failed", "rate_limit_exceeded")
    assert "You exceeded your current quota: this box allows" in found.last_error.message
    assert found.usage.total_tokens == 1000
    assert len(llm.requests) == 1


@with_budget("money a month")
def test_another_name_for_a_model_costs_the_same(llm, run, client, assistant):
    llm.aliases["free"] = "gpt-x"
    llm.script(answer(1000))
    assert run(model="free").status == "completed"
    with pytest.raises(RateLimitError):
        client.with_options(max_retries=0).beta.threads.create_and_run(assistant_id=assistant.id)


@with_budget("tokens a minute")
def test_a_turn_for_which_the_minute_has_nothing_left_waits_for_the_next(llm, client, looking, box):
    llm.script([call("look_up", word="rain"), TurnUsage(1000, 0)], answer(1))
    begun = client.beta.threads.create_and_run(assistant_id=looking)
    time.sleep(0.5)
    assert len(llm.requests) == 1
    box.clock.advance(61)
    found = client.beta.threads.runs.poll(begun.id, thread_id=begun.thread_id, poll_interval_ms=10)
    assert (found.status, len(llm.requests)) == ("completed", 2)


@with_budget("requests")
def test_the_sdk_waits_as_long_as_it_is_told_and_succeeds(llm, run, box, assistant):
    llm.script(answer(1), answer(1), answer(1))
    run()
    last = run()
    assert last.status == "completed"
    box.clock.advance(58)
    http = httpx.Client(verify=TLS)
    with OpenAI(base_url=f"{box.url}/v1", api_key=KEY, max_retries=2, http_client=http) as patient:
        began = time.monotonic()
        raw = patient.beta.threads.with_raw_response.create_and_run(assistant_id=assistant.id)
    assert raw.retries_taken >= 1
    assert time.monotonic() - began >= 0.5
    assert raw.headers["x-ratelimit-limit-requests"] == "2"
    assert raw.headers["x-ratelimit-remaining-requests"] == "1"


@with_budget("requests")
def test_a_request_that_cannot_be_carried_out_leaves_nothing_behind(llm, run, http, assistant):
    llm.script(answer(1), answer(1))
    run()
    run()
    before = len(http.get("threads").json()["data"])
    refused = http.post("threads/runs", json={"assistant_id": assistant.id})
    assert refused.json()["error"] == {
        "message": refused.json()["error"]["message"],
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert len(http.get("threads").json()["data"]) == before


@with_budget("tokens a minute")
def test_a_turn_that_begins_within_the_minute_may_end_it(llm, run, client, box, assistant):
    llm.script([call("get_weather", call_id="call_1"), TurnUsage(999, 0)], answer(5))
    found = run()
    client.beta.threads.runs.submit_tool_outputs(
        found.id, thread_id=found.thread_id, tool_outputs=[{"tool_call_id": "call_1", "output": "wet"}]
    )
    done = client.beta.threads.runs.poll(found.id, thread_id=found.thread_id, poll_interval_ms=10)
    assert done.status == "completed"
    with pytest.raises(RateLimitError) as refused:
        client.beta.threads.create_and_run(assistant_id=assistant.id)
    assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "tokens")
    box.clock.advance(61)
    llm.script(answer(5))
    assert run().status == "completed"


@with_budget("at once")
def test_one_run_at_once_and_the_next_as_soon_as_it_is_over(llm, run, client, assistant, box):
    going_on = box.event()
    llm.script([pause(going_on), text("Rain.")], answer(1), answer(1))
    first = client.beta.threads.create_and_run(assistant_id=assistant.id)
    with pytest.raises(RateLimitError):
        client.beta.threads.create_and_run(assistant_id=assistant.id)
    box.loop.call_soon_threadsafe(going_on.set)
    done = client.beta.threads.runs.poll(first.id, thread_id=first.thread_id, poll_interval_ms=10)
    assert done.status == "completed"
    assert [run().status for _ in range(2)] == ["completed"] * 2


@with_budget("at once")
def test_a_run_that_is_cancelled_or_whose_thread_is_deleted_makes_room(llm, run, client):
    llm.script(*([call("get_weather", call_id="call_1")] for _ in range(2)), answer(1))
    waiting = run()
    client.beta.threads.runs.cancel(waiting.id, thread_id=waiting.thread_id)
    while client.beta.threads.runs.retrieve(waiting.id, thread_id=waiting.thread_id).status != "cancelled":
        time.sleep(0.01)
    waiting = run()
    client.beta.threads.delete(waiting.thread_id)
    assert run().status == "completed"


@with_budget("tokens a day")
def test_a_turn_whose_use_nobody_reports_holds_up_no_other(llm, run, client, assistant):
    """Some servers say nothing of tokens; what was reserved for the turn is free when it is over."""
    llm.script([call("get_weather", call_id="call_1"), TurnUsage(0, 0)], answer(1))
    assert run().status == "requires_action"
    other = client.beta.threads.create_and_run(assistant_id=assistant.id)
    end = time.monotonic() + 5
    while other.status != "completed" and time.monotonic() < end:
        time.sleep(0.02)
        other = client.beta.threads.runs.retrieve(other.id, thread_id=other.thread_id)
    assert other.status == "completed"


@pytest.mark.parametrize("budget", [{"assistants": {"asst_other": {"tokens_per_day": 0}}}])
def test_an_assistant_may_have_a_budget_of_its_own(llm, run, budget, box, client, assistant):
    llm.script(answer(5))
    assert run().status == "completed"
    budgets = box.settings.budgets["me"]
    budgets.assistants[assistant.id] = budgets.assistants["asst_other"]
    with pytest.raises(RateLimitError):
        client.beta.threads.create_and_run(assistant_id=assistant.id)


@pytest.mark.parametrize("budget", [{"tokens_per_day": 0}])
def test_owners_without_a_budget_are_not_limited(other):
    made = other.post("assistants", json={"model": "gpt-x"}).json()["id"]
    begun = other.post("threads/runs", json={"assistant_id": made})
    assert begun.status_code == 200
    assert not [name for name in begun.headers if name.startswith("x-ratelimit")]


@with_budget("tokens a day")
def test_bearers_of_client_tokens_are_not_told_what_the_operator_allows(llm, http, box, client, looking):
    """Why their run failed is told in words of no budget, also by its stream; the owner sees what is used up."""
    llm.script([call("look_up", word="rain"), TurnUsage(1000, 0)])
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "Rain?"}]).id
    token = http.post("client_tokens", json={"assistant_ids": [looking], "thread_id": thread}).json()["token"]
    path = f"threads/{thread}/runs"
    with below(f"{box.url}/v1/", Authorization=f"Bearer {token}") as page:
        streamed = page.post(path, json={"assistant_id": looking, "stream": True}).text
        [run] = page.get(path).json()["data"]
        told = [page.get(f"{path}{more}").text for more in ("", f"/{run['id']}", f"/{run['id']}/steps")]
    assert "event: thread.run.failed" in streamed
    assert run["last_error"] == {"code": "rate_limit_exceeded", "message": granted.BUSY}
    assert not [each for each in (streamed, *told) if "tokens a day" in each or "quota" in each]
    assert "1000 tokens a day" in http.get(f"{path}/{run['id']}").json()["last_error"]["message"]


@with_budget("requests")
def test_outputs_whose_commit_meets_a_conflict_count_once(llm, run, http, box):
    llm.script([call("get_weather", call_id="call_1")], answer(1))
    found, store, conflicts = run(), box.deps.store, iter(range(2))

    async def conflict_twice(own, partition, changes, *after):
        takes = any(isinstance(each, Put) and each.key == found.id for each in changes)
        if takes and next(conflicts, None) is not None:
            raise Conflict
        return await own(partition, changes, *after)

    store.replace(commit=conflict_twice)
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "wet"}]}
    answered = http.post(f"threads/{found.thread_id}/runs/{found.id}/submit_tool_outputs", json=outputs)
    assert answered.status_code == 200, answered.text
    assert next(conflicts, None) is None
