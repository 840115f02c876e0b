"""Messages through the SDK."""

from __future__ import annotations

import asyncio

import pytest

from shared.objects.message import text_part


@pytest.fixture
def thread(client):
    return client.beta.threads.create()


def test_a_message_is_answered_with_all_its_fields(client, thread):
    message = client.beta.threads.messages.create(thread.id, role="user", content="Hi", metadata={"a": "1"})
    assert message.to_dict() == {
        "id": message.id,
        "object": "thread.message",
        "created_at": message.created_at,
        "assistant_id": None,
        "thread_id": thread.id,
        "run_id": None,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": message.created_at,
        "incomplete_at": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Hi", "annotations": []}}],
        "attachments": [],
        "metadata": {"a": "1"},
    }
    assert client.beta.threads.messages.retrieve(message.id, thread_id=thread.id) == message


def test_text_goes_in_as_a_string_and_comes_out_as_an_object(client, thread):
    image = client.files.create(file=("a.png", b"\x89PNG\r\n\x1a\n"), purpose="vision")
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_file", "image_file": {"file_id": image.id, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    message = client.beta.threads.messages.create(thread.id, role="user", content=content)
    assert [part.to_dict() for part in message.content] == [
        text_part("What is this?"),
        {"type": "image_file", "image_file": {"file_id": image.id, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "auto"}},
    ]


def test_attachments_are_echoed_and_reach_the_threads_code_interpreter(client, thread):
    file = client.files.create(file=("a.csv", b"a,b"), purpose="assistants")
    attachments = [
        {"file_id": file.id, "tools": [{"type": "code_interpreter"}]},
        {"file_id": file.id, "tools": [{"type": "code_interpreter"}]},
    ]
    message = client.beta.threads.messages.create(thread.id, role="user", content="x", attachments=attachments)
    assert [each.to_dict() for each in message.attachments] == attachments
    seen = client.beta.threads.retrieve(thread.id)
    assert seen.tool_resources.code_interpreter.file_ids == [file.id]


def test_attachments_of_a_new_threads_messages_count_too(client):
    file = client.files.create(file=("a.csv", b"a,b"), purpose="assistants")
    attachments = [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}]
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "x", "attachments": attachments}])
    assert thread.tool_resources.code_interpreter.file_ids == [file.id]


def test_messages_are_paged_in_both_orders(client, thread):
    made = [client.beta.threads.messages.create(thread.id, role="user", content=str(n)).id for n in range(7)]
    assert [each.id for each in client.beta.threads.messages.list(thread.id, limit=3)] == made[::-1]
    assert [each.id for each in client.beta.threads.messages.list(thread.id, limit=3, order="asc")] == made
    page = client.beta.threads.messages.list(thread.id, limit=2, order="asc", before=made[3])
    assert [each.id for each in page.data] == made[1:3]


def test_messages_can_be_deleted_while_paging(client, thread):
    for number in range(9):
        client.beta.threads.messages.create(thread.id, role="user", content=str(number))
    seen = 0
    for message in client.beta.threads.messages.list(thread.id, limit=2):
        client.beta.threads.messages.delete(message.id, thread_id=thread.id)
        seen += 1
    assert seen == 9
    assert client.beta.threads.messages.list(thread.id).data == []


def test_modify_replaces_metadata_only(client, thread):
    message = client.beta.threads.messages.create(thread.id, role="user", content="x", metadata={"a": "1"})
    changed = client.beta.threads.messages.update(message.id, thread_id=thread.id, metadata={"b": "2"})
    assert changed.metadata == {"b": "2"}
    assert changed.content == message.content
    unchanged = client.beta.threads.messages.update(message.id, thread_id=thread.id)
    assert unchanged.metadata == {"b": "2"}


def test_a_deleted_message_is_gone(client, thread, http):
    message = client.beta.threads.messages.create(thread.id, role="user", content="x")
    gone = client.beta.threads.messages.delete(message.id, thread_id=thread.id)
    assert gone.to_dict() == {"id": message.id, "object": "thread.message.deleted", "deleted": True}
    assert http.delete(f"threads/{thread.id}/messages/{message.id}").status_code == 404


async def test_messages_added_at_the_same_time_are_all_kept(async_client, box):
    async def slowly(get, *place):
        row = await get(*place)
        await asyncio.sleep(0.002)
        return row

    box.deps.store.replace(get=slowly)
    thread = await async_client.beta.threads.create()
    texts = {str(number) for number in range(20)}
    await asyncio.gather(
        *(async_client.beta.threads.messages.create(thread.id, role="user", content=each) for each in texts)
    )
    listed = [each async for each in async_client.beta.threads.messages.list(thread.id)]
    assert {each.content[0].text.value for each in listed} == texts
    assert len(listed) == 20


@pytest.mark.parametrize(
    "url",
    [
        "not a url",
        "javascript:1",
        "file:///etc/hostname",
        "http:",
        "//x/y.png",
        "ht\ntp://x/y",
        " https://x/y",
        "data:",
    ],
)
def test_a_picture_is_on_the_web_or_in_the_request(http, url):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    message = {"role": "user", "content": content}
    for path, body, param in (
        ("threads", {"messages": [message]}, "messages[0].content[0]"),
        ("threads/thread_000000000000000000000000/messages", message, "content[0]"),
        ("threads/runs", {"assistant_id": "x", "thread": {"messages": [message]}}, "thread.messages[0].content[0]"),
        (
            "threads/thread_000000000000000000000000/runs",
            {"assistant_id": "x", "additional_messages": [message]},
            "additional_messages[0].content[0]",
        ),
    ):
        error = http.post(path, json=body).json()["error"]
        param += ".image_url.url"
        assert error["message"] == f"Invalid '{param}'. Expected a valid URL, but got a value with an invalid format."
        assert (error["param"], error["code"]) == (param, "invalid_value")


@pytest.mark.parametrize(
    "url",
    [
        "https://x/y.png",
        "HTTP://127.0.0.1:8080/a b?c=d",
        "data:image/png;base64,iVBORw0KGgo=",
        "DATA:image/gif,GIF89a%01%00",
        "data:image/jpeg;charset=x;base64,/9j/4AAQSkZJRgABAQ==",
        "data:;base64,UklGRgAAAABXRUJQVlA4IA==",
    ],
)
def test_pictures_of_the_web_are_kept_as_they_are(http, url):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    thread = http.post("threads", json={"messages": [{"role": "user", "content": content}]}).json()["id"]
    [message] = http.get(f"threads/{thread}/messages").json()["data"]
    assert message["content"][0]["image_url"]["url"] == url
