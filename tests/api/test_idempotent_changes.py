"""Vector stores, uploads, changes and cancelling, sent again with their `Idempotency-Key`."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from shared import idempotency
from shared.llm.scripted import call
from tests.api.test_idempotency import KEY, replayed


@pytest.fixture
def file(client):
    return client.files.create(file=("a.txt", b"words"), purpose="assistants")


@pytest.fixture
def store(client):
    return client.vector_stores.create(name="Papers")


@pytest.fixture
def post(http):
    """Send a request, and send it again: once it was answered before, twice with the same answer."""

    def post(path, key, **body):
        first, *others = (http.post(path, json=body, headers={"Idempotency-Key": key}) for _ in range(3))
        assert (first.status_code, replayed(first)) == (200, False), first.text
        for again in others:
            assert (again.status_code, again.content, replayed(again)) == (200, first.content, True)
        return first.json()

    return post


def test_a_repeated_store_is_one_store_with_its_files(client, post, file):
    plain = post("vector_stores", "plain", name="Plain")
    full = post("vector_stores", "full", name="Full", file_ids=[file.id])
    assert [each.id for each in client.vector_stores.list()] == [full["id"], plain["id"]]
    assert full["file_counts"] == {"in_progress": 1, "completed": 0, "failed": 0, "cancelled": 0, "total": 1}
    assert [each.id for each in client.vector_stores.files.list(full["id"])] == [file.id]


def test_files_are_attached_once(client, post, http, store, file):
    other = client.files.create(file=("b.txt", b"more words"), purpose="assistants")
    one = post(f"vector_stores/{store.id}/files", "file", file_id=file.id, attributes={"year": 2026})
    batch = post(f"vector_stores/{store.id}/file_batches", "batch", file_ids=[other.id])
    assert (one["id"], batch["file_counts"]["total"]) == (file.id, 1)
    assert {each.id for each in client.vector_stores.files.list(store.id)} == {file.id, other.id}
    changed = {"file_id": file.id, "attributes": {"year": 2025}}
    again = http.post(f"vector_stores/{store.id}/files", json=changed, headers={"Idempotency-Key": "file"})
    assert again.json()["error"]["code"] == "idempotency_key_reused"
    post(f"vector_stores/{store.id}/file_batches/{batch['id']}/cancel", "cancel")


def test_a_change_is_made_once(client, post, http, assistant, thread, store, file):
    """What somebody else has changed since is not changed back."""
    message = client.beta.threads.messages.list(thread.id).data[0]
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
    for path, field in (
        (f"assistants/{assistant.id}", "metadata"),
        (f"threads/{thread.id}", "metadata"),
        (f"threads/{thread.id}/messages/{message.id}", "metadata"),
        (f"vector_stores/{store.id}", "metadata"),
        (f"vector_stores/{store.id}/files/{file.id}", "attributes"),
    ):
        old = {field: {"by": "me"}}
        post(path, path, **old)
        http.post(path, json={field: {"by": "somebody else"}})
        assert http.post(path, json=old, headers={"Idempotency-Key": path}).json()[field] == {"by": "me"}
        assert http.get(path).json()[field] == {"by": "somebody else"}


def test_a_run_is_changed_and_cancelled_once(client, post, http, llm, thread, assistant):
    """Without the key, who cancels again is told that it is over."""
    llm.script([call("get_weather", city="Oslo")])
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    path = f"threads/{thread.id}/runs/{run.id}"
    assert post(path, "change", metadata={"a": "1"})["metadata"] == {"a": "1"}
    cancelled = http.post(f"{path}/cancel", headers=KEY)
    assert cancelled.json()["status"] == "cancelling"
    client.beta.threads.runs.poll(run.id, thread_id=thread.id)
    again = http.post(f"{path}/cancel", headers=KEY)
    assert (again.json(), replayed(again)) == (cancelled.json(), True)
    assert http.post(f"{path}/cancel").status_code == 400


def part(http, upload_id, content, key):
    return http.post(f"uploads/{upload_id}/parts", files={"data": ("x", content)}, headers={"Idempotency-Key": key})


def test_an_upload_is_made_of_its_parts_once(client, post, http, box):
    upload = post("uploads", "create", filename="a.txt", bytes=11, mime_type="text/plain", purpose="assistants")
    ids = []
    for content in (b"hello ", b"world"):
        first, again = (part(http, upload["id"], content, content.decode().strip()) for _ in range(2))
        assert (again.json(), replayed(again)) == (first.json(), True)
        ids.append(first.json()["id"])
    assert part(http, upload["id"], b"other", "world").status_code == 409
    done = post(f"uploads/{upload['id']}/complete", "complete", part_ids=ids)
    assert [each.id for each in client.files.list()] == [done["file"]["id"]]
    assert client.files.content(done["file"]["id"]).content == b"hello world"

    late = part(http, upload["id"], b"hello ", "hello")
    assert (late.json()["id"], replayed(late)) == (ids[0], True)
    assert part(http, upload["id"], b"hello ", "new").json()["error"]["message"].endswith("status 'completed'.")

    async def blobs() -> list[str]:
        return [each.name async for each in box.deps.blobs.list("uploads/")]

    assert box.run(blobs()) == []


def test_an_upload_is_cancelled_once(post):
    upload = post("uploads", "create", filename="a.txt", bytes=11, mime_type="text/plain", purpose="assistants")
    assert post(f"uploads/{upload['id']}/cancel", "cancel")["status"] == "cancelled"


async def test_of_many_at_once_one_is_carried_out(async_client, box, client, assistant, file, store):
    async def slowly(get, *place):
        row = await get(*place)
        await asyncio.sleep(0.02)
        return row

    box.deps.store.replace(get=slowly)
    for path, body in (
        ("vector_stores", {"name": "One", "file_ids": [file.id]}),
        (f"vector_stores/{store.id}/files", {"file_id": file.id}),
        (f"vector_stores/{store.id}/file_batches", {"file_ids": [file.id]}),
        (f"assistants/{assistant.id}", {"name": "One"}),
        ("uploads", {"filename": "a.txt", "bytes": 11, "mime_type": "text/plain", "purpose": "assistants"}),
    ):
        key = {"Idempotency-Key": f"many {path}"}
        answers = await asyncio.gather(
            *(async_client.post(f"/{path}", body=body, cast_to=object, options={"headers": key}) for _ in range(8))
        )
        assert [each for each in answers if each != answers[0]] == []
    assert [each.name for each in client.vector_stores.list()] == ["One", "Papers"]


def test_what_is_taken_out_or_deleted_is_in_no_answer(client, post, http, tmp_path, assistant, store, file):
    """However often it was changed."""
    said = {"by": "canary-4711"}
    for count in range(idempotency.FORGOTTEN_AT_ONCE + 2):
        post(f"assistants/{assistant.id}", f"{count}", metadata=said)
    post(f"vector_stores/{store.id}/files", "file", file_id=file.id, attributes=said)
    client.vector_stores.files.poll(file.id, vector_store_id=store.id)
    post(f"vector_stores/{store.id}/files/{file.id}", "attributes", attributes=said | {"more": "words"})
    client.beta.assistants.delete(assistant.id)
    client.vector_stores.files.delete(file.id, vector_store_id=store.id)
    with closing(sqlite3.connect(tmp_path / "box.db")) as database:
        assert [each for (each,) in database.execute("SELECT data FROM records") if "canary-4711" in each] == []


def test_of_a_store_that_was_deleted_no_answer_is_kept(client, http, store):
    body = {"name": "Again", "metadata": {"by": "me"}}
    first = http.post("vector_stores", json=body, headers=KEY).json()
    client.vector_stores.delete(first["id"])
    again = http.post("vector_stores", json=body, headers=KEY)
    assert (again.status_code, replayed(again)) == (200, False)
    assert client.vector_stores.retrieve(again.json()["id"]).name == "Again"
