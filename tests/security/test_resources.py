"""Model-written code cannot exhaust memory, processes, disk, time or the box's patience."""

from __future__ import annotations

import asyncio
import time

import pytest

from shared.sandbox.local import procfs
from tests.security.conftest import LIMITS, alive, exception, leader


async def lives_on(run) -> None:
    """The session works again, whatever happened to it."""
    assert (await run("6 * 7")).result == "42"


async def test_one_process_gets_no_more_memory_than_allowed(run):
    assert exception(await run("x = b'x' * (500 << 20)")) == "MemoryError"
    await lives_on(run)


async def test_many_processes_together_get_no_more_memory_than_allowed(run):
    result = await run(
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        x = os.urandom(1 << 20) * 90\n"
        "        time.sleep(60)\n"
        "time.sleep(60)"
    )
    assert (result.status, result.reason) == ("killed", "memory")
    await lives_on(run)


async def test_memory_cannot_be_hidden_in_processes_that_read_as_dead(run, syscalls):
    result = await run(
        "def fill():\n"
        "    x = os.urandom(1 << 20) * 200\n"
        "    time.sleep(60)\n"
        "for _ in range(3):\n"
        "    if os.fork() == 0:\n"
        "        threading.Thread(target=fill).start()\n"
        f"        call({syscalls['exit']}, 0)\n"
        "time.sleep(15)"
    )
    assert (result.status, result.reason) == ("killed", "memory")
    await lives_on(run)


async def test_memory_cannot_be_hidden_in_sockets(run):
    result = await run(
        "def fill():\n"
        "    held = [end for _ in range(50) for end in socket.socketpair()]\n"
        "    for end in held:\n"
        "        end.setblocking(False)\n"
        "        try:\n"
        "            while True: end.send(bytes(60000))\n"
        "        except BlockingIOError: pass\n"
        "    time.sleep(60)\n"
        "for _ in range(22):\n"
        "    if os.fork() == 0: fill()\n"
        "time.sleep(15)"
    )
    assert (result.status, result.reason) == ("killed", "memory")
    await lives_on(run)


#: Each of these connections may hold what a socket takes in, and no process has it open.
WAITING = """
for listener in globals().get('listeners', []): listener.close()
listeners = [socket.socket(socket.AF_UNIX) for _ in range({count} // 100)]
for listener in listeners:
    listener.bind('')
    listener.listen(100)
    for _ in range(100):
        with socket.socket(socket.AF_UNIX) as end: end.connect(listener.getsockname())
time.sleep(1)
"""


async def test_memory_cannot_be_hidden_in_connections_that_nobody_accepts(run, tier):
    if tier == "landlock":
        assert exception(await run(WAITING.format(count=100))) == "PermissionError"
        return
    assert (await run(WAITING.format(count=500))).status == "ok"
    result = await run(WAITING.format(count=2500))
    assert (result.status, result.reason) == ("killed", "memory")
    await lives_on(run)


@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_SEQPACKET", "SOCK_RAW"])
@pytest.mark.parametrize("make", ["socket", "socketpair"])
async def test_sockets_are_streams(run, make, kind):
    """What others sent to a datagram socket stays when they have closed theirs: ten times what a stream takes in."""
    result = await run(f"socket.{make}(socket.AF_UNIX, socket.{kind})")
    assert exception(result) in ("OSError", "PermissionError"), result


SHARED = "import mmap\nheld = mmap.mmap(-1, {size} << 20)\ntime.sleep(1)"
#: Given back but for a page; what was in the rest would stay.
SHRUNK = """
import mmap
held = []
for _ in range({count}):
    held.append(mmap.mmap(-1, 50 << 20))
    held[-1].resize(4096)
time.sleep(1)
"""
#: Every second page gets another protection, so that the mappings stay apart.
PIECES = """
import mmap
held = mmap.mmap(-1, {count} * 4096, mmap.MAP_PRIVATE)
start = ctypes.addressof(ctypes.c_char.from_buffer(held))
for page in range(0, {count}, 2):
    assert libc.mprotect(ctypes.c_void_p(start + page * 4096), ctypes.c_size_t(4096), 1) == 0
time.sleep(1)
"""
LOCKS = """
import fcntl
with open('x', 'wb') as file:
    for n in range({count}):
        fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * n)
    time.sleep(1)
"""


