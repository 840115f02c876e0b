"""What is on legal hold cannot be deleted, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from shared.deps import Caller
from shared.errors import InvalidRequest, NotFoundError
from shared.retention import holding
from shared.store.base import Unavailable


@pytest.fixture
def hold(box):
    """Put something on hold, as the operator does."""

    def hold(thread_id=None, **metadata):
        return box.run(holding.add(Caller(box.deps, "me"), thread_id=thread_id, metadata=metadata)).id

    return hold


def refused(answer, what, *ids):
    """The one answer that is right."""
    assert answer.status_code == 403
    message = f"{what}: it is on legal hold ({', '.join(ids)})."
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "legal_hold"}
    assert answer.json() == {"error": error}


def test_a_thread_on_hold_and_its_messages_stay(http, other, hold, box):
    message = {"role": "user", "content": "Remember."}
    thread = http.post("threads", json={"messages": [message]}).json()["id"]
    free = http.post("threads").json()["id"]
    held = hold(thread)
    whole = f"Thread '{thread}' can't be deleted, nor can anything in it"
    [said] = http.get(f"threads/{thread}/messages").json()["data"]
    refused(http.delete(f"threads/{thread}"), whole, held)
    refused(http.delete(f"threads/{thread}/messages/{said['id']}"), whole, held)
    assert http.delete(f"threads/{free}").status_code == 200
    assert http.post(f"threads/{thread}/messages", json=message).status_code == 200
    box.run(holding.lift(Caller(box.deps, "me"), held))
    assert http.delete(f"threads/{thread}/messages/{said['id']}").status_code == 200
    assert http.delete(f"threads/{thread}").status_code == 200
    assert other.get("threads").json()["data"] == []


def test_metadata_holds_threads_of_the_future_and_cannot_be_taken_off(http, hold):
    held, second = hold(user="ann"), hold(user="ann", case="7")
    ann = {"metadata": {"user": "ann", "case": "7"}}
    thread = http.post("threads", json=ann).json()["id"]
    whole = f"Thread '{thread}' can't be deleted, nor can anything in it"
    refused(http.delete(f"threads/{thread}"), whole, second, held)
    changed = f"The metadata of thread '{thread}' can't be changed so"
    refused(http.post(f"threads/{thread}", json={"metadata": {"user": "ben"}}), changed, second, held)
    refused(http.post(f"threads/{thread}", json={"metadata": {"user": "ann"}}), changed, second)
    more = {"metadata": {"user": "ann", "case": "7", "topic": "x"}}
    assert http.post(f"threads/{thread}", json=more).status_code == 200


def test_files_of_threads_on_hold_stay(client, http, hold, box):
    def upload(name):
        return client.files.create(file=(name, b"proof"), purpose="assistants").id

    attached, of_tools, free = upload("attached.txt"), upload("tools.csv"), upload("free.txt")
    attachments = [{"file_id": attached, "tools": [{"type": "file_search"}]}]
    body = {
        "messages": [{"role": "user", "content": "See.", "attachments": attachments}],
        "tool_resources": {"code_interpreter": {"file_ids": [of_tools]}},
    }
    thread = http.post("threads", json=body).json()["id"]
    held = hold(thread)
    for each in (attached, of_tools):
        refused(http.delete(f"files/{each}"), f"File '{each}' can't be deleted", held)
        assert http.get(f"files/{each}/content").content == b"proof"
    assert http.delete(f"files/{free}").status_code == 200
    box.run(holding.lift(Caller(box.deps, "me"), held))
    assert http.delete(f"files/{attached}").status_code == 200


def test_other_owners_are_not_held(http, other, hold):
    hold(user="ann")
    thread = other.post("threads", json={"metadata": {"user": "ann"}}).json()["id"]
    assert other.delete(f"threads/{thread}").status_code == 200


def test_a_hold_that_comes_while_a_thread_is_being_deleted_wins_or_is_told(http, box):
    thread = http.post("threads").json()["id"]
    me = Caller(box.deps, "me")
    made: list[Any] = []

    async def between(commit, partition, changes, *after):
        if thread in partition and not made:
            made.append("being made")
            made.append(await holding.add(me, thread_id=thread, metadata={}))
        return await commit(partition, changes, *after)

    box.deps.store.replace(commit=between)
    answer = http.delete(f"threads/{thread}")
    refused(answer, f"Thread '{thread}' can't be deleted, nor can anything in it", made[1].id)
    assert http.get(f"threads/{thread}").status_code == 200


def test_a_hold_names_one_thing_that_exists(box):
    me = Caller(box.deps, "me")
    for thread_id, metadata in ((None, {}), ("thread_x", {"user": "ann"})):
        with pytest.raises(InvalidRequest):
            box.run(holding.add(me, thread_id=thread_id, metadata=metadata))
    with pytest.raises(NotFoundError):
        box.run(holding.add(me, thread_id="thread_none", metadata={}))
    with pytest.raises(NotFoundError):
        box.run(holding.lift(me, "hold_none"))


def test_a_hold_that_is_lifted_halfway_is_lifted_again(client, http, box, hold):
    files = [client.files.create(file=(f"{each}.txt", b"x"), purpose="assistants").id for each in range(3)]
    thread = http.post("threads", json={"tool_resources": {"code_interpreter": {"file_ids": files}}}).json()["id"]
    held = hold(thread)
    me = Caller(box.deps, "me")

    async def fail(commit, partition, changes, *after):
        if any(change.key == held for change in changes):
            raise Unavailable("not now")
        return await commit(partition, changes, *after)

    box.deps.store.replace(commit=fail)
    with pytest.raises(Unavailable):
        box.run(holding.lift(me, held))
    box.deps.store.replace()
    assert http.delete(f"threads/{thread}").status_code == 403
    box.run(holding.lift(me, held))
    assert http.delete(f"threads/{thread}").status_code == 200
