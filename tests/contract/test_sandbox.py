"""What every code sandbox does, whatever isolates it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.sandbox.aca.rest import SessionPool
from shared.sandbox.aca.sandbox import AcaSandbox
from shared.sandbox.base import CodeSandbox, FileMissing, FileRefused, SandboxBusy, Session, session_key
from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.dynamic_sessions import DynamicSessions, token
from tests.fakes.sandboxes import has_libraries, home_for_anybody, isolator

SECRET = b"of this test"
KEY = session_key(SECRET, "ann", "thread_1")
OTHER = session_key(SECRET, "ann", "thread_2")
SESSIONS = 2


@pytest.fixture
def home() -> Iterator[Path]:
    with home_for_anybody() as path:
        yield path


@pytest.fixture(params=["bwrap", "landlock", "aca"])
async def sandbox(request, home) -> AsyncIterator[CodeSandbox]:
    if request.param == "aca":
        async with azure_sandbox(home) as sandbox:
            yield sandbox
        return
    sandbox = LocalSandbox(home / "sandbox", isolator(request.param), sessions=SESSIONS, wait=5)
    yield sandbox
    await sandbox.close()


@asynccontextmanager
async def azure_sandbox(home: Path) -> AsyncIterator[CodeSandbox]:
    async def permitted() -> str:
        return token()

    behind = LocalSandbox(home / "sandbox", isolator("bwrap"))
    async with DynamicSessions(behind, sessions=SESSIONS).serving() as endpoint:
        sandbox = AcaSandbox(SessionPool(endpoint, permitted, patience=2))
        yield sandbox
        await sandbox.close()
    await behind.close()


@pytest.fixture
async def session(sandbox) -> AsyncIterator[Session]:
    async with sandbox.session(KEY) as session:
        yield session


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def content(session: Session, name: str) -> bytes:
    return b"".join([piece async for piece in session.read_file(name)])


async def test_it_proves_itself(sandbox):
    await sandbox.self_test()


async def test_a_call_gives_the_value_of_its_last_expression(session):
    result = await session.run("x = 20\nx + 1")
    assert (result.status, result.result, result.logs, result.error) == ("ok", "21", "", None)
    assert (await session.run("y = 1")).result is None


async def test_output_and_errors_come_as_one_text_in_order(session):
    result = await session.run("import sys\nprint('one')\nprint('two', file=sys.stderr)\nprint('thrée')")
    assert result.logs == "one\ntwo\nthrée\n"


async def test_variables_live_from_call_to_call(sandbox):
    async with sandbox.session(KEY) as session:
        await session.run("x = 41")
        assert (await session.run("x + 1")).result == "42"
    async with sandbox.session(KEY) as session:
        result = await session.run("x + 2")
        assert (result.result, result.fresh) == ("43", False)


async def test_an_exception_is_told_with_its_traceback_and_the_session_goes_on(session):
    result = await session.run("def f():\n    return 1 / 0\nx = 1\nf()")
    assert result.status == "error"
    assert result.error is not None
    assert result.error.startswith("Traceback")
    assert "return 1 / 0" in result.error
    assert result.error.endswith("ZeroDivisionError: division by zero\n")
    assert (await session.run("x")).result == "1"


async def test_a_syntax_error_is_an_error_of_the_code(session):
    result = await session.run("!pip install left-pad")
    assert result.status == "error"
    assert "SyntaxError" in (result.error or "")


async def test_a_thread_sees_nothing_of_another_thread(sandbox):
    async with sandbox.session(KEY) as session:
        await session.run("secret = 1\nopen('/mnt/data/secret.txt', 'w').write('mine')")
    async with sandbox.session(OTHER) as session:
        assert "NameError" in ((await session.run("secret")).error or "")
        assert (await session.run("import os\nos.listdir('/mnt/data')")).result == "[]"
        assert await session.list_files() == []
        with pytest.raises(FileMissing):
            await content(session, "secret.txt")


async def test_new_and_changed_files_are_named_and_inputs_are_not(session):
    await session.put_file("in.csv", pieces(b"a,b\n", b"1,2\n"))
    await session.put_file("old.csv", pieces(b"a,b\n"))
    result = await session.run(
        "text = open('/mnt/data/in.csv').read()\n"
        "open('/mnt/data/out.csv', 'w').write(text * 2)\n"
        "open('/mnt/data/old.csv', 'a').write('3,4\\n')"
    )
    assert [(file.name, file.size) for file in result.files] == [("old.csv", 8), ("out.csv", 16)]
    assert await content(session, "out.csv") == b"a,b\n1,2\n" * 2
    assert (await session.run("1")).files == ()
    assert [file.name for file in await session.list_files()] == ["in.csv", "old.csv", "out.csv"]


async def test_an_input_appears_under_both_its_names(session):
    assert not await session.holds("file-1")
    await session.put_file("file-1", pieces(b"first"), also="données 1.csv")
    await session.put_file("file-2", pieces(b"second"), also="données 1.csv")
    assert await session.holds("file-1")
    result = await session.run("[open('/mnt/data/' + name).read() for name in ('file-1', 'file-2', 'données 1.csv')]")
    assert result.result == "['first', 'second', 'first']"
    assert result.files == ()


async def test_a_users_name_for_a_file_is_cleaned(session):
    await session.put_file("file-1", pieces(b"x"), also="../C:\\sales?.csv")
    assert [file.name for file in await session.list_files()] == ["file-1", "sales_.csv"]


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "/etc/passwd", "a\x00b", "a\nb", ".hidden", "x" * 300])
async def test_names_that_are_paths_or_tricks_are_refused_both_ways(session, name):
    with pytest.raises(FileRefused):
        await session.put_file(name, pieces(b"x"))
    with pytest.raises(FileMissing):
        await content(session, name)


async def test_a_large_file_comes_back_whole(session):
    size = 3_000_000
    await session.run(f"open('/mnt/data/big.bin', 'wb').write(bytes(range(250)) * {size // 250})")
    assert await content(session, "big.bin") == bytes(range(250)) * (size // 250)


async def test_a_call_that_takes_too_long_is_ended(session):
    result = await session.run("x = 1\nprint('begun')\nwhile True: pass", timeout=1)
    assert (result.status, result.logs) == ("timeout", "begun\n")
    assert (await session.run("1 + 1")).result == "2"


async def test_a_crash_is_told_and_the_next_call_starts_anew_with_the_files(session):
    await session.run("x = 1\nopen('/mnt/data/kept.txt', 'w').write('kept')")
    result = await session.run("import os\nos._exit(7)")
    assert (result.status, result.reason) == ("killed", "crash")
    result = await session.run("open('/mnt/data/kept.txt').read()")
    assert (result.result, result.fresh) == ("'kept'", True)
    assert not (await session.run("1")).fresh


async def test_charts_come_as_png_in_the_order_shown(session, request, sandbox):
    if not has_libraries(isolator("landlock" if sandbox.info.name == "landlock" else "bwrap")):
        pytest.skip("the system's Python has no matplotlib")
    result = await session.run(
        "import matplotlib.pyplot as plt\n"
        "plt.figure(figsize=(1, 1)); plt.plot([1, 2]); plt.show()\n"
        "plt.figure(figsize=(4, 4)); plt.bar(['a', 'b'], [1, 2])\n",
        timeout=60,
    )
    assert result.error is None
    assert all(image.startswith(b"\x89PNG\r\n\x1a\n") for image in result.images)
    small, large = (int.from_bytes(image[16:20], "big") for image in result.images)
    assert small < large
    assert (await session.run("1")).images == ()


async def test_callers_of_one_thread_take_turns(sandbox):
    order: list[str] = []

    async def first():
        async with sandbox.session(KEY) as session:
            order.append("first in")
            await session.run("import time\ntime.sleep(0.1)")
            order.append("first out")

    async def second():
        async with sandbox.session(KEY) as session:
            order.append("second in")
            await session.run("1")

    await asyncio.gather(first(), second())
    assert order == ["first in", "first out", "second in"]


async def test_when_every_session_is_in_use_the_next_caller_is_told(sandbox):
    async with sandbox.session(KEY) as one, sandbox.session(OTHER) as two:
        await one.run("1")
        await two.run("1")
        with pytest.raises(SandboxBusy, match="busy"):
            async with sandbox.session(session_key(SECRET, "ann", "thread_3")) as three:
                await three.run("1")


async def test_a_deleted_thread_leaves_nothing_behind(sandbox):
    async with sandbox.session(KEY) as session:
        await session.run("x = 1\nopen('/mnt/data/a.txt', 'w').write('a')")
    await sandbox.evict(KEY)
    await sandbox.evict(KEY)
    async with sandbox.session(KEY) as session:
        assert await session.list_files() == []
        assert "NameError" in ((await session.run("x")).error or "")


def test_session_keys_differ_by_owner_thread_and_secret():
    keys = {
        session_key(b"s", "ann", "thread_1"),
        session_key(b"t", "ann", "thread_1"),
        session_key(b"s", "bob", "thread_1"),
        session_key(b"s", "ann", "thread_2"),
        session_key(b"s", "annt", "hread_1"),
    }
    assert len(keys) == 5
    assert all(len(key) == 64 and key.isalnum() for key in keys)