#: In each process anew.
OPEN = """
for descriptor in globals().get('held', []): os.close(descriptor)
held = [os.open('/dev/null', os.O_RDONLY) for _ in range(110)]
for _ in range({count}):
    if os.fork() == 0: time.sleep(2)
time.sleep(2)
"""


@pytest.mark.parametrize(
    ("above", "below", "reason"),
    [
        (SHARED.format(size=401), SHARED.format(size=200), "memory"),
        (SHRUNK.format(count=9), SHRUNK.format(count=2), "memory"),
        (PIECES.format(count=5001), PIECES.format(count=2000), "mappings"),
        (OPEN.format(count=26), OPEN.format(count=3), "descriptors"),
        (LOCKS.format(count=201), LOCKS.format(count=160), "locks"),
    ],
    ids=["shared memory", "shared memory of which little is mapped", "mappings", "open files", "locks"],
)
async def test_what_the_kernel_keeps_for_the_code_is_bounded(run, session, above, below, reason):
    """One above the bound ends the session; the same, well below, is nobody's business."""
    assert (await run(f"os.chdir('/mnt/data')\n{below}")).status == "ok"
    result = await run(f"os.chdir('/mnt/data')\n{above}")
    assert (result.status, result.reason) == ("killed", reason)
    await lives_on(run)


async def test_code_makes_no_epoll_watches_and_python_does_without(run):
    """The kernel counts watches by user, and who runs out of them may be the box."""
    assert exception(await run("import select\nselect.epoll()")) == "OSError"
    waits = "import asyncio\nasync def wait():\n    await asyncio.sleep(0.01)\n    return 'done'\nasyncio.run(wait())"
    result = await run(waits)
    assert result.result == "'done'", result.error


async def test_no_process_reserves_more_than_its_address_space(run):
    reserve = "import mmap\nheld = mmap.mmap(-1, {size} << 20, mmap.MAP_PRIVATE, mmap.PROT_READ)"
    assert (await run(reserve.format(size=1024))).status == "ok"
    assert exception(await run(reserve.format(size=2048))) == "OSError"


@pytest.mark.parametrize("path", ["/tmp/x-of-code", "/dev/shm/x-of-code"])
async def test_memory_cannot_be_hidden_in_files(run, path):
    result = await run(f"with open({path!r}, 'wb') as f:\n    for _ in range(31): f.write(bytes(1 << 20))")
    assert exception(result) in {"OSError", "PermissionError", "FileNotFoundError"}


UNLINKED = """
held = []
for n in range(4):
    held.append(open('x', 'wb'))
    os.unlink('x')
    held[-1].write(bytes(30 << 20))
"""

#: The thread gets a table of open files of its own.
UNSHARED = """
def hide():
    libc.close_range(1 << 20, 1 << 20, 2)
    exec(UNLINKED, globals())
    time.sleep(10)
threading.Thread(target=hide).start()
"""

SENT = """
a, b = socket.socketpair()
for n in range(4):
    file = open('x', 'wb')
    os.unlink('x')
    file.write(bytes(30 << 20))
    socket.send_fds(a, [b'x'], [file.fileno()])
    file.close()
"""

MAPPED = """
import mmap
held = []
for n in range(4):
    with open('x', 'w+b') as file:
        file.write(bytes(30 << 20))
        file.flush()
        held.append(mmap.mmap(file.fileno(), 4096))
    os.unlink('x')
"""

#: Non-empty folders with the names that the host might want to use in there.
IN_THE_WAY = """
os.makedirs('d/a/b')
for n in range(9):
    os.makedirs(f'd/lifted {HOST} {n}/x')
for n in range(300):
    os.mkdir(str(n))
"""

LOCKED = """
os.mkdir('d')
for n in range(4):
    open(f'd/{n}', 'wb').write(bytes(30 << 20))
os.chmod('d', 0)
"""


