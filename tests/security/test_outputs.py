"""What leaves the sandbox is a plain file with a harmless name, or nothing; what enters stays where it was put."""

from __future__ import annotations

import asyncio

import pytest

from shared.sandbox.base import FileMissing, FileRefused
from tests.security.conftest import LIMITS, exception


async def bytes_of(session, name: str) -> bytes:
    return b"".join([piece async for piece in session.read_file(name)])


async def given(data: bytes = b"input"):
    yield data


@pytest.mark.parametrize(
    "attempt",
    [
        "os.symlink(SECRET, 'out.csv')",
        "os.symlink('/mnt/data/../../../../..' + SECRET, 'out.csv')",
        "os.symlink('/proc/self/environ', 'out.csv')",
        "os.symlink('real.csv', 'out.csv')",
        "os.link('real.csv', 'out.csv')",
        "os.mkdir('out.csv')",
        "os.symlink('/etc', 'out.csv')",
    ],
)
async def test_what_is_no_plain_file_does_not_leave(run, session, attempt):
    result = await run(f"os.chdir('/mnt/data')\nopen('real.csv', 'w').write('real')\n{attempt}")
    assert result.status == "ok"
    assert "out.csv" not in [file.name for file in result.files]
    assert "out.csv" not in [file.name for file in await session.list_files()]
    with pytest.raises(FileMissing):
        await bytes_of(session, "out.csv")


@pytest.mark.parametrize("attempt", ["os.mkfifo('out.csv')", "os.mknod('out.csv', 0o20666, os.makedev(1, 3))"])
async def test_pipes_and_devices_cannot_be_made(run, attempt):
    result = await run(f"os.chdir('/mnt/data')\n{attempt}")
    assert exception(result) in {"OSError", "PermissionError"}
    assert result.files == ()


async def test_a_socket_does_not_leave(run, session):
    await run("socket.socket(socket.AF_UNIX).bind('/mnt/data/out.csv')")
    with pytest.raises(FileMissing):
        await bytes_of(session, "out.csv")


@pytest.mark.parametrize(
    "name",
    [
        b".hidden",
        b"two\nlines.csv",
        b"\xff\xfe.csv",
        b"a\x1b[31m.csv",
        b'semi;quote".csv',
        b"back\\slash.csv",
        b" space.csv",
        b"x" * 250,
        "txt.\u202egpj".encode(),
        b"<script>.html",
    ],
)
async def test_a_harmful_name_does_not_leave(run, session, name):
    result = await run(f"open(b'/mnt/data/' + {name!r}, 'w').write('x')\nopen('/mnt/data/good.csv', 'w').write('x')")
    assert [file.name for file in result.files] == ["good.csv"]
    assert [file.name for file in await session.list_files()] == ["good.csv"]


async def test_only_so_many_files_leave(run, session):
    result = await run("for n in range(30): open(f'/mnt/data/{n:02}.txt', 'w').write('x')")
    assert len(result.files) == LIMITS.outputs
    assert "30 new files" in result.logs
    assert len(await session.list_files()) == LIMITS.outputs
    assert await session.holds("29.txt"), "an input among many files is not uploaded again"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "data/../../secret", "..", "real.csv/../../used"])
async def test_a_name_from_outside_is_no_path(run, session, host, name):
    await run("1")
    with pytest.raises(FileMissing):
        await bytes_of(session, name)
    with pytest.raises(FileRefused):
        await session.put_file(name, given())
    await session.put_file("fine.csv", given(), also=name)
    assert all("/" not in file.name and file.size == 5 for file in await session.list_files())


async def test_an_input_replaces_a_planted_link_and_does_not_follow_it(run, session):
    await run("os.symlink(SECRET, '/mnt/data/in.csv')\nos.symlink(SECRET, '/mnt/data/also.csv')")
    await session.put_file("in.csv", given(), also="also.csv")
    assert await bytes_of(session, "in.csv") == b"input"


async def test_an_input_does_not_replace_a_folder(run, session):
    await run("os.mkdir('/mnt/data/in.csv')")
    with pytest.raises(FileRefused):
        await session.put_file("in.csv", given())


async def test_an_input_that_is_too_large_is_refused_and_leaves_nothing(session):
    async def endless():
        while True:
            yield bytes(1 << 20)

    with pytest.raises(FileRefused):
        await session.put_file("in.bin", endless())
    assert await session.list_files() == []


async def test_a_flickering_link_never_gives_away_a_host_file(run, session, host):
    flicker = asyncio.create_task(
        run(
            "os.chdir('/mnt/data')\n"
            "end = time.monotonic() + 1.5\n"
            "while time.monotonic() < end:\n"
            "    open('a', 'w').write('plain')\n"
            "    os.replace('a', 'x.csv')\n"
            "    os.symlink(SECRET, 'b')\n"
            "    os.replace('b', 'x.csv')\n"
        )
    )
    seen = set()
    while not flicker.done():
        try:
            seen.add(await bytes_of(session, "x.csv"))
        except FileMissing:
            await asyncio.sleep(0)
    assert (await flicker).status == "ok"
    assert seen <= {b"", b"plain"}


@pytest.mark.parametrize("action", ["os.rename('/mnt/data', '/mnt/other')", "os.rmdir('/mnt/data')"])
async def test_the_folder_itself_cannot_be_moved(run, action):
    assert exception(await run(action)) in {"OSError", "PermissionError"}
