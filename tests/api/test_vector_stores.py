"""Vector stores, their files and batches through the SDK."""

from __future__ import annotations

import openai
import pytest

from shared import layout
from shared.vector_stores.detaching import STORES_AT_ONCE
from tests.fakes import documents, office
from tests.waiting import until

DAY = 86_400


def upload(client, name: str, data: bytes) -> str:
    return client.files.create(file=(name, data), purpose="assistants").id


def filled(client, **texts: str):
    """A store with a text file per keyword, indexed."""
    store = client.vector_stores.create(name="Facts")
    ids = {name: upload(client, f"{name}.txt", text.encode()) for name, text in texts.items()}
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[*ids.values()], poll_interval_ms=50)
    return store, ids


def test_a_vector_store_is_answered_with_all_its_fields(client):
    store = client.vector_stores.create()
    assert store.to_dict() == {
        "id": store.id,
        "object": "vector_store",
        "created_at": store.created_at,
        "name": "",
        "description": None,
        "usage_bytes": 0,
        "file_counts": {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0},
        "status": "completed",
        "expires_after": None,
        "expires_at": None,
        "last_active_at": store.created_at,
        "metadata": {},
    }
    assert client.vector_stores.retrieve(store.id) == store


def test_a_vector_store_is_modified_listed_and_deleted(client):
    stores = [client.vector_stores.create(name=f"s{number}", metadata={"n": str(number)}) for number in range(3)]
    changed = client.vector_stores.update(
        stores[0].id, name="new", expires_after={"anchor": "last_active_at", "days": 2}
    )
    assert (changed.name, changed.metadata) == ("new", {"n": "0"})
    assert changed.expires_at == changed.last_active_at + 2 * DAY
    assert [store.name for store in client.vector_stores.list(limit=2)] == ["s2", "s1", "new"]
    assert client.vector_stores.delete(stores[1].id).to_dict() == {
        "id": stores[1].id,
        "object": "vector_store.deleted",
        "deleted": True,
    }
    assert [store.name for store in client.vector_stores.list(order="asc")] == ["new", "s2"]
    with pytest.raises(openai.NotFoundError, match=f"No vector store found with id '{stores[1].id}'."):
        client.vector_stores.retrieve(stores[1].id)


def test_a_batch_of_an_unknown_store_names_the_store(client):
    store = client.vector_stores.create()
    batch = client.vector_stores.file_batches.create(store.id, file_ids=[upload(client, "a.txt", b"alpha")])
    client.vector_stores.delete(store.id)
    with pytest.raises(openai.NotFoundError, match=f"No vector store found with id '{store.id}'"):
        client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id)


def test_another_owner_does_not_see_it(client, other):
    store = client.vector_stores.create()
    assert other.get(f"vector_stores/{store.id}").status_code == 404
    assert other.get("vector_stores").json()["data"] == []


def test_an_uploaded_file_can_be_searched(client):
    store = client.vector_stores.create()
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id,
        file=("notes.md", b"The launch code of the coffee machine is 4711."),
        poll_interval_ms=50,
    )
    assert (file.status, file.last_error, file.vector_store_id) == ("completed", None, store.id)
    assert file.usage_bytes > 0
    assert file.chunking_strategy.to_dict() == {
        "type": "static",
        "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
    }
    page = client.vector_stores.search(store.id, query="coffee machine code")
    assert page.to_dict()["search_query"] == ["coffee machine code"]
    [hit] = page.data
    assert (hit.file_id, hit.filename, hit.attributes) == (file.id, "notes.md", {})
    assert 0.5 < hit.score <= 1.0
    assert hit.content[0].text == "The launch code of the coffee machine is 4711."
    found = client.vector_stores.retrieve(store.id)
    assert (found.status, found.file_counts.completed, found.usage_bytes) == ("completed", 1, file.usage_bytes)


def test_the_contents_of_a_file_come_without_overlaps(client):
    words = " ".join(f"word{number}" for number in range(900))
    store = client.vector_stores.create()
    file = upload(client, "long.txt", words.encode())
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}}
    client.vector_stores.files.create_and_poll(file, vector_store_id=store.id, chunking_strategy=strategy)
    pages = client.vector_stores.files.content(file, vector_store_id=store.id)
    assert len(pages.data) > 5
    assert "".join(part.text for part in pages) == words


