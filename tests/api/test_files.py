"""Files: every call, uploads in every shape, and nothing left behind by those that fail."""

from __future__ import annotations

import socket
import threading

import pytest

from shared.deps import Caller
from shared.errors import ApiError, too_large
from shared.files.files import MAX_BYTES, IncomingFile


def blobs_of(box):
    async def names():
        return [blob.name async for blob in box.deps.blobs.list("")]

    return box.run(names())


def upload(http, *, name="file", filename="a.txt", data=b"hello", purpose="assistants", first="purpose", **fields):
    purpose_part = [("purpose", (None, purpose))] if purpose is not None else []
    file_part = [(name, (filename, data))]
    parts = purpose_part + file_part if first == "purpose" else file_part + purpose_part
    return http.post("files", files=parts + [(key, (None, value)) for key, value in fields.items()])


def test_a_file_goes_in_and_comes_out(client):
    file = client.files.create(file=("notes.txt", b"hello"), purpose="assistants")
    assert file.to_dict() == {
        "id": file.id,
        "object": "file",
        "purpose": "assistants",
        "filename": "notes.txt",
        "bytes": 5,
        "created_at": file.created_at,
        "expires_at": None,
        "status": "processed",
        "status_details": None,
    }
    assert client.files.retrieve(file.id) == file
    assert client.files.wait_for_processing(file.id) == file
    assert client.files.content(file.id).read() == b"hello"


def test_a_large_file_passes_through_unchanged(client):
    data = bytes(range(256)) * 40_000
    file = client.files.create(file=("large.bin", data), purpose="user_data")
    assert file.bytes == len(data)
    assert client.files.content(file.id).read() == data


def test_an_empty_file_is_a_file(client):
    file = client.files.create(file=("empty.txt", b""), purpose="assistants")
    assert file.bytes == 0
    assert client.files.content(file.id).read() == b""


def test_content_says_what_it_is(client, http):
    file = client.files.create(file=("naïve 数.txt", b"x"), purpose="assistants")
    response = http.get(f"files/{file.id}/content", headers={"Accept": "application/binary"})
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-length"] == "1"
    expected = "attachment; filename=\"na_ve _.txt\"; filename*=UTF-8''na%C3%AFve%20%E6%95%B0.txt"
    assert response.headers["content-disposition"] == expected


def test_files_are_listed_by_purpose(client):
    kept = client.files.create(file=("a.txt", b"a"), purpose="assistants")
    image = client.files.create(file=("b.png", b"b"), purpose="vision")
    assert [each.id for each in client.files.list()] == [image.id, kept.id]
    assert [each.id for each in client.files.list(order="asc")] == [kept.id, image.id]
    assert [each.id for each in client.files.list(purpose="vision")] == [image.id]
    assert [each.id for each in client.files.list(limit=1, after=image.id)] == [kept.id]
    assert client.files.list(purpose="batch").data == []


def test_a_deleted_file_leaves_nothing(client, http, box):
    file = client.files.create(file=("a.txt", b"a"), purpose="assistants")
    assert http.delete(f"files/{file.id}").json() == {"id": file.id, "object": "file", "deleted": True}
    for response in (
        http.get(f"files/{file.id}"),
        http.delete(f"files/{file.id}"),
        http.get(f"files/{file.id}/content"),
    ):
        assert response.status_code == 404
    assert blobs_of(box) == []


def test_a_deleted_file_leaves_the_tools_that_had_it(client):
    lost, kept = (client.files.create(file=(name, b"a"), purpose="assistants").id for name in ("a", "b"))
    resources = {"code_interpreter": {"file_ids": [lost, kept]}}
    assistant = client.beta.assistants.create(model="m", tool_resources=resources)
    thread = client.beta.threads.create(tool_resources=resources)
    client.files.delete(lost)
    for seen in (client.beta.assistants.retrieve(assistant.id), client.beta.threads.retrieve(thread.id)):
        assert seen.tool_resources.code_interpreter.file_ids == [kept]
    assert client.beta.assistants.list().data[0].tool_resources.code_interpreter.file_ids == [kept]


def test_a_file_expires(client, http, box):
    expires_after = {"anchor": "created_at", "seconds": 3600}
    file = client.files.create(file=("a.txt", b"a"), purpose="assistants", expires_after=expires_after)
    assert file.expires_at == file.created_at + 3600
    box.clock.advance(3600)
    assert http.get(f"files/{file.id}").status_code == 404
    assert http.get("files").json()["data"] == []

    async def overdue():
        return [row.key async for _, row in box.deps.store.overdue(file.expires_at)]

    assert box.run(overdue()) == [file.id]


