"""What happened to a run: in order, by whom, how long it took; and nothing of what was said."""

from __future__ import annotations

import json

import pytest

from shared.llm.base import Retried
from shared.llm.scripted import call, fail, pause, text
from shared.objects.run_event import LONGEST_WORD, MOST_ENTRIES
from shared.runs import history
from shared.tools.base import ToolFailure, tool
from tests.fakes.weather import WEATHER
from tests.waiting import until

SECRET = "the-canary-sings"
BUSY = "rate_limit_exceeded"


@pytest.fixture
def tools():
    async def look_up(word: str) -> str:
        """Look a word up."""
        return f"{word}: {SECRET}"

    async def break_down(word: str) -> str:
        """Break down."""
        raise ToolFailure(f"no {SECRET}")

    async def send_letter(to: str) -> str:
        """Send a letter."""
        return "sent"

    made = [tool(each, idempotent=True, timeout=5) for each in (look_up, break_down)]
    return [*made, tool(send_letter, idempotent=False, timeout=5)]


@pytest.fixture
def settings():
    return {"server_tools_allowed": {"*": ["*", "send_letter:ask"]}}


@pytest.fixture
def client(client):
    """The SDK's types know of no approvals."""
    return client.with_options(_extra_kwargs={"_strict_response_validation": False})


@pytest.fixture
def assistant(client):
    metadata = {"server_tools": "*"}
    return client.beta.assistants.create(model="gpt-x", instructions=SECRET, tools=[WEATHER], metadata=metadata)


@pytest.fixture
def events(http):
    """A run's events, oldest first."""

    def events(run, **query):
        params = {"order": "asc", "limit": 100, **query}
        response = http.get(f"threads/{run.thread_id}/runs/{run.id}/events", params=params)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    return events


@pytest.fixture
def pages(http):
    """A run's events, oldest first, page by page."""

    def pages(run, limit):
        query = {"order": "asc", "limit": limit}
        while True:
            page = http.get(f"threads/{run.thread_id}/runs/{run.id}/events", params=query).json()
            yield page["data"]
            if not page["has_more"]:
                return
            query["after"] = page["last_id"]

    return pages


def types(events):
    return [each["type"] for each in events]


def only(events, kind):
    [found] = [each for each in events if each["type"] == kind]
    return found


def test_a_text_run_tells_of_its_making_its_lease_its_turn_and_its_end(llm, ask, events):
    llm.script([text("Rain.")])

    run = ask()

    told = events(run)
    assert types(told) == ["run.created", "lease.taken", "turn.finished", "run.completed"]
    created, taken, turn, _ = told
    assert created["by"] == "me"
    assert created["details"] == {"how": "polled"}
    assert created["object"] == "thread.run.event"
    assert (created["thread_id"], created["run_id"]) == (run.thread_id, run.id)
    assert created["created_at"] == created["created_at_ms"] // 1000
    assert abs(created["created_at"] - run.created_at) <= 1
    assert "-" in taken["by"]
    said = turn["details"]
    assert said.pop("response_id").startswith("resp_")
    assert said.pop("request_id").startswith("req_")
    assert said.pop("duration_ms") >= 0
    assert said == {"turn": 1, "model": "scripted", "prompt_tokens": 10, "completion_tokens": 5}


def test_a_streamed_run_says_that_it_is_one(llm, stream, http, events, client, thread):
    llm.script([text("Rain.")])
    [*stream()]
    [run] = client.beta.threads.runs.list(thread.id).data
    assert types(events(run)) == ["run.created", "lease.taken", "turn.finished", "run.completed"]
    assert events(run)[0]["details"]["how"] == "streamed"


@pytest.mark.parametrize("settings", [{"run_start": "queue"}])
def test_a_run_from_the_queue_says_that_it_is_one(llm, ask, events):
    llm.script([text("Rain.")])
    run = ask()
    assert types(events(run))[:2] == ["run.created", "lease.taken"]
    assert events(run)[0]["details"]["how"] == "queued"