def test_polling_helpers_are_told_when_to_come_back(http, client):
    store, ids = filled(client, a="alpha")
    answer = http.get(f"vector_stores/{store.id}/files/{ids['a']}")
    assert 100 <= int(answer.headers["openai-poll-after-ms"]) <= 1000


def test_a_batch_counts_good_and_bad_files(client):
    store = client.vector_stores.create()
    good = upload(client, "good.txt", b"good text")
    bad = upload(client, "bad.pdf", b"this is no pdf")
    wrong = upload(client, "table.csv", b"a,b")
    bomb = upload(client, "bomb.docx", documents.docx("&x;", prolog='<!DOCTYPE d [<!ENTITY x "y">]>'))
    batch = client.vector_stores.file_batches.create_and_poll(
        store.id, file_ids=[good, bad, wrong, bomb], poll_interval_ms=50
    )
    counts = {"in_progress": 0, "completed": 1, "failed": 3, "cancelled": 0, "total": 4}
    assert (batch.status, batch.file_counts.to_dict()) == ("completed", counts)
    assert batch.object == "vector_store.files_batch"
    failed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, filter="failed")
    errors = {file.id: file.last_error.code for file in failed}
    assert errors == {bad: "invalid_file", wrong: "unsupported_file", bomb: "invalid_file"}
    assert client.vector_stores.retrieve(store.id).file_counts.to_dict() == counts


def test_a_file_that_was_read_in_part_says_what_is_missing_and_can_be_found(client):
    store = client.vector_stores.create()
    body = f"<w:p>{office.run('The launch code is 4711.')}</w:p>"
    data = office.docx(body, {"word/embeddings/costs.xlsx": b"PK"}, b_package="embeddings/costs.xlsx")
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("plan.docx", data))
    message = "The file was read in part: the file costs.xlsx inside it was not read."
    assert (file.status, file.last_error.code, file.last_error.message) == ("completed", "invalid_file", message)
    assert client.vector_stores.retrieve(store.id).file_counts.completed == 1
    assert client.vector_stores.search(store.id, query="launch code").data[0].file_id == file.id


def test_the_contents_of_a_table_come_without_its_header_again(client):
    rows = "".join(f"| R{number} | {number % 7} |\n" for number in range(300))
    text = f"| Serial | Bearing |\n|---|---|\n{rows}".strip()
    store = client.vector_stores.create()
    file = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("table.md", text.encode()))
    hit = client.vector_stores.search(store.id, query="R299").data[0]
    assert hit.content[0].text.startswith("| Serial | Bearing |\n|---|---|\n")
    pages = client.vector_stores.files.content(file.id, vector_store_id=store.id)
    assert "".join(part.text for part in pages) == text


def test_files_of_a_batch_have_settings_of_their_own(client):
    store = client.vector_stores.create()
    ids = [upload(client, f"{name}.txt", name.encode()) for name in ("one", "two")]
    batch = client.vector_stores.file_batches.create(
        store.id,
        files=[
            {"file_id": ids[0], "attributes": {"lang": "en", "year": 2020}},
            {
                "file_id": ids[1],
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 0},
                },
            },
        ],
        attributes={"lang": "de"},
    )
    client.vector_stores.file_batches.poll(batch.id, vector_store_id=store.id, poll_interval_ms=50)
    one, two = (client.vector_stores.files.retrieve(each, vector_store_id=store.id) for each in ids)
    assert (one.attributes, two.attributes) == ({"lang": "en", "year": 2020}, {})
    assert two.chunking_strategy.static.max_chunk_size_tokens == 200


def test_a_large_batch_is_attached_in_several_commits(client):
    store = client.vector_stores.create()
    ids = [upload(client, f"f{number}.txt", f"text number{number}".encode()) for number in range(45)]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=ids)
    assert batch.file_counts.total == 45
    listed = [file.id for file in client.vector_stores.files.list(store.id, order="asc", limit=20)]
    assert listed == ids
    cancelled = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    counts = cancelled.file_counts
    assert (cancelled.status, counts.in_progress) == ("cancelled", 0)
    assert counts.cancelled + counts.completed == 45
    assert counts.cancelled > 0
    assert client.vector_stores.retrieve(store.id).status == "completed"


