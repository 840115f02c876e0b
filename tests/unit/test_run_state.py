"""What a run's record, open step and open message become, and what a commit would write and tell; without a store."""

from __future__ import annotations

import pytest

from shared.objects.common import Usage
from shared.objects.run import Run, RunRecord
from shared.objects.step import StepRecord
from shared.objects.thread import Counters
from shared.runs import lease
from shared.runs.lifecycle import IllegalTransitionError
from shared.runs.state import RunState
from shared.runs.tool_calls import ToolResult, function_call
from shared.store.base import EXISTING, Delete, Put

WEATHER = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
TIME = {"type": "function_call", "call_id": "call_2", "name": "time", "arguments": "{}"}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}
SHOWN = [{"type": "text", "text": {"value": "I look.", "annotations": []}}]
TOKENS = Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5)


def call_of(item: dict, output: str | None = None) -> dict:
    function = {"name": item["name"], "arguments": item["arguments"], "output": output}
    return {"id": item["call_id"], "type": "function", "function": function}


def state_of(include: tuple[str, ...] | None = ()) -> RunState:
    """A run that is in progress, held by a driver."""
    run = Run(id="run_1", created_at=1, expires_at=601, assistant_id="asst_1", thread_id="thread_1", model="m")
    record = RunRecord(run=run, owner="me", next=Counters(), first=Counters())
    lease.take(record, 10, 60)
    state = RunState(record, lambda: 10, include)
    state.advance("in_progress")
    state.committed()
    return state


@pytest.fixture
def state() -> RunState:
    return state_of()


def keys(state: RunState) -> list[str]:
    """The rows of the next commit, ids cut to what they name."""
    return [each.key.partition("_")[0] for each in state.changes("v1")]


def names(state: RunState) -> list[str]:
    """The events after the commit, without their prefix."""
    return [event.name.removeprefix("thread.") for event in state.committed()]


def call_both(state: RunState) -> StepRecord:
    """A turn that made two calls, committed."""
    state.open_step()
    state.set_calls([REASONING, WEATHER, TIME], [call_of(WEATHER), call_of(TIME)], TOKENS)
    state.count_turn(TOKENS)
    state.committed()
    assert state.step is not None
    return state.step


def test_a_commit_without_changes_writes_the_run_alone(state):
    [row] = state.changes("v1")

    assert (row.key, row.version) == ("run_1", "v1")
    assert names(state) == []


def test_a_message_opens_with_its_step_and_closes_with_it(state):
    state.open_message()
    message = state.message.id
    assert state.record.open_message == message
    assert state.record.open_step == state.step.step.id
    assert keys(state) == ["run", "head", "step", "msg"]
    assert names(state) == ["run.step.created", "run.step.in_progress", "message.created", "message.in_progress"]

    state.close_message(SHOWN, TOKENS)

    rows = {each.key: each for each in state.changes("v1")}
    assert rows[message].data["content"] == SHOWN
    assert rows[message].data["status"] == "completed"
    assert rows[message].version is EXISTING
    assert (state.step, state.message, state.record.open_step, state.record.open_message) == (None, None, None, None)
    assert names(state) == ["message.completed", "run.step.completed"]


def test_a_message_that_was_opened_and_closed_between_commits_is_a_new_row(state):
    state.open_message()
    message = state.message.id
    state.close_message(SHOWN)

    [row] = [each for each in state.changes("v1") if each.key == message]

    assert row.version is None


def test_a_reserved_message_is_stored_before_anybody_is_told(state):
    state.reserve_message()
    message = state.record.open_message
    assert keys(state) == ["run", "head", "step", "msg"]
    assert (state.step, state.message, names(state)) == (None, None, [])

    assert state.open_message()

    assert [each.name for each in state.told()] == [
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
    ]
    assert state.message.id == message
    state.close_message(SHOWN)
    rows = {each.key: each for each in state.changes("v1")}
    assert rows[message].version is EXISTING