@pytest.mark.parametrize(
    "attempt",
    [
        "for n in range(4): open(f'/mnt/data/{n}', 'wb').write(bytes(30 << 20))",
        "for n in range(400): open(f'/mnt/data/{n}', 'wb')",
        "for n in range(400): os.makedirs(f'/mnt/data/{n}')",
        "for n in range(100):\n    os.mkdir('d')\n    os.chdir('d')",
        IN_THE_WAY,
        LOCKED,
        UNLINKED,
        f"UNLINKED = {UNLINKED!r}{UNSHARED}",
        MAPPED,
    ],
    ids=[
        "bytes",
        "files",
        "folders",
        "depth",
        "in the way",
        "locked folder",
        "deleted but open",
        "by a thread",
        "deleted but mapped",
    ],
)
async def test_the_disk_cannot_be_filled(run, session, host, attempt):
    async def given():
        yield b"input"

    await session.put_file("input.txt", given())
    result = await run(f"os.chdir('/mnt/data')\n{attempt}\ntime.sleep(10)")
    assert (result.status, result.reason) == ("killed", "disk")
    assert [file.name for file in await session.list_files()] == ["input.txt"], "inputs stay, the rest is gone"
    assert sorted(path.name for path in (host.home / "sandbox" / "attacker" / "data").iterdir()) == ["input.txt"]
    await lives_on(run)


async def test_tiny_files_in_memory_are_counted(run):
    """They take none of the space of their file system, but a kilobyte each of the kernel's."""
    result = await run(
        "import tempfile\nfor n in range(100_000): open(f'{tempfile.gettempdir()}/{n}', 'wb').close()\ntime.sleep(10)"
    )
    assert (result.status, result.reason) == ("killed", "disk")
    await lives_on(run)


async def test_files_cannot_be_hidden_in_a_program_that_nobody_may_read(run, tier):
    """The kernel hides what such a process has open from everybody but root."""
    result = await run(
        "os.chdir('/mnt/data')\n"
        "with open('shell', 'wb', opener=lambda path, flags: os.open(path, flags, 0o100)) as file:\n"
        "    file.write(open('/bin/sh', 'rb').read())\n"
        "hide = 'for n in 3 4 5 6; do eval \"exec $n>x\"; rm x; head -c 30000000 /dev/zero >&$n; done; sleep 15'\n"
        "subprocess.run(['./shell', '-c', hide])\n"
    )
    if tier == "bwrap":
        assert (result.status, result.reason) == ("killed", "disk")
    else:
        assert exception(result) == "PermissionError", "nothing in /mnt/data is a program"


async def test_files_cannot_be_hidden_on_their_way_through_a_socket(run):
    assert exception(await run(f"os.chdir('/mnt/data')\n{SENT}")) == "PermissionError"


async def test_a_file_cannot_grow_beyond_its_limit_even_with_holes(run):
    assert exception(await run("open('/mnt/data/x', 'wb').truncate(1 << 40)")) == "OSError"
    assert exception(await run("open('/mnt/data/x', 'wb').write(bytes(40 << 20))")) == "OSError"


async def test_a_fork_bomb_stays_small_and_dies(run, caplog):
    most = 0

    async def count():
        nonlocal most
        while True:
            if any(getattr(record, "action", "") == "sandbox_started" for record in caplog.records):
                most = max(most, len(alive(leader(caplog))))
            await asyncio.sleep(0.01)

    counter = asyncio.create_task(count())
    result = await run("while True:\n    try: os.fork()\n    except OSError: pass", timeout=1.5)
    counter.cancel()
    assert result.status in ("timeout", "killed")
    assert 4 < most <= LIMITS.processes + 3
    await lives_on(run)


async def test_threads_and_descriptors_are_limited(run):
    result = await run("for _ in range(100): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()")
    assert exception(result) == "RuntimeError"
    assert exception(await run("held = [open('/dev/null') for _ in range(200)]")) == "OSError"


@pytest.mark.parametrize(
    "attempt",
    [
        "while True: pass",
        "time.sleep(60)",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "__import__('re').match(r'(a+)+$', 'a' * 60 + 'b')",
        "libc.sleep(60)",
        "os.kill(os.getpid(), 19)",
        "sum(1 for _ in iter(int, 1))",
    ],
    ids=["loop", "sleep", "ignored", "caught", "in C", "in libc", "stopped", "generator"],
)
async def test_no_call_outlives_its_time(run, attempt):
    await run("1")
    began = time.monotonic()
    result = await run(attempt, timeout=0.5)
    assert result.status == "timeout"
    assert time.monotonic() - began < 6
    await lives_on(run)