@pytest.mark.parametrize("seconds", ["3599", "2592001", "soon", "-5"])
def test_expiry_has_its_bounds(http, box, seconds):
    fields = {"expires_after[anchor]": "created_at", "expires_after[seconds]": seconds}
    response = upload(http, **fields)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "expires_after.seconds"
    assert blobs_of(box) == []


def test_two_files_are_one_too_many(http, box):
    response = http.post(
        "files", files=[("purpose", (None, "assistants")), ("file", ("a", b"a")), ("file", ("b", b"b"))]
    )
    assert response.status_code == 400
    assert blobs_of(box) == []


def test_an_unknown_field_is_refused(http, box):
    response = upload(http, colour="red")
    assert response.json()["error"]["message"] == "Unknown parameter: 'colour'."
    assert blobs_of(box) == []


def test_a_form_of_endless_fields_is_refused_before_they_fill_the_memory(http, box):
    fields = [(f"field{number}", (None, "x" * 60_000)) for number in range(40)]
    response = http.post("files", files=[*fields, ("file", ("a.txt", b"a"))])
    assert "too many parts" in response.json()["error"]["message"]
    assert blobs_of(box) == []


@pytest.mark.parametrize(
    "name", ["filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt", "filename=\"?\"; filename*=utf-8'de'Gr%c3%bc%c3%9fe.txt"]
)
def test_a_name_may_come_in_its_extended_form(http, name):
    body = f'--b\r\nContent-Disposition: form-data; name="file"; {name}\r\n\r\na\r\n'
    body += '--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--b--\r\n'
    response = http.post("files", content=body.encode(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert response.json()["filename"] == "Grüße.txt"


def test_a_file_must_be_there(http):
    response = http.post("files", files=[("purpose", (None, "assistants"))])
    assert response.json()["error"]["message"] == "Missing required parameter: 'file'."


MANY = b"".join(b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n' % number for number in range(101))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"no boundary here"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut off'),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=" + "b" * 300, b"x"),
        ("multipart/form-data; boundary=b", MANY + b"--b--\r\n"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(http, box, kind, body):
    response = http.post("files", content=body, headers={"Content-Type": kind})
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("We could not parse the multipart form of your request")
    assert blobs_of(box) == []


def test_a_file_above_the_limit_is_refused_before_it_is_sent(box):
    with socket.create_connection(box.socket.getsockname()) as connection:
        head = "POST /v1/files HTTP/1.1\r\nHost: x\r\napi-key: sk-test-0123456789\r\nContent-Length: 600000000\r\n\r\n"
        connection.sendall(head.encode())
        connection.settimeout(10)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_file_that_turns_out_too_large_is_refused(box):
    """However it is sent: its head may not say how much is to come."""

    async def swallow(write, name, pieces):
        return sum([len(piece) async for piece in pieces])

    async def half_a_gigabyte(more):
        for size in (*[64 * 2**20] * 8, more):
            yield bytes(size)

    box.deps.blobs.replace(write=swallow)
    caller = Caller(box.deps, "me")
    box.run(IncomingFile(caller).receive(half_a_gigabyte(0)))
    with pytest.raises(ApiError, match=r"limit \(536870912\) exceeded \(536870913 bytes read\)") as refused:
        box.run(IncomingFile(caller).receive(half_a_gigabyte(1)))
    assert refused.value.status == 413


def test_nothing_stays_of_a_file_that_is_refused_at_its_end(http, box):
    async def refuse(write, name, pieces):
        await write(name, pieces)
        raise too_large(MAX_BYTES, MAX_BYTES + 1)

    box.deps.blobs.replace(write=refuse)
    assert upload(http, data=b"x").status_code == 413
    assert blobs_of(box) == []


def test_an_upload_that_breaks_off_leaves_nothing(box, http, monkeypatch):
    discarded = threading.Event()
    delete = box.deps.blobs.delete

    async def seen(name):
        await delete(name)
        discarded.set()

    monkeypatch.setattr(box.deps.blobs, "delete", seen)
    with socket.create_connection(box.socket.getsockname()) as connection:
        head = (
            "POST /v1/files HTTP/1.1\r\nHost: x\r\napi-key: sk-test-0123456789\r\nContent-Length: 1000000\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhello'
        )
        connection.sendall(head.encode())
    assert discarded.wait(10)
    assert http.get("files").json()["data"] == []
    assert blobs_of(box) == []
