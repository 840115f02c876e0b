"""Objects that brought their ids from elsewhere: wherever an id can stand, theirs can."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from openai import BadRequestError, NotFoundError

from shared import housekeeping, layout
from shared.deps import Caller
from shared.llm.scripted import text
from shared.moving import arrivals, values
from shared.moving.rows import in_collection, thread_rows

#: Of 2024, in the spelling of the hosted service.
CREATED = 1_716_470_000
ASSISTANTS = [f"asst_z{number}kQ8vLw2TnYb4Rj6Xc1Hd9Sf0"[:29] for number in range(5)]
FILE = "file-zGq7WbT3kLm9PxR2vNc5Yd8H"
AZURE_FILE = "assistant-zT4mVq8Kc2Lp7Wn5Xb9Rj3Hd"
THREAD = "thread_zWn5Xb9Rj3HdT4mVq8Kc2Lp7"
MESSAGES = [f"msg_z{number}b9Rj3HdT4mVq8Kc2Lp7Wn5" for number in range(25)]
RUN = "run_zq8Kc2Lp7Wn5Xb9Rj3HdT4mV"
STEPS = ["step_zc2Lp7Wn5Xb9Rj3HdT4mVq8K", "step_zp7Wn5Xb9Rj3HdT4mVq8Kc2L"]
PICTURE = bytes.fromhex("89504e470d0a1a0a") + b"0" * 40


def message(number: int, **more):
    return {
        "id": MESSAGES[number],
        "object": "thread.message",
        "created_at": CREATED + number // 10,
        "thread_id": THREAD,
        "role": "user",
        "content": [{"type": "text", "text": {"value": f"Message {number}", "annotations": []}}],
        "attachments": None,
        "metadata": None,
        **more,
    }


def bundle():
    citation = {"type": "file_citation", "text": "【4:0†a】", "start_index": 0, "end_index": 7}
    citation["file_citation"] = {"file_id": FILE}
    answer = [{"type": "text", "text": {"value": "【4:0†a】", "annotations": [citation]}}]
    written = {"role": "assistant", "assistant_id": ASSISTANTS[0], "run_id": RUN, "content": answer}
    step = {"object": "thread.run.step", "created_at": CREATED + 2, "run_id": RUN, "assistant_id": ASSISTANTS[0]}
    step |= {"thread_id": THREAD, "status": "completed"}
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}", "output": "yes"}}
    creation = {"type": "message_creation", "message_creation": {"message_id": MESSAGES[24]}}
    return {
        "thread": {"id": THREAD, "object": "thread", "created_at": CREATED, "metadata": {"user": "ann"}},
        "messages": [*(message(number) for number in range(24)), message(24, **written)],
        "runs": [
            {
                "id": RUN,
                "object": "thread.run",
                "created_at": CREATED + 2,
                "thread_id": THREAD,
                "assistant_id": ASSISTANTS[0],
                "status": "completed",
                "model": "gpt-4o",
                "instructions": None,
                "steps": [
                    {
                        "id": STEPS[0],
                        **step,
                        "type": "tool_calls",
                        "step_details": {"type": "tool_calls", "tool_calls": [call]},
                    },
                    {"id": STEPS[1], **step, "type": "message_creation", "step_details": creation},
                ],
            }
        ],
    }


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def bring(deps, owner: str) -> None:
    """What an import does, but for reading files."""
    caller = Caller(deps, owner)
    for order, (identifier, name) in enumerate(((FILE, "a.png"), (AZURE_FILE, "b.txt"))):
        file = values.file(
            {"id": identifier, "created_at": CREATED, "filename": name, "purpose": "assistants", "bytes": 48}
        )
        placed = in_collection(layout.FILE, file, order)
        assert await arrivals.put_file(caller, placed, once(PICTURE)) == "new"
        assert await arrivals.put_file(caller, placed, once(PICTURE)) == "same"
    for order, identifier in enumerate(ASSISTANTS):
        resources = {"code_interpreter": {"file_ids": [FILE, AZURE_FILE]}}
        made = values.assistant(
            {"id": identifier, "created_at": CREATED, "model": "gpt-4o", "tool_resources": resources}
        )
        placed = in_collection(layout.ASSISTANT, made, order)
        assert await arrivals.put(caller, layout.assistants(owner), placed) == "new"
        assert await arrivals.put(caller, layout.assistants(owner), placed) == "same"
    rows = thread_rows(owner, values.contents(bundle()), 0)
    assert await arrivals.put_thread(caller, rows) == "new"
    assert await arrivals.put_thread(caller, rows) == "same"


@pytest.fixture(autouse=True)
def brought(box):
    box.run(bring(box.deps, "me"))


def ids(page):
    return [each.id for each in page]


def test_assistants_are_found_listed_changed_and_deleted(client, http):
    native = client.beta.assistants.create(model="m")
    newest = [native.id, *ASSISTANTS[::-1]]
    assert ids(client.beta.assistants.list()) == newest
    assert ids(client.beta.assistants.list(limit=2)) == newest  # page by page, by cursors
    assert ids(client.beta.assistants.list(limit=2, order="asc")) == newest[::-1]
    before = http.get("assistants", params={"before": ASSISTANTS[1], "limit": 2}).json()
    assert [each["id"] for each in before["data"]] == [ASSISTANTS[3], ASSISTANTS[2]]
    changed = client.beta.assistants.update(ASSISTANTS[2], name="New")
    assert (changed.id, changed.created_at) == (ASSISTANTS[2], CREATED)
    assert client.beta.assistants.retrieve(ASSISTANTS[2]).name == "New"
    assert client.beta.assistants.delete(ASSISTANTS[2]).id == ASSISTANTS[2]
    with pytest.raises(NotFoundError, match=f"No assistant found with id '{ASSISTANTS[2]}'"):
        client.beta.assistants.retrieve(ASSISTANTS[2])
    # The id of what is deleted still marks its place.
    assert ids(client.beta.assistants.list(after=ASSISTANTS[2])) == ASSISTANTS[1::-1]


def test_messages_keep_their_order_and_page_by_their_ids(client, http):
    listed = client.beta.threads.messages.list(THREAD, order="asc", limit=7)
    assert ids(listed) == MESSAGES
    assert ids(client.beta.threads.messages.list(THREAD, limit=100)) == MESSAGES[::-1]
    path = f"threads/{THREAD}/messages"
    page = http.get(path, params={"before": MESSAGES[9], "limit": 3, "order": "asc"}).json()
    assert [each["id"] for each in page["data"]] == MESSAGES[6:9]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (MESSAGES[6], MESSAGES[8], True)
    assert ids(client.beta.threads.messages.list(THREAD, run_id=RUN)) == [MESSAGES[24]]
    one = client.beta.threads.messages.retrieve(MESSAGES[3], thread_id=THREAD)
    assert (one.id, one.thread_id, one.content[0].text.value) == (MESSAGES[3], THREAD, "Message 3")
    client.beta.threads.messages.update(MESSAGES[3], thread_id=THREAD, metadata={"a": "b"})
    assert client.beta.threads.messages.retrieve(MESSAGES[3], thread_id=THREAD).metadata == {"a": "b"}
    assert client.beta.threads.messages.delete(MESSAGES[3], thread_id=THREAD).deleted
    after = client.beta.threads.messages.list(THREAD, order="asc", after=MESSAGES[3], limit=100)
    assert ids(after) == MESSAGES[4:]
    answer = http.get(path, params={"after": "msg_zzzzzzzzzzzzzzzzzzzzzzzz"})
    assert answer.json()["error"]["message"] == "No message found with id 'msg_zzzzzzzzzzzzzzzzzzzzzzzz'."


def test_a_run_goes_on_behind_what_came(client, llm):
    llm.script([text("Hello.")])
    run = client.beta.threads.runs.create_and_poll(
        thread_id=THREAD, assistant_id=ASSISTANTS[0], additional_messages=[{"role": "user", "content": "And now?"}]
    )
    assert (run.status, run.assistant_id, run.thread_id) == ("completed", ASSISTANTS[0], THREAD)
    listed = ids(client.beta.threads.messages.list(THREAD, order="asc", limit=100))
    assert listed[:25] == MESSAGES
    assert len(listed) == 27
    assert ids(client.beta.threads.runs.list(THREAD)) == [run.id, RUN]
    assert ids(client.beta.threads.runs.list(THREAD, after=run.id)) == [RUN]
    assert ids(client.beta.threads.runs.list(THREAD, after=RUN, order="asc")) == [run.id]
    shown = llm.requests[0].input
    assert shown[0]["content"] == [{"type": "input_text", "text": "Message 0"}]
    # What a function said in an earlier run is there for the model, before the answer that followed from it.
    kinds = [item["type"] for item in shown]
    assert kinds[20:] == ["message"] * 4 + ["function_call", "function_call_output"] + ["message"] * 2


def test_runs_and_steps_are_found_and_changed(client):
    run = client.beta.threads.runs.retrieve(RUN, thread_id=THREAD)
    assert (run.id, run.status, run.assistant_id) == (RUN, "completed", ASSISTANTS[0])
    client.beta.threads.runs.update(RUN, thread_id=THREAD, metadata={"a": "b"})
    assert client.beta.threads.runs.retrieve(RUN, thread_id=THREAD).metadata == {"a": "b"}
    assert ids(client.beta.threads.runs.list(THREAD)) == [RUN]
    with pytest.raises(BadRequestError, match="Cannot cancel run with status 'completed'"):
        client.beta.threads.runs.cancel(RUN, thread_id=THREAD)
    steps = client.beta.threads.runs.steps
    assert ids(steps.list(RUN, thread_id=THREAD, order="asc")) == STEPS
    assert ids(steps.list(RUN, thread_id=THREAD, order="asc", after=STEPS[0])) == STEPS[1:]
    step = steps.retrieve(STEPS[1], thread_id=THREAD, run_id=RUN)
    assert step.step_details.message_creation.message_id == MESSAGES[24]


def test_threads_are_listed_used_and_deleted_with_all_they_have(client, http, box):
    native = client.beta.threads.create()
    listed = http.get("threads").json()["data"]
    assert [each["id"] for each in listed] == [native.id, THREAD]
    page = http.get("threads", params={"order": "asc", "after": THREAD}).json()["data"]
    assert [each["id"] for each in page] == [native.id]
    client.beta.threads.update(THREAD, metadata={"user": "bob"})
    assert client.beta.threads.retrieve(THREAD).metadata == {"user": "bob"}
    added = client.beta.threads.messages.create(THREAD, role="user", content="New")
    assert ids(client.beta.threads.messages.list(THREAD, limit=2).data) == [added.id, MESSAGES[24]]
    assert client.beta.threads.delete(THREAD).id == THREAD
    with pytest.raises(NotFoundError, match=f"No thread found with id '{THREAD}'"):
        client.beta.threads.retrieve(THREAD)
    assert [each["id"] for each in http.get("threads").json()["data"]] == [native.id]
    assert box.run(box.deps.store.scan(layout.thread("me", THREAD), "!", "~", 10)) == []


def test_files_are_found_used_and_deleted(client, http):
    assert ids(client.files.list()) == [AZURE_FILE, FILE]
    assert ids(client.files.list(limit=1, order="asc")) == [FILE, AZURE_FILE]
    assert client.files.content(AZURE_FILE).read() == PICTURE
    shown = {"type": "image_file", "image_file": {"file_id": FILE}}
    attached = [{"file_id": AZURE_FILE, "tools": [{"type": "code_interpreter"}]}]
    sent = client.beta.threads.messages.create(THREAD, role="user", content=[shown], attachments=attached)
    assert sent.attachments[0].file_id == AZURE_FILE
    assert client.beta.threads.retrieve(THREAD).tool_resources.code_interpreter.file_ids == [AZURE_FILE]
    store = client.vector_stores.create(file_ids=[AZURE_FILE])
    assert ids(client.vector_stores.files.list(store.id)) == [AZURE_FILE]
    made = client.beta.assistants.create(model="m", tool_resources={"code_interpreter": {"file_ids": [FILE]}})
    assert client.files.delete(FILE).id == FILE
    assert client.beta.assistants.retrieve(made.id).tool_resources.code_interpreter.file_ids == []
    assert client.beta.assistants.retrieve(ASSISTANTS[0]).tool_resources.code_interpreter.file_ids == [AZURE_FILE]
    with pytest.raises(NotFoundError, match=f"No such File object: {FILE}"):
        client.files.retrieve(FILE)
    with pytest.raises(BadRequestError, match=f"The following file IDs were not found: {FILE}"):
        client.beta.threads.messages.create(THREAD, role="user", content=[shown])


def test_bytes_of_files_from_elsewhere_are_no_orphans(box, client):
    box.clock.advance(7 * 24 * 3600)
    box.run(housekeeping.remove_orphans(box.deps))
    assert client.files.content(FILE).read() == PICTURE


def test_two_owners_have_objects_of_the_same_id(box, client, other):
    assert other.get(f"assistants/{ASSISTANTS[0]}").status_code == 404
    assert other.get(f"threads/{THREAD}/messages/{MESSAGES[0]}").status_code == 404
    box.run(bring(box.deps, "other"))
    assert other.delete(f"threads/{THREAD}").status_code == 200
    assert other.delete(f"files/{FILE}").status_code == 200
    assert client.beta.threads.messages.retrieve(MESSAGES[0], thread_id=THREAD).id == MESSAGES[0]
    assert client.files.content(FILE).read() == PICTURE


def test_what_was_deleted_here_is_not_brought_back(box, client):
    client.beta.threads.delete(THREAD)
    rows = thread_rows("me", values.contents(bundle()), 0)
    assert box.run(arrivals.put_thread(Caller(box.deps, "me"), rows)) == "deleted"


def test_what_differs_is_told_and_left_alone(box, client):
    client.beta.threads.update(THREAD, metadata={"user": "bob"})
    rows = thread_rows("me", values.contents(bundle()), 0)
    assert box.run(arrivals.put_thread(Caller(box.deps, "me"), rows)) == "conflict"
    assert client.beta.threads.retrieve(THREAD).metadata == {"user": "bob"}


def test_tools_of_other_services_are_shown_and_refused_when_they_are_to_run(box, client):
    tools = [{"type": "teleportation", "teleportation": {"connections": []}}]
    made = values.assistant({"id": "asst_zbing", "created_at": CREATED + 5, "model": "gpt-4o", "tools": tools})
    box.run(arrivals.put(Caller(box.deps, "me"), layout.assistants("me"), in_collection(layout.ASSISTANT, made, 0)))
    shown = client.with_options(timeout=5).get("/assistants/asst_zbing", cast_to=object)
    assert shown["tools"] == tools
    with pytest.raises(BadRequestError, match="This box has no tools of type teleportation"):
        client.beta.threads.runs.create(THREAD, assistant_id="asst_zbing")
    run = client.beta.threads.runs.create(THREAD, assistant_id="asst_zbing", tools=[])
    assert run.assistant_id == "asst_zbing"


def test_an_assistant_that_looks_like_one_of_ours(box, client):
    """One in fifty ids of others has a time that ours could have, too."""
    likely = "asst_" + client.beta.assistants.create(model="m").id.removeprefix("asst_")[:9] + "Q" * 15
    made = values.assistant({"id": likely, "created_at": CREATED + 5, "model": "gpt-4o"})
    box.run(arrivals.put(Caller(box.deps, "me"), layout.assistants("me"), in_collection(layout.ASSISTANT, made, 0)))
    assert client.beta.assistants.retrieve(likely).id == likely
    assert ids(client.beta.assistants.list())[1] == likely
    assert ids(client.beta.assistants.list(after=likely)) == ASSISTANTS[::-1]
