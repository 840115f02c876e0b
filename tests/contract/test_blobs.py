"""What every blob home does: whole blobs in pieces, ranges, listings, names that lead nowhere else."""

from __future__ import annotations

import asyncio
import hashlib
import time
import tracemalloc

import pytest

from shared.blobs.base import BlobNotFound, read_all, write_bytes
from shared.blobs.folder import FolderBlobs

MEGABYTE = 1024 * 1024


async def numbered(pieces, size):
    for n in range(pieces):
        yield n.to_bytes(4, "big") * (size // 4)


async def names(blobs, prefix=""):
    return [info.name async for info in blobs.list(prefix)]


async def test_bytes_come_back_as_they_were_written(blobs):
    data = bytes(range(256)) * 5000
    assert await write_bytes(blobs, "files/file-1", data) == len(data)
    assert await read_all(blobs, "files/file-1") == data


async def test_an_empty_blob(blobs):
    assert await write_bytes(blobs, "empty", b"") == 0
    assert await read_all(blobs, "empty") == b""
    assert [info.size async for info in blobs.list("empty")] == [0]


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (5, None), (0, None), (999_999, None), (300_000, 900_000), (7, 7), (1_000_000, None)]
)
async def test_a_range(blobs, start, end):
    data = b"".join([piece async for piece in numbered(25, 40_000)])
    await write_bytes(blobs, "ranged", data)
    assert await read_all(blobs, "ranged", start, end) == data[start:end]


async def test_a_range_past_the_end_is_what_there_is(blobs):
    await write_bytes(blobs, "short", b"0123456789")
    assert await read_all(blobs, "short", 5, 100) == b"56789"
    assert await read_all(blobs, "short", 50, 100) == b""
    assert await read_all(blobs, "short", 50) == b""


async def test_a_missing_blob(blobs):
    with pytest.raises(BlobNotFound):
        await read_all(blobs, "nothing")
    with pytest.raises(BlobNotFound):
        await read_all(blobs, "nothing", 5, 10)
    await blobs.delete("nothing")
    assert await names(blobs) == []


async def test_a_deleted_blob_is_gone(blobs):
    await write_bytes(blobs, "a", b"1")
    await blobs.delete("a")
    with pytest.raises(BlobNotFound):
        await read_all(blobs, "a")


async def test_a_blob_can_be_named_like_the_beginning_of_another(blobs):
    for name in ("a", "a/b", "a/b/c", "a-b", "A"):
        await write_bytes(blobs, name, name.encode())
    assert await names(blobs) == ["A", "a", "a-b", "a/b", "a/b/c"]
    assert await read_all(blobs, "a/b") == b"a/b"


async def test_a_listing_tells_size_and_time(blobs):
    before = int(time.time())
    for name in ("files/b", "files/a:1", "other/c", "file"):
        await write_bytes(blobs, name, name.encode())
    found = [info async for info in blobs.list("files/")]
    assert [(info.name, info.size) for info in found] == [("files/a:1", 9), ("files/b", 7)]
    assert all(before - 2 <= info.modified <= time.time() + 2 for info in found)


async def test_fifty_megabytes_in_bounded_memory(blobs):
    digest = hashlib.sha256()

    async def pieces():
        async for piece in numbered(800, 64 * 1024):
            digest.update(piece)
            yield piece

    tracemalloc.start()
    try:
        assert await blobs.write("large", pieces()) == 50 * MEGABYTE
        read = hashlib.sha256()
        async for piece in blobs.read("large"):
            read.update(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read.digest() == digest.digest()
    assert peak < 24 * MEGABYTE


async def test_a_write_that_fails_leaves_the_old_blob(blobs):
    await write_bytes(blobs, "a", b"old")

    async def broken():
        async for piece in numbered(100, 100_000):
            yield piece
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        await blobs.write("a", broken())
    with pytest.raises(ConnectionResetError):
        await blobs.write("b", broken())
    assert await read_all(blobs, "a") == b"old"
    assert await names(blobs) == ["a"]


async def test_a_reader_sees_the_old_or_the_new_blob_never_a_mixture(blobs, home):
    versions = [bytes([letter]) * (3 * MEGABYTE) for letter in b"ab"]
    await write_bytes(blobs, "a", versions[0])
    writing = True

    async def write():
        nonlocal writing
        for n in range(1, 6):
            await write_bytes(home.blobs(), "a", versions[n % 2])
        writing = False

    async def read():
        seen = set()
        while writing:
            data = await read_all(blobs, "a")
            assert data in versions
            seen.add(data[:1])
        return seen

    _, seen = await asyncio.gather(write(), read())
    assert seen
    assert await read_all(blobs, "a") == versions[1]


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/.b", "a\\b", "ä", "a b", "a\n", "a%2Fb", "x" * 201]
)
async def test_names_that_could_lead_elsewhere_are_refused(blobs, name):
    with pytest.raises(ValueError):
        await write_bytes(blobs, name, b"x")
    with pytest.raises(ValueError):
        await read_all(blobs, name)
    with pytest.raises(ValueError):
        await blobs.delete(name)


async def test_what_a_writer_that_died_left_is_swept(tmp_path):
    blobs = FolderBlobs(tmp_path)
    (tmp_path / ".partial-0123").write_bytes(b"half")
    await blobs.sweep(int(time.time()) - 60)
    assert [path.name for path in tmp_path.iterdir()] == [".partial-0123"]
    await blobs.sweep(int(time.time()) + 60)
    assert [*tmp_path.iterdir()] == []
