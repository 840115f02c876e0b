"""Usage adds up: the run's is the sum of its steps', and both are what the provider reported."""

from __future__ import annotations

import pytest

from shared.llm.base import TurnUsage
from shared.llm.scripted import call, fail, incomplete, pause, text, usage


@pytest.fixture
def steps(http, thread):
    def steps(run):
        return http.get(f"threads/{thread.id}/runs/{run.id}/steps", params={"order": "asc"}).json()["data"]

    return steps


def test_each_step_has_its_turns_tokens_and_the_run_their_sum(client, http, llm, ask, steps, thread):
    llm.script(
        [call("get_weather", call_id="call_1"), TurnUsage(100, 20, 64, 8, 30)],
        [text("Rain."), TurnUsage(150, 5, 128, 0, 0)],
    )

    run = ask()
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": "call_1", "output": "wet"}],
        poll_interval_ms=20,
    )

    first, second = (step["usage"] for step in steps(run))
    assert first == {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_token_details": {"cached_tokens": 64, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 8},
    }
    assert second["prompt_token_details"] == {"cached_tokens": 128}
    assert http.get(f"threads/{thread.id}/runs/{run.id}").json()["usage"] == {
        "prompt_tokens": 250,
        "completion_tokens": 25,
        "total_tokens": 275,
        "prompt_token_details": {"cached_tokens": 192, "cache_write_tokens": 30},
        "completion_tokens_details": {"reasoning_tokens": 8},
    }


def test_what_a_failed_run_used_is_counted(llm, ask):
    llm.script([TurnUsage(100, 7, 64, 5), fail()])
    run = ask()
    assert (run.status, run.usage.total_tokens) == ("failed", 107)


def test_what_an_answer_used_that_broke_off_is_counted_with_its_step(llm, stream):
    llm.script([text("Ra"), TurnUsage(100, 7), fail()])
    events = {name: data for name, data, _ in stream()}
    step, run = events["thread.run.step.failed"], events["thread.run.failed"]
    assert step["usage"]["total_tokens"] == run["usage"]["total_tokens"] == 107
    assert step["metadata"] == {}


def test_an_attempt_that_broke_off_unheard_is_counted_with_the_turn_that_succeeds(llm, ask, steps):
    llm.script(
        [text("Ra"), TurnUsage(100, 7), fail(broke_off=True)],
        [text("Rain."), usage(100, 8)],
    )
    run = ask()
    [step] = steps(run)
    assert step["usage"]["total_tokens"] == run.usage.total_tokens == 215


@pytest.mark.parametrize(
    ("used", "mark"),
    [
        (TurnUsage(is_complete=False), "not reported"),
        (TurnUsage(10, 5, is_complete=False), "partly reported"),
    ],
)
def test_where_usage_is_missing_none_is_invented_and_the_step_says_so(llm, ask, steps, caplog, used, mark):
    llm.script([text("Rain."), used])
    run = ask()
    [step] = steps(run)
    assert step["metadata"] == {"usage": mark}
    assert step["usage"]["total_tokens"] == run.usage.total_tokens == used.input_tokens + used.output_tokens
    assert [each.run_id for each in caplog.records if getattr(each, "action", "") == "usage_unknown"] == [run.id]


def test_the_step_of_calls_says_it_at_once(llm, ask, steps):
    llm.script([call("get_weather"), TurnUsage(is_complete=False)])
    assert [step["metadata"] for step in steps(ask())] == [{"usage": "not reported"}]


def test_an_answer_that_was_cut_short_is_counted(llm, ask, steps):
    llm.script([text("Ra"), usage(100, 16), incomplete()])
    run = ask()
    [step] = steps(run)
    assert (run.status, run.usage.total_tokens, step["usage"]["total_tokens"]) == ("incomplete", 116, 116)


def test_a_stream_that_is_cancelled_in_the_middle_is_marked(client, http, llm, box, stream, thread, caplog):
    go_on = box.event()
    llm.script([text("Ra", pause(go_on), "in.")])
    events = stream()
    run = next(data for name, data, _ in events if name == "thread.run.created")
    next(data for name, data, _ in events if name == "thread.message.delta")

    client.beta.threads.runs.cancel(run["id"], thread_id=thread.id)

    told = {name: data for name, data, _ in events}
    assert told["thread.run.step.cancelled"]["metadata"] == {"usage": "not reported"}
    assert told["thread.run.step.cancelled"]["usage"]["total_tokens"] == 0
    assert "usage_unknown" in [getattr(each, "action", "") for each in caplog.records]
