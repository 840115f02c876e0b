"""Runs that failed or stand still are found across threads, at a bounded cost."""

from __future__ import annotations

import pytest

from shared.deps import Caller
from shared.llm.scripted import call, fail, pause, text
from shared.objects.run import RunRecord
from shared.runs import trouble
from shared.tools.get_current_time import get_current_time_tool
from tests.api.conftest import KEY, OTHER_KEY

PATH = "/playground/troubled_runs"


@pytest.fixture
def troubled(raw):
    """What is listed: (run id, trouble) by page."""

    def troubled(after: str = "", key: str = KEY):
        answer = raw.get(PATH, params={"after": after}, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return troubled


@pytest.fixture
def run(client, llm, assistant):
    """A run in a thread of its own, with a scripted model, polled to its end."""

    def run(*turn):
        llm.script([*turn])
        thread = client.beta.threads.create(messages=[{"role": "user", "content": "Weather?"}])
        threads = client.beta.threads.runs
        return threads.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50)

    return run


def listed(page) -> list[tuple[str, str]]:
    return [(each["id"], each["trouble"]) for each in page["data"]]


def test_failed_runs_are_listed_with_their_reason_and_good_ones_are_not(troubled, run):
    run(text("Rain."))
    failed = run(fail("rate_limit_exceeded", "The model is busy."))

    page = troubled()

    assert listed(page) == [(failed.id, "failed")]
    assert page["data"][0]["last_error"]["message"] == "The model is busy."
    assert "instructions" not in page["data"][0]
    assert page["has_more"] is False
    assert listed(troubled(key=OTHER_KEY)) == []


@pytest.mark.parametrize("tools", [[get_current_time_tool()]])
def test_a_run_that_waits_for_an_approval_says_so(troubled, llm, http, box):
    llm.script([call("get_current_time", timezone="UTC")])
    made = http.post("assistants", json={"model": "m", "metadata": {"server_tools": "get_current_time:ask"}}).json()
    run = http.post("threads/runs", json={"assistant_id": made["id"], "stream": True}).text
    assert "submit_tool_approval" in run

    box.clock.advance(trouble.DRIVERLESS_SECONDS + 5)

    assert [each["trouble"] for each in troubled()["data"]] == ["unapproved"]


def test_a_run_that_waits_for_its_client_is_listed_after_a_while(troubled, run, box):
    waiting = run(call("get_weather", city="Oslo"))
    assert listed(troubled()) == []

    box.clock.advance(trouble.DRIVERLESS_SECONDS + 5)

    assert listed(troubled()) == [(waiting.id, "waiting")]


def test_a_run_that_nobody_drives_is_stuck_and_one_that_is_driven_is_not(troubled, client, llm, assistant, thread, box):
    go_on = box.event()
    llm.script([pause(go_on), text("Rain.")])
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    assert listed(troubled()) == []

    record = box.run(box.deps.store.get(f"me:{thread.id}", run.id))
    for lease in (record.data.get("lease"), None):
        gone = record.data | {"lease": lease and lease | {"until": 1}, "watched_until": 1}
        gone["run"] = gone["run"] | {"created_at": 1, "status": "in_progress"}
        assert trouble.trouble(RunRecord.from_json(gone), box.clock()) == "stuck"
    box.loop.call_soon_threadsafe(go_on.set)


def test_a_page_looks_through_so_many_threads_and_says_where_it_stopped(box, client, run):
    def page(after=None):
        return box.run(trouble.page(Caller(box.deps, "me"), after, limit=2))

    failed = run(fail("server_error", "Broken."))
    for _ in range(2):
        client.beta.threads.create()

    first = page()
    assert (listed(first), first["has_more"]) == ([], True)
    second = page(first["last_id"])
    assert (listed(second), second["has_more"]) == ([(failed.id, "failed")], False)


def test_a_run_that_waits_in_line_is_not_stuck(troubled, box, llm, http, assistant, thread):
    llm.script([pause(box.event())])
    runs = f"threads/{thread.id}/runs"
    _, waiting = (
        http.post(runs, json={"assistant_id": assistant.id}, headers={"When-Busy": "queue"}).json() for _ in range(2)
    )
    box.clock.advance(300)
    assert waiting["id"] not in [each for each, _ in listed(troubled())]
    assert http.get(f"{runs}/{waiting['id']}").json()["status"] == "queued"


def test_a_deleted_thread_and_a_cursor_that_cannot_be(troubled, client, raw, run):
    failed = run(fail("server_error", "Broken."))
    client.beta.threads.delete(failed.thread_id)
    assert listed(troubled()) == []
    refused = raw.get(PATH, params={"after": "thread_!"}, headers={"Authorization": f"Bearer {KEY}"})
    assert refused.status_code == 404
    assert raw.get(PATH).status_code == 401
