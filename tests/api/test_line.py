"""Messages and runs for a thread whose run is not over, sent with `When-Busy: queue`: they wait in line."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from shared import housekeeping, layout
from shared.llm.scripted import call, fail, pause, text
from shared.store.base import Put
from tests.api.test_streams import MESSAGE, OPENING, TEXT_END, names

QUEUE = {"When-Busy": "queue"}


@pytest.fixture
def held(box):
    return box.event()


@pytest.fixture
def release(box, held):
    return lambda: box.loop.call_soon_threadsafe(held.set)


@pytest.fixture
def busy(http, llm, assistant, thread, held):
    """A thread with a run that answers `One.` when it is released."""
    llm.script([pause(held), text("One.")])
    return http.post(f"threads/{thread.id}/runs", json={"assistant_id": assistant.id}).json()


@pytest.fixture
def say(http, thread):
    def say(words: str, **headers: str) -> Any:
        body = {"role": "user", "content": words}
        return http.post(f"threads/{thread.id}/messages", json=body, headers=QUEUE | headers)

    return say


@pytest.fixture
def run(http, thread, assistant):
    def run(headers: dict[str, str] = QUEUE, **more: Any) -> Any:
        return http.post(f"threads/{thread.id}/runs", json={"assistant_id": assistant.id} | more, headers=headers)

    return run


@pytest.fixture
def told(http, thread):
    """What has been said on the thread, oldest first."""

    def told() -> list[str]:
        listed = http.get(f"threads/{thread.id}/messages?order=asc&limit=100").json()["data"]
        assert [each["created_at"] for each in listed] == sorted(each["created_at"] for each in listed)
        return [each["content"][0]["text"]["value"] for each in listed]

    return told


def asked(request) -> list[str]:
    """What a model was shown: the texts of messages."""
    return [part["text"] for item in request.input for part in item.get("content", ())]


def test_messages_and_runs_sent_at_once_come_one_after_another(http, llm, thread, busy, say, run, told, wait, release):
    llm.script([text("Two.")], [text("Three.")])
    sent = [say("Second?"), run(), say("Third?"), say("Really?"), run()]
    assert [each.status_code for each in sent] == [200] * 5, [each.text for each in sent]
    second, first_in_line, third, really, last_in_line = (each.json() for each in sent)

    assert told() == ["Weather?"], "what waits is not in the thread"
    assert http.get(f"threads/{thread.id}/messages/{third['id']}").json() == third
    for waiting in (first_in_line, last_in_line):
        assert (waiting["status"], waiting["expires_at"], waiting["started_at"]) == ("queued", None, None)
        assert http.get(f"threads/{thread.id}/runs/{waiting['id']}").json() == waiting
        assert http.get(f"threads/{thread.id}/runs/{waiting['id']}/steps").json()["data"] == []
        assert http.get(f"threads/{thread.id}/messages?run_id={waiting['id']}").json()["data"] == []
    listed = http.get(f"threads/{thread.id}/runs?order=asc").json()["data"]
    assert [each["id"] for each in listed] == [busy["id"], first_in_line["id"], last_in_line["id"]]

    release()
    ended = [wait(each) for each in (busy, first_in_line, last_in_line)]
    assert [each["status"] for each in ended] == ["completed"] * 3
    assert told() == ["Weather?", "One.", "Second?", "Two.", "Third?", "Really?", "Three."]
    assert [asked(each) for each in llm.requests] == [
        ["Weather?"],
        ["Weather?", "One.", "Second?"],
        ["Weather?", "One.", "Second?", "Two.", "Third?", "Really?"],
    ]
    listed = http.get(f"threads/{thread.id}/messages?order=asc").json()["data"]
    assert [each["id"] for each in listed if each["role"] == "user"][1:] == [second["id"], third["id"], really["id"]]
    assert [each["run_id"] for each in listed if each["role"] == "assistant"] == [each["id"] for each in ended]
    behind = http.get(f"threads/{thread.id}/messages?order=asc&after={third['id']}").json()["data"]
    assert [each["content"][0]["text"]["value"] for each in behind] == ["Really?", "Three."]
    events = http.get(f"threads/{thread.id}/runs/{first_in_line['id']}/events?order=asc").json()["data"]
    assert [each["type"] for each in events][:3] == ["run.created", "run.admitted", "lease.taken"]
    assert events[0]["details"] == {"how": "in_line"}
    assert say("Fourth?").status_code == 200
    assert told()[-1] == "Fourth?", "the thread is free"


def test_without_the_header_a_busy_thread_refuses_as_ever(http, thread, busy, run, say, release, wait):
    run()
    body = {"role": "user", "content": "Now?"}
    for refused, words in (
        (run(headers={}), f"Thread {thread.id} already has an active run {busy['id']}."),
        (
            http.post(f"threads/{thread.id}/messages", json=body),
            f"Can't add messages to {thread.id} while a run {busy['id']} is active.",
        ),
    ):
        assert refused.status_code == 400
        assert refused.json()["error"] == {
            "message": words,
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    release()


@pytest.mark.parametrize("word", ["wait", "", "queue, please"])
def test_other_words_are_refused(http, thread, say, run, word):
    for refused in (say("Now?", **{"When-Busy": word}), run(headers={"When-Busy": word})):
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "invalid_value"
        assert "When-Busy" in refused.json()["error"]["message"]
    assert len(http.get(f"threads/{thread.id}/messages").json()["data"]) == 1


@pytest.mark.parametrize(("words", "status"), [(("Queue", "QUEUE"), 200), (("queue", "wait"), 400)])
def test_a_header_that_comes_twice_must_say_the_same(http, thread, busy, release, words, status):
    headers = [("WHEN-BUSY", each) for each in words]
    sent = http.post(f"threads/{thread.id}/messages", json={"role": "user", "content": "Now?"}, headers=headers)
    assert sent.status_code == status
    release()


def test_a_free_thread_makes_no_difference(llm, say, run, wait, told):
    llm.script([text("One.")])
    say("Now?")
    assert wait(run().json())["status"] == "completed"
    assert told() == ["Weather?", "Now?", "One."]


def test_a_run_brings_its_messages_and_its_instructions(llm, busy, run, wait, told, release):
    llm.script([text("Two.")])
    more = [{"role": "user", "content": "Also?"}]
    waiting = run(additional_messages=more, additional_instructions="Be brief.").json()
    assert told() == ["Weather?"]
    release()
    assert wait(waiting)["status"] == "completed"
    assert told() == ["Weather?", "One.", "Also?", "Two."]
    assert llm.requests[1].instructions.endswith("\nBe brief.")


def test_a_run_in_line_is_modified_and_cancelled(http, llm, thread, busy, say, run, wait, told, release):
    llm.script([text("Two.")])
    first = run(additional_messages=[{"role": "user", "content": "Never mind."}]).json()
    say("Second?")
    second = run().json()
    path = f"threads/{thread.id}/runs"
    changed = http.post(f"{path}/{second['id']}", json={"metadata": {"a": "1"}})
    assert changed.json() == second | {"metadata": {"a": "1"}}
    cancelled = http.post(f"{path}/{first['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert http.post(f"{path}/{first['id']}/cancel").status_code == 400
    assert run(headers={}).status_code == 400, "the thread is still busy"

    release()
    assert wait(second)["status"] == "completed"
    assert wait(second)["metadata"] == {"a": "1"}
    assert wait(first)["status"] == "cancelled"
    assert told() == ["Weather?", "One.", "Second?", "Two."]
    listed = http.get(f"{path}?order=asc").json()["data"]
    assert [each["status"] for each in listed] == ["completed", "cancelled", "completed"]
    events = http.get(f"{path}/{first['id']}/events?order=asc").json()["data"]
    assert [each["type"] for each in events] == ["run.created", "cancel.asked", "run.cancelled"]


def test_messages_in_line_are_modified_and_deleted(http, thread, busy, say, wait, told, release):
    kept, deleted = say("Second?").json(), say("Third?").json()
    path = f"threads/{thread.id}/messages"
    assert http.post(f"{path}/{kept['id']}", json={"metadata": {"a": "1"}}).json()["metadata"] == {"a": "1"}
    assert http.delete(f"{path}/{deleted['id']}").json()["deleted"]
    assert http.get(f"{path}/{deleted['id']}").status_code == 404
    release()
    wait(busy)
    assert told() == ["Weather?", "One.", "Second?"]
    assert http.get(f"{path}/{kept['id']}").json()["metadata"] == {"a": "1"}
    assert http.delete(f"{path}/{kept['id']}").status_code == 200
    assert told() == ["Weather?", "One."]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_message_is_found_while_it_comes_in(box, http, thread, busy, say, wait, held, method):
    """Between the two looks at where it may be, it moves from the one to the other."""
    waiting = say("Second?").json()
    partition, alias = layout.thread("me", thread.id), layout.alias_key(waiting["id"])

    async def between(get, *where):
        found = await get(*where)
        if where == (partition, alias) and not held.is_set():
            held.set()
            for _ in range(500):
                await asyncio.sleep(0.01)
                if await get(partition, alias) is not None:
                    break
        return found

    box.deps.store.replace(get=between)
    answer = http.request(method, f"threads/{thread.id}/messages/{waiting['id']}", json={"metadata": {"a": "1"}})
    assert (answer.status_code, answer.json()["id"]) == (200, waiting["id"])


def test_a_full_line_refuses_and_writes_nothing(http, thread, busy, say, run, wait, told, release):
    for number in range(18):
        assert say(f"{number}?").status_code == 200
    more = [{"role": "user", "content": "More?"}] * 2
    for refused in (run(additional_messages=more), run(additional_messages=more)):
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "line_full"
        assert int(refused.headers["retry-after"]) > 0
    assert run(additional_messages=more[:1]).status_code == 200
    assert say("Too late?").status_code == 429
    assert len(http.get(f"threads/{thread.id}/runs").json()["data"]) == 2
    cancelled = http.get(f"threads/{thread.id}/runs").json()["data"][0]
    http.post(f"threads/{thread.id}/runs/{cancelled['id']}/cancel")
    assert say("In time?").status_code == 200, "there is room again"
    release()
    wait(busy)
    assert told() == ["Weather?", "One.", *(f"{number}?" for number in range(18)), "In time?"]


def test_messages_that_are_deleted_in_line_make_room(http, thread, busy, say, run, wait, told, release):
    waiting = [say(f"{number}?").json()["id"] for number in range(20)]
    for each in waiting[3:5]:
        assert say("Too late?").status_code == 429
        http.delete(f"threads/{thread.id}/messages/{each}")
        assert say("In time?").status_code == 200
    assert run().status_code == 429
    http.delete(f"threads/{thread.id}/messages/{waiting[0]}")
    assert run().status_code == 200
    release()
    wait(busy)
    assert told()[2:22] == ["1?", "2?", *(f"{number}?" for number in range(5, 20)), "In time?", "In time?"]


@pytest.mark.parametrize("end", ["failed", "cancelled", "expired"])
def test_whichever_way_a_run_ends_the_line_goes_on(box, http, llm, thread, say, run, wait, told, held, end):
    llm.script([pause(held), fail("server_error", "No.")] if end == "failed" else [pause(held), text("One.")])
    first = run().json()
    llm.script([text("Two.")])
    say("Second?")
    second = run().json()
    if end == "cancelled":
        http.post(f"threads/{thread.id}/runs/{first['id']}/cancel")
    elif end == "expired":
        box.clock.advance(700)
    else:
        box.loop.call_soon_threadsafe(held.set)
    assert wait(second)["status"] == "completed"
    assert wait(first)["status"] in (end, "cancelling")
    assert told()[-2:] == ["Second?", "Two."]


def test_a_run_that_waits_for_its_client_keeps_the_line_waiting(http, llm, thread, say, run, wait, told):
    llm.script([call("get_weather", city="Oslo")], [text("Rain.")], [text("Two.")])
    first = wait(run().json())
    assert first["status"] == "requires_action"
    say("Second?")
    second = run().json()
    [pending] = first["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = {"tool_outputs": [{"tool_call_id": pending["id"], "output": "wet"}]}
    time.sleep(0.3)
    assert http.get(f"threads/{thread.id}/runs/{second['id']}").json()["status"] == "queued"
    http.post(f"threads/{thread.id}/runs/{first['id']}/submit_tool_outputs", json=outputs)
    assert wait(second)["status"] == "completed"
    assert told() == ["Weather?", "Rain.", "Second?", "Two."]


def test_a_run_that_cannot_begin_at_its_turn_fails_and_the_line_goes_on(
    http, llm, client, busy, say, run, wait, told, release
):
    llm.script([text("Three.")])
    other = client.beta.assistants.create(model="gpt-x")
    failing = run(assistant_id=other.id).json()
    say("Third?")
    last = run().json()
    client.beta.assistants.delete(other.id)
    release()
    assert wait(last)["status"] == "completed"
    failed = wait(failing)
    assert failed["status"] == "failed"
    assert failed["last_error"]["code"] == "invalid_prompt"
    assert other.id in failed["last_error"]["message"]
    assert told() == ["Weather?", "One.", "Third?", "Three."]


def test_what_cannot_be_is_refused_at_the_door(http, thread, busy, run, say, release):
    assert run(assistant_id="asst_gone").status_code == 404
    assert run(additional_messages=[{"role": "user", "content": "", "attachments": "x"}]).status_code == 400
    body = {"role": "user", "content": "See.", "attachments": [{"file_id": "file-gone", "tools": []}]}
    assert http.post(f"threads/{thread.id}/messages", json=body, headers=QUEUE).status_code in (400, 404)
    assert len(http.get(f"threads/{thread.id}/runs").json()["data"]) == 1
    release()


def test_deleting_the_thread_takes_all_of_it(http, thread, busy, run, say, release):
    message, waiting = say("Second?").json(), run().json()
    assert http.delete(f"threads/{thread.id}").status_code == 200
    assert http.get(f"threads/{thread.id}/messages/{message['id']}").status_code == 404
    assert http.get(f"threads/{thread.id}/runs/{waiting['id']}").status_code == 404
    release()


def test_a_stream_in_line_says_so_at_once_and_is_live_at_its_turn(llm, busy, say, stream, told, release):
    llm.script([text("Tw", "o.")])
    say("Second?")
    events = []
    for event in stream_queued(stream):
        events.append(event)
        if len(events) == 2:
            assert names(events) == ["run.created", "run.queued"]
            assert told() == ["Weather?"]
            release()
    assert names(events) == [*OPENING, *MESSAGE, "message.delta", "message.delta", *TEXT_END, "run.completed", "done"]
    assert told() == ["Weather?", "One.", "Second?", "Two."]


def test_a_stream_in_line_hears_that_its_run_is_cancelled(http, thread, busy, stream, release):
    events = []
    for event in stream_queued(stream):
        events.append(event)
        if len(events) == 2:
            http.post(f"threads/{thread.id}/runs/{event[1]['id']}/cancel")
    assert names(events) == ["run.created", "run.queued", "run.cancelled", "done"]
    release()


@pytest.mark.parametrize("settings", [{"runs_at_once": 1}])
def test_who_waits_in_line_takes_no_place_of_a_run_that_could_begin(http, llm, assistant, wait, stream):
    held_up = []
    for _ in range(3):
        llm.script([call("get_weather", city="Oslo")])
        held_up.append(wait(http.post("threads/runs", json={"assistant_id": assistant.id}).json())["thread_id"])
    waiting = [stream(f"threads/{each}/runs", headers=QUEUE) for each in held_up]
    assert [next(each)[0] for each in waiting] == ["thread.run.created"] * 3
    llm.script([text("Rain.")])
    begun = wait(http.post("threads/runs", json={"assistant_id": assistant.id}).json())
    events = http.get(f"threads/{begun['thread_id']}/runs/{begun['id']}/events?order=asc").json()["data"]
    assert events[0]["details"] == {"how": "polled"}
    for each in held_up:
        http.delete(f"threads/{each}")


def stream_queued(stream):
    return stream(headers=QUEUE)


@pytest.mark.parametrize("what", ["message", "run", "stream"])
def test_a_repeated_request_stands_in_line_once(http, llm, thread, assistant, busy, told, wait, release, what):
    llm.script([text("Two.")])
    message = {"role": "user", "content": "Second?"}
    headers = QUEUE | {"Idempotency-Key": "order-4711"}
    run = {"assistant_id": assistant.id, "additional_messages": [message]}
    path, body = {"message": ("messages", message), "run": ("runs", run), "stream": ("runs", run | {"stream": True})}[
        what
    ]
    if what == "stream":
        threading.Timer(0.5, release).start()
    first = http.post(f"threads/{thread.id}/{path}", json=body, headers=headers)
    again = http.post(f"threads/{thread.id}/{path}", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotent-replayed"] == "true"
    if what != "stream":
        assert again.content == first.content
        release()
    wait(busy)
    for each in http.get(f"threads/{thread.id}/runs").json()["data"]:
        assert wait(each)["status"] == "completed"
    assert told() == ["Weather?", "One.", "Second?", *([] if what == "message" else ["Two."])]


def test_a_run_that_nobody_would_let_in_fails_and_one_in_line_goes_on_waiting(
    box, http, llm, thread, busy, run, wait, release
):
    """A driver of an earlier version would end the run ahead without a look at its line."""
    waiting, deps = run().json(), box.deps
    partition, path = layout.thread("me", thread.id), f"threads/{thread.id}/runs/{waiting['id']}"

    def sweep() -> str:
        box.clock.advance(2 * 3600)
        box.run(housekeeping.sweep(deps))
        return str(http.get(path).json()["status"])

    async def change(**fields: Any) -> None:
        row = await deps.store.get(partition, busy["id"])
        lasting = row.data["run"] | {"expires_at": deps.now() + 9 * 3600}
        await deps.store.commit(partition, [Put(row.key, row.data | {"run": lasting} | fields, row.version)])

    box.run(change())
    assert sweep() == "queued"
    box.run(change(line=[]))
    assert sweep() == "failed"
    assert http.get(path).json()["last_error"]["code"] == "server_error"
    release()