def test_calls_are_told_as_they_begin_and_end(llm, ask, events):
    llm.script(
        [call("look_up", call_id="call_a", word="x"), call("break_down", call_id="call_b", word="y")], [text("No.")]
    )

    told = events(ask())

    assert types(told)[2:5] == ["turn.finished", "call.started", "call.started"]
    assert [each["details"] for each in told[3:5]] == [
        {"turn": 1, "call_id": "call_a", "name": "look_up", "attempt": 1},
        {"turn": 1, "call_id": "call_b", "name": "break_down", "attempt": 1},
    ]
    ended = {each["details"]["call_id"]: each["details"] for each in told if each["type"] == "call.finished"}
    assert ended["call_a"]["outcome"] == "ok"
    assert ended["call_b"]["outcome"] == "failed"
    assert ended["call_b"]["duration_ms"] >= 0
    assert told[2]["details"]["calls"] == 2


def test_outputs_are_asked_for_and_given_by_somebody(llm, ask, submit, events):
    llm.script([call("get_weather", call_id="call_w", city="Oslo")], [text("Wet.")])
    run = ask()
    assert types(events(run))[-1] == "outputs.asked"

    submit(run, call_w="wet")

    told = events(run)
    assert types(told)[3:] == ["outputs.asked", "outputs.submitted", "lease.taken", "turn.finished", "run.completed"]
    assert only(told, "outputs.asked")["details"] == {"calls": 1, "call_ids": ["call_w"]}
    given = only(told, "outputs.submitted")
    assert (given["by"], given["details"]) == ("me", {"calls": 1, "call_ids": ["call_w"]})


def test_approvals_are_asked_for_and_given_by_somebody(llm, ask, http, client, events):
    llm.script(
        [call("send_letter", call_id="call_a", to="ann"), call("send_letter", call_id="call_b", to="bob")],
        [text("Sent.")],
    )
    run = ask()
    said = [{"tool_call_id": "call_a", "approve": True}, {"tool_call_id": "call_b", "approve": False}]
    path = f"threads/{run.thread_id}/runs/{run.id}/submit_tool_outputs"
    assert http.post(path, json={"tool_approvals": said}).status_code == 200
    client.beta.threads.runs.poll(run.id, thread_id=run.thread_id, poll_interval_ms=10)

    told = events(run)

    assert only(told, "approval.asked")["details"] == {"calls": 2, "call_ids": ["call_a", "call_b"]}
    given = [(each["by"], each["details"]) for each in told if each["type"] == "approval.given"]
    assert given == [("me", {"call_id": "call_a", "approve": True}), ("me", {"call_id": "call_b", "approve": False})]
    assert only(told, "call.started")["details"]["call_id"] == "call_a"
    ended = {each["details"]["call_id"]: each["details"]["outcome"] for each in told if each["type"] == "call.finished"}
    assert ended == {"call_a": "ok", "call_b": "denied"}


def test_what_the_provider_refused_and_how_long_was_waited(llm, ask, events):
    llm.script([Retried(429, BUSY, 2.5, "req_1"), Retried(503, "overloaded", 0.5), text("Rain.")])

    told = events(ask())

    assert types(told)[2:5] == ["turn.retried", "turn.retried", "turn.finished"]
    assert told[2]["details"] == {"turn": 1, "status": 429, "code": BUSY, "seconds": 2.5, "request_id": "req_1"}
    assert told[3]["details"]["status"] == 503


def test_a_prompt_that_was_halved_and_a_run_that_failed(llm, client, assistant, ask, events):
    llm.script([fail("invalid_prompt", SECRET, too_long=True)], [fail("rate_limit_exceeded", SECRET)])
    run = ask(additional_messages=[{"role": "user", "content": "Hello. " * 20}] * 9)
    assert run.status == "failed"

    told = events(run)

    assert types(told)[2:] == ["turn.failed", "prompt.halved", "turn.failed", "run.failed"]
    assert told[3]["details"]["tokens"] > 0
    assert told[-1]["details"] == {"code": "rate_limit_exceeded"}


