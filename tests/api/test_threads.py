"""Threads through the SDK and, for what the SDK has no call for, over plain HTTP."""

from __future__ import annotations

from shared import housekeeping, layout
from shared.llm.scripted import call
from shared.store.base import Unavailable


def test_a_thread_needs_no_body(client, http):
    thread = client.beta.threads.create()
    expected = {"id": thread.id, "object": "thread", "created_at": thread.created_at}
    assert thread.to_dict() == expected | {"metadata": {}, "tool_resources": {}}
    assert client.beta.threads.retrieve(thread.id) == thread
    assert http.post("threads").status_code == 200
    assert http.post("threads", headers={"Content-Length": "0"}).status_code == 200


def test_a_thread_comes_with_its_messages_in_order(client):
    texts = [f"message {number}" for number in range(32)]
    thread = client.beta.threads.create(messages=[{"role": "user", "content": each} for each in texts])
    listed = client.beta.threads.messages.list(thread.id, order="asc", limit=100)
    assert [message.content[0].text.value for message in listed.data] == texts
    newest = client.beta.threads.messages.list(thread.id, limit=1)
    assert newest.data[0].content[0].text.value == texts[-1]


def test_modify_replaces_metadata_and_merges_tool_resources(client):
    file = client.files.create(file=("a.txt", b"a"), purpose="assistants")
    thread = client.beta.threads.create(metadata={"a": "1"})
    changed = client.beta.threads.update(thread.id, tool_resources={"code_interpreter": {"file_ids": [file.id]}})
    assert changed.metadata == {"a": "1"}
    changed = client.beta.threads.update(thread.id, metadata={"b": "2"})
    assert changed.metadata == {"b": "2"}
    assert changed.tool_resources.code_interpreter.file_ids == [file.id]
    assert client.beta.threads.update(thread.id, metadata=None).metadata == {}
    assert client.beta.threads.update(thread.id, tool_resources=None).tool_resources.code_interpreter is None


def test_threads_are_listed_although_the_hosted_api_never_did(http, client, other):
    made = [client.beta.threads.create().id for _ in range(3)]
    other.post("threads")
    page = http.get("threads", params={"limit": 2}).json()
    assert [each["id"] for each in page["data"]] == made[:0:-1]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (made[2], made[1], True)
    rest = http.get("threads", params={"after": made[1]}).json()
    assert [each["id"] for each in rest["data"]] == made[:1]
    assert not rest["has_more"]


def test_a_deleted_thread_takes_everything_with_it(client, http, box):
    messages = [{"role": "user", "content": "x"}] * 80
    thread = client.beta.threads.create(messages=messages)
    for _ in range(40):
        client.beta.threads.messages.create(thread.id, role="user", content="y")
    gone = client.beta.threads.delete(thread.id)
    assert gone.to_dict() == {"id": thread.id, "object": "thread.deleted", "deleted": True}
    assert http.get("threads").json()["data"] == []
    assert http.delete(f"threads/{thread.id}").status_code == 404
    assert http.get(f"threads/{thread.id}/messages").status_code == 404
    assert box.run(box.deps.store.scan(layout.thread("me", thread.id), "!", "~", 200)) == []


def broken_off(box, http, thread):
    """Begin to delete a thread, and break off when it is hidden already."""

    async def fail(scan, partition, *more):
        if thread.id in partition:
            raise Unavailable("not now")
        return await scan(partition, *more)

    box.deps.store.replace(scan=fail)
    assert http.delete(f"threads/{thread.id}").status_code == 503
    box.deps.store.replace()


def rows_of(box, thread):
    return box.run(box.deps.store.scan(layout.thread("me", thread.id), "!", "~~", 10))


def test_deleting_is_taken_up_where_it_broke_off(client, http, box):
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}])
    broken_off(box, http, thread)
    assert http.get(f"threads/{thread.id}").status_code == 404
    message = {"role": "user", "content": "x"}
    assert http.post(f"threads/{thread.id}/messages", json=message).status_code == 404
    assert client.beta.threads.delete(thread.id).deleted
    assert rows_of(box, thread) == []
    assert http.delete(f"threads/{thread.id}").status_code == 404


def test_a_deletion_that_nobody_takes_up_is_ended_by_housekeeping(client, http, box):
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}])
    broken_off(box, http, thread)
    assert len(rows_of(box, thread)) == 2  # the message, and that it is being deleted
    box.clock.advance(25 * 3600)
    box.run(housekeeping.age(box.deps))
    assert rows_of(box, thread) == []
    assert http.delete(f"threads/{thread.id}").status_code == 404


def test_a_thread_can_be_deleted_while_a_run_is_active(client, llm, http):
    llm.script([call("f")])
    tools = [{"type": "function", "function": {"name": "f"}}]
    assistant = client.beta.assistants.create(model="m", tools=tools)
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant.id, poll_interval_ms=20)
    assert run.status == "requires_action"
    assert client.beta.threads.delete(run.thread_id).deleted
    assert http.get(f"threads/{run.thread_id}/runs/{run.id}").status_code == 404


def test_who_deletes_it_second_looks_what_is_left(client, box):
    """Of its rows no more than 100 are named that another deletion has taken: a storage account tells of each alone."""
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x"}] * 3)
    partition, attempts = layout.thread("me", thread.id), []

    async def second(commit, where, changes, after=()):
        if where == partition and any(each.key.startswith(layout.MESSAGE) for each in changes):
            attempts.append(changes)
            if len(attempts) == 1:
                await commit(where, changes[:2])
        return await commit(where, changes, after)

    box.deps.store.replace(commit=second)
    assert client.beta.threads.delete(thread.id).deleted
    assert [len(each) for each in attempts] == [3, 1]
    assert rows_of(box, thread) == []