def test_lists_go_on_from_a_file_that_was_detached(client):
    store, ids = filled(client, a="alpha", b="beta", c="gamma")
    deleted = client.vector_stores.files.delete(ids["b"], vector_store_id=store.id)
    assert deleted.to_dict() == {"id": ids["b"], "object": "vector_store.file.deleted", "deleted": True}
    page = client.vector_stores.files.list(store.id, order="asc", after=ids["b"])
    assert [file.id for file in page.data] == [ids["c"]]
    assert client.files.retrieve(ids["b"]).id == ids["b"]
    with pytest.raises(openai.NotFoundError, match=f"No file found with id '{ids['b']}' in vector store"):
        client.vector_stores.files.retrieve(ids["b"], vector_store_id=store.id)
    assert client.vector_stores.search(store.id, query="beta").data == []


def test_a_detached_file_can_be_attached_again(client):
    store, ids = filled(client, a="alpha", b="beta")
    client.vector_stores.files.delete(ids["a"], vector_store_id=store.id)
    client.vector_stores.files.create_and_poll(ids["a"], vector_store_id=store.id, poll_interval_ms=50)
    assert [hit.file_id for hit in client.vector_stores.search(store.id, query="alpha")] == [ids["a"]]
    assert [file.id for file in client.vector_stores.files.list(store.id)] == [ids["a"], ids["b"]]


def test_a_file_attached_twice_counts_once(client):
    store, ids = filled(client, a="alpha")
    client.vector_stores.files.create_and_poll(ids["a"], vector_store_id=store.id, poll_interval_ms=50)
    found = client.vector_stores.retrieve(store.id)
    assert (found.file_counts.total, found.file_counts.completed) == (1, 1)
    assert len(client.vector_stores.search(store.id, query="alpha").data) == 1


def test_a_deleted_file_leaves_every_store(client):
    stores = [filled(client, a="alpha")[0] for _ in range(2)]
    shared = upload(client, "shared.txt", b"shared secret")
    for store in stores:
        client.vector_stores.files.create_and_poll(shared, vector_store_id=store.id, poll_interval_ms=50)
    client.files.delete(shared)
    for store in stores:
        assert client.vector_stores.search(store.id, query="secret").data == []
        assert client.vector_stores.retrieve(store.id).file_counts.total == 1


def test_a_deleted_file_leaves_more_stores_than_are_looked_up_at_once(client):
    shared = upload(client, "shared.txt", b"shared")
    stores = [client.vector_stores.create(file_ids=[shared]) for _ in range(STORES_AT_ONCE + 1)]
    client.files.delete(shared)
    assert {client.vector_stores.retrieve(store.id).file_counts.total for store in stores} == {0}


def test_a_deleted_store_leaves_nothing_beside_its_files(client, box):
    files = [upload(client, f"{each}.txt", b"words") for each in range(3)]
    gone, there = (client.vector_stores.create(file_ids=files) for _ in range(2))
    client.vector_stores.delete(gone.id)
    rows = box.run(box.deps.store.scan(layout.attached("me"), "!", "~", 10))
    assert {row.data["store_id"] for row in rows} == {there.id}
    assert len(rows) == len(files)


def test_attributes_filter_a_search(client):
    store, ids = filled(client, ada="a programme for the engine", bob="a programme for the theatre")
    for name, file_id in ids.items():
        file = client.vector_stores.files.update(file_id, vector_store_id=store.id, attributes={"author": name, "n": 3})
        assert file.attributes == {"author": name, "n": 3}
    both = {
        "type": "and",
        "filters": [{"type": "eq", "key": "author", "value": "bob"}, {"type": "gt", "key": "n", "value": 2}],
    }
    assert [hit.file_id for hit in client.vector_stores.search(store.id, query="programme", filters=both)] == [
        ids["bob"]
    ]
    neither = {"type": "in", "key": "author", "value": ["eve"]}
    assert client.vector_stores.search(store.id, query="programme", filters=neither).data == []