def test_a_cancelled_run_says_who_asked_and_what_was_stopped(llm, client, assistant, thread, box, events):
    go_on = box.event()
    llm.script([Retried(429, BUSY, 1.0), text("It is ", pause(go_on), "late.")])
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    until(lambda: llm.requests)
    client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    client.beta.threads.runs.poll(run.id, thread_id=thread.id, poll_interval_ms=10)

    told = events(run)

    assert types(told)[2:] == ["cancel.asked", "turn.retried", "turn.stopped", "run.cancelled"]
    assert only(told, "cancel.asked")["by"] == "me"


def test_a_run_whose_time_is_over_says_so(llm, ask, box, client, events):
    llm.script([call("get_weather", city="Oslo")])
    run = ask()
    box.clock.advance(601)
    assert client.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id).status == "expired"
    told = events(run)
    assert types(told)[-1] == "run.expired"
    assert told[-1]["created_at"] - told[0]["created_at"] >= 600


def test_events_are_a_list_like_others(llm, ask, http, events, pages):
    llm.script([call("look_up", word="x")], [text("No.")])
    run = ask()
    path = f"threads/{run.thread_id}/runs/{run.id}/events"
    whole = events(run)
    ids = [each["id"] for each in whole]
    assert len({*ids}) == len(ids) == 7
    assert all(each.startswith("evt_") for each in ids)

    newest = http.get(path).json()
    assert newest["object"] == "list"
    assert [each["id"] for each in newest["data"]] == ids[::-1]
    assert (newest["first_id"], newest["last_id"], newest["has_more"]) == (ids[-1], ids[0], False)

    assert [[each["id"] for each in page] for page in pages(run, 3)] == [ids[:3], ids[3:6], ids[6:]]
    assert [
        each["id"] for each in http.get(path, params={"order": "asc", "before": ids[3], "limit": 2}).json()["data"]
    ] == ids[1:3]

    for wrong in ("evt_x", "evt_zzzzzz" + "0" * 18, "step_000000" + "0" * 18):
        assert http.get(path, params={"after": wrong}).status_code == 404
    assert http.get(f"threads/{run.thread_id}/runs/run_000009{'0' * 18}/events").status_code == 404
    assert http.get(path, params={"limit": 0}).status_code == 400


def test_nobody_else_sees_them(llm, ask, other):
    llm.script([text("Rain.")])
    run = ask()
    assert other.get(f"threads/{run.thread_id}/runs/{run.id}/events").status_code == 404


def test_no_word_of_what_was_said_is_in_them(llm, ask, submit, events):
    llm.script(
        [call("look_up", word=SECRET), call("break_down", word=SECRET)],
        [call("get_weather", call_id="call_w", city=SECRET)],
        [text(SECRET)],
    )
    run = ask(additional_messages=[{"role": "user", "content": SECRET}], metadata={"server_tools": "*", "x": SECRET})
    submit(run, call_w=SECRET)
    assert SECRET not in json.dumps(events(run))


def test_names_that_a_model_made_up_are_cut(llm, ask, submit, events):
    odd = "call w\n<b>" + "x" * 500
    llm.script([call("get_weather", call_id=odd, city="Oslo")])
    [named] = only(events(ask()), "outputs.asked")["details"]["call_ids"]
    assert named == "call_w__b_" + "x" * (LONGEST_WORD - 10)


def test_of_a_long_history_the_middle_is_counted(llm, ask, pages):
    turns = MOST_ENTRIES // 3 + 10
    llm.script(*([call("look_up", word="x")] for _ in range(turns)), [text("Done.")])
    run = ask()
    assert run.status == "completed"
    happened = 2 + 3 * turns + 2

    found = [each for page in pages(run, 100) for each in page]
    assert len(found) == MOST_ENTRIES + 1
    gap = found[history.FIRST_ENTRIES]
    assert (gap["type"], gap["details"]) == (history.LEFT_OUT, {"count": happened - MOST_ENTRIES})
    assert found[0]["type"] == "run.created"
    assert found[-1]["type"] == "run.completed"
    assert len({each["id"] for each in found}) == len(found)
