"""Uploads in parts through the SDK."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from shared.housekeeping import sweep


def begin(client, size: int, **fields):
    body = {"filename": "big.txt", "purpose": "assistants", "bytes": size, "mime_type": "text/plain"}
    return client.uploads.create(**body | fields)


def test_parts_become_a_file_in_the_order_given(client):
    upload = begin(client, 10)
    assert (upload.status, upload.bytes, upload.expires_at) == ("pending", 10, upload.created_at + 3600)
    second = client.uploads.parts.create(upload.id, data=b"world")
    first = client.uploads.parts.create(upload.id, data=b"hello")
    assert (first.object, first.upload_id) == ("upload.part", upload.id)
    md5 = hashlib.md5(b"helloworld").hexdigest()
    done = client.uploads.complete(upload.id, part_ids=[first.id, second.id], md5=md5)
    assert (done.status, done.file.filename, done.file.bytes) == ("completed", "big.txt", 10)
    assert client.files.retrieve(done.file.id).purpose == "assistants"
    assert client.files.content(done.file.id).read() == b"helloworld"


def test_the_sdk_splits_a_file_itself(client):
    data = bytes(range(256)) * 1000
    done = client.uploads.upload_file_chunked(
        file=data,
        filename="big.bin",
        bytes=len(data),
        mime_type="application/octet-stream",
        purpose="assistants",
        part_size=100_000,
    )
    assert client.files.content(done.file.id).read() == data


def test_sizes_checksums_and_parts_must_fit(client):
    upload = begin(client, 4)
    part = client.uploads.parts.create(upload.id, data=b"abc")
    with pytest.raises(openai.BadRequestError, match="3 bytes together, but 4"):
        client.uploads.complete(upload.id, part_ids=[part.id])
    more = client.uploads.parts.create(upload.id, data=b"d")
    with pytest.raises(openai.BadRequestError, match="MD5"):
        client.uploads.complete(upload.id, part_ids=[part.id, more.id], md5="0" * 32)
    with pytest.raises(openai.BadRequestError, match="part IDs were not found"):
        client.uploads.complete(upload.id, part_ids=[part.id, "part_" + "0" * 32])
    assert client.uploads.complete(upload.id, part_ids=[part.id, more.id]).status == "completed"


@pytest.mark.parametrize("md5", [None, "0" * 32])
@pytest.mark.parametrize("opened", [False, True])
def test_a_second_completion_does_not_harm_the_first(client, box, md5, opened):
    """The answer was slow, and the client asked again."""
    upload = begin(client, 3)
    part = client.uploads.parts.create(upload.id, data=b"abc")
    reached, go_on = threading.Event(), box.event()

    async def slow_read(read, *place):
        pieces = read(*place)
        first = await anext(pieces) if opened else b""
        if not reached.is_set():
            reached.set()
            await go_on.wait()
        yield first
        async for piece in pieces:
            yield piece

    box.deps.blobs.replace(read=slow_read)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(client.uploads.complete, upload.id, part_ids=[part.id], **({"md5": md5} if md5 else {}))
        assert reached.wait(10)
        done = client.uploads.complete(upload.id, part_ids=[part.id])
        box.loop.call_soon_threadsafe(go_on.set)
        with pytest.raises(openai.BadRequestError):
            slow.result(10)
    assert client.files.content(done.file.id).read() == b"abc"


def test_an_upload_that_is_over_takes_nothing_more(client, box):
    cancelled, expired = begin(client, 1), begin(client, 1)
    assert client.uploads.cancel(cancelled.id).status == "cancelled"
    box.clock.advance(3601)
    for upload, status in ((cancelled, "cancelled"), (expired, "expired")):
        with pytest.raises(openai.BadRequestError, match=f"has status '{status}'"):
            client.uploads.parts.create(upload.id, data=b"x")


def test_another_owner_does_not_find_it(client, other):
    upload = begin(client, 1)
    assert other.post(f"uploads/{upload.id}/cancel").status_code == 404


def test_housekeeping_leaves_nothing_of_it(client, box):
    upload = begin(client, 3)
    client.uploads.parts.create(upload.id, data=b"abc")
    box.clock.advance(4000)
    box.run(sweep(box.deps))

    async def blobs() -> list[str]:
        return [blob.name async for blob in box.deps.blobs.list("uploads/")]

    assert box.run(blobs()) == []