async def test_endless_output_is_cut_and_the_box_stays_awake(run):
    beats = 0

    async def beat():
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    heart = asyncio.create_task(beat())
    result = await run("while True: os.write(1, b'x' * 65536)", timeout=1)
    heart.cancel()
    assert result.status == "timeout"
    assert LIMITS.logs <= len(result.logs) < LIMITS.logs + 100
    assert "cut" in result.logs[-60:]
    assert beats > 20


async def test_binary_output_becomes_text(run):
    result = await run("os.write(1, bytes(range(256)) * 4)\nos.write(2, b'\\xff\\xfe')\nNone")
    assert result.status == "ok"
    assert "\x00" not in result.logs
    assert result.logs.encode()
    assert "abc" in result.logs


@pytest.mark.parametrize("code", ["'x' * 10**7", "raise ValueError('x' * 10**7)", "[0] * 10**6"])
async def test_huge_values_and_tracebacks_are_cut(run, code):
    result = await run(code)
    assert len(result.result or result.error or "") <= LIMITS.value


async def test_images_are_limited_in_number_size_and_kind(run):
    result = await run(
        "import box_session\n"
        "png = b'\\x89PNG\\r\\n\\x1a\\n'\n"
        "box_session.show(b'GIF89a')\n"
        "box_session.show(png + bytes(10 << 20))\n"
        "for n in range(9): box_session.show(png + bytes([n]))\n"
    )
    assert 0 < len(result.images) <= LIMITS.images
    assert all(image.startswith(b"\x89PNG") and len(image) <= LIMITS.image_size for image in result.images)


FIND = """
def is_socket(n):
    try:
        return os.fstat(n).st_mode & 0o170000 == 0o140000
    except OSError:
        return False
fd = next(n for n in range(3, 128) if is_socket(n))
def frame(text, size=None):
    return (len(text) if size is None else size).to_bytes(4, 'big') + text
"""


@pytest.mark.parametrize(
    "forged",
    [
        "frame(b'', 2**32 - 1)",
        "frame(b'not json')",
        "frame(b'[1, 2]')",
        "frame(b'[' * 100000)",
        "frame(b'{}') * 1000",
        "frame(b'\\xff\\xfe')",
        "frame(b'\"' + b'9' * 5000 + b'\"') * 2",
        "frame(b'9' * 5000)",
        "frame(b'{\"id\": 0, \"x\": [' + b'[],' * 2_600_000 + b'0]}')",
    ],
)
async def test_a_broken_protocol_ends_the_session(run, forged):
    result = await run(FIND + f"os.write(fd, {forged})\ntime.sleep(30)")
    assert (result.status, result.reason) == ("killed", "protocol")
    await lives_on(run)


async def test_a_forged_ending_only_fools_its_own_call(run, caplog):
    await run("1")
    ending = '{"id": 2, "status": "ok", "result": {"a": 1}, "error": ["x"], "files": ["/etc/passwd"]}'
    result = await run(FIND + f"os.write(fd, frame({ending.encode()!r}))\nwhile True: pass")
    assert (result.status, result.result, result.error, result.files) == ("ok", None, None, ())
    assert {member.state for member in procfs.members(leader(caplog))} <= {"T", "Z"}


async def test_an_answer_given_too_early_is_ignored(run):
    await run("1")
    future = '{"id": 3, "status": "ok", "result": "forged", "error": null}'
    assert (await run(FIND + f"os.write(fd, frame({future.encode()!r}))\n1")).status == "ok"
    assert (await run("'honest'")).result in ("'honest'", "forged")


@pytest.mark.parametrize("code", ["ctypes.string_at(0)", "os.abort()", "os._exit(0)", "os.kill(os.getpid(), 9)"])
async def test_a_crash_is_survived(run, code):
    result = await run(code)
    assert (result.status, result.reason) == ("killed", "crash")
    await lives_on(run)


async def test_exit_and_deep_recursion_are_errors_of_the_code(run):
    await run("x = 1")
    assert exception(await run("sys.exit(1)")) == "SystemExit"
    assert exception(await run("def f(): f()\nf()")) == "RecursionError"
    assert (await run("x")).result == "1"
