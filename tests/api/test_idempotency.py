"""Requests that are sent again with their `Idempotency-Key`: what they ask for is done once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import httpx2 as httpx
import openai
import pytest
from openai import DefaultHttpxClient, OpenAI

from shared import housekeeping, layout
from shared.llm.scripted import call, pause, text
from shared.store.base import Unavailable
from tests.api.conftest import SDK, TLS

DAY = 24 * 3600
KEY = {"Idempotency-Key": "order-4711"}
HI = {"role": "user", "content": "Hi"}


def replayed(response: httpx.Response) -> bool:
    return response.headers.get("idempotent-replayed") == "true"


class LosingTransport(httpx.HTTPTransport):
    """The wire on which the answer to the first POST is lost: the box has it done, nobody hears of it."""

    def __init__(self) -> None:
        super().__init__(verify=TLS)
        self.lost: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if request.method == "POST" and not self.lost:
            self.lost.append(request.url.path)
            response.read()
            raise httpx.ReadError("the connection was reset")
        return response


@pytest.fixture
def retrying(box):
    """The SDK with its retries, told in one line to send a key, over a wire that loses an answer."""
    transport = LosingTransport()
    with OpenAI(
        base_url=f"{box.url}/v1", http_client=DefaultHttpxClient(transport=transport), **SDK | {"max_retries": 2}
    ) as client:
        client._idempotency_header = "Idempotency-Key"
        yield client
    assert transport.lost, "nothing was lost"


def posts(thread, assistant) -> dict[str, tuple[str, dict[str, Any]]]:
    message = {"role": "user", "content": "Again?"}
    return {
        "thread": ("threads", {"messages": [HI]}),
        "message": (f"threads/{thread.id}/messages", message),
        "run": (f"threads/{thread.id}/runs", {"assistant_id": assistant.id, "additional_messages": [message]}),
        "thread and run": ("threads/runs", {"assistant_id": assistant.id, "thread": {"messages": [HI]}}),
        "assistant": ("assistants", {"model": "gpt-x", "metadata": {"a": "1"}}),
    }


@pytest.mark.parametrize("what", ["thread", "message", "run", "thread and run", "assistant"])
def test_the_same_request_is_given_the_first_answer(http, client, llm, box, thread, assistant, what):
    llm.script([text("Rain.")])
    path, body = posts(thread, assistant)[what]
    first = http.post(path, json=body, headers=KEY)
    assert first.status_code == 200, first.text
    assert not replayed(first)

    for _ in range(2):
        again = http.post(path, json=body, headers=KEY)
        assert (again.status_code, again.content, replayed(again)) == (200, first.content, True)

    assert http.post(path, json=body, headers={"Idempotency-Key": "other"}).json().get("id") != first.json()["id"]


def test_a_repeated_message_is_there_once(http, client, thread):
    for _ in range(3):
        http.post(f"threads/{thread.id}/messages", json={"role": "user", "content": "Once"}, headers=KEY)
    listed = client.beta.threads.messages.list(thread.id)
    assert [each.content[0].text.value for each in listed] == ["Once", "Weather?"]


def test_another_body_route_or_query_is_refused(http, thread, assistant):
    path = f"threads/{thread.id}/messages"
    assert http.post(path, json=HI, headers=KEY).status_code == 200
    other = http.post(path, json={"role": "user", "content": "Bye"}, headers=KEY)
    elsewhere = http.post("threads", json={}, headers=KEY)
    asked = http.post(f"{path}?include[]=x", json=HI, headers=KEY)
    for refused in (other, elsewhere, asked):
        assert refused.status_code == 409
        assert refused.json()["error"]["code"] == "idempotency_key_reused"
        assert refused.headers["x-should-retry"] == "false"
    assert len(http.get(path).json()["data"]) == 2


def test_a_body_is_the_same_by_its_values(http, thread):
    path = f"threads/{thread.id}/messages"
    first = http.post(path, content=b'{"role": "user", "content": "Hi"}', headers=KEY)
    again = http.post(path, content=b'{ "content":"Hi","role":"user" }', headers=KEY)
    assert replayed(again)
    assert again.json() == first.json()


def test_keys_are_an_owners_own(http, other):
    mine, theirs = (each.post("threads", json={}, headers=KEY) for each in (http, other))
    assert mine.json()["id"] != theirs.json()["id"]
    assert not replayed(theirs)


@pytest.mark.parametrize("key", ["", "x" * 256, "ä".encode().decode("latin-1")])
def test_what_can_be_no_key_is_refused(http, key):
    refused = http.post("threads", json={}, headers={"Idempotency-Key": key.encode("latin-1")})
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_idempotency_key"
    assert http.get("threads").json()["data"] == []


def test_what_was_refused_may_be_asked_again(http, llm, thread, assistant):
    """A refusal made nothing, so it is no answer that is kept."""
    body = {"assistant_id": assistant.id, "metadata": {"completion_window": "2h"}, "additional_messages": []}
    missing = http.post(f"threads/{thread.id}/runs", json=body | {"assistant_id": "asst_gone"}, headers=KEY)
    assert missing.status_code == 404
    assert http.post(f"threads/{thread.id}/runs", json=body, headers=KEY).status_code == 409
    again = http.post(f"threads/{thread.id}/runs", json=body | {"assistant_id": "asst_gone"}, headers=KEY)
    assert (again.status_code, replayed(again)) == (404, False)


def test_a_run_that_is_in_the_way_of_its_own_repetition(http, box, llm, thread, assistant):
    """Without the key it would be told that the thread has an active run."""
    held = box.event()
    llm.script([pause(held), text("Rain.")])
    path, body = f"threads/{thread.id}/runs", {"assistant_id": assistant.id}
    first = http.post(path, json=body, headers=KEY)
    again = http.post(path, json=body, headers=KEY)
    assert (again.json(), replayed(again)) == (first.json(), True)
    assert http.post(path, json=body).status_code == 400
    box.loop.call_soon_threadsafe(held.set)


def test_repeated_outputs_are_given_once(http, client, llm, thread, assistant):
    llm.script([call("get_weather", city="Oslo")], [text("Rain.")])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    [pending] = run.required_action.submit_tool_outputs.tool_calls
    path = f"threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    body = {"tool_outputs": [{"tool_call_id": pending.id, "output": "wet"}]}
    first = http.post(path, json=body, headers=KEY)
    again = http.post(path, json=body, headers=KEY)
    assert first.json()["status"] == "queued"
    assert (again.json(), replayed(again)) == (first.json(), True)
    assert http.post(path, json=body).status_code == 400


def upload(http, content=b"a,b", name="a.csv", headers=KEY):
    return http.post("files", files={"file": (name, content)}, data={"purpose": "assistants"}, headers=headers)


def test_a_repeated_upload_is_one_file(http, client):
    """Though each time the form has another boundary."""
    first, again = upload(http), upload(http)
    assert (again.json(), replayed(again)) == (first.json(), True)
    assert [each.id for each in client.files.list()] == [first.json()["id"]]
    assert upload(http, b"a,c").status_code == upload(http, name="b.csv").status_code == 409
    assert client.files.content(first.json()["id"]).content == b"a,b"


async def test_of_many_at_once_one_is_carried_out(async_client, box, thread, assistant):
    """The others are given its answer, also where the store is slow between reading and writing."""

    async def slowly(get, *place):
        row = await get(*place)
        await asyncio.sleep(0.02)
        return row

    box.deps.store.replace(get=slowly)
    for path, body in list(posts(thread, assistant).values())[:4]:
        key = {"Idempotency-Key": f"many {path}"}
        answers = await asyncio.gather(
            *(async_client.post(f"/{path}", body=body, cast_to=object, options={"headers": key}) for _ in range(8))
        )
        assert [each for each in answers if each != answers[0]] == []
        if path.endswith("runs"):
            await async_client.beta.threads.runs.poll(answers[0]["id"], thread_id=answers[0]["thread_id"])


async def test_many_uploads_at_once_are_one_file(async_client, client):
    upload = {"file": ("a.txt", b"words"), "purpose": "assistants", "extra_headers": KEY}
    made = await asyncio.gather(*(async_client.files.create(**upload) for _ in range(6)))
    assert {each.id for each in made} == {each.id for each in client.files.list()}


def test_the_sdks_retries_make_no_second_message(retrying, client, thread):
    message = retrying.beta.threads.messages.create(thread.id, role="user", content="Hi")
    listed = client.beta.threads.messages.list(thread.id).data
    assert [each.content[0].text.value for each in listed] == ["Hi", "Weather?"]
    assert listed[0].id == message.id


def test_the_sdks_retries_make_no_second_run(retrying, client, llm, thread, assistant):
    llm.script([text("Rain.")])
    run = retrying.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    assert run.status == "completed"
    assert [each.id for each in client.beta.threads.runs.list(thread.id)] == [run.id]


def test_the_sdk_repeats_what_failed_if_it_has_a_key(retrying, box, client, thread):
    """Without one it is told not to: nobody knows whether it was carried out."""
    commits = []

    async def commit(commit, partition, changes, *after):
        versions = await commit(partition, changes, *after)
        commits.append(partition)
        if partition.endswith(thread.id) and len(commits) < 4:
            raise Unavailable("the answer was lost")
        return versions

    box.deps.store.replace(commit=commit)
    message = retrying.beta.threads.messages.create(thread.id, role="user", content="Hi")
    listed = client.beta.threads.messages.list(thread.id).data
    assert (listed[0].id, len(listed)) == (message.id, 2)


def test_the_sdks_retries_make_no_second_file(retrying, client):
    file = retrying.files.create(file=("a.txt", b"words"), purpose="assistants")
    assert [each.id for each in client.files.list()] == [file.id]


def test_a_repeated_stream_follows_the_run_that_there_is(retrying, client, llm, thread, assistant):
    llm.script([call("get_weather", city="Oslo")], [text("Rain.")])
    with retrying.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        stream.until_done()
    run = stream.current_run
    assert run.status == "requires_action"
    [pending] = run.required_action.submit_tool_outputs.tool_calls
    outputs = [{"tool_call_id": pending.id, "output": "wet"}]
    again = client.with_options(max_retries=0)
    said = []
    for _ in range(2):
        with again.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs, extra_headers=KEY
        ) as stream:
            stream.until_done()
            said.append([each.content[0].text.value for each in stream.get_final_messages()])
            assert stream.current_run.status == "completed"
    assert said == [["Rain."], ["Rain."]]
    assert len(client.beta.threads.runs.list(thread.id).data) == 1


def test_a_repeated_stream_tells_of_the_thread_that_was_made_with_the_run(http, llm, assistant):
    llm.script([text("Rain.")])
    body = {"assistant_id": assistant.id, "stream": True, "thread": {"messages": [HI]}}
    first, again = (http.post("threads/runs", json=body, headers=KEY).text for _ in range(2))
    [told] = [each for each in first.split("\n\n") if each.startswith("event: thread.created\n")]
    assert again.startswith(told + "\n\nevent: thread.run.created\n")
    assert again.endswith("event: done\ndata: [DONE]\n\n")


def test_after_a_day_a_key_is_new(http, box):
    """Whether or not housekeeping has been there."""
    first = http.post("threads", json={}, headers=KEY).json()["id"]
    box.clock.advance(DAY - 60)
    assert http.post("threads", json={}, headers=KEY).json()["id"] == first
    box.clock.advance(61)
    assert http.post("threads", json={"metadata": {"a": "1"}}, headers=KEY).json()["id"] != first

    assistants = [{"model": "gpt-x"}, {"model": "gpt-y"}]
    key = {"Idempotency-Key": "one partition"}
    made = []
    for body in assistants:
        made.append(http.post("assistants", json=body, headers=key).json()["id"])
        box.clock.advance(DAY + 1)
    assert len({*made}) == 2


def test_housekeeping_removes_what_is_a_day_old(http, box, thread):
    http.post(f"threads/{thread.id}/messages", json=HI, headers=KEY)
    upload(http, headers={"Idempotency-Key": "another"})
    partitions = [layout.idempotency("me"), layout.thread("me", thread.id), layout.files("me")]

    def kept() -> list[int]:
        bounds = layout.ANSWER, f"{layout.ANSWER}~"
        return [len(box.run(box.deps.store.scan(each, *bounds, 10))) for each in partitions]

    assert kept() == [2, 2, 2]
    box.run(housekeeping.sweep(box.deps))
    assert kept() == [2, 2, 2]
    box.clock.advance(DAY + 1)
    box.run(housekeeping.sweep(box.deps))
    assert kept() == [0, 0, 0]


def test_the_key_is_stored_and_logged_nowhere(http, box, thread, tmp_path, caplog):
    http.post(f"threads/{thread.id}/messages", json=HI, headers={"Idempotency-Key": "canary-4711"})
    files = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    assert files
    assert not any(b"canary-4711" in each for each in files)
    assert "canary-4711" not in caplog.text


def test_what_is_deleted_is_in_no_answer_either(http, tmp_path, thread):
    said = {"role": "user", "content": "canary-4711"}
    path = f"threads/{thread.id}/messages"
    message = http.post(path, json=said, headers=KEY).json()["id"]
    file = upload(http, b"words", "canary-4711.txt", headers={"Idempotency-Key": "f"}).json()["id"]
    body = {"model": "gpt-x", "instructions": "canary-4711"}
    assistant = http.post("assistants", json=body, headers={"Idempotency-Key": "a"}).json()["id"]
    assert b"canary-4711" in b"".join(each.read_bytes() for each in tmp_path.rglob("box.db*"))

    for each in (f"{path}/{message}", f"files/{file}", f"assistants/{assistant}"):
        assert http.delete(each).status_code == 200

    with closing(sqlite3.connect(tmp_path / "box.db")) as database:
        assert [each for (each,) in database.execute("SELECT data FROM records") if "canary-4711" in each] == []
    assert http.post(path, json=said, headers=KEY).json()["id"] != message


def test_lists_show_nothing_of_it(http, client, thread):
    http.post("assistants", json={"model": "gpt-x"}, headers=KEY)
    assert len(client.beta.assistants.list().data) == 1
    assert client.beta.assistants.list(order="asc").data[0].model == "gpt-x"


def test_a_key_that_was_used_with_something_else_is_not_repeated_by_sdks(box, client, thread):
    asked: list[httpx.Request] = []
    hooks = {"request": [asked.append]}
    with OpenAI(
        base_url=f"{box.url}/v1",
        http_client=DefaultHttpxClient(verify=TLS, event_hooks=hooks),
        **SDK | {"max_retries": 2},
    ) as sdk:
        sdk.beta.threads.messages.create(thread.id, role="user", content="Hi", extra_headers=KEY)
        with pytest.raises(openai.ConflictError, match="used with another request"):
            sdk.beta.threads.messages.create(thread.id, role="user", content="Bye", extra_headers=KEY)
    assert len(asked) == 2