@pytest.mark.parametrize("otherwise", ["call", "end"])
def test_a_reserved_message_that_is_not_written_is_removed(state, otherwise):
    state.reserve_message()
    reserved = {state.record.open_step, state.record.open_message}
    state.committed()

    if otherwise == "call":
        state.open_step()
    else:
        state.advance("failed")

    changes = state.changes("v1")
    assert {each.key for each in changes if isinstance(each, Delete)} == reserved
    assert state.record.open_message is None
    assert reserved.isdisjoint({each.key for each in changes if isinstance(each, Put)})
    assert not any("message" in name for name in names(state))


def test_numbers_go_up_in_record_and_head(state):
    state.open_message()
    state.close_message(SHOWN)
    state.open_step()

    assert (state.record.next.message, state.record.next.step) == (1, 2)
    [head] = [each.data for each in state.changes("v1") if each.key == "head"]
    assert (head["next"], head["active_run"]) == (state.record.next.to_json(), "run_1")


def test_a_text_after_calls_leaves_their_step_open(state):
    step = call_both(state)

    state.open_message()
    state.close_message(SHOWN)

    assert state.step is step
    assert state.record.open_step == step.step.id


def test_results_are_kept_for_the_model_and_for_clients(state):
    step = call_both(state)

    place = state.add_result("call_2", ToolResult("noon", call_of(TIME, "noon"), images=["file-1"], files={"a": "b"}))

    assert place == 1
    assert step.outputs == {"call_2": "noon"}
    assert step.step.step_details == {"type": "tool_calls", "tool_calls": [call_of(WEATHER), call_of(TIME, "noon")]}
    assert step.items == [REASONING, WEATHER, TIME]
    assert (state.record.images, state.record.files) == (["file-1"], {"a": "b"})
    assert keys(state) == ["run", "head", "step"]
    assert names(state) == []


def test_an_id_that_a_turn_uses_twice_has_one_result_in_both_places(state):
    state.open_step()
    state.set_calls([WEATHER, WEATHER], [call_of(WEATHER), call_of(WEATHER)], TOKENS)

    assert state.add_result("call_1", ToolResult("rain", call_of(WEATHER, "rain"))) == 0

    assert state.step.step.step_details["tool_calls"] == [call_of(WEATHER, "rain")] * 2


def test_pictures_are_shown_by_one_message(state):
    call_both(state)
    state.add_result("call_2", ToolResult("drawn", call_of(TIME), images=["file-1"]))
    state.open_message()
    state.close_message(SHOWN)

    assert state.record.images == []


def test_a_run_that_asks_its_client_is_free_and_says_what_for(state):
    step = call_both(state)
    state.add_result("call_2", ToolResult("noon", call_of(TIME, "noon")))

    state.require_action([function_call(WEATHER)])

    wanted = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [wanted]}}
    assert (state.run.status, state.run.required_action) == ("requires_action", action)
    assert state.record.lease is None
    assert state.step is step
    assert state.reasons == ["expiry"]
    assert names(state) == ["run.requires_action"]
    assert state.reasons == []


def test_the_clients_outputs_finish_the_step(state):
    step = call_both(state)
    state.add_result("call_2", ToolResult("noon", call_of(TIME, "noon")))
    state.require_action([function_call(WEATHER)])
    state.committed()

    state.take_outputs({"call_1": "rain"})

    assert step.outputs == {"call_2": "noon", "call_1": "rain"}
    assert step.step.step_details["tool_calls"] == [call_of(WEATHER, "rain"), call_of(TIME, "noon")]
    assert (step.step.status, step.step.usage) == ("completed", TOKENS)
    assert state.record.calls
    assert state.step is None


def test_attempts_are_counted_without_a_word(state):
    step = call_both(state)

    state.count_attempts({"call_1": 2})

    assert step.attempts == {"call_1": 2}
    assert keys(state) == ["run", "head", "step"]
    assert names(state) == []