def test_several_queries_limits_and_thresholds(client):
    store, ids = filled(client, a="alpha particle", b="beta decay", c="gamma ray")
    page = client.vector_stores.search(store.id, query=["alpha", "gamma"], ranking_options={"score_threshold": 0.5})
    assert {hit.file_id for hit in page} == {ids["a"], ids["c"]}
    assert len(client.vector_stores.search(store.id, query=["alpha", "gamma"], max_num_results=1).data) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": "x", "max_num_results": 51}, "max_num_results"),
        ({"query": "x", "filters": {"type": "like", "key": "a", "value": "b"}}, "filters"),
        ({"query": "x", "filters": {"type": "in", "key": "a", "value": "b"}}, "filters"),
        ({"query": "x", "filters": {"type": "and", "filters": [{"type": "eq", "key": "a"}]}}, "filters.filters[0]"),
        ({"query": "x", "ranking_options": {"score_threshold": 2}}, "ranking_options.score_threshold"),
        ({"query": "x", "surprise": 1}, "surprise"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(client, http, body, param):
    store = client.vector_stores.create()
    answer = http.post(f"vector_stores/{store.id}/search", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param or param in answer.json()["error"]["message"]


def test_an_expired_store_says_so(client, box):
    store = client.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    file = upload(client, "a.txt", b"alpha")
    box.clock.advance(DAY - 100)
    client.vector_stores.files.create_and_poll(file, vector_store_id=store.id, poll_interval_ms=50)
    box.clock.advance(200)
    assert client.vector_stores.retrieve(store.id).status == "completed"
    box.clock.advance(DAY)
    assert client.vector_stores.retrieve(store.id).status == "expired"
    for call in (
        lambda: client.vector_stores.search(store.id, query="alpha"),
        lambda: client.vector_stores.files.create(store.id, file_id=file),
    ):
        with pytest.raises(openai.BadRequestError, match=f"Vector store '{store.id}' has expired."):
            call()
    client.vector_stores.delete(store.id)


def test_unknown_and_unsupported_files_are_refused(client):
    store = client.vector_stores.create()
    with pytest.raises(openai.BadRequestError, match="were not found: file-none"):
        client.vector_stores.files.create(store.id, file_id="file-none")
    table = upload(client, "table.csv", b"a,b")
    with pytest.raises(openai.BadRequestError, match=r"Files with extensions \[.csv\] are not supported") as failure:
        client.vector_stores.create(file_ids=[table])
    assert failure.value.code == "unsupported_file"


def test_the_helper_makes_a_store_for_an_assistant(client):
    file = upload(client, "a.txt", b"alpha")
    assistant = client.beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_stores": [{"file_ids": [file], "metadata": {"for": "test"}}]}},
    )
    [store_id] = assistant.tool_resources.file_search.vector_store_ids
    store = client.vector_stores.retrieve(store_id)
    assert (store.file_counts.total, store.metadata, store.expires_after) == (1, {"for": "test"}, None)


def test_the_helper_makes_a_passing_store_for_a_thread(client):
    file = upload(client, "a.txt", b"alpha")
    thread = client.beta.threads.create(tool_resources={"file_search": {"vector_stores": [{"file_ids": [file]}]}})
    [store_id] = thread.tool_resources.file_search.vector_store_ids
    store = client.vector_stores.retrieve(store_id)
    assert store.expires_after.to_dict() == {"anchor": "last_active_at", "days": 7}


def test_attachments_go_into_the_threads_store(client):
    files = [upload(client, f"{name}.txt", name.encode()) for name in ("alpha", "beta")]
    tools = [{"type": "file_search"}]
    first = {"role": "user", "content": "Look", "attachments": [{"file_id": files[0], "tools": tools}]}
    thread = client.beta.threads.create(messages=[first])
    [store_id] = thread.tool_resources.file_search.vector_store_ids
    attachments = [{"file_id": files[1], "tools": tools}]
    client.beta.threads.messages.create(thread.id, role="user", content="And this", attachments=attachments)
    assert client.beta.threads.retrieve(thread.id).tool_resources.file_search.vector_store_ids == [store_id]
    assert {file.id for file in client.vector_stores.files.list(store_id)} == set(files)
    until(lambda: client.vector_stores.retrieve(store_id).status == "completed")
    assert [hit.filename for hit in client.vector_stores.search(store_id, query="beta")] == ["beta.txt"]


def test_unknown_stores_cannot_be_used(client):
    resources = {"file_search": {"vector_store_ids": ["vs_" + "0" * 32]}}
    with pytest.raises(openai.NotFoundError, match="No vector store found with id"):
        client.beta.threads.create(tool_resources=resources)