def test_turns_add_up_and_become_the_runs_usage(state):
    state.await_response("resp_1")
    assert (state.record.response_id, state.record.lease, state.reasons) == ("resp_1", None, ["poll"])
    state.count_turn(TOKENS)
    state.count_turn(TOKENS)
    assert (state.record.turns, state.record.response_id) == (2, None)

    state.advance("completed")

    assert state.run.usage.total_tokens == 10


def test_a_run_that_is_over_frees_its_thread_and_its_lease(state):
    state.advance("completed")

    [head] = [each.data for each in state.changes("v1") if each.key == "head"]
    assert head["active_run"] is None
    assert state.record.lease is None
    assert names(state) == ["run.completed"]


@pytest.mark.parametrize(
    ("status", "step_status", "reason"),
    [
        ("expired", "expired", "run_expired"),
        ("failed", "failed", "run_failed"),
        ("incomplete", "completed", "max_tokens"),
        ("cancelled", "cancelled", "run_cancelled"),
    ],
)
def test_an_end_closes_what_is_open_with_what_was_shown(state, status, step_status, reason):
    state.open_message()
    state.committed()
    state.show(SHOWN)
    message, step = state.message.id, state.step.step.id
    if status == "cancelled":
        state.advance("cancelling")
        state.committed()

    state.advance(status)

    rows = {each.key: each.data for each in state.changes("v1")}
    assert rows[message]["status"] == "incomplete"
    assert rows[message]["content"] == SHOWN
    assert rows[message]["incomplete_details"] == {"reason": reason}
    assert rows[step]["step"]["status"] == step_status
    assert names(state) == ["message.incomplete", f"run.step.{step_status}", f"run.{status}"]


def test_calls_with_side_effects_are_counted_once_each_and_up_to_the_limit(state):
    state.count_turn(TOKENS)

    state.record.count_side_effects(["call_1", "call_1", "call_2", "call_3"], 2)

    assert state.record.side_effects == ["1:call_1", "1:call_2"]


def test_what_a_dead_driver_began_is_taken_back(state):
    state.open_message()
    opened = [state.step.step.id, state.message.id]
    state.committed()

    state.discard_open()

    assert [each.key for each in state.changes("v1") if isinstance(each, Delete)] == opened
    assert (state.step, state.message, state.record.open_step, state.record.open_message) == (None, None, None, None)


def test_what_an_earlier_driver_left_open_is_gone_on_with(state):
    step = call_both(state)
    later = RunState(state.record, lambda: 20)

    later.reopen(step, None)
    later.close_step(TOKENS)

    [row] = [each for each in later.changes("v2") if each.key == step.step.id]
    assert row.version is EXISTING
    assert row.data["step"]["completed_at"] == 20


def test_nothing_is_told_where_nobody_listens():
    state = state_of(include=None)
    state.open_message()
    state.close_message(SHOWN)
    state.advance("completed")

    assert state.committed() == []


def test_a_listener_hears_of_search_results_without_their_text_unless_it_asks():
    content = [{"type": "text", "text": "Soup."}]
    found = {"file_id": "file-1", "file_name": "a.txt", "score": 0.5, "content": content}
    call = {"id": "call_1", "type": "file_search", "file_search": {"results": [found]}}
    heard: list[object] = []
    for include in (), ("step_details.tool_calls[*].file_search.results[*].content",):
        state = state_of(include)
        state.open_step()
        state.set_calls([WEATHER], [call], TOKENS)
        state.committed()
        state.close_step(TOKENS)
        [event] = state.committed()
        heard += event.data["step_details"]["tool_calls"][0]["file_search"]["results"]

    assert heard == [{key: value for key, value in found.items() if key != "content"}, found]


def test_an_impossible_status_is_refused(state):
    state.advance("completed")

    with pytest.raises(IllegalTransitionError):
        state.advance("in_progress")
